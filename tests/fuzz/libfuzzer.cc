// Joins a target to libFuzzer, which brings main().

#include <cstdint>

#include "tests/fuzz/target.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static_cast<void>(ballast::fuzz::Target::first()->run(std::as_bytes(std::span(data, size))));
  return 0;
}

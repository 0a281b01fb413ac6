#pragma once

// What every fuzz target defines; libfuzzer.cc and replay.cc call it. The comment that opens a
// target's file says how it reads its input.

#include <cstddef>
#include <span>

namespace ballast::fuzz {

// Whether the product took the input for what it should be. A seed named good-* must be accepted,
// so that seeds do not quietly become inputs which fail at the first byte.
enum class Verdict { accepted, refused };

// Aborts when the product breaks a promise; the sanitizers and libFuzzer's limits see the rest.
// Equal inputs must behave alike, whatever ran before.
[[nodiscard]] Verdict fuzz_one(std::span<const std::byte> input);

}  // namespace ballast::fuzz

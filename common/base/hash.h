#pragma once

// Hash functions that are part of the model's definition: which partition a row lives in, which
// bucket a word falls into, which initial value a row has. They may never change and never depend
// on the standard library, the platform or the process.
//
// Bytes are hashed with XXH3-64, whose output is specified since xxHash 0.8.0; numbers with the
// finalizer of SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators",
// OOPSLA 2014).

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "common/base/ids.h"

namespace ballast {

[[nodiscard]] constexpr std::uint64_t mix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

[[nodiscard]] constexpr std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
  return mix(a ^ mix(b));
}

[[nodiscard]] std::uint64_t hash_bytes(std::span<const std::byte> bytes, std::uint64_t seed = 0);
[[nodiscard]] std::uint64_t hash_text(std::string_view text, std::uint64_t seed = 0);

// The partition that owns a row of a sparse table (key) or a block of a dense one (block index).
[[nodiscard]] constexpr PartitionId partition_of(TableId table, Key key, std::uint32_t partitions) {
  return PartitionId{static_cast<std::uint32_t>(mix(key, index(table) + 1) % partitions)};
}

}  // namespace ballast

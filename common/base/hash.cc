#include "common/base/hash.h"

#include <xxhash.h>

#if BALLAST_XXHASH_DISPATCHES
#define XXH_DISPATCH_DISABLE_REPLACE  // Both are wanted.
#include <xxh_x86dispatch.h>
#endif

namespace ballast {

std::uint64_t hash_bytes(std::span<const std::byte> bytes, std::uint64_t seed) {
#if BALLAST_XXHASH_DISPATCHES
  // The same function, with the widest vectors that the CPU has: 30 GB/s in cache against 8 with
  // SSE2 alone. Short inputs are faster without the detour.
  constexpr std::size_t kWorthDispatching = 512;
  if (bytes.size() >= kWorthDispatching) {
    return XXH3_64bits_withSeed_dispatch(bytes.data(), bytes.size(), seed);
  }
#endif
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

std::uint64_t hash_text(std::string_view text, std::uint64_t seed) {
  return XXH3_64bits_withSeed(text.data(), text.size(), seed);
}

}  // namespace ballast

#pragma once

// Random numbers as a pure function of what they are for. Philox4x32-10 (Salmon, Moraes, Dror,
// Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC 2011) maps a counter and a key to four
// 32-bit words; no stream is kept, so the number for (seed, purpose, step, leaf, element) is the
// same on every worker, in every order, after every restart.

#include <array>
#include <cstdint>
#include <vector>

namespace ballast {

enum class Purpose : std::uint32_t {
  permutation = 1,  // a: epoch
  split = 2,        // a: example
  initial = 3,      // a: key or element, b: table
  dropout = 4,      // a: step, b: leaf and layer
  canary = 5,
  augmentation = 6,
  folds = 7,   // a: example, or hash of a group; b: repetition or hold-out
  search = 8,  // a: configuration, b: hash of a field
};

using PhiloxBlock = std::array<std::uint32_t, 4>;

[[nodiscard]] constexpr PhiloxBlock philox(PhiloxBlock counter, std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p0 = std::uint64_t{0xD2511F53U} * counter[0];
    const std::uint64_t p1 = std::uint64_t{0xCD9E8D57U} * counter[2];
    counter = {
        static_cast<std::uint32_t>(p1 >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(p1),
        static_cast<std::uint32_t>(p0 >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(p0)};
    key[0] += 0x9E3779B9U;
    key[1] += 0xBB67AE85U;
  }
  return counter;
}

// The random words of one (seed, purpose, a, b): word i is a function of i alone.
class PhiloxStream {
 public:
  PhiloxStream(std::uint64_t seed, Purpose purpose, std::uint64_t a, std::uint64_t b = 0);

  // Four words at once: words 4 * block .. 4 * block + 3.
  [[nodiscard]] PhiloxBlock block(std::uint32_t block) const {
    return philox({block, low_, high_, extra_}, key_);
  }
  [[nodiscard]] std::uint32_t word(std::uint64_t i) const {
    return block(static_cast<std::uint32_t>(i / 4))[i % 4];
  }
  // Uniform in [0, 1): 24 bits, exact in float32.
  [[nodiscard]] float uniform(std::uint64_t i) const { return to_unit(word(i)); }
  [[nodiscard]] static constexpr float to_unit(std::uint32_t word) {
    return static_cast<float>(word >> 8) * 0x1p-24F;
  }

 private:
  std::array<std::uint32_t, 2> key_;
  std::uint32_t low_;
  std::uint32_t high_;
  std::uint32_t extra_;
};

// A permutation of 0 .. n-1 by Fisher-Yates, a function of (seed, purpose, a) alone.
[[nodiscard]] std::vector<std::uint32_t> permutation(std::uint32_t n, std::uint64_t seed,
                                                     Purpose purpose, std::uint64_t a);

}  // namespace ballast

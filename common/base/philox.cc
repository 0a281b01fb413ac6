#include "common/base/philox.h"

#include <numeric>
#include <utility>

#include "common/base/hash.h"

namespace ballast {

PhiloxStream::PhiloxStream(std::uint64_t seed, Purpose purpose, std::uint64_t a, std::uint64_t b) {
  // `a` is carried whole; seed, purpose and b are mixed into the key and the last counter word.
  const std::uint64_t key = mix(seed, static_cast<std::uint64_t>(purpose));
  key_ = {static_cast<std::uint32_t>(key), static_cast<std::uint32_t>(key >> 32)};
  low_ = static_cast<std::uint32_t>(a);
  high_ = static_cast<std::uint32_t>(a >> 32);
  extra_ = static_cast<std::uint32_t>(mix(b));
}

std::vector<std::uint32_t> permutation(std::uint32_t n, std::uint64_t seed, Purpose purpose,
                                       std::uint64_t a) {
  std::vector<std::uint32_t> order(n);
  std::iota(order.begin(), order.end(), 0U);
  const PhiloxStream random(seed, purpose, a);
  for (std::uint32_t i = n; i > 1; --i) {
    // Multiply-shift maps a word to [0, i) (Lemire 2019, without the rejection: the bias is below
    // 2^-32 * n and the same everywhere).
    const std::uint64_t word = random.word(i);
    std::swap(order[i - 1], order[static_cast<std::uint32_t>(word * i >> 32)]);
  }
  return order;
}

}  // namespace ballast

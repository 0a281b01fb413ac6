#pragma once

// Everything that a simulation draws comes from here: a function of the seed alone.

#include <cmath>
#include <cstdint>
#include <span>

#include "common/base/hash.h"
#include "common/base/time.h"

namespace ballast::simulation {

class Prng {
 public:
  explicit Prng(std::uint64_t seed) : seed_(mix(seed)) {}

  std::uint64_t word() { return mix(++drawn_, seed_); }
  // Uniform in 0 .. bound - 1. REQUIRES: bound > 0, far below 2^64.
  std::uint64_t below(std::uint64_t bound) { return word() % bound; }
  std::uint64_t between(std::uint64_t low, std::uint64_t high) {
    return low + below(high - low + 1);
  }
  // Uniform in [0, 1).
  double unit() { return static_cast<double>(word() >> 11) * 0x1p-53; }
  bool chance(double probability) { return unit() < probability; }

  Duration between(Duration low, Duration high) {
    return low + Duration(static_cast<std::int64_t>(
                     below(static_cast<std::uint64_t>((high - low).count()) + 1)));
  }
  // Mostly near the lower end, now and then far up: as hostile values should be.
  Duration log_between(Duration low, Duration high) {
    const double ratio = static_cast<double>(high.count()) / static_cast<double>(low.count());
    return Duration(
        static_cast<std::int64_t>(static_cast<double>(low.count()) * std::pow(ratio, unit())));
  }
  template <class T, std::size_t N>
  T one_of(const T (&choices)[N]) {
    return choices[below(N)];
  }

 private:
  std::uint64_t seed_;
  std::uint64_t drawn_ = 0;
};

}  // namespace ballast::simulation

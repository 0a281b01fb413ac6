#pragma once

// How often things took how long: what a machine counts of its own work, for whoever drives it to
// show. Counts only grow. Pure.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "common/base/time.h"

namespace ballast {

class DurationTally {
 public:
  // Upper bounds in seconds, each about twice the one before: from a hop between threads to a
  // minute.
  static constexpr std::array<double, 18> kBounds = {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005,
                                                     0.01,   0.025,   0.05,   0.1,   0.25,   0.5,
                                                     1.0,    2.5,     5.0,    10.0,  30.0,   60.0};

  void add(Duration took) {
    const double seconds = std::chrono::duration<double>(took).count();
    const auto bound = std::lower_bound(kBounds.begin(), kBounds.end(), seconds);
    counts_[static_cast<std::size_t>(bound - kBounds.begin())] += 1;
    seconds_ += seconds;
  }

  // By bound, those at it included; the last are above all bounds.
  [[nodiscard]] const std::array<std::uint64_t, kBounds.size() + 1>& counts() const {
    return counts_;
  }
  [[nodiscard]] double seconds() const { return seconds_; }

 private:
  std::array<std::uint64_t, kBounds.size() + 1> counts_{};
  double seconds_ = 0;
};

}  // namespace ballast

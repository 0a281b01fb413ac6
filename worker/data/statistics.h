#pragma once

// Statistics that transforms are fitted with. Each is a pure function of its values, or merges from
// parts in a fixed order.

#include <cstdint>
#include <span>
#include <vector>

namespace ballast {

struct Moments {
  std::uint64_t count = 0;
  double mean = 0.0;
  double squares = 0.0;  // Sum of squared distances from the mean.
  double low = 0.0;      // The extremes; of no meaning while count is 0.
  double high = 0.0;

  // Population: divided by the count.
  [[nodiscard]] double deviation() const;
};

// Missing values (NaN) are passed over.
[[nodiscard]] Moments moments_of(std::span<const double> values);
[[nodiscard]] Moments merge(const Moments& a, const Moments& b);

// Linear interpolation between neighbours: at 0.5 the median. REQUIRES: sorted, not empty.
[[nodiscard]] double quantile(std::span<const double> sorted, double at);

// The value that occurs most often, the smallest of several. REQUIRES: sorted, not empty.
[[nodiscard]] double most_frequent(std::span<const double> sorted);

}  // namespace ballast

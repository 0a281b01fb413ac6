#include "worker/data/statistics.h"

#include <algorithm>
#include <cmath>

#include "common/base/check.h"

namespace ballast {

double Moments::deviation() const {
  return count == 0 ? 0.0 : std::sqrt(squares / static_cast<double>(count));
}

// Two passes: the second one's sum is what keeps its digits when the mean is large.
Moments moments_of(std::span<const double> values) {
  Moments moments;
  double sum = 0.0;
  for (const double x : values) {
    if (std::isnan(x)) continue;
    if (moments.count == 0) moments.low = moments.high = x;
    moments.low = std::min(moments.low, x);
    moments.high = std::max(moments.high, x);
    moments.count += 1;
    sum += x;
  }
  if (moments.count == 0) return moments;
  // A thousand times 0.1 is not 100 in floating point, and what is left over would pass for a
  // deviation.
  if (moments.low == moments.high) {
    moments.mean = moments.low;
    return moments;
  }
  moments.mean = sum / static_cast<double>(moments.count);
  for (const double x : values) {
    if (std::isnan(x)) continue;
    moments.squares += (x - moments.mean) * (x - moments.mean);
  }
  return moments;
}

// Chan, Golub, LeVeque: "Updating formulae and a pairwise algorithm for computing sample
// variances", 1979, equation 2.1.
Moments merge(const Moments& a, const Moments& b) {
  if (a.count == 0) return b;
  if (b.count == 0) return a;
  const auto m = static_cast<double>(a.count);
  const auto n = static_cast<double>(b.count);
  const double delta = b.mean - a.mean;
  return {.count = a.count + b.count,
          .mean = a.mean + delta * (n / (m + n)),
          .squares = a.squares + b.squares + delta * delta * (m * n / (m + n)),
          .low = std::min(a.low, b.low),
          .high = std::max(a.high, b.high)};
}

double quantile(std::span<const double> sorted, double at) {
  BALLAST_CHECK(!sorted.empty());
  const double place = at * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  if (below + 1 >= sorted.size()) return sorted.back();
  return sorted[below] + (sorted[below + 1] - sorted[below]) * (place - static_cast<double>(below));
}

double most_frequent(std::span<const double> sorted) {
  BALLAST_CHECK(!sorted.empty());
  double best = sorted.front();
  std::size_t best_count = 0;
  for (std::size_t begin = 0; begin < sorted.size();) {
    std::size_t end = begin;
    while (end < sorted.size() && sorted[end] == sorted[begin]) ++end;
    if (end - begin > best_count) {
      best_count = end - begin;
      best = sorted[begin];
    }
    begin = end;
  }
  return best;
}

}  // namespace ballast

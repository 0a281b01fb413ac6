#pragma once

// Metrics of predicted numbers. Float64 sums in example order over the concatenated outputs.
// Definitions and undefined cases are those of scikit-learn 1.9, checked by
// tests/golden/metrics.json: all are NaN without examples, or where an output is NaN.
//
// Pure and reentrant.

#include <span>

namespace ballast {

// REQUIRES: sizes fit; weights are finite and not negative. Without weights each example counts
// one. A total weight of 0 is treated as no examples.
struct Numbers {
  std::span<const float> predicted;
  std::span<const float> actual;
  std::span<const double> weights = {};
};

[[nodiscard]] double rmse(const Numbers& examples);
[[nodiscard]] double mae(const Numbers& examples);

// Weighted: the smallest error that at least half of the weight does not exceed; where it is just
// half, the average with the next error.
[[nodiscard]] double median_absolute_error(const Numbers& examples);

// 1 - squared errors / squared deviations of the target from its mean. Of a constant target: 1 when
// predicted exactly, else 0, even where an output is NaN. NaN with fewer than two examples.
[[nodiscard]] double r2(const Numbers& examples);

// Mean of |error| / max(|target|, 2^-52), as a share and not in percent: vast where a target is 0.
[[nodiscard]] double mape(const Numbers& examples);

// Mean of quantile * max(target - output, 0) + (1 - quantile) * max(output - target, 0) (Koenker &
// Bassett 1978): least where the output is that quantile. REQUIRES: quantile is in [0, 1].
[[nodiscard]] double pinball_loss(const Numbers& examples, double quantile);

}  // namespace ballast

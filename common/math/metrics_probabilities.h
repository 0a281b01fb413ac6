#pragma once

// Metrics of probabilities. Float64 sums in example order over the concatenated outputs, except
// that unweighted calibration rests on the integers of CalibrationHistogram. All are NaN without
// examples or where a probability is NaN.
//
// Pure and reentrant.
//
// K classes.

#include <cstdint>
#include <span>
#include <vector>

#include "common/math/metrics_counts.h"
#include "common/math/metrics_scores.h"

namespace ballast {

// Mean of -log p(label), p clipped to [2^-23, 1 - 2^-23]: one float32 unit.
[[nodiscard]] double log_loss(const BinaryScores& examples);
[[nodiscard]] double log_loss(const ClassScores& examples);

// Binary: mean of (p - y)^2. Several classes: mean of the sum over the classes of (p_k - y_k)^2
// (Brier 1950), which for two classes would be twice the binary one.
[[nodiscard]] double brier_score(const BinaryScores& examples);
[[nodiscard]] double brier_score(const ClassScores& examples);

// Of the shares of the classes among the labels, in nats; 0 when all labels are one class.
[[nodiscard]] double entropy(std::span<const ClassWeight> classes);

// Log loss over what always saying the shares of the classes would lose (He et al. 2014, section
// 3). Below 1: better than that. NaN when all labels are one class.
[[nodiscard]] double normalized_entropy(double log_loss, std::span<const ClassWeight> classes);

// Bins of equal width, (b, b + 1] / bins; those that hold examples, by rising probability.
// Nothing where a probability is NaN.
[[nodiscard]] std::vector<CalibrationBin> calibration_bins(const BinaryScores& examples,
                                                           std::uint32_t bins);

// The expected calibration error (Naeini et al. 2015; Guo et al. 2017): over the bins, the mean by
// weight of |observed - predicted|. NaN without bins. Several classes: of top_label(examples).
[[nodiscard]] double calibration_error(std::span<const CalibrationBin> bins);

}  // namespace ballast

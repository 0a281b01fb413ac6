#pragma once

// Where to cut a score so that a metric of the two classes is largest. An example is called
// positive when its score is above the threshold, as everywhere in Ballast.
//
// Pure and reentrant.

#include <array>
#include <optional>
#include <string_view>

#include "common/math/metrics_scores.h"

namespace ballast {

enum class ThresholdMetric { f1, balanced_accuracy, accuracy, youden, matthews };

struct ThresholdMetricName {
  ThresholdMetric value;
  std::string_view name;
};

inline constexpr std::array<ThresholdMetricName, 5> kThresholdMetrics = {{
    {ThresholdMetric::f1, "f1"},
    {ThresholdMetric::balanced_accuracy, "balanced_accuracy"},
    {ThresholdMetric::accuracy, "accuracy"},
    {ThresholdMetric::youden, "youden"},
    {ThresholdMetric::matthews, "matthews"},
}};

struct Threshold {
  double value = 0.0;
  double score = 0.0;  // the metric at this threshold
};

// Of all cuts of these examples the best one; of equally good ones the highest, which calls fewest
// positive. The value lies halfway between the scores on both sides of the cut, on the highest
// score when none is to be positive, and just below the lowest one when all are. Nothing when one
// class is absent or a score is not finite.
[[nodiscard]] std::optional<Threshold> best_threshold(const BinaryScores& examples,
                                                      ThresholdMetric metric);

}  // namespace ballast

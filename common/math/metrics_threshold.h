#pragma once

// Where to cut a score so that a metric of the two classes is largest. An example is called
// positive when its score is above the threshold, as everywhere in Ballast.
//
// Pure and reentrant.

#include <optional>

#include "common/job/spec.h"
#include "common/math/metrics_scores.h"

namespace ballast {

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

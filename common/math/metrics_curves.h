#pragma once

// Curves over the threshold on a score, for reports. A point stands for one distinct score: what
// follows when examples with at least that score are called positive. Thresholds fall from infinity
// (none is), so x never falls. As scikit-learn's with drop_intermediate=False, which lists
// precision and recall the other way round.
//
// Sums are exact without weights, else they run by score and, within a tie, in example order.
//
// Pure and reentrant.

#include <cstddef>
#include <vector>

#include "common/math/metrics_scores.h"

namespace ballast {

struct CurvePoint {
  double x = 0.0;
  double y = 0.0;
  double threshold = 0.0;

  bool operator==(const CurvePoint&) const = default;
};

// x: false positive rate, y: true positive rate; from (0, 0) to (1, 1). Nothing when one class is
// absent or a score is NaN.
[[nodiscard]] std::vector<CurvePoint> roc_curve(const BinaryScores& examples);

// x: recall, y: precision; from (0, 1). Nothing without positive examples or when a score is NaN.
[[nodiscard]] std::vector<CurvePoint> precision_recall_curve(const BinaryScores& examples);

// At most points_max of the points, the ends among them: again and again that point is kept which
// is farthest from the line through those kept so far (Douglas & Peucker 1973, best first), of
// equally far ones the first. It stops where none is farther than 10^-12, so straight stretches
// need no points. As they are when they are few enough. REQUIRES: points_max is at least 2.
[[nodiscard]] std::vector<CurvePoint> thinned(const std::vector<CurvePoint>& points,
                                              std::size_t points_max);

}  // namespace ballast

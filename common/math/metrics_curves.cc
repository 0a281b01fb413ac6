#include "common/math/metrics_curves.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <queue>

#include "common/base/check.h"

namespace ballast {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();

struct Totals {
  double negative = 0.0;
  double positive = 0.0;
};

Totals totals_of(const std::vector<Tie>& ties) {
  Totals totals;
  for (const Tie& tie : ties) {
    totals.negative += tie.negative;
    totals.positive += tie.positive;
  }
  return totals;
}

// A stretch of the curve between two points that are kept, and its point farthest from their line.
struct Stretch {
  std::size_t first = 0;
  std::size_t last = 0;
  std::size_t farthest = 0;
  double squared_distance = 0.0;

  bool operator<(const Stretch& other) const {
    return squared_distance != other.squared_distance ? squared_distance < other.squared_distance
                                                      : first > other.first;
  }
};

double squared_distance(const CurvePoint& p, const CurvePoint& a, const CurvePoint& b) {
  const double dx = b.x - a.x;
  const double dy = b.y - a.y;
  const double squared_length = dx * dx + dy * dy;
  const double along = (p.x - a.x) * dx + (p.y - a.y) * dy;
  const double share = squared_length == 0.0 ? 0.0 : std::clamp(along / squared_length, 0.0, 1.0);
  const double ex = p.x - (a.x + share * dx);
  const double ey = p.y - (a.y + share * dy);
  return ex * ex + ey * ey;
}

Stretch stretch_between(const std::vector<CurvePoint>& points, std::size_t first,
                        std::size_t last) {
  Stretch stretch{.first = first, .last = last, .farthest = first};
  for (std::size_t i = first + 1; i < last; ++i) {
    const double distance = squared_distance(points[i], points[first], points[last]);
    if (distance > stretch.squared_distance) {
      stretch.farthest = i;
      stretch.squared_distance = distance;
    }
  }
  return stretch;
}

}  // namespace

std::vector<CurvePoint> roc_curve(const BinaryScores& examples) {
  const std::optional<std::vector<Tie>> ties = ties_of(examples);
  if (!ties) return {};
  const Totals totals = totals_of(*ties);
  if (totals.negative == 0.0 || totals.positive == 0.0) return {};
  std::vector<CurvePoint> points = {{.x = 0.0, .y = 0.0, .threshold = kNever}};
  Totals above;
  for (const Tie& tie : *ties) {
    above.negative += tie.negative;
    above.positive += tie.positive;
    points.push_back({.x = above.negative / totals.negative,
                      .y = above.positive / totals.positive,
                      .threshold = double{tie.score}});
  }
  return points;
}

std::vector<CurvePoint> precision_recall_curve(const BinaryScores& examples) {
  const std::optional<std::vector<Tie>> ties = ties_of(examples);
  if (!ties) return {};
  const Totals totals = totals_of(*ties);
  if (totals.positive == 0.0) return {};
  std::vector<CurvePoint> points = {{.x = 0.0, .y = 1.0, .threshold = kNever}};
  Totals above;
  for (const Tie& tie : *ties) {
    above.negative += tie.negative;
    above.positive += tie.positive;
    points.push_back({.x = above.positive / totals.positive,
                      .y = above.positive / (above.positive + above.negative),
                      .threshold = double{tie.score}});
  }
  return points;
}

std::vector<CurvePoint> thinned(const std::vector<CurvePoint>& points, std::size_t points_max) {
  BALLAST_CHECK(points_max >= 2);
  if (points.size() <= points_max) return points;
  constexpr double kNegligible = 1e-24;  // The square of 10^-12.
  std::vector<std::uint8_t> keep(points.size());
  keep.front() = keep.back() = 1;
  std::priority_queue<Stretch> stretches;
  stretches.push(stretch_between(points, 0, points.size() - 1));
  for (std::size_t kept = 2; kept < points_max && !stretches.empty(); ++kept) {
    const Stretch worst = stretches.top();
    if (worst.squared_distance <= kNegligible) break;
    stretches.pop();
    keep[worst.farthest] = 1;
    stretches.push(stretch_between(points, worst.first, worst.farthest));
    stretches.push(stretch_between(points, worst.farthest, worst.last));
  }
  std::vector<CurvePoint> left;
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (keep[i] != 0) left.push_back(points[i]);
  }
  return left;
}

}  // namespace ballast

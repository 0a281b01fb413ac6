#include "common/math/metrics_threshold.h"

#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "common/base/check.h"
#include "common/math/metrics_classification.h"

namespace ballast {
namespace {

using TwoClasses = std::array<ClassWeight, 2>;

double score_of(const TwoClasses& classes, ThresholdMetric metric) {
  switch (metric) {
    case ThresholdMetric::f1:
      return f_beta(classes, 1.0, Average::binary);
    case ThresholdMetric::balanced_accuracy:
      return balanced_accuracy(classes);
    case ThresholdMetric::accuracy:
      return accuracy(classes);
    case ThresholdMetric::youden:
      return youden(classes);
    case ThresholdMetric::matthews:
      return matthews(classes);
  }
  BALLAST_CHECK(false);
}

// All are called negative.
TwoClasses before_the_first(const std::vector<Tie>& ties) {
  TwoClasses classes;
  for (const Tie& tie : ties) {
    classes[0].actual += tie.negative;
    classes[1].actual += tie.positive;
  }
  classes[0].true_positive = classes[0].actual;
  classes[0].predicted = classes[0].actual + classes[1].actual;
  classes[0].occurs = classes[1].occurs = true;
  return classes;
}

double below(const std::vector<Tie>& ties, std::size_t i) {
  const auto upper = double{ties[i].score};
  if (i + 1 == ties.size()) return std::nextafter(upper, -std::numeric_limits<double>::infinity());
  return (upper + double{ties[i + 1].score}) / 2.0;
}

}  // namespace

std::optional<Threshold> best_threshold(const BinaryScores& examples, ThresholdMetric metric) {
  const std::optional<std::vector<Tie>> ties = ties_of(examples);
  if (!ties || ties->empty()) return std::nullopt;
  if (!std::isfinite(ties->front().score) || !std::isfinite(ties->back().score)) {
    return std::nullopt;
  }
  TwoClasses classes = before_the_first(*ties);
  if (classes[0].actual == 0.0 || classes[1].actual == 0.0) return std::nullopt;

  Threshold best{.value = double{ties->front().score}, .score = score_of(classes, metric)};
  const double total = classes[0].predicted;
  double false_positive = 0.0;
  for (std::size_t i = 0; i < ties->size(); ++i) {
    false_positive += (*ties)[i].negative;
    classes[1].true_positive += (*ties)[i].positive;
    classes[1].predicted = classes[1].true_positive + false_positive;
    classes[0].true_positive = classes[0].actual - false_positive;
    classes[0].predicted = total - classes[1].predicted;
    const double score = score_of(classes, metric);
    if (score > best.score) best = {.value = below(*ties, i), .score = score};
  }
  return best;
}

}  // namespace ballast

#include "common/math/metrics_classification.h"

#include <cmath>

#include "common/base/check.h"

namespace ballast {
namespace {

double ratio(double numerator, double denominator) {
  return denominator == 0.0 ? 0.0 : numerator / denominator;
}

double total_of(std::span<const ClassWeight> classes, double ClassWeight::*figure) {
  double total = 0.0;
  for (const ClassWeight& of : classes) total += of.*figure;
  return total;
}

ClassWeight together(std::span<const ClassWeight> classes) {
  return {.true_positive = total_of(classes, &ClassWeight::true_positive),
          .predicted = total_of(classes, &ClassWeight::predicted),
          .actual = total_of(classes, &ClassWeight::actual),
          .occurs = true};
}

// figure: of one class against the rest.
template <typename Figure>
double averaged(std::span<const ClassWeight> classes, Average average, const Figure& figure) {
  BALLAST_CHECK(average != Average::binary || classes.size() == 2);
  if (total_of(classes, &ClassWeight::actual) == 0.0) return kUndefined;
  if (average == Average::binary) return figure(classes[1]);
  if (average == Average::micro) return figure(together(classes));
  WeightedMean mean;
  for (const ClassWeight& of : classes) {
    if (of.occurs) mean.add(figure(of), average == Average::macro ? 1.0 : of.actual);
  }
  return mean.value();
}

// The square of the total, times how often two examples drawn at random differ in class. A
// difference of squares would lose the digits of rare classes.
double differing(std::span<const ClassWeight> classes, double ClassWeight::*first,
                 double ClassWeight::*second) {
  const double total = total_of(classes, second);
  double sum = 0.0;
  for (const ClassWeight& of : classes) sum += of.*first * (total - of.*second);
  return sum;
}

}  // namespace

double accuracy(std::span<const ClassWeight> classes) {
  const double total = total_of(classes, &ClassWeight::actual);
  return total == 0.0 ? kUndefined : total_of(classes, &ClassWeight::true_positive) / total;
}

double balanced_accuracy(std::span<const ClassWeight> classes) {
  WeightedMean mean;
  for (const ClassWeight& of : classes) {
    if (of.actual > 0.0) mean.add(of.true_positive / of.actual, 1.0);
  }
  return mean.value();
}

double precision(std::span<const ClassWeight> classes, Average average) {
  return averaged(classes, average,
                  [](const ClassWeight& of) { return ratio(of.true_positive, of.predicted); });
}

double recall(std::span<const ClassWeight> classes, Average average) {
  return averaged(classes, average,
                  [](const ClassWeight& of) { return ratio(of.true_positive, of.actual); });
}

double f_beta(std::span<const ClassWeight> classes, double beta, Average average) {
  BALLAST_CHECK(beta > 0.0);
  const double square = beta * beta;
  return averaged(classes, average, [square](const ClassWeight& of) {
    return ratio((1.0 + square) * of.true_positive, square * of.actual + of.predicted);
  });
}

double matthews(std::span<const ClassWeight> classes) {
  const ClassWeight all = together(classes);
  if (all.actual == 0.0) return kUndefined;
  double both = 0.0;
  for (const ClassWeight& of : classes) {
    const double false_positive = of.predicted - of.true_positive;
    const double false_negative = of.actual - of.true_positive;
    const double true_negative = all.actual - of.predicted - false_negative;
    both += of.true_positive * true_negative - false_positive * false_negative;
  }
  const double spread = differing(classes, &ClassWeight::actual, &ClassWeight::actual) *
                        differing(classes, &ClassWeight::predicted, &ClassWeight::predicted);
  return spread == 0.0 ? 0.0 : both / std::sqrt(spread);
}

double kappa(std::span<const ClassWeight> classes) {
  const double total = total_of(classes, &ClassWeight::actual);
  const double by_chance = differing(classes, &ClassWeight::actual, &ClassWeight::predicted);
  if (by_chance == 0.0) return kUndefined;
  double wrong = 0.0;
  for (const ClassWeight& of : classes) wrong += of.actual - of.true_positive;
  return 1.0 - wrong / (by_chance / total);
}

double youden(std::span<const ClassWeight> classes) {
  BALLAST_CHECK(classes.size() == 2);
  if (classes[0].actual == 0.0 || classes[1].actual == 0.0) return kUndefined;
  return classes[1].true_positive / classes[1].actual +
         classes[0].true_positive / classes[0].actual - 1.0;
}

double top_k_accuracy(const ClassScores& examples, std::uint32_t k) {
  check(examples);
  BALLAST_CHECK(k > 0);
  if (k >= examples.classes || has_nan(examples.scores)) return kUndefined;
  WeightedMean mean;
  for (std::size_t i = 0; i < examples.actual.size(); ++i) {
    const std::span<const float> row =
        examples.scores.subspan(i * examples.classes, examples.classes);
    const std::uint32_t actual = examples.actual[i];
    std::uint32_t before = 0;
    for (std::uint32_t other = 0; other < examples.classes; ++other) {
      const bool first = row[other] > row[actual] || (row[other] == row[actual] && other < actual);
      before += first ? 1 : 0;
    }
    mean.add(before < k ? 1.0 : 0.0, weight_of(examples.weights, i));
  }
  return mean.value();
}

}  // namespace ballast

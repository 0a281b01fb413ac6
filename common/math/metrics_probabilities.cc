#include "common/math/metrics_probabilities.h"

#include <algorithm>
#include <cmath>

#include "common/base/check.h"
#include "common/math/kernels.h"

namespace ballast {
namespace {

double loss_of(double probability) {
  constexpr double kUnit = 0x1p-23;
  return -log_double(std::clamp(probability, kUnit, 1.0 - kUnit));
}

double square(double x) { return x * x; }

std::vector<CalibrationBin> weighted_bins(const BinaryScores& examples, std::uint32_t bins) {
  std::vector<CalibrationBin> sums(bins);
  for (std::size_t i = 0; i < examples.scores.size(); ++i) {
    CalibrationBin& bin = sums[calibration_bin_of(examples.scores[i], bins)];
    const double weight = examples.weights[i];
    bin.predicted += weight * std::clamp(double{examples.scores[i]}, 0.0, 1.0);
    bin.observed += examples.positive[i] != 0 ? weight : 0.0;
    bin.weight += weight;
  }
  std::erase_if(sums, [](const CalibrationBin& bin) { return bin.weight == 0.0; });
  for (CalibrationBin& bin : sums) {
    bin.predicted /= bin.weight;
    bin.observed /= bin.weight;
  }
  return sums;
}

}  // namespace

double log_loss(const BinaryScores& examples) {
  check(examples);
  WeightedMean mean;
  for (std::size_t i = 0; i < examples.scores.size(); ++i) {
    const double p = double{examples.scores[i]};
    mean.add(loss_of(examples.positive[i] != 0 ? p : 1.0 - p), weight_of(examples.weights, i));
  }
  return mean.value();
}

double log_loss(const ClassScores& examples) {
  check(examples);
  WeightedMean mean;
  for (std::size_t i = 0; i < examples.actual.size(); ++i) {
    const float p = examples.scores[i * examples.classes + examples.actual[i]];
    mean.add(loss_of(double{p}), weight_of(examples.weights, i));
  }
  return mean.value();
}

double brier_score(const BinaryScores& examples) {
  check(examples);
  WeightedMean mean;
  for (std::size_t i = 0; i < examples.scores.size(); ++i) {
    const double observed = examples.positive[i] != 0 ? 1.0 : 0.0;
    mean.add(square(double{examples.scores[i]} - observed), weight_of(examples.weights, i));
  }
  return mean.value();
}

double brier_score(const ClassScores& examples) {
  check(examples);
  WeightedMean mean;
  for (std::size_t i = 0; i < examples.actual.size(); ++i) {
    double sum = 0.0;
    for (std::uint32_t k = 0; k < examples.classes; ++k) {
      const double observed = examples.actual[i] == k ? 1.0 : 0.0;
      sum += square(double{examples.scores[i * examples.classes + k]} - observed);
    }
    mean.add(sum, weight_of(examples.weights, i));
  }
  return mean.value();
}

double entropy(std::span<const ClassWeight> classes) {
  double total = 0.0;
  for (const ClassWeight& of : classes) total += of.actual;
  if (total == 0.0) return kUndefined;
  double sum = 0.0;
  for (const ClassWeight& of : classes) {
    if (of.actual > 0.0 && of.actual < total)
      sum -= of.actual / total * log_double(of.actual / total);
  }
  return sum;
}

double normalized_entropy(double log_loss, std::span<const ClassWeight> classes) {
  const double base = entropy(classes);
  return base == 0.0 ? kUndefined : log_loss / base;
}

std::vector<CalibrationBin> calibration_bins(const BinaryScores& examples, std::uint32_t bins) {
  check(examples);
  if (has_nan(examples.scores)) return {};
  if (!examples.weights.empty()) return weighted_bins(examples, bins);
  CalibrationHistogram histogram(bins);
  for (std::size_t i = 0; i < examples.scores.size(); ++i) {
    histogram.add(examples.scores[i], examples.positive[i] != 0);
  }
  return histogram.bins();
}

double calibration_error(std::span<const CalibrationBin> bins) {
  WeightedMean mean;
  for (const CalibrationBin& bin : bins) {
    mean.add(std::fabs(bin.observed - bin.predicted), bin.weight);
  }
  return mean.value();
}

}  // namespace ballast

#include "common/math/metrics_regression.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "common/base/check.h"
#include "common/math/metrics_scores.h"

namespace ballast {
namespace {

void check(const Numbers& examples) {
  BALLAST_CHECK(examples.predicted.size() == examples.actual.size());
  BALLAST_CHECK(examples.weights.empty() || examples.weights.size() == examples.actual.size());
  for (const double weight : examples.weights)
    BALLAST_CHECK(std::isfinite(weight) && weight >= 0.0);
}

// cost: of an output and its target.
template <typename Cost>
double mean_of(const Numbers& examples, const Cost& cost) {
  check(examples);
  WeightedMean mean;
  for (std::size_t i = 0; i < examples.actual.size(); ++i) {
    mean.add(cost(double{examples.predicted[i]}, double{examples.actual[i]}),
             weight_of(examples.weights, i));
  }
  return mean.value();
}

// Rounding in a weighted mean would else make a constant target seem to vary.
bool is_constant(const Numbers& examples) {
  const float* first = nullptr;
  for (std::size_t i = 0; i < examples.actual.size(); ++i) {
    if (weight_of(examples.weights, i) == 0.0) continue;
    if (first == nullptr) first = &examples.actual[i];
    if (examples.actual[i] != *first) return false;
  }
  return true;
}

// Error and weight, by rising error; examples of weight 0 are left out.
std::vector<std::pair<double, double>> sorted_errors(const Numbers& examples) {
  std::vector<std::pair<double, double>> errors;
  for (std::size_t i = 0; i < examples.actual.size(); ++i) {
    const double weight = weight_of(examples.weights, i);
    if (weight == 0.0) continue;
    const double error = std::fabs(double{examples.predicted[i]} - double{examples.actual[i]});
    if (std::isnan(error)) return {};
    errors.emplace_back(error, weight);
  }
  std::sort(errors.begin(), errors.end());
  return errors;
}

}  // namespace

double rmse(const Numbers& examples) {
  return std::sqrt(mean_of(examples, [](double output, double target) {
    return (output - target) * (output - target);
  }));
}

double mae(const Numbers& examples) {
  return mean_of(examples, [](double output, double target) { return std::fabs(output - target); });
}

double median_absolute_error(const Numbers& examples) {
  check(examples);
  const std::vector<std::pair<double, double>> errors = sorted_errors(examples);
  if (errors.empty()) return kUndefined;
  double total = 0.0;
  for (const auto& [error, weight] : errors) total += weight;
  // Weights such as 0.1 do not add up to exactly a half.
  const double half = total * (0.5 - std::numeric_limits<double>::epsilon());
  const double above_half = total * (0.5 + std::numeric_limits<double>::epsilon());
  double below = 0.0;
  std::size_t i = 0;
  for (; i + 1 < errors.size(); ++i) {
    below += errors[i].second;
    if (below >= half) break;
  }
  if (i + 1 == errors.size() || below > above_half) return errors[i].first;
  return (errors[i].first + errors[i + 1].first) / 2.0;
}

double r2(const Numbers& examples) {
  if (examples.actual.size() < 2) return kUndefined;
  const double mean = mean_of(examples, [](double, double target) { return target; });
  if (std::isnan(mean)) return kUndefined;
  double squared_errors = 0.0;
  double squared_deviations = 0.0;
  for (std::size_t i = 0; i < examples.actual.size(); ++i) {
    const double weight = weight_of(examples.weights, i);
    const double error = double{examples.predicted[i]} - double{examples.actual[i]};
    const double deviation = double{examples.actual[i]} - mean;
    squared_errors += weight * (error * error);
    squared_deviations += weight * (deviation * deviation);
  }
  if (squared_deviations == 0.0 || is_constant(examples)) return squared_errors == 0.0 ? 1.0 : 0.0;
  return 1.0 - squared_errors / squared_deviations;
}

double mape(const Numbers& examples) {
  return mean_of(examples, [](double output, double target) {
    return std::fabs(output - target) / std::max(std::fabs(target), 0x1p-52);
  });
}

double pinball_loss(const Numbers& examples, double quantile) {
  BALLAST_CHECK(quantile >= 0.0 && quantile <= 1.0);
  return mean_of(examples, [quantile](double output, double target) {
    const double missing = target - output;
    return missing >= 0.0 ? quantile * missing : (quantile - 1.0) * missing;
  });
}

}  // namespace ballast

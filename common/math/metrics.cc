#include "common/math/metrics.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "common/base/check.h"
#include "common/math/kernels.h"

namespace ballast {
namespace {

// N examples, K classes.

double ratio(std::uint64_t numerator, std::uint64_t denominator) {
  return denominator == 0 ? 0.0 : static_cast<double>(numerator) / static_cast<double>(denominator);
}

// One class against the rest.
struct Counts {
  std::uint64_t true_positive = 0;
  std::uint64_t predicted = 0;
  std::uint64_t actual = 0;

  [[nodiscard]] double precision() const { return ratio(true_positive, predicted); }
  [[nodiscard]] double recall() const { return ratio(true_positive, actual); }
  [[nodiscard]] double f1() const { return ratio(2 * true_positive, predicted + actual); }
  [[nodiscard]] bool occurs() const { return predicted + actual > 0; }
};

struct Predictions {
  std::vector<std::uint32_t> predicted;  // N
  std::vector<std::uint32_t> actual;     // N
  std::vector<Counts> classes;           // K
  std::uint64_t correct = 0;
};

std::uint32_t predicted_class(std::span<const float> outputs) {
  if (outputs.size() == 1) return outputs[0] > 0.5F ? 1 : 0;
  return static_cast<std::uint32_t>(std::max_element(outputs.begin(), outputs.end()) -
                                    outputs.begin());
}

Predictions predictions_of(std::uint32_t outputs_per_example, std::span<const float> outputs,
                           std::span<const float> labels) {
  Predictions p;
  p.classes.resize(std::max(2U, outputs_per_example));
  for (std::size_t i = 0; i < labels.size(); ++i) {
    BALLAST_CHECK(labels[i] >= 0.0F && labels[i] < static_cast<float>(p.classes.size()));
    p.actual.push_back(static_cast<std::uint32_t>(labels[i]));
    p.predicted.push_back(
        predicted_class(outputs.subspan(i * outputs_per_example, outputs_per_example)));
    const bool right = p.actual[i] == p.predicted[i];
    p.classes[p.actual[i]].actual += 1;
    p.classes[p.predicted[i]].predicted += 1;
    p.classes[p.actual[i]].true_positive += right ? 1 : 0;
    p.correct += right ? 1 : 0;
  }
  return p;
}

// The average over the classes that occur: the only way in which scikit-learn's macro average
// treats classes that a split happens to lack.
double macro_average(const std::vector<Counts>& classes, double (Counts::*figure)() const) {
  double sum = 0.0;
  std::uint64_t occurring = 0;
  for (const Counts& counts : classes) {
    if (!counts.occurs()) continue;
    sum += (counts.*figure)();
    occurring += 1;
  }
  return sum / static_cast<double>(occurring);
}

double one_against_rest(std::uint32_t k, std::uint32_t outputs_per_example,
                        std::span<const float> outputs, const std::vector<std::uint32_t>& actual) {
  std::vector<float> scores;
  std::vector<std::uint8_t> positive;
  for (std::size_t i = 0; i < actual.size(); ++i) {
    scores.push_back(outputs[i * outputs_per_example + (outputs_per_example == 1 ? 0 : k)]);
    positive.push_back(actual[i] == k ? 1 : 0);
  }
  return roc_auc(scores, positive);
}

double average_roc_auc(std::uint32_t outputs_per_example, std::span<const float> outputs,
                       const Predictions& predictions) {
  if (predictions.classes.size() == 2) {
    return one_against_rest(1, outputs_per_example, outputs, predictions.actual);
  }
  double sum = 0.0;
  std::uint64_t defined = 0;
  for (std::uint32_t k = 0; k < predictions.classes.size(); ++k) {
    const double auc = one_against_rest(k, outputs_per_example, outputs, predictions.actual);
    if (std::isnan(auc)) continue;
    sum += auc;
    defined += 1;
  }
  return defined == 0 ? std::numeric_limits<double>::quiet_NaN()
                      : sum / static_cast<double>(defined);
}

double mean_log_loss(std::uint32_t outputs_per_example, std::span<const float> outputs,
                     const std::vector<std::uint32_t>& actual) {
  constexpr double kUnit = 0x1p-23;
  double sum = 0.0;
  for (std::size_t i = 0; i < actual.size(); ++i) {
    double p = 0.0;
    if (outputs_per_example == 1) {
      p = actual[i] == 1 ? double{outputs[i]} : 1.0 - double{outputs[i]};
    } else {
      p = double{outputs[i * outputs_per_example + actual[i]]};
    }
    sum -= log_double(std::clamp(p, kUnit, 1.0 - kUnit));
  }
  return sum / static_cast<double>(actual.size());
}

void add_if_defined(Metrics& metrics, const char* name, double value) {
  if (!std::isnan(value)) metrics.emplace_back(name, value);
}

void add_classification(std::uint32_t outputs_per_example, std::span<const float> outputs,
                        std::span<const float> labels, Metrics& metrics) {
  const Predictions p = predictions_of(outputs_per_example, outputs, labels);
  const auto figure = [&p](double (Counts::*of)() const) {
    return p.classes.size() == 2 ? (p.classes[1].*of)() : macro_average(p.classes, of);
  };
  metrics.emplace_back("accuracy", ratio(p.correct, labels.size()));
  metrics.emplace_back("precision", figure(&Counts::precision));
  metrics.emplace_back("recall", figure(&Counts::recall));
  metrics.emplace_back("f1", figure(&Counts::f1));
  add_if_defined(metrics, "roc_auc", average_roc_auc(outputs_per_example, outputs, p));
  add_if_defined(metrics, "log_loss", mean_log_loss(outputs_per_example, outputs, p.actual));
}

double r2_of(double squared_errors, double squared_deviations, std::size_t n) {
  if (n < 2) return std::numeric_limits<double>::quiet_NaN();
  if (squared_deviations == 0.0) return squared_errors == 0.0 ? 1.0 : 0.0;
  return 1.0 - squared_errors / squared_deviations;
}

void add_regression(std::span<const float> outputs, std::span<const float> labels,
                    Metrics& metrics) {
  const auto n = static_cast<double>(labels.size());
  double total = 0.0;
  for (const float label : labels) total += double{label};
  const double mean = total / n;

  double squared_errors = 0.0;
  double absolute_errors = 0.0;
  double squared_deviations = 0.0;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const double error = double{outputs[i]} - double{labels[i]};
    const double deviation = double{labels[i]} - mean;
    squared_errors += error * error;
    absolute_errors += std::fabs(error);
    squared_deviations += deviation * deviation;
  }
  add_if_defined(metrics, "rmse", std::sqrt(squared_errors / n));
  add_if_defined(metrics, "mae", absolute_errors / n);
  add_if_defined(metrics, "r2", r2_of(squared_errors, squared_deviations, labels.size()));
}

}  // namespace

Metrics evaluate(Task task, std::uint32_t outputs_per_example, std::span<const float> outputs,
                 std::span<const float> labels, double loss_sum) {
  BALLAST_CHECK(outputs_per_example > 0);
  BALLAST_CHECK(outputs.size() == labels.size() * outputs_per_example);
  BALLAST_CHECK(task != Task::regression || outputs_per_example == 1);

  Metrics metrics;
  if (labels.empty()) return metrics;
  if (task == Task::regression) {
    add_regression(outputs, labels, metrics);
  } else {
    add_classification(outputs_per_example, outputs, labels, metrics);
  }
  add_if_defined(metrics, "loss", loss_sum / static_cast<double>(labels.size()));
  return metrics;
}

double roc_auc(std::span<const float> scores, std::span<const std::uint8_t> positive) {
  BALLAST_CHECK(scores.size() == positive.size());
  std::vector<std::pair<float, std::uint8_t>> ranked;
  ranked.reserve(scores.size());
  for (std::size_t i = 0; i < scores.size(); ++i) {
    if (std::isnan(scores[i])) return std::numeric_limits<double>::quiet_NaN();
    ranked.emplace_back(scores[i], positive[i] != 0 ? 1 : 0);
  }
  std::sort(ranked.begin(), ranked.end());

  // Pairs (negative, positive) in the right order count 2, equal ones 1: integers have no order.
  std::uint64_t twice_won = 0;
  std::uint64_t positives = 0;
  std::uint64_t negatives = 0;
  for (std::size_t i = 0; i < ranked.size();) {
    std::uint64_t tied[2] = {0, 0};
    const float score = ranked[i].first;
    for (; i < ranked.size() && ranked[i].first == score; ++i) tied[ranked[i].second] += 1;
    twice_won += tied[1] * (2 * negatives + tied[0]);
    negatives += tied[0];
    positives += tied[1];
  }
  if (positives == 0 || negatives == 0) return std::numeric_limits<double>::quiet_NaN();
  return static_cast<double>(twice_won) /
         (2.0 * static_cast<double>(positives) * static_cast<double>(negatives));
}

bool larger_is_better(const std::string& metric) {
  constexpr std::array kSmaller = {"log_loss", "rmse", "mae", "loss"};
  constexpr std::array kLarger = {"accuracy", "precision", "recall", "f1", "roc_auc", "r2"};
  if (std::find(kSmaller.begin(), kSmaller.end(), metric) != kSmaller.end()) return false;
  BALLAST_CHECK(std::find(kLarger.begin(), kLarger.end(), metric) != kLarger.end());
  return true;
}

}  // namespace ballast

#include "common/math/metrics_report.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>

#include "common/base/check.h"
#include "common/math/metrics_classification.h"
#include "common/math/metrics_probabilities.h"
#include "common/math/metrics_ranking.h"
#include "common/math/metrics_regression.h"
#include "common/math/metrics_scores.h"
#include "common/math/statistics.h"

namespace ballast {
namespace {

// What the formulas share, computed once. Parts that the task has not are empty.
struct Prepared {
  std::vector<std::uint32_t> actual;
  std::vector<ClassWeight> classes;
  ClassScores scores;    // Several outputs.
  BinaryColumns binary;  // Two classes.
  Numbers numbers;       // Regression.

  [[nodiscard]] bool two() const { return classes.size() == 2; }
  [[nodiscard]] Average average() const { return two() ? Average::binary : Average::macro; }
};

double log_loss_of(const Prepared& p) {
  return p.scores.classes > 0 ? log_loss(p.scores) : log_loss(p.binary.view());
}

double one_vs_rest(const Prepared& p, Average average) {
  return p.two() ? roc_auc(p.binary.view()) : roc_auc_one_vs_rest(p.scores, average);
}

double one_vs_one(const Prepared& p, Average average) {
  return p.two() ? roc_auc(p.binary.view()) : roc_auc_one_vs_one(p.scores, average);
}

double average_precision_of(const Prepared& p, Average average) {
  return p.two() ? average_precision(p.binary.view()) : average_precision(p.scores, average);
}

double calibration_error_of(const Prepared& p) {
  const BinaryColumns columns = p.two() ? p.binary : top_label(p.scores);
  return calibration_error(calibration_bins(columns.view(), kCalibrationBins));
}

double top_k(const Prepared& p, std::uint32_t k) {
  return p.scores.classes > k ? top_k_accuracy(p.scores, k) : kUndefined;
}

enum Tasks : std::uint8_t { kBinary = 1, kMulticlass = 2, kClasses = 3, kRegression = 4 };

struct Row {
  std::string_view name;
  Tasks tasks;
  Better better;
  double (*value)(const Prepared& p);
};

using P = const Prepared&;

constexpr std::array kRows = {
    Row{"accuracy", kClasses, Better::larger, [](P p) { return accuracy(p.classes); }},
    Row{"balanced_accuracy", kClasses, Better::larger,
        [](P p) { return balanced_accuracy(p.classes); }},
    Row{"precision", kClasses, Better::larger,
        [](P p) { return precision(p.classes, p.average()); }},
    Row{"recall", kClasses, Better::larger, [](P p) { return recall(p.classes, p.average()); }},
    Row{"f1", kClasses, Better::larger, [](P p) { return f_beta(p.classes, 1.0, p.average()); }},
    Row{"f0.5", kClasses, Better::larger, [](P p) { return f_beta(p.classes, 0.5, p.average()); }},
    Row{"f2", kClasses, Better::larger, [](P p) { return f_beta(p.classes, 2.0, p.average()); }},
    Row{"precision_weighted", kMulticlass, Better::larger,
        [](P p) { return precision(p.classes, Average::weighted); }},
    Row{"recall_weighted", kMulticlass, Better::larger,
        [](P p) { return recall(p.classes, Average::weighted); }},
    Row{"f1_weighted", kMulticlass, Better::larger,
        [](P p) { return f_beta(p.classes, 1.0, Average::weighted); }},
    Row{"youden", kBinary, Better::larger, [](P p) { return youden(p.classes); }},
    Row{"matthews", kClasses, Better::larger, [](P p) { return matthews(p.classes); }},
    Row{"kappa", kClasses, Better::larger, [](P p) { return kappa(p.classes); }},
    Row{"top_3_accuracy", kMulticlass, Better::larger, [](P p) { return top_k(p, 3); }},
    Row{"top_5_accuracy", kMulticlass, Better::larger, [](P p) { return top_k(p, 5); }},
    Row{"roc_auc", kClasses, Better::larger, [](P p) { return one_vs_rest(p, Average::macro); }},
    Row{"roc_auc_weighted", kMulticlass, Better::larger,
        [](P p) { return one_vs_rest(p, Average::weighted); }},
    Row{"roc_auc_ovo", kMulticlass, Better::larger,
        [](P p) { return one_vs_one(p, Average::macro); }},
    Row{"roc_auc_ovo_weighted", kMulticlass, Better::larger,
        [](P p) { return one_vs_one(p, Average::weighted); }},
    Row{"average_precision", kClasses, Better::larger,
        [](P p) { return average_precision_of(p, Average::macro); }},
    Row{"average_precision_weighted", kMulticlass, Better::larger,
        [](P p) { return average_precision_of(p, Average::weighted); }},
    Row{"log_loss", kClasses, Better::smaller, log_loss_of},
    Row{"normalized_entropy", kClasses, Better::smaller,
        [](P p) { return normalized_entropy(log_loss_of(p), p.classes); }},
    Row{"brier_score", kClasses, Better::smaller,
        [](P p) { return p.two() ? brier_score(p.binary.view()) : brier_score(p.scores); }},
    Row{"calibration_error", kClasses, Better::smaller, calibration_error_of},
    Row{"rmse", kRegression, Better::smaller, [](P p) { return rmse(p.numbers); }},
    Row{"mae", kRegression, Better::smaller, [](P p) { return mae(p.numbers); }},
    Row{"median_absolute_error", kRegression, Better::smaller,
        [](P p) { return median_absolute_error(p.numbers); }},
    Row{"r2", kRegression, Better::larger, [](P p) { return r2(p.numbers); }},
    Row{"mape", kRegression, Better::smaller, [](P p) { return mape(p.numbers); }},
    Row{"pinball_10", kRegression, Better::smaller,
        [](P p) { return pinball_loss(p.numbers, 0.1); }},
    Row{"pinball_90", kRegression, Better::smaller,
        [](P p) { return pinball_loss(p.numbers, 0.9); }},
};

Tasks flag_of(Task task) {
  if (task == Task::regression) return kRegression;
  return task == Task::binary ? kBinary : kMulticlass;
}

const Row& row_of(std::string_view name, Task task) {
  const auto* const row = std::find_if(kRows.begin(), kRows.end(), [&](const Row& candidate) {
    return candidate.name == name && (candidate.tasks & flag_of(task)) != 0;
  });
  BALLAST_CHECK(row != kRows.end());
  return *row;
}

std::uint32_t classes_of(const Outputs& of) { return std::max(2U, of.outputs_per_example); }

void check(const Outputs& of) {
  BALLAST_CHECK(of.outputs_per_example > 0);
  BALLAST_CHECK(of.outputs.size() == of.labels.size() * of.outputs_per_example);
  BALLAST_CHECK(of.task != Task::regression || of.outputs_per_example == 1);
}

Prepared prepare(const Outputs& of) {
  Prepared p;
  if (of.task == Task::regression) {
    p.numbers = {of.outputs, of.labels, of.weights};
    return p;
  }
  p.actual = actual_classes(of);
  p.classes = class_weights(classes_of(of), p.actual, predicted_classes(of), of.weights);
  if (p.two()) p.binary = scores_of_class(of, 1);
  if (of.outputs_per_example > 1) {
    p.scores = {of.outputs_per_example, of.outputs, p.actual, of.weights};
  }
  return p;
}

}  // namespace

std::vector<std::string_view> metric_names(Task task) {
  std::vector<std::string_view> names;
  for (const Row& row : kRows) {
    if ((row.tasks & flag_of(task)) != 0) names.push_back(row.name);
  }
  return names;
}

Metrics measure(const Outputs& of, std::span<const std::string_view> names) {
  check(of);
  Metrics metrics;
  if (of.labels.empty()) return metrics;
  const std::vector<std::string_view> all = metric_names(of.task);
  const Prepared prepared = prepare(of);
  for (const std::string_view name : names.empty() ? all : names) {
    const double value = row_of(name, of.task).value(prepared);
    if (!std::isnan(value)) metrics.emplace_back(name, value);
  }
  return metrics;
}

bool larger_is_better(const std::string& metric) {
  if (metric == "loss") return false;
  const auto* const row = std::find_if(kRows.begin(), kRows.end(),
                                       [&](const Row& known) { return known.name == metric; });
  BALLAST_CHECK(row != kRows.end());
  return row->better == Better::larger;
}

std::vector<std::uint32_t> actual_classes(const Outputs& of) {
  check(of);
  BALLAST_CHECK(of.task != Task::regression);
  std::vector<std::uint32_t> actual;
  actual.reserve(of.labels.size());
  for (const float label : of.labels) {
    BALLAST_CHECK(label >= 0.0F && label < static_cast<float>(classes_of(of)));
    actual.push_back(static_cast<std::uint32_t>(label));
  }
  return actual;
}

std::vector<std::uint32_t> predicted_classes(const Outputs& of) {
  check(of);
  BALLAST_CHECK(of.task != Task::regression);
  std::vector<std::uint32_t> predicted;
  predicted.reserve(of.labels.size());
  for (std::size_t i = 0; i < of.labels.size(); ++i) {
    const std::span<const float> row =
        of.outputs.subspan(i * of.outputs_per_example, of.outputs_per_example);
    predicted.push_back(row.size() > 1 ? largest_of(row) : (double{row[0]} > of.threshold ? 1 : 0));
  }
  return predicted;
}

BinaryColumns scores_of_class(const Outputs& of, std::uint32_t k) {
  BALLAST_CHECK(k < classes_of(of));
  const std::vector<std::uint32_t> actual = actual_classes(of);
  BinaryColumns columns;
  if (of.outputs_per_example > 1) {
    return one_against_rest({of.outputs_per_example, of.outputs, actual, of.weights}, k);
  }
  columns.scores.assign(of.outputs.begin(), of.outputs.end());
  if (k == 0) {
    for (float& score : columns.scores) score = 1.0F - score;
  }
  for (const std::uint32_t label : actual) columns.positive.push_back(label == k ? 1 : 0);
  columns.weights.assign(of.weights.begin(), of.weights.end());
  return columns;
}

ConfusionMatrix confusion_of(const Outputs& of) {
  const std::vector<std::uint32_t> actual = actual_classes(of);
  const std::vector<std::uint32_t> predicted = predicted_classes(of);
  ConfusionMatrix confusion(classes_of(of));
  for (std::size_t i = 0; i < actual.size(); ++i) confusion.add(actual[i], predicted[i]);
  return confusion;
}

}  // namespace ballast

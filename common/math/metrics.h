#pragma once

// Metrics of one pinned version of the model over a whole split, computed once from all outputs in
// example order: never an average of per-worker figures. These few go into history.jsonl at every
// evaluation; metrics_report.h has all of them for reports, and docs/metrics.md their definitions.

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "common/job/spec.h"

namespace ballast {

// A model's outputs over examples and what is true, concatenated in example order.
//
// outputs: per example `outputs_per_example` numbers as Engine::predict gives them; one for two
// classes is the probability of class 1. labels: class index or target. weights: one each, or none.
// REQUIRES: sizes fit; no NaN label; labels of classes are below max(2, outputs_per_example);
// weights are finite and not negative; regression has one output.
struct Outputs {
  Task task = Task::binary;
  std::uint32_t outputs_per_example = 1;
  std::span<const float> outputs = {};
  std::span<const float> labels = {};
  std::span<const double> weights = {};
  double threshold = 0.5;  // One output for two classes: class 1 is predicted above it.
};

// Name and value, in the order they are printed. A metric that is undefined is left out; without
// examples there are none. Sums are in float64, in example order.
//
// Classification: "accuracy", "precision", "recall", "f1", "roc_auc", "log_loss".
//   - The predicted class is 1 where the output is above the threshold (binary), else the first of
//   the
//     largest outputs.
//   - precision, recall and f1 are those of class 1 (binary), or the plain average over the classes
//     that occur among labels or predictions; 0 / 0 counts as 0. So does scikit-learn.
//   - roc_auc of multiclass is the average one-vs-rest over the classes for which it is defined.
//   - log_loss is the mean of -log p(label), p clipped to [2^-23, 1 - 2^-23]: one float32 unit.
// Regression: "rmse", "mae", "r2" (of a constant target: 1 when predicted exactly, else 0; needs
// two examples).
// All: "loss", the mean of the loss that training minimizes.
using Metrics = std::vector<std::pair<std::string, double>>;

// loss_sum: what Engine::predict returned, summed.
[[nodiscard]] Metrics evaluate(const Outputs& of, double loss_sum);

// Whether a larger value is the better one. REQUIRES: a name from above, or one of
// metric_names(task) in metrics_report.h.
[[nodiscard]] bool larger_is_better(const std::string& metric);

}  // namespace ballast

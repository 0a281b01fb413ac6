#pragma once

// Metrics of one pinned version of the model over a whole split, computed once from all outputs in
// example order: never an average of per-worker figures.

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "common/job/spec.h"

namespace ballast {

// Name and value, in the order they are printed: "accuracy", "precision", "recall", "f1",
// "roc_auc", "log_loss" (classification; precision, recall and f1 of class 1 for binary, macro
// averages otherwise; roc_auc of multiclass is the macro average one-vs-rest), "rmse", "mae", "r2"
// (regression). A metric that is undefined (AUC with one class) is left out.
using Metrics = std::vector<std::pair<std::string, double>>;

// outputs: per example `outputs_per_example` numbers as Engine::predict gives them.
// labels: class index or target. REQUIRES: sizes fit; no NaN label.
[[nodiscard]] Metrics evaluate(Task task, std::uint32_t outputs_per_example,
                               std::span<const float> outputs, std::span<const float> labels,
                               double loss_sum);

// Exact, ties counted half (Fawcett 2006, section 7). NaN when one class is absent.
[[nodiscard]] double roc_auc(std::span<const float> scores, std::span<const std::uint8_t> positive);

// Whether a larger value is the better one.
[[nodiscard]] bool larger_is_better(const std::string& metric);

}  // namespace ballast

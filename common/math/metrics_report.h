#pragma once

// All metrics by name, for reports of cross-validation and searches. docs/metrics.md is the table
// of the names: definition, direction and undefined cases.
//
// Pure and reentrant.

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "common/job/spec.h"
#include "common/math/metrics.h"
#include "common/math/metrics_counts.h"
#include "common/math/metrics_scores.h"

namespace ballast {

inline constexpr std::uint32_t kCalibrationBins = 15;  // Guo et al. 2017

// What measure() computes, in the order in which it is printed.
[[nodiscard]] std::vector<std::string_view> metric_names(Task task);

// Name and value of those of `names` that are defined, in their order; of all that the task has
// when there are none. Without examples, or where all weights are 0, there are none. roc_auc_ovo
// costs two sorts for each pair of classes; with very many classes leave it out.
// REQUIRES: each name is one of metric_names(task).
[[nodiscard]] Metrics measure(const Outputs& of, std::span<const std::string_view> names = {});

// ---- the same outputs, seen as what the curves and thresholds take ------------------------------

// By example. REQUIRES: a task with classes.
[[nodiscard]] std::vector<std::uint32_t> actual_classes(const Outputs& of);
// 1 where the output is above the threshold (one output), else the first of the largest outputs.
[[nodiscard]] std::vector<std::uint32_t> predicted_classes(const Outputs& of);
// Class k against the rest. REQUIRES: k is a class.
[[nodiscard]] BinaryColumns scores_of_class(const Outputs& of, std::uint32_t k);
// Unweighted counts.
[[nodiscard]] ConfusionMatrix confusion_of(const Outputs& of);

}  // namespace ballast

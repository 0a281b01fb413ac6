#include "common/math/metrics.h"

#include <array>
#include <cmath>
#include <string_view>

#include "common/math/metrics_report.h"

namespace ballast {

Metrics evaluate(Task task, std::uint32_t outputs_per_example, std::span<const float> outputs,
                 std::span<const float> labels, std::span<const double> weights, double loss_sum) {
  static constexpr std::array<std::string_view, 6> kClasses = {"accuracy", "precision", "recall",
                                                               "f1",       "roc_auc",   "log_loss"};
  static constexpr std::array<std::string_view, 3> kRegression = {"rmse", "mae", "r2"};
  const std::span<const std::string_view> names =
      task == Task::regression ? std::span<const std::string_view>(kRegression) : kClasses;

  Metrics metrics = measure({.task = task,
                             .outputs_per_example = outputs_per_example,
                             .outputs = outputs,
                             .labels = labels,
                             .weights = weights},
                            names);
  double total = weights.empty() ? static_cast<double>(labels.size()) : 0.0;
  for (const double weight : weights) total += weight;
  if (total <= 0.0) return metrics;
  const double loss = loss_sum / total;
  if (!std::isnan(loss)) metrics.emplace_back("loss", loss);
  return metrics;
}

}  // namespace ballast

#include "common/math/metrics.h"

#include <array>
#include <cmath>
#include <string_view>

#include "common/math/metrics_report.h"

namespace ballast {

Metrics evaluate(Task task, std::uint32_t outputs_per_example, std::span<const float> outputs,
                 std::span<const float> labels, double loss_sum) {
  static constexpr std::array<std::string_view, 6> kClasses = {"accuracy", "precision", "recall",
                                                               "f1",       "roc_auc",   "log_loss"};
  static constexpr std::array<std::string_view, 3> kRegression = {"rmse", "mae", "r2"};
  const std::span<const std::string_view> names =
      task == Task::regression ? std::span<const std::string_view>(kRegression) : kClasses;

  Metrics metrics = measure({.task = task,
                             .outputs_per_example = outputs_per_example,
                             .outputs = outputs,
                             .labels = labels},
                            names);
  if (labels.empty()) return metrics;
  const double loss = loss_sum / static_cast<double>(labels.size());
  if (!std::isnan(loss)) metrics.emplace_back("loss", loss);
  return metrics;
}

}  // namespace ballast

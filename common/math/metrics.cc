#include "common/math/metrics.h"

#include <array>
#include <cmath>
#include <string_view>

#include "common/math/metrics_report.h"

namespace ballast {

Metrics evaluate(const Outputs& of, double loss_sum) {
  static constexpr std::array<std::string_view, 6> kClasses = {"accuracy", "precision", "recall",
                                                               "f1",       "roc_auc",   "log_loss"};
  static constexpr std::array<std::string_view, 3> kRegression = {"rmse", "mae", "r2"};
  const std::span<const std::string_view> names =
      of.task == Task::regression ? std::span<const std::string_view>(kRegression) : kClasses;

  Metrics metrics = measure(of, names);
  double total = of.weights.empty() ? static_cast<double>(of.labels.size()) : 0.0;
  for (const double weight : of.weights) total += weight;
  if (total <= 0.0) return metrics;
  const double loss = loss_sum / total;
  if (!std::isnan(loss)) metrics.emplace_back("loss", loss);
  return metrics;
}

}  // namespace ballast

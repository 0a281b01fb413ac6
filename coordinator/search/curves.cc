#include "coordinator/search/curves.h"

#include <algorithm>
#include <cmath>

#include "common/job/names.h"
#include "common/math/metrics_curves.h"
#include "common/math/metrics_probabilities.h"
#include "common/math/metrics_ranking.h"
#include "common/math/metrics_report.h"
#include "common/math/metrics_threshold.h"

namespace ballast {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kPointsMax = 200;    // Of a curve, or of a plot of examples.
constexpr std::uint32_t kClassesMax = 20;  // More curves are a tangle.

std::string class_name(const JobResults& results, std::uint32_t k) {
  return k < results.classes.size() ? results.classes[k] : std::to_string(k);
}

Json points_json(const std::vector<CurvePoint>& points) {
  Json json = Json::array();
  for (const CurvePoint& point : thinned(points, kPointsMax)) json.push_back({point.x, point.y});
  return json;
}

// The curves of class k against the rest.
void add_class(const JobResults& results, const Outputs& outputs, std::uint32_t k, Json& json) {
  const BinaryColumns columns = scores_of_class(outputs, k);
  const BinaryScores scores = columns.view();
  const std::string name = class_name(results, k);
  if (const auto points = roc_curve(scores); !points.empty()) {
    json["roc"].push_back(
        {{"class", name}, {"auc", roc_auc(scores)}, {"points", points_json(points)}});
  }
  if (const auto points = precision_recall_curve(scores); !points.empty()) {
    json["precision_recall"].push_back({{"class", name},
                                        {"average_precision", average_precision(scores)},
                                        {"points", points_json(points)}});
  }
  const auto bins = calibration_bins(scores, kCalibrationBins);
  if (bins.empty()) return;
  Json list = Json::array();
  for (const CalibrationBin& bin : bins) {
    list.push_back(
        {{"predicted", bin.predicted}, {"observed", bin.observed}, {"examples", bin.weight}});
  }
  json["calibration"].push_back(
      {{"class", name}, {"error", calibration_error(bins)}, {"bins", std::move(list)}});
}

Json confusion_json(const JobResults& results, const Outputs& outputs) {
  const ConfusionMatrix matrix = confusion_of(outputs);
  Json names = Json::array();
  Json counts = Json::array();
  for (std::uint32_t actual = 0; actual < matrix.classes(); ++actual) {
    names.push_back(class_name(results, actual));
    Json row = Json::array();
    for (std::uint32_t predicted = 0; predicted < matrix.classes(); ++predicted) {
      row.push_back(matrix.count(actual, predicted));
    }
    counts.push_back(std::move(row));
  }
  return {{"classes", std::move(names)}, {"counts", std::move(counts)}};
}

Json regression_json(const Outputs& outputs) {
  const std::size_t n = outputs.labels.size();
  std::vector<double> residuals(n);
  for (std::size_t i = 0; i < n; ++i) {
    residuals[i] = static_cast<double>(outputs.outputs[i]) - static_cast<double>(outputs.labels[i]);
  }
  Json points = Json::array();
  const std::size_t every = std::max<std::size_t>(1, n / (2 * kPointsMax));
  for (std::size_t i = 0; i < n; i += every) {
    points.push_back({outputs.labels[i], outputs.outputs[i]});
  }
  std::sort(residuals.begin(), residuals.end());
  Json quantiles = Json::array();
  for (const double share : {0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99}) {
    const auto at = static_cast<std::size_t>(share * static_cast<double>(n - 1));
    quantiles.push_back({share, residuals[at]});
  }
  return {{"points", std::move(points)}, {"residual_quantiles", std::move(quantiles)}};
}

}  // namespace

SplitOutputs out_of_fold(const JobResults& results, std::uint32_t configuration) {
  SplitOutputs all;
  for (std::size_t split = 0; split < results.splits.size(); ++split) {
    const RunResult& result = *results.run(configuration, split).result;
    all.outputs.insert(all.outputs.end(), result.outputs.begin(), result.outputs.end());
    all.labels.insert(all.labels.end(), result.labels.begin(), result.labels.end());
    all.weights.insert(all.weights.end(), result.weights.begin(), result.weights.end());
  }
  return all;
}

Json curves_json(const JobResults& results, std::uint32_t configuration) {
  const SplitOutputs all = out_of_fold(results, configuration);
  std::uint32_t width = 1;
  for (std::size_t split = 0; split < results.splits.size(); ++split) {
    width = results.run(configuration, split).result->outputs_per_example;
  }
  Outputs outputs{.task = results.spec.model.task,
                  .outputs_per_example = width,
                  .outputs = all.outputs,
                  .labels = all.labels,
                  .weights = all.weights};
  Json json = {{"configuration", configuration}};
  if (all.labels.empty()) return json;
  const bool finite = std::all_of(all.outputs.begin(), all.outputs.end(),
                                  [](float output) { return std::isfinite(output); });
  if (!finite) return json;
  if (outputs.task == Task::regression) {
    json["regression"] = regression_json(outputs);
    return json;
  }
  const std::uint32_t classes = std::max(2U, width);
  for (std::uint32_t k = width == 1 ? 1 : 0; k < std::min(classes, kClassesMax); ++k) {
    add_class(results, outputs, k, json);
  }
  if (outputs.task == Task::binary) {
    const auto asked = results.spec.training.threshold;
    const auto cut =
        choose_threshold(all, asked.value_or(ThresholdMetric::f1), ThresholdSource::out_of_fold);
    if (cut) {
      json["threshold"] = {{"metric", name_of(cut->metric)},
                           {"value", cut->value},
                           {"score", cut->score},
                           {"applied", asked.has_value()}};
      if (asked) outputs.threshold = cut->value;
    }
  }
  json["confusion"] = confusion_json(results, outputs);
  return json;
}

}  // namespace ballast

#include "coordinator/evaluation.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "common/base/check.h"
#include "common/math/metrics_report.h"
#include "common/math/metrics_threshold.h"

namespace ballast {

std::optional<ChosenThreshold> choose_threshold(const SplitOutputs& of, ThresholdMetric metric,
                                                ThresholdSource source) {
  const BinaryColumns columns = scores_of_class(
      {.task = Task::binary, .outputs = of.outputs, .labels = of.labels, .weights = of.weights}, 1);
  const auto best = best_threshold(columns.view(), metric);
  if (!best) return std::nullopt;
  return ChosenThreshold{
      .metric = metric, .value = best->value, .score = best->score, .source = source};
}

Evaluation::Evaluation(const RunConfig& run, Timeline timeline, Step version,
                       std::vector<Split> splits)
    : run_(run), timeline_(timeline), version_(version), splits_(std::move(splits)) {
  for (const Split split : splits_) batches_ += evaluation_batches(run_, split);
}

bool Evaluation::complete() const { return results_.size() == batches_; }

bool Evaluation::accept(const wire::Evaluated& evaluated) {
  if (evaluated.timeline != timeline_ || evaluated.version != version_) return false;
  if (std::find(splits_.begin(), splits_.end(), evaluated.split) == splits_.end()) return false;
  if (evaluated.batch >= evaluation_batches(run_, evaluated.split)) return false;
  const std::uint64_t first = std::uint64_t{evaluated.batch} * run_.evaluation_batch;
  const std::uint64_t count =
      std::min<std::uint64_t>(run_.evaluation_batch, examples_of(run_, evaluated.split) - first);
  if (!evaluated.outputs.holds_array_of<float>() || !evaluated.labels.holds_array_of<float>() ||
      evaluated.labels.as<float>().size() != count ||
      evaluated.outputs.as<float>().size() != count * run_.outputs) {
    return false;
  }
  const bool weighs = run_.weights && run_.weights->has_own;
  if (!evaluated.weights.holds_array_of<double>() ||
      evaluated.weights.as<double>().size() != (weighs ? count : 0)) {
    return false;
  }
  const auto weights = evaluated.weights.as<double>();
  if (!std::all_of(weights.begin(), weights.end(),
                   [](double weight) { return std::isfinite(weight) && weight >= 0.0; })) {
    return false;
  }
  // Class indices become places in arrays; a NaN or a stranger must not.
  const auto classes = static_cast<float>(std::max(2U, run_.outputs));
  const auto labels = evaluated.labels.as<float>();
  if (run_.task != Task::regression && !std::all_of(labels.begin(), labels.end(), [&](float label) {
        return label >= 0.0F && label < classes;
      })) {
    return false;
  }
  results_.try_emplace({evaluated.split, evaluated.batch}, evaluated);
  return true;
}

std::vector<std::pair<MemberId, wire::Evaluate>> Evaluation::assign(
    const std::vector<MemberId>& workers) const {
  std::vector<std::pair<MemberId, wire::Evaluate>> parts;
  if (workers.empty()) return parts;
  std::vector<std::pair<Split, std::uint32_t>> open;
  for (const Split split : splits_) {
    for (std::uint32_t batch = 0; batch < evaluation_batches(run_, split); ++batch) {
      if (!results_.contains({split, batch})) open.emplace_back(split, batch);
    }
  }
  for (std::size_t i = 0; i < open.size(); ++i) {
    const MemberId worker = workers[(i * workers.size() / open.size() + turn_) % workers.size()];
    const auto [split, batch] = open[i];
    if (!parts.empty() && parts.back().first == worker && parts.back().second.split == split &&
        parts.back().second.end == batch) {
      ++parts.back().second.end;
      continue;
    }
    parts.emplace_back(worker, wire::Evaluate{.timeline = timeline_,
                                              .version = version_,
                                              .split = split,
                                              .begin = batch,
                                              .end = batch + 1});
  }
  return parts;
}

SplitOutputs Evaluation::outputs(Split split) const {
  BALLAST_CHECK(complete());
  SplitOutputs all;
  for (std::uint32_t batch = 0; batch < evaluation_batches(run_, split); ++batch) {
    const wire::Evaluated& result = results_.at({split, batch});
    const auto outputs = result.outputs.as<float>();
    const auto labels = result.labels.as<float>();
    all.outputs.insert(all.outputs.end(), outputs.begin(), outputs.end());
    all.labels.insert(all.labels.end(), labels.begin(), labels.end());
    const auto weights = result.weights.as<double>();
    all.weights.insert(all.weights.end(), weights.begin(), weights.end());
  }
  return all;
}

Metrics Evaluation::metrics(Split split, double threshold,
                            const std::vector<std::string>& more) const {
  const SplitOutputs all = outputs(split);
  double loss = 0.0;
  for (std::uint32_t batch = 0; batch < evaluation_batches(run_, split); ++batch) {
    loss += results_.at({split, batch}).loss;
  }
  const Outputs outputs{.task = run_.task,
                        .outputs_per_example = run_.outputs,
                        .outputs = all.outputs,
                        .labels = all.labels,
                        .weights = all.weights,
                        .threshold = threshold};
  Metrics metrics = evaluate(outputs, loss);
  for (const std::string& name : more) {
    const bool is_told = std::any_of(metrics.begin(), metrics.end(),
                                     [&](const auto& metric) { return metric.first == name; });
    if (is_told || name == "loss") continue;
    const Metrics told = measure(outputs, std::array{std::string_view(name)});
    metrics.insert(metrics.end(), told.begin(), told.end());
  }
  return metrics;
}

}  // namespace ballast

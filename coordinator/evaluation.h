#pragma once

// One evaluation: which batches of which splits at which version, which of them are in, and the
// metrics over all of them in example order. Results are idempotent by (split, batch); who computed
// a batch never matters.
//
// Pure; the coordinator owns it.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/job/run.h"
#include "common/math/metrics.h"
#include "common/wire/messages.h"

namespace ballast {

// What a model says of the examples of a split, in their order.
struct SplitOutputs {
  std::vector<float> outputs;  // RunConfig::outputs for each.
  std::vector<float> labels;
  std::vector<double> weights;  // One for each, or none.
};

// The threshold between the two classes that makes the metric largest, by the examples' weights.
// Nothing when one class is absent, or an output is not finite.
[[nodiscard]] std::optional<ChosenThreshold> choose_threshold(const SplitOutputs& of,
                                                              ThresholdMetric metric,
                                                              ThresholdSource source);

class Evaluation {
 public:
  // REQUIRES: run outlives this; every split has examples.
  Evaluation(const RunConfig& run, Timeline timeline, Step version, std::vector<Split> splits);

  [[nodiscard]] Step version() const { return version_; }
  [[nodiscard]] bool complete() const;

  // False: not a result of this evaluation, or not of the right size.
  bool accept(const wire::Evaluated& evaluated);

  // Deals what is not in yet to the workers, in contiguous ranges; to others after each pass_on().
  [[nodiscard]] std::vector<std::pair<MemberId, wire::Evaluate>> assign(
      const std::vector<MemberId>& workers) const;
  void pass_on() { ++turn_; }

  // REQUIRES: complete(), split is one of the evaluation's.
  // With two classes, class 1 is predicted above the threshold.
  // The usual ones, then `more` of metrics_report.h where they are defined.
  [[nodiscard]] Metrics metrics(Split split, double threshold = 0.5,
                                const std::vector<std::string>& more = {}) const;
  [[nodiscard]] SplitOutputs outputs(Split split) const;
  [[nodiscard]] const std::vector<Split>& splits() const { return splits_; }
  [[nodiscard]] std::size_t batches_in() const { return results_.size(); }
  [[nodiscard]] std::size_t batches() const { return batches_; }

 private:
  const RunConfig& run_;
  const Timeline timeline_;
  const Step version_;
  const std::vector<Split> splits_;
  std::size_t batches_ = 0;
  std::size_t turn_ = 0;
  std::map<std::pair<Split, std::uint32_t>, wire::Evaluated> results_;
};

}  // namespace ballast

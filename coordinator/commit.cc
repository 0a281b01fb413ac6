#include "coordinator/commit.h"

#include <cmath>

#include "common/base/check.h"
#include "common/math/metrics.h"
#include "common/math/schedule.h"

namespace ballast {
namespace {

// Over partitions by number, in float64: one order on every cluster.
double sum_of_squares(const PreparedStep& prepared) {
  double sum = 0.0;
  for (const wire::PreparedPartition& partition : prepared.partitions) {
    sum += partition.sum_of_squares;
  }
  return sum;
}

void scale_and_clip(const RunConfig& run, const PreparedStep& prepared, Commit& commit) {
  const double scale = 1.0 / static_cast<double>(prepared.figures.examples);
  const double norm = std::sqrt(sum_of_squares(prepared)) * scale;
  const double limit = run.training.clip_norm;
  commit.gradient_norm = norm;
  commit.scale = static_cast<float>(limit > 0.0 && norm > limit ? scale * (limit / norm) : scale);
}

void correct_bias(const RunConfig& run, const Commit& previous, Commit& commit) {
  commit.beta1_power = previous.beta1_power * run.optimizer.beta1;
  commit.beta2_power = previous.beta2_power * run.optimizer.beta2;
  commit.bias_correction1 = static_cast<float>(1.0 - commit.beta1_power);
  commit.bias_correction2 = static_cast<float>(1.0 - commit.beta2_power);
}

void watch(const RunConfig& run, double value, Commit& commit) {
  const EarlyStopSpec& stop = run.training.early_stop;
  const bool larger = larger_is_better(stop.metric);
  if (stop.target && (larger ? value >= *stop.target : value <= *stop.target)) commit.last = true;
  const double gain = larger ? value - commit.best : commit.best - value;
  if (std::isfinite(value) && (!commit.has_best || gain > stop.min_gain)) {
    commit.best = value;
    commit.has_best = true;
    commit.without_gain = 0;
    return;
  }
  commit.without_gain += 1;
  if (commit.without_gain >= stop.patience) commit.last = true;
}

bool has_stopped_early(const RunConfig& run, const Commit& commit) {
  const EarlyStopSpec& stop = run.training.early_stop;
  if (stop.metric.empty()) return false;
  if (commit.without_gain >= stop.patience) return true;
  const bool larger = larger_is_better(stop.metric);
  return stop.target && commit.has_best &&
         (larger ? commit.best >= *stop.target : commit.best <= *stop.target);
}

}  // namespace

Commit resumed(const RunConfig& run, const Commit& kept) {
  Commit commit = kept;
  if (commit.last && commit.step < end_of(run) && !has_stopped_early(run, commit)) {
    commit.last = false;
    commit.cut = false;
  }
  return commit;
}

bool is_finite(const PreparedStep& prepared) {
  return prepared.figures.nonfinite == 0 && std::isfinite(prepared.figures.loss) &&
         std::isfinite(sum_of_squares(prepared));
}

bool has_diverged(const RunConfig& run, const PreparedStep& prepared) {
  BALLAST_CHECK(prepared.figures.examples > 0);
  const double loss = prepared.figures.loss / static_cast<double>(prepared.figures.examples);
  return run.training.diverged_above && loss > *run.training.diverged_above;
}

Commit next_commit(const RunConfig& run, const Commit& previous, const PreparedStep& prepared,
                   std::optional<double> watched) {
  BALLAST_CHECK(prepared.figures.examples > 0);
  BALLAST_CHECK(prepared.partitions.size() == run.partitions);
  Commit commit;
  commit.step = previous.step + 1;
  commit.figures = prepared.figures;
  commit.best = previous.best;
  commit.has_best = previous.has_best;
  commit.without_gain = previous.without_gain;
  commit.last = commit.step == end_of(run);
  if (watched) watch(run, *watched, commit);

  const bool same_epoch =
      previous.step > 0 && epoch_of(run, previous.step) == epoch_of(run, commit.step);
  commit.epoch = same_epoch ? previous.epoch + commit.figures : commit.figures;

  commit.learning_rate =
      static_cast<float>(learning_rate_at(run.optimizer, commit.step, run.steps));
  if (is_finite(prepared)) {
    scale_and_clip(run, prepared, commit);
    correct_bias(run, previous, commit);
  } else {
    commit.skip = true;
    commit.beta1_power = previous.beta1_power;
    commit.beta2_power = previous.beta2_power;
    commit.figures.loss = 0.0;  // What is not finite would stay in every sum after it.
    commit.epoch = same_epoch ? previous.epoch : Figures{};
  }
  commit.cut = commit.last;
  return commit;
}

}  // namespace ballast

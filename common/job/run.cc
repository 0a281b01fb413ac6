#include "common/job/run.h"

#include "common/base/check.h"

namespace ballast {

std::uint64_t examples_of(const RunConfig& run, Split split) {
  switch (split) {
    case Split::train:
      return run.train_examples;
    case Split::validation:
      return run.validation_examples;
    case Split::test:
      return run.test_examples;
  }
  return 0;
}

std::uint32_t evaluation_batches(const RunConfig& run, Split split) {
  const std::uint64_t examples = examples_of(run, split);
  return static_cast<std::uint32_t>((examples + run.evaluation_batch - 1) / run.evaluation_batch);
}

bool evaluates_at(const RunConfig& run, Step step) {
  if (step == 0) return false;
  if (step == end_of(run)) return true;
  const std::uint64_t every =
      run.training.evaluate_every != 0 ? run.training.evaluate_every : run.steps_per_epoch;
  return step % every == 0;
}

Step end_of(const RunConfig& run) { return run.until.value_or(run.steps); }

bool is_relaxed(const RunConfig& run) {
  return run.training.consistency != Consistency::synchronous;
}

Step clock_needed(const RunConfig& run, Step step) {
  if (run.training.consistency == Consistency::async) return 0;
  const Step stale = run.training.staleness;
  return step > 0 && step - 1 > stale ? step - 1 - stale : 0;
}

std::uint64_t epoch_of(const RunConfig& run, Step step) {
  BALLAST_CHECK(run.steps_per_epoch > 0);
  return step == 0 ? 0 : (step - 1) / run.steps_per_epoch;
}

}  // namespace ballast

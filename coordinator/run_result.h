#pragma once

// What a run of cross-validation leaves in its directory: result.json with its scores on the
// validation split, and outputs.f32 with what the model says of each example there, from which
// every metric, curve and prediction of the report is made: outputs, labels and weights, if any.
// result.json comes last and names the other's checksum: a run that has one is done.
//
// A run that failed for a reason that would come again, such as a loss that is not finite, leaves a
// result.json that says so.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/ids.h"
#include "common/base/result.h"
#include "common/math/metrics.h"

namespace ballast {

struct RunResult {
  std::string failure;  // Empty: done.
  Step step = 0;        // Of the version that was scored.
  bool stopped_early = false;
  std::uint64_t train_examples = 0;
  std::uint64_t steps_per_epoch = 0;
  std::uint32_t outputs_per_example = 1;
  std::vector<float> outputs;  // By validation example.
  std::vector<float> labels;
  std::vector<double> weights;  // One for each, or none.
  Metrics scores;

  friend bool operator==(const RunResult&, const RunResult&) = default;
};

// Nothing: it is undefined there, as where validation labels have too few classes.
[[nodiscard]] std::optional<double> score_in(const RunResult& result, const std::string& metric);

// Replaces one that is there. Durable when it returns.
[[nodiscard]] Status write_run_result(const std::string& directory, const RunResult& result);

// Nothing: there is none yet. An error: it is damaged.
[[nodiscard]] Result<std::optional<RunResult>> read_run_result(const std::string& directory);

}  // namespace ballast

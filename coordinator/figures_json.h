#pragma once

// Figures as history.jsonl and metrics.json show them: means over the examples.

#include <nlohmann/json.hpp>

#include "common/job/figures.h"
#include "common/job/run.h"

namespace ballast {

// REQUIRES: figures.examples > 0.
[[nodiscard]] inline nlohmann::ordered_json figures_object(const RunConfig& run,
                                                           const Figures& figures) {
  nlohmann::ordered_json object;
  const auto examples = static_cast<double>(figures.examples);
  object["loss"] = figures.loss / examples;
  if (run.task != Task::regression) {
    object["accuracy"] = static_cast<double>(figures.correct) / examples;
  }
  return object;
}

}  // namespace ballast

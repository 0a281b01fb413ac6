#pragma once

// What `ballast predict` answers: a trained model, with its transforms, applied to files.

#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"

namespace ballast {

struct PredictionRequest {
  std::string model;                     // The output directory of a finished run.
  std::vector<std::string> files;        // In the format of its spec; labels may be absent.
  std::optional<double> threshold = {};  // Of class 1; nothing: the model's, or 0.5.
  std::string format = "csv";            // Of the answer: csv or jsonl.
};

// One line per row, in order: the prediction, then the probability of each class; in CSV under a
// header.
[[nodiscard]] Result<std::string> predict(const PredictionRequest& request);

}  // namespace ballast

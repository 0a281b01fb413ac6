#pragma once

// A finished model as it lies in an output directory: model.json beside model.safetensors.

#include <memory>
#include <optional>
#include <string>

#include "common/base/result.h"
#include "common/job/run.h"
#include "common/job/spec.h"
#include "common/storage/export.h"

namespace ballast {

struct ModelDirectory {
  Spec spec;
  RunConfig run;
  std::string transforms_json;
  Step step = 0;  // Its version.
  KernelFamily family = KernelFamily::haswell;
  std::optional<ChosenThreshold> threshold;
  std::string digest;
  std::unique_ptr<ModelFile> weights;
};

// Refuses a model whose bytes are not the ones that model.json names.
[[nodiscard]] Result<ModelDirectory> open_model_directory(const std::string& directory);

}  // namespace ballast

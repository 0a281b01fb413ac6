#include "cli/model_directory.h"

#include <nlohmann/json.hpp>
#include <stdexcept>
#include <utility>

#include "common/base/sha256.h"
#include "common/job/json_text.h"
#include "common/job/names.h"
#include "common/job/parse.h"
#include "common/job/run_json.h"
#include "common/job/sealed_json.h"
#include "common/math/blas.h"
#include "common/storage/files.h"

namespace ballast {

namespace {

Error altered(const std::string& directory) {
  return {ErrorCode::corrupt, join_path(directory, "model.json") +
                                  ": truncated or altered: it does not describe a model; take "
                                  "it from its source again, or train again"};
}

ChosenThreshold threshold_of(const nlohmann::ordered_json& json) {
  const auto metric = value_named<ThresholdMetric>(json.at("metric").get<std::string>());
  const auto source = value_named<ThresholdSource>(json.at("chosen_on").get<std::string>());
  const auto value = json.at("value").get<double>();
  if (!metric || !source) throw std::invalid_argument("a name that the spec does not know");
  return {.metric = *metric,
          .value = value,
          .score = json.at("score").get<double>(),
          .source = *source};
}

}  // namespace

Result<ModelDirectory> open_model_directory(const std::string& directory) try {
  const std::string description = join_path(directory, "model.json");
  const auto text = read_file(description);
  if (!text) {
    return Error{text.error().code,
                 text.error().message + "; expected the output directory of a finished run"};
  }
  const auto json = parse_shallow_json<nlohmann::ordered_json>(*text);
  if (whole_number<std::uint32_t>(json.at("format")) != 1) {
    return Error{ErrorCode::unsupported, description +
                                             ": written by another version of Ballast (format " +
                                             json_text(json.at("format")) + ", expected 1)"};
  }
  if (!seal_holds(json)) return altered(directory);
  ModelDirectory model;
  auto run = run_from_json(json_text(json.at("run")));
  if (!run) {
    return Error{run.error().code, description + ": " + run.error().message +
                                       "; take it from its source again, or train again"};
  }
  model.run = std::move(*run);
  auto spec = parse_spec(model.run.spec, model.run.spec_directory + "/spec.yaml");
  if (!spec) return spec.error();
  model.spec = std::move(*spec);
  model.step = whole_number<Step>(json.at("step"));
  model.transforms_json = json_text(json.at("transforms"));
  auto family = parse_family(json.at("kernel_family").get<std::string>());
  if (!family) return family.error();
  model.family = *family;
  if (json.contains("threshold")) model.threshold = threshold_of(json.at("threshold"));
  model.digest = json.at("digest").get<std::string>();

  const std::string path = join_path(directory, "model.safetensors");
  const auto seen = sha256_of_file(path);
  if (!seen) return seen.error();
  if (*seen != model.digest) {
    return Error{ErrorCode::corrupt, path + ": truncated or altered: its SHA-256 is " + *seen +
                                         ", model.json names " + model.digest +
                                         "; take it from its source again"};
  }
  auto weights = ModelFile::open(path, model.run.tables);
  if (!weights) return weights.error();
  model.weights = std::move(*weights);
  return model;
} catch (const nlohmann::json::exception&) {
  return altered(directory);
} catch (const std::invalid_argument&) {
  return altered(directory);
}

}  // namespace ballast

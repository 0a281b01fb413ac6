#include "cli/prediction.h"

#include <fmt/core.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "cli/cache.h"
#include "cli/model_directory.h"
#include "common/job/json_text.h"
#include "common/storage/files.h"
#include "worker/data/prepare.h"
#include "worker/model/model.h"

namespace ballast {
namespace {

// The rows that a batch looks up: as trained, or as they would start (R2) where training never saw
// the key.
class BatchWeights {
 public:
  BatchWeights(const RunConfig& run, const ModelFile& file, KeySets keys)
      : keys_(std::move(keys)), rows_(run.tables.size()) {
    for (std::size_t i = 0; i < run.tables.size(); ++i) {
      const TableSpec& table = run.tables[i];
      const ModelFile::Table& trained = file.tables()[i];
      if (table.kind == TableKind::dense) {
        weights_.tables.push_back({trained.values, {}});
        continue;
      }
      const std::size_t width = floats_of(table);
      rows_[i].resize(keys_[i].size() * width);
      for (std::size_t k = 0; k < keys_[i].size(); ++k) {
        const auto row = std::span(rows_[i]).subspan(k * width, width);
        const auto found = std::lower_bound(trained.keys.begin(), trained.keys.end(), keys_[i][k]);
        if (found == trained.keys.end() || *found != keys_[i][k]) {
          initialize(table, run.seed, keys_[i][k], row);
          continue;
        }
        const auto at = static_cast<std::size_t>(found - trained.keys.begin());
        const auto values = trained.values.subspan(at * width, width);
        std::copy(values.begin(), values.end(), row.begin());
      }
      weights_.tables.push_back({rows_[i], keys_[i]});
    }
  }

  [[nodiscard]] const Weights& view() const { return weights_; }

 private:
  KeySets keys_;
  std::vector<std::vector<float>> rows_;
  Weights weights_;
};

// model.json says some things twice, and nothing makes its seal agree with them; the engine and the
// rows below rely on them.
Status check_agreement(const RunConfig& run, const Model& model, const DataSchema& schema) {
  constexpr std::uint32_t kEvaluationBatchMax = 1 << 16;  // Ours is 256; each row costs memory.
  if (run.tables == model.tables() && run.outputs == model.outputs() &&
      run.classes == schema.classes && (run.task == Task::regression) == run.classes.empty() &&
      run.leaf_examples > 0 && run.evaluation_batch <= kEvaluationBatchMax) {
    return {};
  }
  return Error{ErrorCode::corrupt,
               "model.json: truncated or altered: its run, its spec and its transforms describe "
               "different models; take it from its source again, or train again"};
}

std::size_t predicted_class(std::span<const float> outputs, double threshold) {
  if (outputs.size() == 1) return double{outputs[0]} > threshold ? 1 : 0;
  return static_cast<std::size_t>(std::max_element(outputs.begin(), outputs.end()) -
                                  outputs.begin());
}

// Probabilities by class name; a binary model gives one number, the probability of class 1.
std::vector<std::pair<std::string, float>> probabilities(const RunConfig& run,
                                                         std::span<const float> outputs) {
  std::vector<std::pair<std::string, float>> named;
  if (outputs.size() == 1 && run.classes.size() == 2) {
    named.emplace_back(run.classes[0], 1.0F - outputs[0]);
    named.emplace_back(run.classes[1], outputs[0]);
    return named;
  }
  for (std::size_t i = 0; i < outputs.size(); ++i) named.emplace_back(run.classes[i], outputs[i]);
  return named;
}

std::string csv_cell(const std::string& text) {
  if (text.find_first_of(",\"\n\r") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

std::string header(const RunConfig& run) {
  if (run.task == Task::regression) return "prediction\n";
  std::string line = "prediction";
  for (const std::string& name : run.classes) line += "," + csv_cell("probability_" + name);
  return line + "\n";
}

std::string csv_row(const RunConfig& run, std::span<const float> outputs, double threshold) {
  if (run.task == Task::regression) return fmt::format("{}\n", outputs[0]);
  std::string line = csv_cell(run.classes[predicted_class(outputs, threshold)]);
  for (const auto& [name, value] : probabilities(run, outputs)) line += fmt::format(",{}", value);
  return line + "\n";
}

std::string json_row(const RunConfig& run, std::span<const float> outputs, double threshold) {
  nlohmann::ordered_json json;
  if (run.task == Task::regression) {
    json["prediction"] = outputs[0];
  } else {
    json["prediction"] = run.classes[predicted_class(outputs, threshold)];
    for (const auto& [name, value] : probabilities(run, outputs)) {
      json["probabilities"][name] = value;
    }
  }
  return json_text(json) + "\n";
}

}  // namespace

Result<std::string> predict(const PredictionRequest& request) {
  auto trained = open_model_directory(request.model);
  if (!trained) return trained.error();
  auto encoder = Encoder::create(trained->transforms_json, default_cache());
  if (!encoder) return encoder.error();
  auto model = Model::create(trained->spec, (*encoder)->schema());
  if (!model) return model.error();
  if (const Status fits = check_agreement(trained->run, **model, (*encoder)->schema()); !fits) {
    return Error{fits.error().code, join_path(request.model, fits.error().message)};
  }
  auto blas = Blas::load(trained->family);
  if (!blas) return blas.error();
  auto dataset = (*encoder)->encode(trained->spec, request.files);
  if (!dataset) return dataset.error();

  const RunConfig& run = trained->run;
  if (request.threshold && run.task != Task::binary) {
    return Error{ErrorCode::invalid,
                 "--threshold: tells the classes of a binary model apart, and " + request.model +
                     " is none; leave it out"};
  }
  const double threshold =
      request.threshold.value_or(trained->threshold ? trained->threshold->value : 0.5);
  const auto engine = (*model)->make_engine(run, *blas);
  std::string text = request.format == "csv" ? header(run) : "";
  const std::uint64_t examples = (*dataset)->examples(Split::test);
  for (std::uint64_t first = 0; first < examples; first += run.evaluation_batch) {
    const auto count =
        static_cast<std::uint32_t>(std::min<std::uint64_t>(run.evaluation_batch, examples - first));
    std::vector<std::uint32_t> batch(count);
    for (std::uint32_t i = 0; i < count; ++i) batch[i] = static_cast<std::uint32_t>(first + i);
    KeySets keys(run.tables.size());
    (*model)->gather(**dataset, Split::test, batch, keys);
    const BatchWeights weights(run, *trained->weights, std::move(keys));
    std::vector<float> outputs(std::size_t{count} * run.outputs);
    engine->predict(**dataset, Split::test, first, count, weights.view(), outputs);
    for (std::uint32_t i = 0; i < count; ++i) {
      const auto row = std::span<const float>(outputs).subspan(i * run.outputs, run.outputs);
      text +=
          request.format == "csv" ? csv_row(run, row, threshold) : json_row(run, row, threshold);
    }
  }
  return text;
}

}  // namespace ballast

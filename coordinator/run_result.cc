#include "coordinator/run_result.h"

#include <fmt/format.h>

#include <bit>
#include <cstring>
#include <nlohmann/json.hpp>
#include <span>

#include "common/base/hash.h"
#include "common/job/json_text.h"
#include "common/storage/files.h"

namespace ballast {
namespace {

using Json = nlohmann::ordered_json;

static_assert(std::endian::native == std::endian::little);

constexpr int kFormat = 1;
constexpr const char* kResultFile = "result.json";
constexpr const char* kOutputsFile = "outputs.f32";

std::string to_bytes(const RunResult& result) {
  std::string bytes;
  const auto append = [&](const auto& numbers) {
    if (numbers.empty()) return;
    bytes.append(reinterpret_cast<const char*>(numbers.data()),
                 numbers.size() * sizeof(numbers[0]));
  };
  append(result.outputs);
  append(result.labels);
  append(result.weights);
  return bytes;
}

std::string checksum_of(const std::string& bytes) {
  return fmt::format("{:016x}", hash_bytes(std::as_bytes(std::span(bytes))));
}

Error damaged(const std::string& directory, const std::string& what) {
  return {ErrorCode::corrupt, join_path(directory, kResultFile) + ": truncated or altered (" +
                                  what + "); remove the directory " + directory +
                                  " to do this run again"};
}

Status read_outputs(const std::string& directory, const Json& json, RunResult& result) {
  const auto bytes = read_file(join_path(directory, kOutputsFile));
  if (!bytes) return bytes.error();
  const auto examples = json.at("examples").get<std::uint64_t>();
  const bool weighted = json.value("weighted", false);
  const std::uint64_t rows = examples * (std::uint64_t{result.outputs_per_example} + 1);
  const std::uint64_t weights = weighted ? examples * sizeof(double) : 0;
  if (examples > bytes->size() || bytes->size() != rows * sizeof(float) + weights ||
      checksum_of(*bytes) != json.at("checksum").get<std::string>()) {
    return damaged(directory, std::string(kOutputsFile) + " is not the one that it names");
  }
  const char* from = bytes->data();
  const auto take = [&](auto& numbers, std::uint64_t count) {
    numbers.resize(count);
    if (count == 0) return;
    std::memcpy(numbers.data(), from, count * sizeof(numbers[0]));
    from += count * sizeof(numbers[0]);
  };
  take(result.outputs, rows - examples);
  take(result.labels, examples);
  take(result.weights, weighted ? examples : 0);
  return {};
}

}  // namespace

std::optional<double> score_in(const RunResult& result, const std::string& metric) {
  for (const auto& [name, value] : result.scores) {
    if (name == metric) return value;
  }
  return std::nullopt;
}

Status write_run_result(const std::string& directory, const RunResult& result) {
  Json json = {{"format", kFormat}};
  if (!result.failure.empty()) {
    json["state"] = "failed";
    json["reason"] = result.failure;
    json["step"] = result.step;
  } else {
    const std::string bytes = to_bytes(result);
    if (const Status put = write_file_atomically(join_path(directory, kOutputsFile), bytes); !put) {
      return put;
    }
    json["state"] = "done";
    json["step"] = result.step;
    json["stopped_early"] = result.stopped_early;
    json["train_examples"] = result.train_examples;
    json["steps_per_epoch"] = result.steps_per_epoch;
    json["outputs_per_example"] = result.outputs_per_example;
    json["examples"] = result.labels.size();
    if (!result.weights.empty()) json["weighted"] = true;
    json["checksum"] = checksum_of(bytes);
    Json scores = Json::object();
    for (const auto& [name, value] : result.scores) scores[name] = value;
    json["scores"] = std::move(scores);
  }
  return write_file_atomically(join_path(directory, kResultFile), json_text(json, 2) + "\n");
}

Result<std::optional<RunResult>> read_run_result(const std::string& directory) try {
  const std::string path = join_path(directory, kResultFile);
  if (!path_exists(path)) return std::optional<RunResult>();
  const auto text = read_file(path);
  if (!text) return text.error();
  const Json json = parse_json<Json>(*text);
  if (json.at("format") != kFormat) {
    return Error{ErrorCode::unsupported, path + ": written by another version of Ballast (format " +
                                             json_text(json.at("format")) + ", expected " +
                                             std::to_string(kFormat) + ")"};
  }
  RunResult result;
  json.at("step").get_to(result.step);
  if (json.at("state") == "failed") {
    json.at("reason").get_to(result.failure);
    if (result.failure.empty()) return damaged(directory, "it failed for no reason");
    return std::optional(std::move(result));
  }
  json.at("stopped_early").get_to(result.stopped_early);
  json.at("train_examples").get_to(result.train_examples);
  json.at("steps_per_epoch").get_to(result.steps_per_epoch);
  json.at("outputs_per_example").get_to(result.outputs_per_example);
  for (const auto& [name, value] : json.at("scores").items()) {
    result.scores.emplace_back(name, value.get<double>());
  }
  if (const Status read = read_outputs(directory, json, result); !read) return read.error();
  return std::optional(std::move(result));
} catch (const nlohmann::json::exception&) {
  return damaged(directory, "it does not describe a result");
}

}  // namespace ballast

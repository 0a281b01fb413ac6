#include "cli/job_directory.h"

#include <nlohmann/json.hpp>

#include "common/job/json_text.h"
#include "common/storage/files.h"

namespace ballast {
namespace {

constexpr int kDirectoryFormat = 1;

}  // namespace

Status write_job_origin(const std::string& output, const JobOrigin& record) {
  const nlohmann::ordered_json json = {{"format", kDirectoryFormat},
                                       {"kind", "cross_validation"},
                                       {"spec", record.spec},
                                       {"spec_directory", record.spec_directory}};
  return write_file_atomically(join_path(output, "job.json"), json_text(json, 2) + "\n");
}

Result<std::optional<JobOrigin>> read_job_origin(const std::string& output) try {
  const std::string path = join_path(output, "job.json");
  if (!path_exists(path)) return std::optional<JobOrigin>();
  const auto text = read_file(path);
  if (!text) return text.error();
  const auto json = parse_json<nlohmann::ordered_json>(*text);
  if (!json.contains("kind")) return std::optional<JobOrigin>();
  if (json.at("format") != kDirectoryFormat) {
    return Error{ErrorCode::unsupported, path + ": written by another version of Ballast (format " +
                                             json_text(json.at("format")) + ", expected " +
                                             std::to_string(kDirectoryFormat) + ")"};
  }
  return std::optional(JobOrigin{.spec = json.at("spec").get<std::string>(),
                                 .spec_directory = json.at("spec_directory").get<std::string>()});
} catch (const nlohmann::json::exception&) {
  return Error{ErrorCode::corrupt, join_path(output, "job.json") +
                                       ": truncated or altered: it does not describe a job; start "
                                       "it again with --overwrite"};
}

Status clear_job(const std::string& output) {
  const auto lock = FileLock::acquire(join_path(output, "lock"));
  if (!lock) return lock.error();
  for (const char* name : {"checkpoints", "servers", "terms", "runs", "folds", "refit"}) {
    if (const Status gone = remove_directory(join_path(output, name)); !gone) return gone;
  }
  for (const char* name : {"job.json", "endpoint", "history.jsonl", "model.safetensors",
                           "model.json", "metrics.json", "optimizer.safetensors", "cv.json",
                           "results.csv", "predictions.csv", "timings.json", "report.html"}) {
    if (const Status gone = remove_file(join_path(output, name)); !gone) return gone;
  }
  return {};
}

}  // namespace ballast

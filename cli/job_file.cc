#include "cli/job_file.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "common/job/json_text.h"
#include "common/job/run_json.h"
#include "common/job/sealed_json.h"
#include "common/storage/files.h"

namespace ballast {
namespace {

constexpr std::uint32_t kJobFormat = 1;
constexpr const char* kEndpointFile = "endpoint";

Error altered_job(const std::string& output) {
  return {ErrorCode::corrupt, join_path(output, "job.json") +
                                  ": truncated or altered: it does not describe a run; train "
                                  "again with --overwrite"};
}

}  // namespace

Status write_endpoint(const std::string& output, const std::string& endpoint) {
  return write_file_atomically(join_path(output, kEndpointFile), endpoint + "\n");
}

Result<std::string> read_endpoint(const std::string& output) {
  auto text = read_file(join_path(output, kEndpointFile));
  if (text) text->resize(std::min(text->size(), text->find('\n')));
  return text;
}

Status remove_endpoint(const std::string& output) {
  return remove_file(join_path(output, kEndpointFile));
}

std::string checkpoints_of(const std::string& output) { return join_path(output, "checkpoints"); }

std::string checkpoints_of(const std::string& output, const RunConfig& run) {
  return run.checkpoint.store.value_or(checkpoints_of(output));
}

std::string home_of_server(const std::string& output, std::uint32_t server) {
  return join_path(join_path(output, "servers"), std::to_string(server));
}

Status write_job_file(const std::string& output, const JobFile& job) {
  nlohmann::ordered_json json = {
      {"format", kJobFormat}, {"run", run_to_json(job.run)}, {"transforms", job.transforms_json}};
  seal(json);
  return write_file_atomically(join_path(output, "job.json"), json_text(json, 2) + "\n");
}

Result<JobFile> read_job_file(const std::string& output) try {
  const std::string path = join_path(output, "job.json");
  const auto text = read_file(path);
  if (!text) {
    return Error{text.error().code,
                 text.error().message + "; expected the output directory of " + "`ballast train`"};
  }
  const auto json = parse_shallow_json<nlohmann::ordered_json>(*text);
  if (whole_number<std::uint32_t>(json.at("format")) != kJobFormat) {
    return Error{ErrorCode::unsupported, path + ": written by another version of Ballast (format " +
                                             json_text(json.at("format")) + ", expected " +
                                             std::to_string(kJobFormat) + ")"};
  }
  if (!seal_holds(json)) return altered_job(output);
  auto run = run_from_json(json.at("run").get<std::string>());
  if (!run) return Error{run.error().code, path + ": " + run.error().message};
  return JobFile{std::move(*run), json.at("transforms").get<std::string>()};
} catch (const nlohmann::json::exception&) {
  return altered_job(output);
}

}  // namespace ballast

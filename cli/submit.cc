// ballast submit: give a job to a service, with the data that it needs.

#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "cli/run_options.h"
#include "cli/service_client.h"
#include "cli/verbs.h"
#include "common/base/member_text.h"
#include "common/base/sha256.h"
#include "common/job/json_text.h"
#include "common/job/parse.h"
#include "common/storage/files.h"
#include "coordinator/service/places.h"

namespace ballast {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

struct SubmitOptions {
  std::string spec;
  std::vector<std::string> data;
  std::vector<std::string> overrides;
  std::string seed;
  std::string key;
  int priority = 0;
  std::uint32_t workers = 0;
  std::uint32_t servers = 0;
  bool follow = false;
};

struct LocalUpload {
  std::string local;
  JobFileEntry entry;
};

Status is_below(const std::string& path, const std::string& spec) {
  if (check_job_path(path)) return {};
  return Error{ErrorCode::invalid, "--data " + path + ": expected files below the directory of " +
                                       spec + ", where the spec finds them under the same names"};
}

// The regular files that --data names, as the spec names them.
Result<std::vector<LocalUpload>> files_of(const SubmitOptions& options) {
  const fs::path base = fs::absolute(options.spec).parent_path();
  std::vector<LocalUpload> files;
  const auto add = [&](const fs::path& path) -> Status {
    if (fs::equivalent(path, options.spec)) return {};
    std::string name = fs::absolute(path).lexically_normal().lexically_relative(base).string();
    if (const Status below = is_below(name, options.spec); !below) return below;
    auto digest = sha256_of_file(path.string());
    if (!digest) return digest.error();
    files.push_back({path.string(), {std::move(name), std::move(*digest)}});
    return {};
  };
  for (const std::string& data : options.data) {
    std::error_code error;
    if (!fs::is_directory(data, error)) {
      if (!fs::is_regular_file(data, error)) {
        return Error{ErrorCode::not_found, "--data " + data + ": expected a file or a directory"};
      }
      if (const Status added = add(data); !added) return added.error();
      continue;
    }
    for (fs::recursive_directory_iterator walk(data, error), end; !error && walk != end;
         walk.increment(error)) {
      if (!walk->is_regular_file()) continue;
      if (const Status added = add(walk->path()); !added) return added.error();
    }
    if (error) return Error{ErrorCode::io, data + ": " + error.message()};
  }
  std::sort(files.begin(), files.end(),
            [](const LocalUpload& a, const LocalUpload& b) { return a.entry.path < b.entry.path; });
  const auto twice = std::unique(
      files.begin(), files.end(),
      [](const LocalUpload& a, const LocalUpload& b) { return a.entry.path == b.entry.path; });
  files.erase(twice, files.end());
  return files;
}

Status upload(ServiceClient& client, const LocalUpload& file) {
  const std::string path = "/api/v1/uploads/" + file.entry.sha256;
  const auto there = client.get(path);
  if (there) return {};
  if (there.error().code != ErrorCode::not_found) return there.error();
  const auto bytes = MappedFile::open(file.local);
  if (!bytes) return bytes.error();
  fmt::print(stderr, "uploading {} ({} bytes)\n", file.entry.path, (*bytes)->bytes().size());
  const auto put =
      client.call("PUT", path, (*bytes)->bytes(), {{"Content-Type", "application/octet-stream"}});
  if (!put) return put.error();
  return {};
}

std::string body_of(const SubmitOptions& options, const std::string& spec,
                    const std::vector<LocalUpload>& files) {
  Json json = {{"spec", spec}, {"overrides", options.overrides}, {"files", Json::array()}};
  for (const LocalUpload& file : files) {
    json["files"].push_back({{"path", file.entry.path}, {"sha256", file.entry.sha256}});
  }
  json["priority"] = options.priority;
  json["workers"] = options.workers;
  json["servers"] = options.servers;
  return json_text(json, -1, BadUtf8::replace);
}

int submit(SubmitOptions options) {
  if (!options.seed.empty()) options.overrides.push_back("seed=" + options.seed);
  const auto spec = load_spec(options.spec, options.overrides);
  if (!spec) return user_mistake(spec.error().message);
  const auto text = read_file(options.spec);
  if (!text) return user_mistake(text.error().message);
  auto client = ServiceClient::open();
  if (!client) return user_mistake(client.error().message);
  const auto files = files_of(options);
  if (!files) return user_mistake(files.error().message);
  for (const LocalUpload& file : *files) {
    if (const Status sent = upload(**client, file); !sent) {
      return user_mistake(file.local + ": " + sent.error().message);
    }
  }
  const std::string body = body_of(options, *text, *files);
  std::vector<HttpHeader> headers = {{"Content-Type", "application/json"}};
  if (!options.key.empty()) headers.push_back({"Idempotency-Key", options.key});
  const auto answer = (*client)->call("POST", "/api/v1/jobs",
                                      std::as_bytes(std::span(body.data(), body.size())), headers);
  if (!answer) return user_mistake(answer.error().message);
  const Json job = parse_shallow_json_if<Json>(answer->body);
  const auto id = job.is_object() ? job.value("id", std::uint64_t{0}) : 0;
  if (id == 0) return exit_code({ExitCode::fault, "the service answers nonsense"});
  fmt::print("{}\n", id);
  std::fflush(stdout);
  if (options.follow) return follow_job(**client, id);
  fmt::print(stderr, "see what becomes of it with: ballast status {0}, ballast logs {0} --follow\n",
             id);
  return 0;
}

}  // namespace

void add_submit(CLI::App& app, Chosen& chosen) {
  const auto options = std::make_shared<SubmitOptions>();
  CLI::App* verb = app.add_subcommand("submit", "Give a job to a service");
  verb->add_option("SPEC", options->spec, "The job spec (docs/spec.md)")->required();
  verb->add_option("--data", options->data,
                   "A file or directory below that of SPEC to send along (repeatable); other paths "
                   "in the spec are the service's own")
      ->take_all();
  verb->add_option("--seed", options->seed, "Overrides the spec's seed")->check(whole_number());
  verb->add_option("--set", options->overrides, "Overrides a field (repeatable)")->take_all();
  verb->add_option("--priority", options->priority, "The higher the sooner")
      ->check(CLI::Range(-kPriorityMax, kPriorityMax))
      ->capture_default_str();
  verb->add_option("--workers", options->workers, "At most so many; 0: as many as its share")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str();
  verb->add_option("--servers", options->servers, "At most so many; 0: all")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str();
  verb->add_option("--key", options->key,
                   "Submitted again with the same key, it is the same job: for scripts that retry");
  verb->add_flag("--follow", options->follow,
                 "Show what it says until it has ended, and exit as it did");
  verb->footer(
      "\nPrints the number of the job. A section `search` makes it a search, `cross_validation` a\n"
      "cross-validation; anything else is trained.\n"
      "  export BALLAST_COORDINATOR=https://ballast.example:8080 "
      "BALLAST_TOKEN_FILE=~/.ballast-token\n"
      "  ballast submit examples/digits/mlp.yaml --data examples/digits --follow");
  verb->callback([options, &chosen] { chosen = [options] { return submit(*options); }; });
}

}  // namespace ballast

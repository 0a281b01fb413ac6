#include "coordinator/service/job.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <nlohmann/json.hpp>

#include "common/job/json_text.h"

namespace ballast {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::array<const char*, 3> kKinds = {"train", "cv", "search"};
constexpr std::array<const char*, 7> kStates = {"queued",     "running", "cancelling", "done",
                                                "unfinished", "failed",  "cancelled"};

template <class E, std::size_t N>
std::optional<E> named(const std::array<const char*, N>& names, std::string_view name) {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) return std::nullopt;
  return static_cast<E>(found - names.begin());
}

Json files_to_json(const std::vector<JobFileEntry>& files) {
  Json json = Json::array();
  for (const JobFileEntry& file : files) {
    json.push_back({{"path", file.path}, {"sha256", file.sha256}});
  }
  return json;
}

JobRequest request_from(const Json& json) {
  JobRequest request;
  const auto kind = job_kind_named(json.at("kind").get<std::string>());
  if (!kind) throw Json::other_error::create(501, "kind", nullptr);
  request.kind = *kind;
  json.at("name").get_to(request.name);
  json.at("owner").get_to(request.owner);
  json.at("key").get_to(request.key);
  json.at("spec").get_to(request.spec);
  json.at("overrides").get_to(request.overrides);
  for (const Json& file : json.at("files")) {
    request.files.push_back({file.at("path"), file.at("sha256")});
  }
  json.at("priority").get_to(request.priority);
  json.at("workers").get_to(request.workers);
  json.at("servers").get_to(request.servers);
  return request;
}

}  // namespace

const char* name_of(JobKind kind) { return kKinds.at(static_cast<std::size_t>(kind)); }
const char* name_of(JobState state) { return kStates.at(static_cast<std::size_t>(state)); }
std::optional<JobKind> job_kind_named(std::string_view name) {
  return named<JobKind>(kKinds, name);
}
std::optional<JobState> job_state_named(std::string_view name) {
  return named<JobState>(kStates, name);
}

std::string to_json(const JobRecord& job) {
  const JobRequest& request = job.request;
  return json_text(Json{{"id", index(job.id)},
                        {"state", name_of(job.state)},
                        {"kind", name_of(request.kind)},
                        {"name", request.name},
                        {"owner", request.owner},
                        {"key", request.key},
                        {"priority", request.priority},
                        {"workers", request.workers},
                        {"servers", request.servers},
                        {"life", job.life},
                        {"slot", job.slot},
                        {"reason", job.reason},
                        {"exit_code", job.exit_code},
                        {"submitted_at", job.submitted_at},
                        {"begun_at", job.begun_at},
                        {"ended_at", job.ended_at},
                        {"overrides", request.overrides},
                        {"files", files_to_json(request.files)},
                        {"spec", request.spec}},
                   -1, BadUtf8::replace);
}

Result<JobRecord> job_record_from_json(std::string_view text) try {
  const Json json = parse_json<Json>(std::string(text));
  JobRecord job;
  job.id = JobId{json.at("id").get<std::uint64_t>()};
  job.request = request_from(json);
  const auto state = job_state_named(json.at("state").get<std::string>());
  if (!state) throw Json::other_error::create(501, "state", nullptr);
  job.state = *state;
  json.at("life").get_to(job.life);
  json.at("slot").get_to(job.slot);
  json.at("reason").get_to(job.reason);
  json.at("exit_code").get_to(job.exit_code);
  json.at("submitted_at").get_to(job.submitted_at);
  json.at("begun_at").get_to(job.begun_at);
  json.at("ended_at").get_to(job.ended_at);
  return job;
} catch (const nlohmann::json::exception&) {
  return Error{ErrorCode::corrupt,
               "a job of the queue: truncated or altered: it does not describe a job"};
}

}  // namespace ballast

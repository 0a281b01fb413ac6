#include "coordinator/service/api_json.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <ctime>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "common/base/member_text.h"
#include "common/job/json_text.h"
#include "common/job/parse.h"
#include "common/job/text.h"
#include "coordinator/service/places.h"
#include "coordinator/status.h"

namespace ballast {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kNameBytesMax = 200;
constexpr std::uint32_t kMembersMax = 1024;
constexpr std::array<std::string_view, 8> kFields = {"spec",     "kind",    "overrides", "files",
                                                     "priority", "workers", "servers",   "name"};

Json date(Milliseconds at) { return at == 0 ? Json(nullptr) : Json(date_text(at)); }

std::string text_of(const Json& json) { return json_text(json, -1, BadUtf8::replace); }

Json to_object(const JobRecord& job, JobDetail detail) {
  const JobRequest& request = job.request;
  Json json = {{"id", index(job.id)},
               {"state", name_of(job.state)},
               {"kind", name_of(request.kind)},
               {"name", request.name},
               {"owner", request.owner},
               {"priority", request.priority},
               {"workers", request.workers},
               {"servers", request.servers},
               {"life", job.life},
               {"reason", job.reason},
               {"exit_code", has_ended(job.state) ? Json(job.exit_code) : Json(nullptr)},
               {"submitted_at", date(job.submitted_at)},
               {"begun_at", date(job.begun_at)},
               {"ended_at", date(job.ended_at)}};
  if (detail == JobDetail::row) return json;
  json["overrides"] = request.overrides;
  json["files"] = Json::array();
  for (const JobFileEntry& file : request.files) {
    json["files"].push_back({{"path", file.path}, {"sha256", file.sha256}});
  }
  json["spec"] = request.spec;
  return json;
}

Json counts_of(const ServiceView& view) {
  std::map<JobState, std::uint64_t> counts;
  for (const auto& [id, job] : view.jobs) ++counts[job->state];
  Json json = Json::object();
  for (const JobState state : kJobStates) json[name_of(state)] = counts[state];
  return json;
}

// ---- submissions --------------------------------------------------------------------------------

Error mistake(std::string what) { return {ErrorCode::invalid, std::move(what)}; }

Status check_fields(const Json& json) {
  if (!json.is_object()) return mistake("expected an object with the field `spec`");
  for (const auto& [name, value] : json.items()) {
    if (std::find(kFields.begin(), kFields.end(), name) != kFields.end()) continue;
    const std::string_view near = nearest(name, kFields);
    return mistake(fmt::format("{}: unknown field{}; expected one of {}", name,
                               near.empty() ? "" : fmt::format(", did you mean {}?", near),
                               fmt::join(kFields, ", ")));
  }
  return {};
}

template <class T>
Status take_number(const Json& json, const char* name, T lowest, T highest, T& out) {
  if (!json.contains(name)) return {};
  const Json& value = json.at(name);
  const bool fits = value.is_number_integer() && value >= lowest && value <= highest;
  if (!fits) {
    return mistake(fmt::format("{}: expected a whole number from {} to {}, saw {}", name, lowest,
                               highest, text_of(value).substr(0, 40)));
  }
  out = value.get<T>();
  return {};
}

Status take_files(const Json& json, std::vector<JobFileEntry>& out) {
  if (!json.contains("files")) return {};
  std::set<std::string> paths;
  for (const Json& file : json.at("files")) {
    JobFileEntry entry{file.at("path"), file.at("sha256")};
    if (const Status inside = check_job_path(entry.path); !inside) return inside;
    const bool is_digest = entry.sha256.size() == 64 &&
                           entry.sha256.find_first_not_of("0123456789abcdef") == std::string::npos;
    if (!is_digest) {
      return mistake("files: sha256 of \"" + entry.path +
                     "\": expected 64 hexadecimal digits in lower case");
    }
    if (!paths.insert(entry.path).second) {
      return mistake("files: \"" + entry.path + "\" is there twice");
    }
    out.push_back(std::move(entry));
  }
  return {};
}

Result<JobKind> kind_of(const Json& json, const Spec& spec) {
  if (!json.contains("kind")) {
    return spec.search ? JobKind::search : spec.cross_validation ? JobKind::cv : JobKind::train;
  }
  const std::string name = json.at("kind").get<std::string>();
  const auto kind = job_kind_named(name);
  if (!kind) return mistake("kind: expected train, cv or search, saw \"" + name + "\"");
  if (*kind == JobKind::search && !spec.search) {
    return mistake(
        "spec: expected a section `search`, saw none; list the parameters to try there, "
        "or submit it as a cv");
  }
  if (*kind == JobKind::cv && spec.search) {
    return mistake("spec: has a section `search`; submit it as a search, or leave it out");
  }
  return *kind;
}

}  // namespace

std::string date_text(Milliseconds at) {
  if (at == 0) return "";
  const std::time_t seconds = at / 1000;
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", utc, at % 1000);
}

std::string job_json(const JobRecord& job, JobDetail detail) {
  return text_of(to_object(job, detail));
}

std::string jobs_json(const ServiceView& view, const JobQuery& query) {
  Json jobs = Json::array();
  Json next = nullptr;
  for (auto entry = view.jobs.rbegin(); entry != view.jobs.rend(); ++entry) {
    const JobRecord& job = *entry->second;
    if (query.after != 0 && index(job.id) >= query.after) continue;
    if (!query.state.empty() && query.state != name_of(job.state)) continue;
    if (!query.owner.empty() && query.owner != job.request.owner) continue;
    if (jobs.size() == query.limit) {
      next = jobs.back().at("id");
      break;
    }
    jobs.push_back(to_object(job, JobDetail::row));
  }
  return text_of({{"jobs", std::move(jobs)}, {"next", std::move(next)}});
}

std::string members_json(const ServiceView& view) {
  Json members = Json::array();
  for (const AgentView& agent : view.agents) {
    Json serves = Json::array();
    for (const wire::ServedJob& served : agent.serves) serves.push_back(index(served.job));
    Json posted = Json::array();
    for (const JobId job : agent.posted) posted.push_back(index(job));
    members.push_back({{"id", to_string(agent.id)},
                       {"role", agent.role == wire::Role::server ? "server" : "worker"},
                       {"host", agent.host},
                       {"threads", agent.threads},
                       {"serves", std::move(serves)},
                       {"posted", std::move(posted)},
                       {"leaving", agent.leaving}});
  }
  return text_of({{"members", std::move(members)}});
}

std::string service_json(const ServiceView& view, const std::string& version,
                         const http::Caller& caller) {
  const auto servers = static_cast<std::uint64_t>(
      std::count_if(view.agents.begin(), view.agents.end(),
                    [](const AgentView& agent) { return agent.role == wire::Role::server; }));
  return text_of({{"version", version},
                  {"jobs", counts_of(view)},
                  {"servers", servers},
                  {"workers", view.agents.size() - servers},
                  {"caller", {{"name", caller.name}, {"role", http::name_of(caller.access)}}}});
}

std::string counts_json(const ServiceView& view) { return text_of(counts_of(view)); }

std::string progress_json(JobId job, const JobReport& report) {
  const auto status = job_status_from_json(report.json);
  if (!status) return "null";
  const bool is_training = status->job.empty() && status->runs.size() == 1;
  Json json = {{"id", index(job)}};
  if (is_training) {
    const RunStatus& run = status->runs.front();
    json["phase"] = run.phase;
    json["step"] = run.step;
    json["steps"] = run.steps;
    json["waiting_for"] = run.waiting;
    json["waiting_seconds"] = run.waiting_seconds;
  } else {
    json["ended"] = status->ended;
    json["failed"] = status->failed;
    json["under_way"] = status->runs.size();
    json["left"] = status->left;
    json["seconds"] = status->seconds;
  }
  return text_of(json);
}

std::string report_json(const JobReport& report) {
  const std::chrono::duration<double> age = std::chrono::steady_clock::now() - report.heard;
  Json json = {{"age_seconds", age.count()}};
  json["report"] = parse_shallow_json_if<Json>(report.json);
  return text_of(json);
}

Result<JobRequest> job_request_from_json(std::string_view text) try {
  const Json json = parse_shallow_json<Json>(text);
  if (const Status known = check_fields(json); !known) return known.error();
  JobRequest request;
  if (!json.contains("spec") || !json.at("spec").is_string()) {
    return mistake("spec: expected the text of a job spec (YAML)");
  }
  json.at("spec").get_to(request.spec);
  if (json.contains("overrides")) json.at("overrides").get_to(request.overrides);
  for (const Status& taken :
       {take_number<int>(json, "priority", -kPriorityMax, kPriorityMax, request.priority),
        take_number<std::uint32_t>(json, "workers", 0, kMembersMax, request.workers),
        take_number<std::uint32_t>(json, "servers", 0, kMembersMax, request.servers),
        take_files(json, request.files)}) {
    if (!taken) return taken.error();
  }
  const auto spec = parse_spec(request.spec, "spec.yaml", request.overrides);
  if (!spec) return spec.error();
  const auto kind = kind_of(json, *spec);
  if (!kind) return kind.error();
  request.kind = *kind;
  request.name = json.contains("name") ? json.at("name").get<std::string>() : spec->name;
  if (request.name.size() > kNameBytesMax) {
    return mistake(fmt::format("name: has {} bytes, more than the {} allowed", request.name.size(),
                               kNameBytesMax));
  }
  return request;
} catch (const nlohmann::json::exception& error) {
  return mistake(std::string("the body is not as expected (docs/api.md): ") + error.what());
}

}  // namespace ballast

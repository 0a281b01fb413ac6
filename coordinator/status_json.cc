#include <nlohmann/json.hpp>

#include "common/base/member_text.h"
#include "common/job/json_text.h"
#include "coordinator/status.h"

namespace ballast {
namespace {

using Json = nlohmann::ordered_json;

const char* name_of(wire::Role role) { return role == wire::Role::server ? "server" : "worker"; }

Json to_object(const MemberStatus& member) {
  Json json;
  json["role"] = name_of(member.role);
  json["id"] = to_string(member.id);
  json["host"] = member.host;
  json["state"] = member.state;
  json["heard_seconds"] = member.heard_seconds;
  if (member.role == wire::Role::server) {
    json["endpoint"] = member.endpoint;
    json["owns"] = member.owns;
    json["replicates"] = member.replicates;
    json["lacks"] = member.lacks;
    json["version"] = member.version ? Json(*member.version) : Json(nullptr);
    json["prepared"] = member.prepared;
  } else {
    json["leaves"] = {member.leaves.begin, member.leaves.end};
  }
  json["waiting_for"] = member.waiting;
  json["waiting_seconds"] = member.waiting_seconds;
  return json;
}

MemberStatus to_member(const Json& json) {
  MemberStatus member;
  member.role = json.at("role") == "server" ? wire::Role::server : wire::Role::worker;
  member.id = MemberId{std::stoull(json.at("id").get<std::string>(), nullptr, 16)};
  json.at("host").get_to(member.host);
  json.at("state").get_to(member.state);
  json.at("heard_seconds").get_to(member.heard_seconds);
  if (member.role == wire::Role::server) {
    json.at("endpoint").get_to(member.endpoint);
    json.at("owns").get_to(member.owns);
    json.at("replicates").get_to(member.replicates);
    json.at("lacks").get_to(member.lacks);
    if (!json.at("version").is_null()) member.version = json.at("version").get<Step>();
    json.at("prepared").get_to(member.prepared);
  } else {
    json.at("leaves").at(0).get_to(member.leaves.begin);
    json.at("leaves").at(1).get_to(member.leaves.end);
  }
  json.at("waiting_for").get_to(member.waiting);
  json.at("waiting_seconds").get_to(member.waiting_seconds);
  return member;
}

Json to_object(const RunStatus& status) {
  Json json;
  json["run"] = status.run;
  json["ballast_version"] = status.ballast_version;
  json["phase"] = status.phase;
  json["step"] = status.step;
  json["steps"] = status.steps;
  json["batch"] = status.batch;
  json["epoch"] = status.epoch;
  json["epochs"] = status.epochs;
  json["loss"] = status.loss ? Json(*status.loss) : Json(nullptr);
  json["timeline"] = status.timeline;
  json["term"] = status.term;
  json["plan"] = status.plan;
  json["waiting_for"] = status.waiting;
  json["waiting_seconds"] = status.waiting_seconds;
  json["checkpoint"] = status.checkpoint ? Json(*status.checkpoint) : Json(nullptr);
  json["open_checkpoints"] = Json::array();
  for (const OpenCheckpoint& open : status.open_checkpoints) {
    json["open_checkpoints"].push_back(
        {{"step", open.step}, {"written", open.written}, {"partitions", open.partitions}});
  }
  json["members"] = Json::array();
  for (const MemberStatus& member : status.members) json["members"].push_back(to_object(member));
  return json;
}

// What members say of themselves need not be UTF-8.
std::string dump(const Json& json) { return json_text(json, 2, BadUtf8::replace); }

RunStatus to_run(const Json& json) {
  RunStatus status;
  json.at("run").get_to(status.run);
  json.at("ballast_version").get_to(status.ballast_version);
  json.at("phase").get_to(status.phase);
  json.at("step").get_to(status.step);
  json.at("steps").get_to(status.steps);
  json.at("batch").get_to(status.batch);
  json.at("epoch").get_to(status.epoch);
  json.at("epochs").get_to(status.epochs);
  if (!json.at("loss").is_null()) status.loss = json.at("loss").get<double>();
  json.at("timeline").get_to(status.timeline);
  json.at("term").get_to(status.term);
  json.at("plan").get_to(status.plan);
  json.at("waiting_for").get_to(status.waiting);
  json.at("waiting_seconds").get_to(status.waiting_seconds);
  if (!json.at("checkpoint").is_null()) status.checkpoint = json.at("checkpoint").get<Step>();
  for (const Json& open : json.at("open_checkpoints")) {
    status.open_checkpoints.push_back({open.at("step").get<Step>(),
                                       open.at("written").get<std::uint32_t>(),
                                       open.at("partitions").get<std::uint32_t>()});
  }
  for (const Json& member : json.at("members")) status.members.push_back(to_member(member));
  return status;
}

}  // namespace

std::string to_json(const RunStatus& status) { return dump(to_object(status)); }

std::string to_json(const JobStatus& status) {
  Json json = {{"job", status.job},         {"ended", status.ended},
               {"failed", status.failed},   {"left", status.left},
               {"seconds", status.seconds}, {"servers", status.servers},
               {"workers", status.workers}, {"runs", Json::array()}};
  if (status.seconds_left) json["seconds_left"] = *status.seconds_left;
  for (const RunStatus& run : status.runs) json["runs"].push_back(to_object(run));
  return dump(json);
}

Result<RunStatus> status_from_json(const std::string& text) try {
  return to_run(parse_json<Json>(text));
} catch (const std::exception& wrong) {  // nlohmann's, or a number that is none.
  return Error{ErrorCode::corrupt,
               std::string("expected the status of a run, as a coordinator of this version writes "
                           "it: ") +
                   wrong.what()};
}

Result<JobStatus> job_status_from_json(const std::string& text) try {
  const Json json = parse_json<Json>(text);
  JobStatus status;
  if (!json.contains("runs")) {
    status.runs.push_back(to_run(json));
    return status;
  }
  json.at("job").get_to(status.job);
  json.at("ended").get_to(status.ended);
  json.at("failed").get_to(status.failed);
  json.at("left").get_to(status.left);
  json.at("seconds").get_to(status.seconds);
  json.at("servers").get_to(status.servers);
  json.at("workers").get_to(status.workers);
  if (json.contains("seconds_left")) status.seconds_left = json.at("seconds_left").get<double>();
  for (const Json& run : json.at("runs")) status.runs.push_back(to_run(run));
  return status;
} catch (const nlohmann::json::exception& exception) {
  return Error{ErrorCode::corrupt,
               std::string("the coordinator's answer is no status: ") + exception.what()};
}

}  // namespace ballast

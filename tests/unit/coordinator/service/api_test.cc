#include "coordinator/service/api.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "common/job/json_text.h"
#include "common/storage/files.h"
#include "coordinator/service/api_files.h"
#include "coordinator/service/api_json.h"
#include "coordinator/service/api_runs.h"
#include "coordinator/service/openapi.h"
#include "coordinator/status.h"
#include "tests/unit/storage/support.h"

namespace ballast::api_test {
namespace {

using Json = nlohmann::ordered_json;

// "GET /api/v1/jobs/{id}" of every route there is.
std::set<std::string> routes_of_code() {
  ServiceBoard board([](std::uint32_t) { return std::unique_ptr<JobProbe>(); });
  Answers answers;
  ServiceApi api({.version = "v"}, JobPlaces("state"), board, answers,
                 [](const ServiceOutcome&) {});
  std::set<std::string> routes;
  for (const http::Route& route : api.routes()) {
    std::string pattern = route.pattern;
    if (const std::size_t rest = pattern.find("...}"); rest != std::string::npos) {
      pattern.erase(rest, 3);
    }
    routes.insert(std::string(http::name_of(route.method)) + " " + pattern);
  }
  return routes;
}

TEST(Api, TheDocumentHasEveryRouteAndNoOther) {
  const Json document = parse_json<Json>(kOpenApi);
  std::set<std::string> routes;
  for (const auto& [path, methods] : document.at("paths").items()) {
    for (const auto& [method, operation] : methods.items()) {
      std::string name = method;
      for (char& letter : name) letter = static_cast<char>(std::toupper(letter));
      routes.insert(name.append(" ").append(path));
    }
  }
  EXPECT_EQ(routes, routes_of_code());
}

// Where a schema is meant to be one of the document's, it is there.
void expect_references(const Json& json, const Json& schemas) {
  if (json.is_object() && json.contains("$ref")) {
    const auto name = json.at("$ref").get<std::string>();
    constexpr std::string_view kBefore = "#/components/schemas/";
    ASSERT_TRUE(name.starts_with(kBefore)) << name;
    EXPECT_TRUE(schemas.contains(name.substr(kBefore.size()))) << name;
  }
  if (!json.is_structured()) return;
  for (const Json& part : json) expect_references(part, schemas);
}

TEST(Api, TheDocumentsReferencesLeadSomewhere) {
  const Json document = parse_json<Json>(kOpenApi);
  expect_references(document, document.at("components").at("schemas"));
}

// What a job is shown as has the fields of the document, and no other.
TEST(Api, AJobIsShownAsTheDocumentSays) {
  const Json document = parse_json<Json>(kOpenApi);
  const Json& schemas = document.at("components").at("schemas");
  const auto names = [](const Json& json) {
    std::set<std::string> found;
    for (const auto& [name, value] : json.items()) found.insert(name);
    return found;
  };
  EXPECT_EQ(names(parse_json<Json>(job_json(JobRecord{}, JobDetail::whole))),
            names(schemas.at("Job").at("properties")));
  ServiceView view;
  view.agents.push_back({});
  const Json members = parse_json<Json>(members_json(view));
  EXPECT_EQ(names(members.at("members").at(0)), names(schemas.at("Member").at("properties")));
  EXPECT_EQ(names(parse_json<Json>(service_json(view, "v", {}))),
            names(schemas.at("Service").at("properties")));
  EXPECT_EQ(names(parse_json<Json>(*runs_json(JobRequest{}, ""))),
            names(schemas.at("Runs").at("properties")));
}

constexpr const char* kSpec =
    "data: {train: x.csv, format: csv, label: y}\nmodel: softmax\ntraining: {epochs: 1}\n";

TEST(Api, ASubmissionIsReadOrRefusedWithASentence) {
  struct Case {
    const char* body;
    const char* said;  // Empty: taken.
  };
  const std::string spec = Json(kSpec).dump();
  const std::string digest(64, 'a');
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"{\"spec\": " + spec + "}", ""},
      {"{\"spec\": " + spec + ", \"priority\": -100, \"workers\": 3, \"name\": \"n\"}", ""},
      {"{\"spec\": " + spec + ", \"files\": [{\"path\": \"d/x.csv\", \"sha256\": \"" + digest +
           "\"}]}",
       ""},
      {"", "not as expected"},
      {"[1]", "expected an object"},
      {"{}", "spec: expected the text"},
      {"{\"spec\": 3}", "spec: expected the text"},
      {"{\"spec\": " + spec + ", \"prio\": 3}", "prio: unknown field"},
      {"{\"spec\": " + spec + ", \"prioriti\": 3}", "did you mean priority?"},
      {"{\"spec\": " + spec + ", \"priority\": 101}", "from -100 to 100, saw 101"},
      {"{\"spec\": " + spec + ", \"workers\": -1}", "workers: expected"},
      {"{\"spec\": " + spec + ", \"kind\": \"dance\"}", "train, cv or search"},
      {"{\"spec\": " + spec + ", \"kind\": \"search\"}", "section `search`"},
      {"{\"spec\": " + spec + ", \"overrides\": [\"training.epochs=x\"]}", "training.epochs"},
      {"{\"spec\": " + spec + ", \"overrides\": 3}", "not as expected"},
      {"{\"spec\": " + spec + ", \"files\": [{\"path\": \"../x\", \"sha256\": \"" + digest +
           "\"}]}",
       "below the directory"},
      {"{\"spec\": " + spec + ", \"files\": [{\"path\": \"spec.yaml\", \"sha256\": \"" + digest +
           "\"}]}",
       "below the directory"},
      {"{\"spec\": " + spec + ", \"files\": [{\"path\": \"x\", \"sha256\": \"1\"}]}",
       "64 hexadecimal"},
      {"{\"spec\": " + spec + ", \"files\": [{\"path\": \"x\"}]}", "not as expected"},
  };
  for (const auto& [body, said] : cases) {
    const auto request = job_request_from_json(body);
    EXPECT_EQ(request.has_value(), said.empty()) << body;
    if (!request) {
      EXPECT_NE(request.error().message.find(said), std::string::npos) << body << "\n"
                                                                       << request.error().message;
    }
  }
}

TEST(Api, PartsOfTheListFollowEachOther) {
  ServiceView view;
  for (std::uint64_t i = 1; i <= 5; ++i) {
    JobRecord job;
    job.id = JobId{i};
    job.state = i % 2 == 0 ? JobState::done : JobState::queued;
    view.jobs[job.id] = std::make_shared<const JobRecord>(job);
  }
  const auto ids = [&](const JobQuery& query) {
    const Json json = parse_json<Json>(jobs_json(view, query));
    std::string text;
    for (const Json& job : json.at("jobs")) text += std::to_string(job.at("id").get<int>());
    return text + (json.at("next").is_null() ? "" : " " + json.at("next").dump());
  };
  EXPECT_EQ(ids({}), "54321");
  EXPECT_EQ(ids({.limit = 2}), "54 4");
  EXPECT_EQ(ids({.after = 4, .limit = 2}), "32 2");
  EXPECT_EQ(ids({.after = 2, .limit = 2}), "1");
  EXPECT_EQ(ids({.state = "done", .limit = 2}), "42");
  EXPECT_EQ(ids({.state = "failed"}), "");
}

TEST(Api, WhatAJobKeepsToGoOnWithIsNoResult) {
  for (const char* path :
       {"model.json", "runs/c001-r0-f1/metrics.json", "refit/model.safetensors"}) {
    EXPECT_TRUE(is_result_file(path)) << path;
  }
  for (const char* path : {"lock", "endpoint", "checkpoints/a.sst", "servers/0/rocksdb/LOG",
                           "refit/checkpoints/a", "/etc/passwd", ".mark", ".hidden/a", "", "a/"}) {
    EXPECT_FALSE(is_result_file(path)) << path;
  }
}

void put(const std::string& path, std::string_view text) {
  const Status written = write_file_atomically(path, text);
  ASSERT_TRUE(written) << written.error().message;
}

TEST(Api, ATailIsWholeLines) {
  const TemporaryDirectory scratch;
  const std::string path = scratch.path("log");
  struct Case {
    const char* text;
    std::size_t bytes;
    const char* tail;
    std::uint64_t next;
  };
  const Case cases[] = {
      {"", 4, "", 0},
      {"ab\ncd\n", 100, "ab\ncd\n", 6},
      {"ab\ncd\n", 6, "ab\ncd\n", 6},
      {"ab\ncd\n", 5, "cd\n", 6},
      {"ab\ncd\nef", 6, "cd\n", 6},  // What is being written comes when it is whole.
      {"abcdef\n", 3, "", 7},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.text);
    put(scratch.path("log"), c.text);
    const TextPart part = read_tail(path, c.bytes);
    EXPECT_EQ(part.text, c.tail);
    EXPECT_EQ(part.next, c.next);
  }
  EXPECT_EQ(read_tail(scratch.path("nothing"), 4).text, "");
}

constexpr const char* kSearch =
    "data: {train: x.csv, format: csv, label: y}\nmodel: softmax\ntraining: {epochs: 1}\n"
    "cross_validation: {folds: 2}\n"
    "search: {method: grid, metric: loss, parameters: {training.batch: [32, 64]}}\n";

TEST(Api, RunsSayWhatTheyScored) {
  const TemporaryDirectory scratch;
  for (const char* run : {"c000-r0-f0", "c001-r0-f0", "r0-f0-outer", "c001-r0-f1"}) {
    std::filesystem::create_directories(scratch.path(std::string("runs/") + run));
  }
  put(scratch.path("runs/c000-r0-f0/result.json"),
      R"({"state": "done", "step": 9, "scores": {"accuracy": 1, "loss": 0.5}})");
  put(scratch.path("runs/c001-r0-f0/result.json"),
      R"({"state": "failed", "reason": "no", "step": 3})");
  put(scratch.path("runs/c001-r0-f1/result.json"), "{\"state\": ");
  JobRequest request;
  request.kind = JobKind::search;
  request.spec = kSearch;
  const auto text = runs_json(request, scratch.path());
  ASSERT_TRUE(text) << text.error().message;
  const Json json = parse_json<Json>(*text);
  EXPECT_EQ(json.at("metric"), "loss");
  EXPECT_EQ(json.at("larger_is_better"), false);
  EXPECT_EQ(json.at("parameters").dump(), R"(["training.batch"])");
  EXPECT_EQ(json.at("configurations").dump(),
            R"([{"id":0,"values":["32"]},{"id":1,"values":["64"]}])");
  std::string runs;
  for (const Json& run : json.at("runs")) {
    runs += run.at("run").get<std::string>() + " " + run.at("configuration").dump() + " " +
            run.at("state").get<std::string>() + " " + run.at("score").dump() + "\n";
  }
  EXPECT_EQ(runs,
            "c000-r0-f0 0 done 0.5\n"
            "c001-r0-f0 1 failed null\n"
            "c001-r0-f1 1 under_way null\n"
            "r0-f0-outer null under_way null\n");
}

TEST(Api, ATrainingHasNoRuns) {
  const auto text = runs_json(JobRequest{}, "nowhere");
  ASSERT_TRUE(text);
  EXPECT_EQ(parse_json<Json>(*text).at("runs").size(), 0U);
}

TEST(Api, ProgressIsOfStepsOrOfRuns) {
  RunStatus run;
  run.step = 3;
  run.steps = 9;
  run.waiting = "a worker to join";
  const Json training = parse_json<Json>(progress_json(JobId{7}, {to_json(run), {}}));
  EXPECT_EQ(training.at("id"), 7);
  EXPECT_EQ(training.at("step"), 3);
  EXPECT_EQ(training.at("steps"), 9);
  EXPECT_EQ(training.at("waiting_for"), "a worker to join");
  JobStatus job;
  job.job = "search";
  job.ended = 4;
  job.left = 6;
  job.runs = {run};
  const Json search = parse_json<Json>(progress_json(JobId{8}, {to_json(job), {}}));
  EXPECT_EQ(search.at("ended"), 4);
  EXPECT_EQ(search.at("under_way"), 1);
  EXPECT_EQ(search.at("left"), 6);
  EXPECT_FALSE(search.contains("step"));
  EXPECT_EQ(progress_json(JobId{9}, {"[", {}}), "null");
}

TEST(Api, DatesAreUtc) {
  EXPECT_EQ(date_text(1764409800125), "2025-11-29T09:50:00.125Z");
  EXPECT_EQ(date_text(0), "");
}

}  // namespace
}  // namespace ballast::api_test

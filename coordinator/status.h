#pragma once

// What a coordinator answers whoever asks what the run does (wire::AskStatus): for people and their
// scripts, never deciding anything. The answer travels as JSON, and `ballast status --json` shows
// it as it came.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/ids.h"
#include "common/base/result.h"
#include "common/wire/messages.h"

namespace ballast {

struct MemberStatus {
  MemberId id{};
  wire::Role role = wire::Role::worker;
  std::string host;      // Where it runs, and its process id.
  std::string endpoint;  // Servers: where workers reach it.
  std::string state;     // "joining", "member", "leaving", "resting" (too slow to be given leaves)
  double heard_seconds = 0.0;  // Since it was heard last.
  LeafRange leaves;            // Workers: what the plan gives it.
  std::uint32_t owns = 0;      // Servers: partitions, ...
  std::uint32_t replicates = 0;
  std::uint32_t lacks = 0;      // ... and how many of these it does not have yet.
  std::optional<Step> version;  // Servers: which it has, or has all that it takes to make it.
  bool prepared = false;        // Servers: whether it has the gradient of the next step.
  std::string waiting;          // What it says that it waits for; empty: nothing for long.
  std::uint64_t waiting_seconds = 0;
};

struct OpenCheckpoint {
  Step step = 0;
  std::uint32_t written = 0;  // Partitions.
  std::uint32_t partitions = 0;
};

struct RunStatus {
  std::string run;
  std::string ballast_version;
  std::string phase;  // "claiming", "gathering", "restoring", "training", "evaluating", ...
  Step step = 0;      // Committed.
  Step steps = 0;
  std::uint64_t batch = 0;  // Examples of a step.
  std::uint64_t epoch = 0;  // From 1.
  std::uint64_t epochs = 0;
  std::optional<double> loss;  // Mean over the epoch so far.
  Timeline timeline = 0;
  Term term = 0;
  PlanNumber plan = 0;
  std::vector<MemberStatus> members;
  std::optional<Step> checkpoint;  // The latest complete one.
  std::vector<OpenCheckpoint> open_checkpoints;
  std::string waiting;  // For what, and on whom; empty: for nothing.
  double waiting_seconds = 0.0;
};

// Of a job of many runs.
struct JobStatus {
  std::string job;
  std::uint64_t ended = 0;   // Runs, since this coordinator began.
  std::uint64_t failed = 0;  // Of these.
  std::uint64_t left = 0;    // That have not ended; some of a search may never be begun.
  double seconds = 0.0;      // Since this coordinator began.
  std::uint32_t servers = 0;
  std::uint32_t workers = 0;
  std::optional<double> seconds_left;  // Of its budget of time, if it has one.
  std::vector<RunStatus> runs;         // Under way.
};

[[nodiscard]] std::string to_json(const RunStatus& status);
[[nodiscard]] std::string to_json(const JobStatus& status);
// A training run is a job with one run, and answers with that alone; its `job` is empty.
[[nodiscard]] Result<JobStatus> job_status_from_json(const std::string& text);
[[nodiscard]] Result<RunStatus> status_from_json(const std::string& text);

}  // namespace ballast

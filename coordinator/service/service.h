#pragma once

// The service: a durable queue of jobs, and which members serve those that are under way. README.md
// beside this file has the states, messages and numbered invariants.
//
// Pure: see common/runtime/machine.h. What people ask for comes in as outcomes, each with a ticket
// under which it is answered.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "common/runtime/machine.h"
#include "coordinator/service/job.h"
#include "coordinator/service/postings.h"

namespace ballast {

using Ticket = std::uint64_t;
using SharedJob = std::shared_ptr<const JobRecord>;

// ---- jobs ---------------------------------------------------------------------------------------

// Make these records durable, in place of what was there, and forget those.
struct KeepJobs {
  std::uint64_t batch = 0;
  std::vector<SharedJob> changed;
  std::vector<JobId> removed;
};
// Start the process of a job, which goes on with what the job has kept.
struct StartJob {
  SharedJob job;
  std::uint32_t servers = 1;  // To wait for at the start; of workers one is enough.
};
enum class EndBy { asking, killing };
struct EndJob {
  JobId job{};
  EndBy by = EndBy::asking;
};
// Whatever it has on disk.
struct RemoveJobFiles {
  JobId job{};
};
struct Answer {
  Ticket ticket = 0;
  SharedJob job;      // What became of it; null: there is none, or it was removed.
  std::string error;  // Empty: done.
  ErrorCode code = ErrorCode::invalid;
};
using ServiceJob = std::variant<KeepJobs, StartJob, EndJob, RemoveJobFiles, Answer>;

struct JobsKept {
  std::uint64_t batch = 0;
  std::string error;  // Empty: durably.
};
struct JobProcessEnded {
  JobId job{};
  int code = 0;      // Its exit code; of one that was killed 128 and the signal.
  std::string said;  // Its last words.
};
struct SubmitJob {
  Ticket ticket = 0;
  JobRequest request;
};
struct CancelJob {
  Ticket ticket = 0;
  JobId job{};
};
struct ResumeJob {
  Ticket ticket = 0;
  JobId job{};
};
struct RemoveJob {
  Ticket ticket = 0;
  JobId job{};
};
struct Ordered {};  // A job of ours that has no more to say.
using ServiceOutcome =
    std::variant<JobsKept, JobProcessEnded, SubmitJob, CancelJob, ResumeJob, RemoveJob, Ordered>;

// ---- machine ------------------------------------------------------------------------------------

struct ServiceOptions {
  std::string version;
  std::uint32_t jobs_at_once = 4;
  std::uint32_t jobs_per_owner = 0;                       // Under way; 0: no quota
  std::uint32_t failures_max = 8;                         // Of a process, in a row.
  std::size_t jobs_max = 100000;                          // In the queue and ended.
  std::vector<std::string> endpoints;                     // Of job coordinators, by slot.
  Milliseconds wall_at_zero = 0;                          // The date when `now` was zero.
  Duration silence = std::chrono::seconds(10);            // An agent unheard for so long is gone.
  Duration first_pause = std::chrono::milliseconds(200);  // Before a process is started again, ...
  Duration longest_pause = std::chrono::seconds(10);      // ... doubled each time.
  Duration sound = std::chrono::seconds(60);              // A process that lived so long got on.
  Duration grace = std::chrono::seconds(60);  // For a job to keep a checkpoint when asked to end.
  Duration retry = std::chrono::seconds(1);   // Of what the disk refused.
  Duration loud = std::chrono::seconds(10);
};

// Since the service began.
struct ServiceCounters {
  std::map<JobState, std::uint64_t> ended;  // By the state in which they did.
  std::uint64_t given_up = 0;               // Failed after too many faults of their process.
};

struct AgentView {
  MemberId id{};
  wire::Role role = wire::Role::worker;
  std::string host;
  std::uint32_t threads = 1;
  std::vector<wire::ServedJob> serves;
  std::vector<JobId> posted;
  bool leaving = false;
};

class Service {
 public:
  using Job = ServiceJob;
  using Outcome = ServiceOutcome;

  // `term` is above all earlier ones; `jobs` are what was kept. REQUIRES: an endpoint for each job
  // at once.
  Service(ServiceOptions options, Term term, std::vector<JobRecord> jobs);

  void step(Time now, Input<Outcome> input, Effects<Job>& effects);

  [[nodiscard]] const std::map<JobId, SharedJob>& jobs() const { return jobs_; }
  [[nodiscard]] std::vector<AgentView> agents() const;
  // Ends of processes by a fault, in a row; of jobs under way that had any.
  [[nodiscard]] std::map<JobId, std::uint32_t> failures() const;
  [[nodiscard]] const ServiceCounters& counters() const { return counters_; }
  // Changes whenever one of these does.
  [[nodiscard]] std::uint64_t revision() const { return revision_; }

 private:
  struct Agent {
    wire::Offer offer;
    std::vector<JobId> posted;
    Time heard{};
  };
  struct Process {
    bool runs = false;
    Time started{};
    std::uint32_t failures = 0;  // In a row.
    std::optional<Time> start_at;
    std::optional<Time> kill_at;  // It was asked to end.
  };

  void on_message(wire::Message& message, Effects<Job>& effects);
  void on_offer(MemberId from, wire::Offer& offer, Effects<Job>& effects);
  void on_outcome(Outcome& outcome, Effects<Job>& effects);
  void on_kept(const JobsKept& kept, Effects<Job>& effects);
  void on_ended(const JobProcessEnded& ended, Effects<Job>& effects);
  void on_submit(SubmitJob& submit, Effects<Job>& effects);
  void on_cancel(const CancelJob& cancel, Effects<Job>& effects);
  void on_resume(const ResumeJob& resume, Effects<Job>& effects);
  void on_remove(const RemoveJob& remove, Effects<Job>& effects);
  void on_stop(Effects<Job>& effects);
  void on_tick(Effects<Job>& effects);

  // Keeps the record; `then` follows once it is durable.
  void keep(JobRecord job, std::vector<ServiceJob> then, Effects<Job>& effects);
  void keep(KeepJobs batch, std::vector<ServiceJob> then, Effects<Job>& effects);
  void end(const JobRecord& job, JobState state, const JobProcessEnded& ended,
           Effects<Job>& effects);
  void start_again(const JobRecord& job, const JobProcessEnded& ended, Effects<Job>& effects);
  void ask_to_end(JobId job, Effects<Job>& effects);
  void begin_jobs(Effects<Job>& effects);
  void start_processes(Effects<Job>& effects);
  [[nodiscard]] StartJob start_of(SharedJob job) const;
  void post(Effects<Job>& effects);
  void say_postings(MemberId to, const Agent& agent, Effects<Job>& effects) const;
  [[nodiscard]] std::vector<SharedJob> under_way() const;  // The most important first.
  [[nodiscard]] std::uint32_t free_slot() const;
  [[nodiscard]] std::size_t count(wire::Role role) const;
  void refuse(Ticket ticket, ErrorCode code, std::string why, Effects<Job>& effects) const;
  [[nodiscard]] Time next_wake() const;
  [[nodiscard]] Milliseconds wall_time() const;

  const ServiceOptions options_;
  const Term term_;
  Time now_{};
  std::map<JobId, SharedJob> jobs_;
  std::set<std::pair<int, JobId>> queue_;                      // {-priority, id}
  std::map<std::pair<std::string, std::string>, JobId> keys_;  // By owner and key.
  std::uint64_t next_id_ = 1;
  std::map<JobId, Process> processes_;  // Of jobs under way.
  std::map<MemberId, Agent> agents_;
  std::set<std::tuple<MemberId, JobId, std::uint64_t>> barred_;  // In which life of the job.
  std::uint64_t number_ = 0;
  std::uint64_t batch_ = 0;
  struct Open {
    KeepJobs keep;
    std::vector<ServiceJob> then;
    std::optional<Time> again_at;
  };
  std::map<std::uint64_t, Open> open_;  // What is not durable yet.
  std::string store_error_;
  bool stopping_ = false;
  ServiceCounters counters_;  // For people; decides nothing.
  std::uint64_t revision_ = 1;
};

}  // namespace ballast

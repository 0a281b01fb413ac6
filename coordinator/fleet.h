#pragma once

// The fleet: the members of a job, and which of its runs they serve. Each run that is under way has
// a Coordinator of its own in here; the fleet makes it, lends it servers and workers, and hears how
// it ended. README.md beside this file has the states, messages and numbered invariants.
//
//   a run:   waiting --MakeRun--> making --RunMade--> active --its Exit--> recording --> ended
//   the job: claiming --> working --every run has ended--> concluding --> over
//
// Pure: see common/runtime/machine.h. Jobs run at the edge (cli/job_roles.h).

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "common/runtime/machine.h"
#include "coordinator/agenda.h"
#include "coordinator/coordinator.h"

namespace ballast {

// ---- jobs ---------------------------------------------------------------------------------------

// Take the next term of the job, exclusively; as ClaimTimeline and RaiseClaim of a run.
struct ClaimFleet {
  Term holding = 0;  // 0: none yet.
  Term above = 0;
};
// What a run is: its data is prepared, its directory made.
struct MakeRun {
  RunId run{};
};
struct RunWork {
  RunId run{};
  CoordinatorJob job;
};
// A run has ended: let its files go; if it failed, let that be known to whoever resumes the job.
struct RecordEnd {
  RunId run{};
  Exit exit;
};
// Every run has ended, or the job's time is up: write what the job is for, with what there is.
enum class Conclusion { whole, time_is_up };
struct ConcludeJob {
  Conclusion conclusion = Conclusion::whole;
};
// Whoever asks has no other way to a run's files.
struct FileWork {
  RunId run{};
  MemberId to{};
  Term term = 0;
  wire::AskFiles ask;
};
using FleetJob = std::variant<ClaimFleet, MakeRun, RunWork, RecordEnd, ConcludeJob, FileWork>;

struct FleetClaimed {
  Term term = 0;
  bool superseded = false;
  std::string error;      // Empty: claimed, or superseded.
  bool may_pass = false;  // The store refused; trying again may help.
};
struct RunMade {
  RunId run{};
  std::shared_ptr<const RunConfig> config;
  std::string checkpoints;  // Where servers find the store of the run.
  std::string error;        // Empty: made.
};
struct RunWorked {
  RunId run{};
  CoordinatorOutcome outcome;
};
struct EndRecorded {
  RunId run{};
  std::string error;  // Empty: durably.
  bool may_pass = false;
};
struct JobConcluded {
  std::string error;  // Empty: done, durably.
  bool may_pass = false;
};
struct FileWorked {
  RunId run{};
  MemberId to{};
  Term term = 0;
  wire::Files files;
};
using FleetOutcome =
    std::variant<FleetClaimed, RunMade, RunWorked, EndRecorded, JobConcluded, FileWorked>;

// ---- machine ------------------------------------------------------------------------------------

struct FleetOptions {
  std::string job;                              // Its name; empty: a training run.
  std::string version;                          // Of Ballast; members of another one are refused.
  CoordinatorOptions run;                       // Of each run, but for `run` and `checkpoints`.
  std::uint32_t runs_at_once = 0;               // 0: as many as there are workers for.
  std::uint32_t workers_per_run = 1;            // Before another run is begun.
  Duration budget{};                            // Of time, from its first term on; 0: none.
  Duration silence = std::chrono::seconds(10);  // A member unheard for so long is taken for dead.
  Duration retry = std::chrono::milliseconds(500);
  Duration store_retry = std::chrono::seconds(3);
  Duration loud = std::chrono::seconds(10);
  Duration farewell = std::chrono::seconds(2);  // For members to hear that the job is over.
};

class Fleet {
 public:
  using Job = FleetJob;
  using Outcome = FleetOutcome;

  // `agenda` says which runs there are, and hears how they end.
  Fleet(FleetOptions options, std::unique_ptr<Agenda> agenda);

  void step(Time now, Input<Outcome> input, Effects<Job>& effects);

  // Of a run that was made; the last of one that has ended. Null: not made yet.
  [[nodiscard]] const RunProgress* progress(RunId run) const;
  [[nodiscard]] const RunConfig* config(RunId run) const;
  [[nodiscard]] std::vector<RunId> active() const;
  // What invariants and tests look at; null: not made yet, or it has ended.
  [[nodiscard]] const Coordinator* machine(RunId run) const;
  [[nodiscard]] const std::vector<RunEnd>& ended() const { return ended_; }
  // Runs that have not ended; some of a search may never be begun.
  [[nodiscard]] std::uint64_t runs_left() const { return agenda_->left(); }
  [[nodiscard]] bool is_over() const { return state_ == State::over; }
  [[nodiscard]] Term term() const { return term_; }
  [[nodiscard]] FleetGauges gauges() const;  // For monitors (gauges.cc).

 private:
  enum class State { claiming, working, concluding, over };
  struct Member {
    wire::Role role = wire::Role::worker;
    std::string host;
    std::vector<RunId> serves;  // As it said.
    std::vector<RunId> orders;  // As we say.
    bool leaving = false;
    Time heard{};
  };
  struct Run {
    enum class State { making, active, ending, recording, ended } state = State::making;
    std::shared_ptr<const RunConfig> config;
    std::unique_ptr<Coordinator> machine;        // While it is active, or lets its members go.
    std::map<MemberId, wire::Message> greeters;  // Their Hello, while the run is being made.
    RunProgress progress;
    Exit exit;  // Once it has ended.
    Time wake_at{};
    std::optional<Time> record_again;
  };

  void on_message(wire::Message message, Effects<Job>& effects);
  void on_enlist(MemberId from, const wire::Enlist& enlist, Effects<Job>& effects);
  void on_outcome(FleetOutcome outcome, Effects<Job>& effects);
  void on_claimed(const FleetClaimed& claimed, Effects<Job>& effects);
  void on_made(const RunMade& made, Effects<Job>& effects);
  void on_recorded(const EndRecorded& recorded, Effects<Job>& effects);
  void on_concluded(const JobConcluded& concluded, Effects<Job>& effects);
  void on_stop(Effects<Job>& effects);
  void on_tick(Effects<Job>& effects);

  void give(RunId id, Input<CoordinatorOutcome> input, Effects<Job>& effects);
  void give_all(const Input<CoordinatorOutcome>& input, Effects<Job>& effects);
  void end_run(RunId id, Exit exit, Effects<Job>& effects);
  void begin_runs(Effects<Job>& effects);
  void end_on_time(Effects<Job>& effects);
  void conclude(Effects<Job>& effects);
  void end_job(Exit exit, Effects<Job>& effects);
  void abdicate(const std::string& reason, Effects<Job>& effects);

  void answer_status(wire::Message ask, Effects<Job>& effects);

  // Who serves which run (assign.h).
  void deal(Effects<Job>& effects);
  void say_orders(MemberId to, const Member& member, Effects<Job>& effects) const;
  [[nodiscard]] bool is_ahead_of_us() const;
  [[nodiscard]] std::size_t room() const;

  const FleetOptions options_;
  const std::unique_ptr<Agenda> agenda_;
  Time now_{};
  Time began_{};
  State state_ = State::claiming;
  Term term_ = 0;
  ClaimFleet claim_;  // The latest that was asked for.
  bool is_claiming_ = false;
  std::optional<Time> claim_again_;
  std::optional<Time> conclude_again_;
  std::string store_error_;
  std::map<MemberId, Member> members_;
  std::uint64_t number_ = 0;   // Of the latest orders.
  std::map<RunId, Run> runs_;  // Made or being made.
  std::vector<RunEnd> ended_;
  std::optional<Exit> stopping_;  // Asked to stop: over when no run is active.
  std::optional<Time> time_up_at_;
  bool is_time_up_ = false;  // No run begins any more, and those under way stop.
  bool has_cut_ = false;     // One of them did, before its end.
  ConcludeJob conclusion_;
  Exit ending_;
  Time farewell_until_{};
};

}  // namespace ballast

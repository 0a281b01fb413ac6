#pragma once

// The coordinator's logic: who is a member, who does what (the plan), when a step is committed,
// evaluated and kept, and what happens when somebody leaves. It touches no weight. README.md beside
// this file has the states, messages and numbered invariants.
//
//   claiming --> gathering --enough members--> restoring --all restored--> training
//      ^           |    ^                                                   ^    |
//      |           |    |          the members hold copies of all           |    |
//      +- they ----+    |                                                   |    |
//         do not   |    +--- the last copy of a partition was lost ---------|----+
//                  +--------------------------------------------------------+
//   training --last version durable--> exporting --> (exit 0)
//
// Pure: see common/runtime/machine.h. Jobs run in store_executor.h.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "common/runtime/machine.h"
#include "coordinator/chain.h"
#include "coordinator/commit.h"
#include "coordinator/counters.h"
#include "coordinator/evaluation.h"
#include "coordinator/history.h"
#include "coordinator/placement.h"

namespace ballast {

// A complete checkpoint, as a manifest keeps it.
struct Checkpoint {
  Timeline timeline = 0;
  Commit commit;
  std::vector<wire::SnapshotFile> files;  // By partition; of one, its chain (chain.h).
  std::uint64_t history_lines = 0;
  std::uint64_t canary = 0;
  KernelFamily family = KernelFamily::haswell;
  std::string blas_version;
};

// ---- jobs ---------------------------------------------------------------------------------------

// Take the next term of the store, exclusively, and find what to start from.
struct ClaimTimeline {
  Timeline above = 0;  // The term that we hold; 0: none yet.
};
// A member follows a higher term than ours, or the store lacks what a server is to restore. Whether
// another coordinator has taken over is for the store to say; if not (it is another one, or was
// emptied), take a term above.
struct RaiseClaim {
  Term holding = 0;
  Term above = 0;
};
struct KeepCheckpoint {  // Write the manifest; remove what retention no longer wants.
  Checkpoint checkpoint;
};
// What the run is for, from a complete checkpoint: the model, or its scores (store_executor.h).
struct ExportModel {
  Checkpoint checkpoint;
  std::vector<std::pair<Split, Metrics>> metrics;
  std::shared_ptr<const SplitOutputs> validation{};  // With CoordinatorOptions::keeps_outputs.
  std::optional<ChosenThreshold> threshold{};        // Of a binary model that was to have one.
};
using CoordinatorJob =
    std::variant<ClaimTimeline, RaiseClaim, KeepCheckpoint, AppendHistory, ExportModel>;

struct TimelineClaimed {
  Timeline timeline = 0;
  std::optional<Checkpoint> latest;  // The newest complete checkpoint; none: start at step 0.
  std::vector<std::string> damaged;  // Checkpoints that were passed over, and why.
  std::string error;                 // Empty: claimed, or superseded.
  bool superseded = false;           // Somebody has claimed a term above the one that we hold.
  bool may_pass = false;             // The store refused; trying again may help.
};
struct ClaimRaised {
  Term term = 0;
  bool superseded = false;
  std::string error;      // Empty: raised, or superseded.
  bool may_pass = false;  // As above.
};
struct CheckpointKept {
  Step step = 0;
  std::string error;      // Empty: it is complete and durable.
  bool fenced = false;    // Another coordinator has claimed a later timeline: we must stop.
  bool broken = false;    // The store lost a file of an earlier checkpoint that this one shares.
  bool may_pass = false;  // As above.
};
struct ModelExported {
  std::string digest;  // SHA-256 of model.safetensors.
  std::string error;
  bool may_pass = false;  // As above.
  Metrics scores{};       // Where scores were exported: of the validation split, all there are.
};
using CoordinatorOutcome =
    std::variant<TimelineClaimed, ClaimRaised, CheckpointKept, HistoryAppended, ModelExported>;

// ---- machine ------------------------------------------------------------------------------------

struct CoordinatorOptions {
  std::shared_ptr<const RunConfig> run;
  std::string checkpoints;    // Where servers find the store.
  std::string version;        // Of Ballast; members of another one are refused.
  std::uint32_t workers = 1;  // How many to wait for before the first plan, ...
  std::uint32_t servers = 1;
  Duration begin_within = std::chrono::seconds(30);  // ... and for how long, where one of each is.
  Duration retry = std::chrono::milliseconds(500);
  Duration loud = std::chrono::seconds(10);         // Between notices of a wait.
  Duration store_retry = std::chrono::seconds(3);   // A store that refused, and may not again.
  Duration farewell = std::chrono::seconds(2);      // For members to hear that the run is over.
  Duration stop_within = std::chrono::seconds(20);  // A clean stop that takes longer is cut short.
  std::uint32_t additions_max = 8;                  // Copies of partitions that are made at a time.
  std::uint32_t chain_files_max = 8;                // Of a partition in one checkpoint.
  // For servers to come back with what they keep, before the run goes back to a checkpoint; with
  // DurabilityMode::step the run says how long.
  Duration return_within = std::chrono::seconds(1);
  Step weighed_min = 16;  // Steps, until what is known of loads is a reason to move partitions.
  Duration balance_every = std::chrono::seconds(10);  // Whether load is to be evened out.
  // Of it, as a part of the unevenness of an even fleet (placement.h).
  double balance_gain_min = 0.01;
  // A batch of an evaluation that has not come: until somebody else is asked, twice as long each
  // time, since it may only take long.
  Duration pass_on_after = std::chrono::seconds(2);
  Duration assist_again = std::chrono::seconds(2);  // Leaves that others were asked for.
  // A worker that is late with so many steps in a row rests, twice as long each time, until so many
  // were in time.
  std::uint32_t late_steps_max = 3;
  std::uint32_t good_steps = 64;
  Duration rest_min = std::chrono::seconds(2);
  Duration rest_max = std::chrono::seconds(60);
  bool keeps_outputs = false;  // For ExportModel, of the last evaluation.
  std::string metric{};        // Evaluations tell it too; as a search compares by. Empty: none.
  // Commits while a line of the history is not written. Servers remember more (ServerOptions).
  Step history_lag_max = 32;
  CoordinatorCounters* counters = nullptr;  // Outlives the coordinator; null: nobody looks.
};

// What a user is shown; derived, never decides.
struct RunProgress {
  enum class Phase { gathering, restoring, training, evaluating, saving, done };
  Phase phase = Phase::gathering;
  Commit commit;  // The latest.
  Timeline timeline = 0;
  std::uint32_t workers = 0;
  std::uint32_t servers = 0;
  std::uint64_t evaluations = 0;                   // How many have been finished, ...
  std::vector<std::pair<Split, Metrics>> metrics;  // ... and the latest one's figures.
  Step evaluated = 0;
  std::optional<ChosenThreshold> threshold;  // Once the last version was evaluated.
  std::optional<Step> checkpoint;            // The latest complete one.
  std::string digest;
  Metrics scores;           // As in ModelExported.
  std::string waiting_for;  // Empty: not waiting.
};

struct RunStatus;  // status.h

class Coordinator {
 public:
  using Job = CoordinatorJob;
  using Outcome = CoordinatorOutcome;

  explicit Coordinator(CoordinatorOptions options);

  void step(Time now, Input<Outcome> input, Effects<Job>& effects);

  [[nodiscard]] const RunProgress& progress() const { return progress_; }
  [[nodiscard]] RunStatus status() const;  // At the latest step.
  [[nodiscard]] RunGauges gauges() const;  // The same, for monitors.
  [[nodiscard]] Timeline timeline() const { return timeline_; }
  [[nodiscard]] Term term() const { return term_; }
  [[nodiscard]] const wire::Plan& plan() const { return plan_; }
  // Whether this member has joined, and is not taken for lost.
  [[nodiscard]] bool counts_on(MemberId member) const {
    const auto found = members_.find(member);
    return found != members_.end() && found->second.ready;
  }

 private:
  enum class State { gathering, claiming, restoring, training, exporting, over };
  struct Member {
    wire::Role role = wire::Role::worker;
    std::string endpoint;
    std::string host;
    std::vector<KernelFamily> families;
    bool ready = false;
    bool restored = false;
    bool leaving = false;  // A server that said goodbye, and keeps copies that others lack.
    std::optional<Step> leaves_at;   // Relaxed: it goes when this checkpoint is kept.
    std::optional<wire::Held> held;  // What it had when it greeted, of this run.
    PlanNumber named_since = 0;      // Servers: the first plan after it joined (S10).
    std::string trouble;             // Why it could not restore yet.
    std::string waiting;             // What it says that it waits for, ...
    Time waiting_since{};            // ... and since when.
    Time heard{};
    // Workers (stragglers.cc).
    std::uint32_t late_steps = 0;  // In a row.
    std::uint32_t good_steps = 0;
    Duration rest{};  // The latest; 0: none lately.
    std::optional<Time> rests_until;
  };
  struct OpenCut {
    Commit commit;
    Time opened{};
    std::uint64_t history_lines = 0;
    std::vector<MemberId> writers;  // By partition; whoever owned it at the commit.
    // By partition: the chain that the checkpoint goes on from, and since when it does.
    std::vector<Chain> chains;
    std::vector<Step> since;
    // What the writers said: a file, or that nothing changed.
    std::map<PartitionId, std::optional<wire::SnapshotFile>> written;
    std::optional<Checkpoint> checkpoint;  // Complete; its manifest is being written.
  };

  // Members.
  void on_message(const wire::Message& message, Effects<Job>& effects);
  void on_hello(MemberId from, const wire::Hello& hello, Effects<Job>& effects);
  void on_ready(MemberId from, const wire::Ready& ready, Effects<Job>& effects);
  enum class Return { possible, never };  // Of a member that is lost.
  void on_lost(MemberId who, const std::string& why, Return may_return, Effects<Job>& effects);
  void on_goodbye(MemberId from, Effects<Job>& effects);
  void refuse(MemberId who, const std::string& reason, Effects<Job>& effects);
  void choose_family(Effects<Job>& effects);
  void keep_held(Member& member, const wire::Hello& hello);
  void answer_hello(MemberId who, Effects<Job>& effects);
  void welcome(MemberId who, Effects<Job>& effects);
  void expire(Effects<Job>& effects);

  // Taking over (takeover.cc).
  void hear_of(Term term, Effects<Job>& effects);
  void on_raised(const ClaimRaised& raised, Effects<Job>& effects);
  void abdicate(const std::string& reason, Effects<Job>& effects);
  void regather(const std::string& why, Effects<Job>& effects);
  void forget_step();
  [[nodiscard]] const wire::Plan* latest_plan() const;
  [[nodiscard]] std::vector<wire::ServerAddress> not_back(const wire::Plan& plan) const;
  [[nodiscard]] bool is_recovered(MemberId server) const;
  [[nodiscard]] Duration return_within() const;
  [[nodiscard]] bool take_over(const wire::Plan& plan, Effects<Job>& effects);
  [[nodiscard]] std::optional<Placement> placement_of(const wire::Plan& plan, Step version) const;
  [[nodiscard]] bool is_in_step(const Member& member, Timeline timeline, PartitionId partition,
                                Step version) const;
  void repair_history(const std::map<Step, Commit>& commits, Effects<Job>& effects);

  // Timelines and plans.
  [[nodiscard]] bool is_enough(std::size_t servers, std::size_t workers) const;
  void begin_when_enough(Effects<Job>& effects);
  void on_claimed(const TimelineClaimed& claimed, Effects<Job>& effects);
  void begin_restore(Effects<Job>& effects);
  void send_restore(MemberId server, Effects<Job>& effects);
  void on_restored(MemberId from, const wire::Restored& restored, Effects<Job>& effects);
  void begin_training(Effects<Job>& effects);
  void new_plan(Effects<Job>& effects);

  // Copies of partitions (copies.cc).
  void adopt(Placement placement);
  [[nodiscard]] bool survive(MemberId lost, Effects<Job>& effects);
  void rebalance(Effects<Job>& effects);
  void weigh_partitions();
  void ask_again_for_cuts(Effects<Job>& effects) const;
  [[nodiscard]] bool is_settled() const;
  [[nodiscard]] std::vector<wire::Replica> copies() const;  // Owners' too.

  // Relaxed runs (relaxed.cc).
  void on_counted(MemberId from, const wire::Counted& counted, Effects<Job>& effects);
  void go_on_when_counted(Effects<Job>& effects);
  [[nodiscard]] std::optional<Step> floor() const;
  [[nodiscard]] Commit next_floor(Step floor) const;
  [[nodiscard]] Step held_floor(const Placement& placement) const;
  [[nodiscard]] std::string who_is_behind() const;
  void release_leaving(Effects<Job>& effects);

  // Steps.
  void on_prepared(MemberId from, const wire::Prepared& prepared, Effects<Job>& effects);
  void commit_when_prepared(Effects<Job>& effects);
  [[nodiscard]] std::set<MemberId> unprepared() const;
  [[nodiscard]] std::optional<wire::Replica> diverged(const wire::Prepared& prepared) const;
  [[nodiscard]] bool knows_its_part(MemberId from, const wire::Prepared& prepared) const;
  void count_commit(Step steps, std::uint64_t examples);
  void say_commit(MemberId server, Effects<Job>& effects) const;
  [[nodiscard]] bool history_lags() const;
  void record_step(Effects<Job>& effects);
  void begin_evaluation(Effects<Job>& effects);
  [[nodiscard]] std::vector<std::string> watched_metrics() const;
  void decide_by_threshold();
  void deal_evaluation(Effects<Job>& effects);
  void on_evaluated(const wire::Evaluated& evaluated, Effects<Job>& effects);

  // Who is late (stragglers.cc).
  void on_late(const wire::Late& late, Effects<Job>& effects);
  void assist(const std::set<Leaf>& leaves, Effects<Job>& effects);
  void judge_workers(Effects<Job>& effects);
  void end_rests(Effects<Job>& effects);
  [[nodiscard]] std::vector<MemberId> working() const;
  [[nodiscard]] std::vector<MemberId> prompt_workers() const;

  // Checkpoints (cuts.cc).
  void open_cut();
  [[nodiscard]] static std::vector<PartitionId> unwritten(const OpenCut& cut, MemberId server);
  [[nodiscard]] std::vector<wire::CutOrder> orders_for(MemberId server) const;
  [[nodiscard]] static std::vector<wire::CutOrder> orders_of(const OpenCut& cut, MemberId server);
  void on_cut_done(MemberId from, const wire::CutDone& done, Effects<Job>& effects);
  [[nodiscard]] bool take_written(OpenCut& cut, MemberId server, const wire::CutDone& done) const;
  [[nodiscard]] Checkpoint complete(const OpenCut& cut) const;
  void on_kept_late(const Checkpoint& listed, const CheckpointKept& kept, Effects<Job>& effects);
  void on_kept(const CheckpointKept& kept, Effects<Job>& effects);
  void end_waits_for_store(const std::string& error, bool may_pass, Effects<Job>& effects);
  void try_end_again(Effects<Job>& effects);
  void on_exported(const ModelExported& exported, Effects<Job>& effects);
  void export_when_complete(Effects<Job>& effects);

  // The end.
  void finish(Exit exit, Effects<Job>& effects);
  [[nodiscard]] wire::Finish farewell() const;
  void stop(ExitCode code, const std::string& reason, Effects<Job>& effects);
  void stop_when_kept(Effects<Job>& effects);

  void on_outcome(CoordinatorOutcome outcome, Effects<Job>& effects);
  void on_tick(Effects<Job>& effects);
  void write_history(std::string line, Effects<Job>& effects);
  void on_appended(const HistoryAppended& appended, Effects<Job>& effects);
  void update_progress();

  // For people (status.cc).
  [[nodiscard]] std::string what_is_missing() const;
  [[nodiscard]] std::string what_the_store_says() const;
  [[nodiscard]] std::string who_is_to_join() const;
  [[nodiscard]] std::string who_is_to_restore() const;
  [[nodiscard]] std::string what_holds_the_step() const;
  [[nodiscard]] std::string who_writes(Step checkpoint) const;
  [[nodiscard]] std::string name(MemberId who) const;
  [[nodiscard]] std::string names(const std::vector<MemberId>& who) const;

  // For monitors (gauges.cc).
  [[nodiscard]] Wait wait() const;
  [[nodiscard]] Wait wait_of_step() const;

  [[nodiscard]] std::vector<MemberId> ready_members(wire::Role role) const;
  [[nodiscard]] std::vector<MemberId> holders() const;  // Who has copies; sorted, unique.

  const CoordinatorOptions options_;
  const RunConfig& run_;
  const std::uint64_t fingerprint_;
  Time now_{};

  State state_ = State::gathering;
  std::map<MemberId, Member> members_;
  std::optional<KernelFamily> family_;
  std::optional<std::uint64_t> canary_;
  std::string blas_version_;

  Term term_ = 0;              // Claimed in the store; 0: not yet.
  bool claim_is_new_ = false;  // The term has been claimed for a timeline that has not begun.
  bool is_raising_ = false;
  std::optional<Exit> unrestorable_;  // To end with, if nobody has taken over.
  Time raise_again_{};                // Not before.
  std::optional<Time> claim_again_;   // The store refused: when to try again, ...
  std::string store_error_;           // ... and what it said.
  std::optional<Time> end_again_;     // The same of the last checkpoint, or of the model.
  Time gathering_since_{};            // For the first plan.
  std::set<MemberId> greeters_;       // Who wrote before there was a term.
  Time gather_until_{};      // How long to wait for servers to come back with what they keep.
  std::set<MemberId> gone_;  // Those that will not.
  bool has_begun_ = false;   // Whether anything was ever restored or taken over.
  Timeline timeline_ = 0;
  wire::Plan plan_;
  Placement placement_;                        // What the plan says of owners and replicas.
  std::map<wire::Replica, PlanNumber> since_;  // The plan that first named each copy.
  std::set<wire::Replica> in_step_;            // Copies that have been at the latest version.
  bool may_improve_ = false;                   // Whether another placement may be better.
  Balance balance_;                            // What partitions weigh, as owners have said.
  Step weighed_ = 0;                           // How often.
  Time balance_at_{};                          // When to see whether load is uneven.
  Checkpoint base_;                            // What the timeline started from.

  Commit commit_;                                // The latest.
  std::map<MemberId, wire::Prepared> prepared_;  // Of step commit_.step + 1.
  std::set<MemberId> late_workers_;              // With that step, ...
  std::map<Leaf, Time> assisted_;                // ... and when its leaves were given to others.
  std::uint64_t assists_ = 0;
  std::map<MemberId, wire::Counted> counted_;  // Relaxed: the latest of each server, ...
  std::optional<Figures> figures_;             // ... the figures at commit_.step, if heard, ...
  Figures since_line_;                         // ... and those since the last line of history.
  std::optional<Evaluation> evaluation_;       // Holds the next commit (R12).
  Time pass_on_at_{};                          // When its batches go to others.
  Duration pass_on_after_{};
  std::optional<double> watched_;  // The early-stop metric at commit_.step.
  std::vector<std::pair<Split, Metrics>> final_metrics_;
  std::optional<ChosenThreshold> threshold_;  // That of final_metrics_.
  std::shared_ptr<const SplitOutputs> validation_;
  std::map<Step, OpenCut> cuts_;
  std::optional<std::uint64_t> cut_lines_;  // Of history, when commit_ was cut first.
  std::optional<Checkpoint> kept_;          // The newest complete checkpoint of this history.
  bool broken_ = false;                     // A file of it is not in the store any more.
  std::optional<Checkpoint> listing_;       // What the store is writing the manifest of.
  Time cut_at_{};
  History history_;
  bool epoch_line_open_ = false;  // The next commit waits for it: nobody could make it again.

  Exit ending_;                   // State::over: how it ended, ...
  Time farewell_until_{};         // ... and until when members are told.
  std::optional<Exit> stopping_;  // Asked to stop; leaves when a checkpoint is kept.
  std::optional<Step> stop_cut_;
  Time stop_deadline_{};
  Time progressed_{};
  Time committed_at_{};  // For counters and gauges alone, as the next two.
  Time evaluating_since_{};
  Time kept_at_{};  // When what kept_ has was committed; before, when training began.
  Time noticed_{};
  Time next_repeat_{};
  RunProgress progress_;
};

}  // namespace ballast

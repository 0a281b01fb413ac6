#pragma once

// The parameter server's logic: the partitions that a plan gives it, pulls that wait for their
// version, pushes on their way down the tree, prepared and commit. One machine is one executor: it
// owns its partitions' memory, so nothing on the data path is locked. README.md beside this file
// has the states, messages and numbered invariants.
//
//   joining --Restore--> restoring --tables--> serving --Restore (new timeline)--> restoring ...
//
// Pure: see common/runtime/machine.h. Jobs run in disk.h.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

#include "common/runtime/machine.h"
#include "common/runtime/membership.h"
#include "common/runtime/peers.h"
#include "paramserver/counters.h"
#include "paramserver/cut.h"
#include "paramserver/partition.h"
#include "paramserver/recovered_copies.h"

namespace ballast {

// ---- jobs ---------------------------------------------------------------------------------------

// Load the BLAS of this family and run the canary; open the checkpoint store and the home on disk.
struct ServerLoad {
  std::shared_ptr<const RunConfig> run;
  KernelFamily family = KernelFamily::haswell;
  std::string checkpoints;
  std::uint64_t fingerprint = 0;  // Of the run, for what the home keeps of it (step_log.h).
};
// Make the tables of these partitions, from files or from their initial values.
struct ServerRestore {
  std::shared_ptr<const RunConfig> run;
  Timeline timeline = 0;
  Step step = 0;
  std::vector<PartitionId> partitions;
  std::vector<wire::SnapshotFile> files;  // Of one partition, base before deltas.
};
// Write what has to be written of each into the checkpoint store and make it durable. Whoever has
// written one lets go of it: what nobody reads is not copied when training changes it.
struct ServerCut {
  Timeline timeline = 0;
  Step step = 0;
  std::vector<PartitionCut> partitions;
};
// DurabilityMode::step: keep all copies as they are with the gradients of the step under way, and
// from then on every step's gradients. What was kept before counts until all of it is durable: the
// step may have been promised already.
struct ServerBase {
  MemberId self{};
  std::uint64_t fingerprint = 0;
  std::uint64_t number = 0;  // Of the bases of this server: the highest counts.
  std::shared_ptr<const std::vector<Snapshot>> snapshots;
  std::vector<Commit> commits;  // Those remembered; the last is that of the snapshots.
  LoggedStep step;
};
struct ServerLog {
  MemberId self{};
  std::uint64_t base = 0;
  LoggedStep step;
};
using ServerJob = std::variant<ServerLoad, ServerRestore, ServerCut, ServerBase, ServerLog>;

struct ServerLoaded {
  std::uint64_t canary = 0;
  std::string blas_version;
  std::string error;                           // Empty: loaded.
  std::shared_ptr<RecoveredCopies> recovered;  // What the home kept of this run, if anything.
};
struct ServerRestored {
  Timeline timeline = 0;
  std::vector<std::unique_ptr<Tables>> tables;  // One per partition asked for.
  std::string error;
  bool may_pass = false;  // The disk or the store refused; trying again may help.
};
struct ServerCutDone {
  wire::CutDone done;
};
struct ServerBased {
  std::uint64_t number = 0;
  std::string error;  // Empty: durable.
};
struct ServerLogged {
  std::uint64_t base = 0;
  Timeline timeline = 0;
  Step step = 0;
  std::uint64_t bytes = 0;  // Of the log by now.
  std::string error;        // Empty: durable.
};
using ServerOutcome =
    std::variant<ServerLoaded, ServerRestored, ServerCutDone, ServerBased, ServerLogged>;

// ---- machine ------------------------------------------------------------------------------------

struct ServerOptions {
  MemberId self{};
  MembershipOptions membership;
  Duration goodbye = std::chrono::seconds(5);    // Asked to stop: for the coordinator to let us go.
  Duration handover = std::chrono::seconds(25);  // ... and for handing over what it keeps.
  Duration retry = std::chrono::milliseconds(500);  // Prepared, CutDone: until answered.
  // What a step lacks is late when the first worker's part of it came `late_factor` times faster.
  Duration late_min = std::chrono::milliseconds(200);
  std::uint32_t late_factor = 3;
  std::uint64_t log_bytes_max = std::uint64_t{1} << 30;  // Of a step log, until another base.
  std::size_t commits_max = 64;                          // That are remembered (R13).
  std::size_t parked_max = 4096;                         // Pulls that wait; more are dropped.
  // R11: of contributions on their way down the trees. What is over it is dropped and asked for
  // later, but for the leftmost missing node of each partition.
  std::size_t buffered_bytes_max = std::size_t{1} << 30;
  ServerCounters* counters = nullptr;  // Outlives the server; null: nobody looks.
};

// What a server has now, for whoever drives it to show.
struct ServerGauges {
  std::size_t partitions = 0;  // Copies included.
  std::size_t parked_pulls = 0;
  std::size_t buffered_bytes = 0;  // Of contributions.
  std::size_t open_cuts = 0;
  std::uint64_t table_bytes = 0;
};

class Server {
 public:
  using Job = ServerJob;
  using Outcome = ServerOutcome;

  explicit Server(ServerOptions options);

  void step(Time now, Input<Outcome> input, Effects<Job>& effects);

  // What invariants and tests look at.
  [[nodiscard]] Timeline timeline() const { return timeline_; }
  [[nodiscard]] Step applied() const { return applied_; }
  // For logs: where it is, once it knows.
  [[nodiscard]] std::optional<Step> at_step() const {
    return state_ == State::serving ? std::optional(applied_) : std::nullopt;
  }
  [[nodiscard]] const std::map<PartitionId, Partition>& partitions() const { return partitions_; }
  [[nodiscard]] std::size_t buffered_bytes() const { return buffered_bytes_; }
  [[nodiscard]] ServerGauges gauges() const;

 private:
  enum class State { joining, restoring, serving };
  struct Parked {
    MemberId from{};
    wire::Pull pull;
    Time since{};  // When it was asked first.
  };
  struct Deferred {  // A node that was dropped for want of room, at least in part.
    MemberId from{};
    std::size_t bytes = 0;
  };
  struct OpenCut {
    std::set<PartitionId> partitions;  // Whose files are being written, or are.
    std::uint32_t jobs = 0;            // Still writing; each holds its snapshots.
    wire::CutDone done;                // Said until CutKnown, once no job is left.
  };

  void on_message(const wire::Message& message, Effects<Job>& effects);
  void on_coordinator(const wire::Body& body, Effects<Job>& effects);
  void on_peer(MemberId from, const wire::Body& body, Effects<Job>& effects);
  void on_welcome(const wire::Welcome& welcome, Effects<Job>& effects);
  void on_restore(const wire::Restore& restore, Effects<Job>& effects);
  void on_plan(const wire::Plan& plan, Effects<Job>& effects);
  void on_commit(const wire::CommitStep& commit, Effects<Job>& effects);
  void on_pull(MemberId from, const wire::Pull& pull, Effects<Job>& effects);
  void on_push(MemberId from, const wire::Push& push, Effects<Job>& effects);
  void on_outcome(ServerOutcome outcome, Effects<Job>& effects);

  // Copies (server_copies.cc).
  void on_lacking(MemberId from, const wire::Lacking& lacking, Effects<Job>& effects);
  void on_copy(const wire::PartitionCopy& copy, Effects<Job>& effects);
  void drop_copies();
  void drop_copy(PartitionId id);
  void say_lacking(Effects<Job>& effects) const;
  void feed_replicas(Effects<Job>& effects);
  void feed(MemberId to, const std::vector<PartitionId>& partitions, Effects<Job>& effects) const;
  [[nodiscard]] wire::PartitionCopy copy_of(const Partition& partition) const;

  // DurabilityMode::step (server_log.cc).
  void on_recovered(RecoveredCopies& copies);
  void on_based(const ServerBased& based, Effects<Job>& effects);
  void on_logged(const ServerLogged& logged, Effects<Job>& effects);
  [[nodiscard]] bool is_logged() const;
  void log_step(Effects<Job>& effects);
  [[nodiscard]] LoggedStep step_to_log();
  [[nodiscard]] wire::Push roots_of(const std::vector<PartitionId>& partitions) const;
  void change_copies();
  // Relaxed runs (server_relaxed.cc).
  void on_relaxed_pull(MemberId from, const wire::Pull& pull, Effects<Job>& effects);
  void on_microbatches(MemberId from, const wire::Push& push, Effects<Job>& effects);
  // Whether it was the next microbatch of its leaf there.
  bool count(Leaf leaf, Step step, const Figures& figures, PartitionId id,
             const Contribution& contribution, Effects<Job>& effects);
  void answer_relaxed(Effects<Job>& effects);
  void say_counted(Effects<Job>& effects) const;
  [[nodiscard]] bool has_counted(const wire::Pull& pull) const;
  [[nodiscard]] Step floor() const;
  [[nodiscard]] std::vector<Step> clocks_of(const std::vector<Leaf>& leaves) const;
  [[nodiscard]] std::vector<Leaf> slowest() const;
  [[nodiscard]] std::string wait_for_microbatches() const;

  // The step.
  using Place = std::tuple<PartitionId, Leaf, Node>;
  [[nodiscard]] std::map<Place, Contribution> contributions_of(const wire::Push& push) const;
  enum class Taken { counted, nothing_new, dropped, diverged };
  [[nodiscard]] Taken take(MemberId from, PartitionId id, Node node, Contribution contribution,
                           Effects<Job>& effects);
  void ask_for_deferred(Effects<Job>& effects);

  void reset();
  void hold(wire::Held& held) const;
  void remember(const std::vector<Commit>& commits);
  void begin_cut(Step step, const std::vector<wire::CutOrder>& orders, Effects<Job>& effects);
  // When it was asked first: one that is asked again takes the place of that one.
  [[nodiscard]] Time unpark(MemberId from, const wire::Pull& pull);
  void park(MemberId from, const wire::Pull& pull, Time since);
  void answer_parked(Effects<Job>& effects);
  void answer(MemberId to, const wire::Pull& pull, Time since, Effects<Job>& effects);
  void apply(const Commit& commit, Effects<Job>& effects);
  void after_contributions(Effects<Job>& effects);
  void begin_step();
  [[nodiscard]] std::optional<Time> late_at() const;
  void say_late(Effects<Job>& effects);
  void say_prepared(Effects<Job>& effects);
  void repeat_unanswered(Effects<Job>& effects);
  // For people: what the server waits for, and on whom; empty: nothing.
  [[nodiscard]] std::string wait() const;
  [[nodiscard]] std::string wait_for_owners(const std::string& what,
                                            const std::vector<PartitionId>& partitions) const;
  [[nodiscard]] std::string wait_for_workers(const std::string& step) const;
  [[nodiscard]] bool all_prepared() const;
  [[nodiscard]] bool owns(PartitionId partition) const;
  [[nodiscard]] bool holds(TableId table, Key key) const;
  [[nodiscard]] bool holds_all(const wire::Pull& pull) const;
  [[nodiscard]] std::vector<Node> missing() const;

  const ServerOptions options_;
  Membership membership_;
  Time now_{};

  std::shared_ptr<const RunConfig> run_;
  State state_ = State::joining;
  Timeline timeline_ = 0;  // Of what is restored or being restored; 0: nothing yet.
  Step applied_ = 0;
  std::vector<Commit> commits_;                  // The latest ones; the last is commit(applied_).
  std::map<PartitionId, Partition> partitions_;  // Owned or copies; all at version applied_.

  // What the latest plan of this timeline says.
  wire::Plan plan_;
  std::vector<MemberId> owners_;                           // By partition; empty: none yet.
  std::map<MemberId, std::vector<PartitionId>> replicas_;  // Of what we own, by server.
  std::set<PartitionId> lacking_;                          // Copies that we should have.
  std::map<MemberId, wire::Lacking> waiting_;              // Peers that are a version ahead of us.
  std::map<MemberId, wire::Push> early_;                   // Of the step after next, from owners.
  Peers peers_;                                            // Servers that we are connected to.
  bool fed_ = false;                // Replicas have been sent the roots of the step.
  Step promised_ = 0;               // The highest step that we said to be prepared.
  std::size_t buffered_bytes_ = 0;  // The sum over partitions_.
  std::map<std::pair<Leaf, Node>, Deferred> deferred_;  // From left to right.
  Time applied_at_{};                                   // When the version came to be applied here.
  std::optional<Duration> first_share_;  // How long the next step's first contribution took.
  Time late_again_{};                    // When to say again what is late.
  // Bytes that workers pulled and pushed of the partitions, since the version was applied.
  std::map<PartitionId, std::uint64_t> traffic_;
  // DurabilityMode::step. A base holds the copies that there are; a change of them needs another.
  std::uint64_t fingerprint_ = 0;
  enum class Base { none, being_written, written } base_ = Base::none;
  std::uint64_t bases_ = 0;         // How many were asked for.
  Step logging_ = 0;                // The step whose gradients are being written, ...
  Step logged_ = 0;                 // ... and the last that is; 0: none.
  PlanNumber logged_plan_ = 0;      // The last that was written.
  bool change_after_step_ = false;  // The log is long: another base once the step is applied.
  bool log_failed_ = false;         // Tried again with the next repeat.
  std::vector<MemberId> formers_;   // Lives whose copies we have recovered.

  std::vector<Parked> parked_;
  std::map<Step, OpenCut> cuts_;
  Figures counted_;                   // Relaxed: of what partition 0 has counted since it is here.
  std::optional<wire::Fault> fault_;  // Two computations that differ: said until the run is over.
  bool prepared_said_ = false;
  Time leave_by_{};
  Time next_goodbye_{};
  Time leave_at_latest_{};
  bool leaving_ = false;  // Asked to stop; says Goodbye until released.
  Time next_repeat_{};
};

}  // namespace ballast

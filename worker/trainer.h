#pragma once

// The worker's logic: which leaves of which step to compute, what to pull for them, what to push
// where, and what to keep until it is safe to forget. README.md beside this file has the states,
// messages and numbered invariants.
//
// Work comes in groups: leaves of one step (or batches of one evaluation) that are gathered, pulled
// for and computed together.
//
//   gathering --keys--> pulling --all values--> computing --all nodes--> packing --> pushed
//
// A new plan never interrupts a group; it adds a group for the leaves that became ours. In relaxed
// runs there is one training group at a time: see trainer_relaxed.cc.
//
// Pure: see common/runtime/machine.h. Jobs run in executor.h.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "common/runtime/machine.h"
#include "common/runtime/membership.h"
#include "common/runtime/peers.h"
#include "worker/counters.h"
#include "worker/model/model.h"
#include "worker/weight_store.h"

namespace ballast {

enum class GroupId : std::uint64_t {};

// ---- jobs ---------------------------------------------------------------------------------------

// Jobs run at the same time, and some may wait in line when their run has long been replaced: each
// names its run, and is answered Dropped unless that is the one that was asked for last.

// Load the BLAS of this family and run the canary; open the data set; build the model.
struct WorkerLoad {
  std::uint64_t number = 0;  // Of the loads of this worker: the highest counts.
  std::shared_ptr<const RunConfig> run;
  KernelFamily family = KernelFamily::haswell;
};
struct GatherLeaves {
  std::shared_ptr<const RunConfig> run;
  GroupId group{};
  Step step = 0;
  std::vector<Leaf> leaves;
};
struct GatherBatches {
  std::shared_ptr<const RunConfig> run;
  GroupId group{};
  Split split = Split::validation;
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
};
struct ComputeLeaf {
  std::shared_ptr<const RunConfig> run;
  GroupId group{};
  Step step = 0;
  Leaf leaf = 0;
  std::shared_ptr<const WeightStore> weights;
};
struct AddNodes {
  GroupId group{};
  Node sum;
  std::shared_ptr<const Gradient> left;
  std::shared_ptr<const Gradient> right;
};
struct PackPush {
  GroupId group{};  // None: packed again, since partitions have other owners.
  std::shared_ptr<const RunConfig> run;
  Timeline timeline = 0;
  Step step = 0;
  std::shared_ptr<const std::vector<MemberId>> owners;  // By partition.
  std::vector<std::pair<Node, std::shared_ptr<const Gradient>>> nodes;
};
struct EvaluateBatch {
  std::shared_ptr<const RunConfig> run;
  GroupId group{};
  Timeline timeline = 0;
  Step version = 0;
  Split split = Split::validation;
  std::uint32_t batch = 0;
  std::shared_ptr<const WeightStore> weights;
};
using WorkerJob = std::variant<WorkerLoad, GatherLeaves, GatherBatches, ComputeLeaf, AddNodes,
                               PackPush, EvaluateBatch>;

struct WorkerLoaded {
  std::uint64_t number = 0;  // The load's.
  std::uint64_t canary = 0;
  std::string blas_version;
  std::string error;  // Empty: loaded.
};
struct Gathered {
  GroupId group{};
  std::shared_ptr<const KeySets> keys;
};
struct NodeReady {  // Of ComputeLeaf and AddNodes.
  GroupId group{};
  Node node;
  std::shared_ptr<const Gradient> gradient;
};
struct Packed {
  PackPush job;
  std::vector<std::pair<MemberId, wire::Push>> pushes;  // One per server.
};
struct BatchEvaluated {
  GroupId group{};
  wire::Evaluated evaluated;
};
struct Dropped {};  // The job was of a run that is over.
using WorkerOutcome =
    std::variant<WorkerLoaded, Gathered, NodeReady, Packed, BatchEvaluated, Dropped>;

// ---- machine ------------------------------------------------------------------------------------

struct WorkerOptions {
  MembershipOptions membership;
  Duration goodbye = std::chrono::seconds(5);  // Asked to stop: for the coordinator to let us go.
  Duration retry = std::chrono::milliseconds(1000);  // Unanswered pulls.
  std::uint32_t evaluation_group_max = 16;           // Batches pulled for at once.
  // Pulls are numbered from here: what servers still answer to another life of this process in the
  // run must not be taken for what this one asked.
  std::uint64_t first_request = 1;
  WorkerCounters* counters = nullptr;  // Outlives the worker; null: nobody looks.
};

// What a worker has now, for whoever drives it to show.
struct WorkerGauges {
  std::size_t groups = 0;          // Under way.
  std::size_t pulling = 0;         // ... of which wait for servers.
  std::size_t retained_steps = 0;  // Whose pushes are kept (R9); relaxed: pushes.
};

class Worker {
 public:
  using Job = WorkerJob;
  using Outcome = WorkerOutcome;

  explicit Worker(WorkerOptions options, MemberId self);

  void step(Time now, Input<Outcome> input, Effects<Job>& effects);

  [[nodiscard]] Timeline timeline() const { return timeline_; }
  [[nodiscard]] std::size_t groups_in_flight() const { return groups_.size(); }
  // For logs: the earliest step that it is not through with, if there is one.
  [[nodiscard]] std::optional<Step> at_step() const {
    return steps_.empty() ? std::nullopt : std::optional(steps_.begin()->first);
  }
  [[nodiscard]] WorkerGauges gauges() const;

 private:
  enum class Stage { gathering, pulling, computing, packing };
  struct Ask {  // One server's part of a group's pull.
    wire::Pull pull;
    std::vector<std::vector<std::uint32_t>> places;  // Per section: rows in the weight store.
    bool answered = false;
    std::vector<Step> clocks;            // Relaxed: what it answered, ...
    std::optional<wire::Behind> behind;  // ... or why it cannot answer yet.
  };
  struct Group {
    Stage stage = Stage::gathering;
    Step version = 0;  // What is pulled; a step group makes version + 1.
    Step step = 0;     // What it makes; 0: an evaluation, or (relaxed) a look at the clocks.
    Step reached = 0;  // Relaxed: what its leaves' clocks must have reached.
    bool evaluation = false;
    std::vector<Leaf> leaves;
    std::vector<Node> nodes;  // Maximal nodes of the leaves: what will be pushed.
    Split split = Split::validation;
    std::uint32_t begin = 0;  // Evaluation: batches.
    std::uint32_t end = 0;
    std::map<MemberId, Ask> asks;
    std::shared_ptr<const KeySets> keys;
    std::shared_ptr<WeightStore> weights;
    std::map<Node, std::shared_ptr<const Gradient>> sums;
    std::uint32_t open_jobs = 0;
    Time ask_again{};
    Time stage_since{};  // When it began to pull, or to compute.
  };
  struct Retained {
    std::vector<std::pair<Node, std::shared_ptr<const Gradient>>> nodes;
    std::vector<std::pair<MemberId, wire::Push>> pushes;  // As the latest plan wants them.
  };
  struct StepWork {
    std::set<Leaf> begun;
    std::map<Node, Retained> retained;  // By first node. R9: until version `step` is seen.
    std::vector<Time> pushed_at;        // Of what is not known to be applied.
  };

  // Relaxed: what was pushed for leaves at a step, and by which servers it is not known to be
  // counted.
  struct Sent {
    Step step = 0;
    std::vector<Leaf> leaves;
    std::map<MemberId, wire::Push> pushes;
    Time at{};
  };

  void on_message(const wire::Message& message, Effects<Job>& effects);
  void on_coordinator(const wire::Body& body, Effects<Job>& effects);
  void on_welcome(const wire::Welcome& welcome, Effects<Job>& effects);
  void on_plan(const wire::Plan& plan, Effects<Job>& effects);
  void on_evaluate(const wire::Evaluate& evaluate, Effects<Job>& effects);
  void on_assist(const wire::Assist& assist, Effects<Job>& effects);
  void on_values(MemberId from, const wire::Values& values, Effects<Job>& effects);
  void on_passed(const wire::Passed& passed, Effects<Job>& effects);
  void on_missing(MemberId from, const wire::Missing& missing, Effects<Job>& effects);
  void on_outcome(WorkerOutcome outcome, Effects<Job>& effects);
  void on_gathered(const Gathered& gathered, Effects<Job>& effects);
  void on_node(const NodeReady& ready, Effects<Job>& effects);
  void on_packed(Packed packed, Effects<Job>& effects);

  // Relaxed runs (trainer_relaxed.cc).
  void deal(Effects<Job>& effects);
  void work(Effects<Job>& effects);
  void look(std::vector<Leaf> leaves, Step reached, Effects<Job>& effects);
  void on_behind(MemberId from, const wire::Behind& behind, Effects<Job>& effects);
  void hear_clocks(MemberId from, const std::vector<Leaf>& leaves, const std::vector<Step>& clocks);
  void on_counted(GroupId id, Group& group, Effects<Job>& effects);
  void on_packed_relaxed(Packed packed, Effects<Job>& effects);
  [[nodiscard]] std::string wait_for_clocks(const Group& group) const;

  void reset();
  void change_owners(const std::vector<MemberId>& owners, Effects<Job>& effects);
  void begin_step(Step step, Effects<Job>& effects);
  void go_on_after(Step step, Effects<Job>& effects);
  void begin_group(Step step, std::vector<Leaf> leaves, Effects<Job>& effects);
  void ask(GroupId id, Group& group, Effects<Job>& effects);
  void compute(GroupId id, Group& group, Effects<Job>& effects);
  void version_seen(Step version);
  void count_applied(Step version);
  void count_pushed(const PackPush& job);
  void repeat_pulls(Effects<Job>& effects);
  // For people: what the oldest group waits for, and on whom; empty: nothing.
  [[nodiscard]] std::string wait() const;
  [[nodiscard]] Group* find(GroupId id);
  [[nodiscard]] bool has_group_of(Step step) const;
  [[nodiscard]] std::vector<Leaf> own_leaves_not_in(const std::set<Leaf>& begun) const;

  const WorkerOptions options_;
  const MemberId self_;
  Membership membership_;
  Time now_{};

  std::shared_ptr<const RunConfig> run_;
  std::uint64_t loads_ = 0;  // How many were asked for.
  Peers servers_;
  std::optional<wire::Plan> plan_;
  std::shared_ptr<const std::vector<MemberId>> owners_;
  LeafRange own_;
  Timeline timeline_ = 0;
  std::map<Step, StepWork> steps_;
  std::map<GroupId, Group> groups_;
  std::uint64_t next_group_;
  std::map<Leaf, Step> next_;  // Relaxed: of our leaves, the microbatch to compute; 0: not known.
  std::vector<Sent> sent_;
  Time leave_by_{};
  Time next_goodbye_{};
  bool leaving_ = false;
};

// Cuts nodes' gradients into one push per server: dense tables by block, sparse rows by partition.
// Every server gets one, since absent is not zero (R1). The pushes share the gradients' memory.
[[nodiscard]] std::vector<std::pair<MemberId, wire::Push>> pack(const PackPush& job);

}  // namespace ballast

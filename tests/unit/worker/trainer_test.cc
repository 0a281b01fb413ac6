#include "worker/trainer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/base/hash.h"
#include "common/base/nodes.h"
#include "common/job/run_json.h"
#include "tests/unit/runtime/driven.h"

namespace ballast {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr MemberId kSelf{201};
constexpr MemberId kPeer{202};
constexpr MemberId kServer1{101};
constexpr MemberId kServer2{102};
constexpr TableId kDense{0};
constexpr TableId kSparse{1};
constexpr std::uint32_t kPartitions = 4;
constexpr std::uint32_t kLeaves = 4;

RunConfig small_run() {
  RunConfig run;
  run.name = "small";
  run.tables = {{.id = kDense, .name = "dense", .kind = TableKind::dense, .shape = {3}},
                {.id = kSparse, .name = "rows", .kind = TableKind::sparse, .shape = {2}}};
  run.partitions = kPartitions;
  run.leaves = kLeaves;
  run.leaf_examples = 1;
  run.batch = kLeaves;
  run.train_examples = 40;
  run.validation_examples = 9;
  run.evaluation_batch = 2;
  run.steps_per_epoch = 10;
  run.steps = 10;
  return run;
}
const RunConfig kRun = small_run();

// Partitions 0 and 2 live on server 1, the others on server 2.
wire::Plan plan_of(PlanNumber number, std::vector<wire::Assignment> workers, Timeline timeline = 1,
                   Step committed = 0) {
  wire::Plan plan{.number = number,
                  .timeline = timeline,
                  .committed = committed,
                  .workers = std::move(workers),
                  .owners = {},
                  .replicas = {},
                  .servers = {{kServer1, "one"}, {kServer2, "two"}}};
  for (std::uint32_t p = 0; p < kPartitions; ++p) {
    plan.owners.push_back(p % 2 == 0 ? kServer1 : kServer2);
  }
  return plan;
}

class TrainerTest : public test::Driven<Worker> {
 protected:
  TrainerTest() : worker_(options(&counters_), kSelf) {
    step(Tick{});
    receive(kCoordinator, wire::Welcome{run_to_json(kRun), KernelFamily::haswell, "store"});
    step(Done<WorkerOutcome>{
        WorkerLoaded{.number = 1, .canary = 1, .blas_version = "b", .error = ""}});
  }

  static WorkerOptions options(WorkerCounters* counters) {
    WorkerOptions options;
    options.membership.retry = milliseconds(100);
    options.retry = milliseconds(100);
    options.evaluation_group_max = 2;
    options.counters = counters;
    return options;
  }

  Worker& machine() override { return worker_; }

  template <class Body>
  static std::vector<std::pair<MemberId, Body>> all(const After& effects) {
    std::vector<std::pair<MemberId, Body>> found;
    for (const Send& send : effects.sends) {
      if (const auto* body = std::get_if<Body>(&send.body)) found.emplace_back(send.to, *body);
    }
    return found;
  }

  // What a server answers a pull of a worker that needs the rows of `keys`.
  static wire::Values values_for(const wire::Pull& pull) {
    wire::Values values{pull.request, pull.timeline, pull.version, {}, {}};
    const std::uint32_t block_home = index(partition_of(kDense, 0, kPartitions));
    const bool wanted = std::find(pull.dense.begin(), pull.dense.end(), PartitionId{block_home}) !=
                        pull.dense.end();
    if (wanted) {
      wire::Section& block = values.sections.emplace_back();
      block.table = kDense;
      block.values = Bytes::own(std::vector<float>(3, 0.5F));
    }
    for (const wire::Section& asked : pull.keys) {
      wire::Section& rows = values.sections.emplace_back();
      rows.table = asked.table;
      rows.values = Bytes::own(std::vector<float>(2 * asked.keys.as<Key>().size(), 0.25F));
    }
    return values;
  }

  // Does the gathering job, with a few keys; what follows are the pulls.
  After gather(const After& effects) {
    const auto gathers = jobs<GatherLeaves>(effects);
    BALLAST_CHECK(gathers.size() == 1);
    auto keys = std::make_shared<KeySets>(2);
    if (!gathers[0].leaves.empty()) (*keys)[1] = {3, 8, 11, 19};
    return step(Done<WorkerOutcome>{Gathered{gathers[0].group, std::move(keys)}});
  }
  // Answers pulls from both servers; what follows are the leaves.
  After answer(const After& effects) {
    After last;
    for (const auto& [server, pull] : all<wire::Pull>(effects)) {
      last = receive(server, values_for(pull));
    }
    return last;
  }
  // Does leaves, sums and packing; what follows are the pushes and the next step's gathering.
  After compute(After effects) {
    while (true) {
      After next;
      std::vector<WorkerOutcome> outcomes;
      for (const ComputeLeaf& job : jobs<ComputeLeaf>(effects)) {
        outcomes.emplace_back(NodeReady{job.group, Node{0, job.leaf}, gradient(job.leaf)});
      }
      for (const AddNodes& job : jobs<AddNodes>(effects)) {
        auto sum = std::make_shared<Gradient>();
        add_gradients(*job.left, *job.right, *sum);
        outcomes.emplace_back(NodeReady{job.group, job.sum, std::move(sum)});
      }
      for (const PackPush& job : jobs<PackPush>(effects)) {
        return step(Done<WorkerOutcome>{Packed{job, pack(job)}});
      }
      if (outcomes.empty()) return effects;
      for (WorkerOutcome& outcome : outcomes) {
        After more = step(Done<WorkerOutcome>{std::move(outcome)});
        next.jobs.insert(next.jobs.end(), more.jobs.begin(), more.jobs.end());
      }
      effects = std::move(next);
    }
  }

  static std::shared_ptr<const Gradient> gradient(Leaf leaf) {
    auto gradient = std::make_shared<Gradient>();
    gradient->tables.resize(2);
    gradient->tables[0].values = {1.0F, 2.0F, static_cast<float>(leaf)};
    gradient->tables[1].keys = {3, 8, 11, 19};
    gradient->tables[1].values = {1, 2, 3, 4, 5, 6, 7, 8};
    gradient->figures = {.loss = 1.0, .examples = 1};
    return gradient;
  }

  WorkerCounters counters_;
  Worker worker_;
};

// ---- one step -----------------------------------------------------------------------------------

TEST_F(TrainerTest, PullsComputesAndPushesItsLeavesAsMaximalNodes) {
  After effects = receive(kCoordinator, plan_of(1, {{kSelf, {0, 3}}, {kPeer, {3, 4}}}));
  EXPECT_EQ(effects.connections.size(), 2U);
  ASSERT_EQ(jobs<GatherLeaves>(effects).size(), 1U);
  EXPECT_EQ(jobs<GatherLeaves>(effects)[0].step, 1U);
  EXPECT_EQ(jobs<GatherLeaves>(effects)[0].leaves, (std::vector<Leaf>{0, 1, 2}));

  effects = gather(effects);
  const auto pulls = all<wire::Pull>(effects);
  ASSERT_EQ(pulls.size(), 2U);
  std::size_t keys = 0;
  for (const auto& [server, pull] : pulls) {
    EXPECT_EQ(pull.version, 0U);
    for (const wire::Section& section : pull.keys) {
      for (const Key key : section.keys.as<Key>()) {
        ++keys;
        const std::uint32_t home = index(partition_of(kSparse, key, kPartitions));
        EXPECT_EQ(server, home % 2 == 0 ? kServer1 : kServer2) << "key " << key;
      }
    }
  }
  EXPECT_EQ(keys, 4U);

  effects = answer(effects);
  EXPECT_EQ(jobs<ComputeLeaf>(effects).size(), 3U);
  effects = compute(effects);
  const auto pushes = all<wire::Push>(effects);
  ASSERT_EQ(pushes.size(), 2U) << "one for each server";
  for (const auto& [server, push] : pushes) {
    EXPECT_EQ(push.step, 1U);
    ASSERT_EQ(push.nodes.size(), 2U);
    EXPECT_EQ(push.nodes[0].node, (Node{1, 0}));
    EXPECT_EQ(push.nodes[0].figures.examples, 2U);
    EXPECT_EQ(push.nodes[1].node, (Node{0, 2}));
    EXPECT_EQ(push.partitions.size(), 2U) << "all of the server's (R1)";
  }
  ASSERT_EQ(jobs<GatherLeaves>(effects).size(), 1U) << "the next step follows at once";
  EXPECT_EQ(jobs<GatherLeaves>(effects)[0].step, 2U);
}

TEST_F(TrainerTest, CountsWhatItDoesAndHowLongItTakes) {
  After effects = gather(receive(kCoordinator, plan_of(1, {{kSelf, {0, 3}}, {kPeer, {3, 4}}})));
  EXPECT_EQ(worker_.gauges().pulling, 1U);
  now_ += milliseconds(20);
  effects = answer(effects);
  EXPECT_NEAR(counters_.pull.seconds(), 0.020, 1e-9);
  now_ += milliseconds(30);
  effects = compute(effects);
  EXPECT_NEAR(counters_.compute.seconds(), 0.030, 1e-9);
  EXPECT_EQ(counters_.steps, 1U);
  EXPECT_EQ(counters_.leaves, 3U);
  EXPECT_EQ(counters_.examples, 3U);
  EXPECT_EQ(counters_.push.seconds(), 0.0) << "nobody has said yet that it is applied";
  effects = gather(effects);
  later(milliseconds(150));
  EXPECT_EQ(counters_.pulls_repeated, 2U) << "of both servers";
  answer(effects);
  EXPECT_NEAR(counters_.push.seconds(), 0.150, 1e-9);
  EXPECT_NEAR(counters_.pull.seconds(), 0.170, 1e-9);
  EXPECT_GT(worker_.gauges().retained_steps, 0U);
}

TEST_F(TrainerTest, AsksAgainWithTheSameRequestUntilAnswered) {
  const After asked = gather(receive(kCoordinator, plan_of(1, {{kSelf, {0, 4}}})));
  const auto first = all<wire::Pull>(asked);
  receive(first[0].first, values_for(first[0].second));
  const auto again = all<wire::Pull>(later(milliseconds(150)));
  ASSERT_EQ(again.size(), 1U) << "of the one that has not answered";
  EXPECT_EQ(again[0].first, first[1].first);
  EXPECT_EQ(again[0].second.request, first[1].second.request);
  EXPECT_TRUE(again[0].second.again);
  EXPECT_EQ(jobs<ComputeLeaf>(receive(again[0].first, values_for(again[0].second))).size(), 4U);
}

TEST_F(TrainerTest, TakesValuesThatDoNotFitForLost) {
  const auto pulls = all<wire::Pull>(gather(receive(kCoordinator, plan_of(1, {{kSelf, {0, 4}}}))));
  for (const auto& [server, pull] : pulls) {
    wire::Values spoiled = values_for(pull);
    spoiled.sections.back().values = Bytes::own(std::vector<float>(1));
    EXPECT_TRUE(receive(server, spoiled).jobs.empty());
    wire::Values other = values_for(pull);
    other.version += 1;
    EXPECT_TRUE(receive(server, other).jobs.empty());
  }
  EXPECT_EQ(all<wire::Pull>(later(milliseconds(150))).size(), 2U);
}

// R9
TEST_F(TrainerTest, PushesAgainWhatAServerMissesUntilTheVersionIsSeen) {
  After effects = compute(
      answer(gather(receive(kCoordinator, plan_of(1, {{kSelf, {0, 2}}, {kPeer, {2, 4}}})))));
  ASSERT_EQ(all<wire::Push>(effects).size(), 2U);
  const After asked = gather(effects);

  effects = receive(kServer1, wire::Missing{.timeline = 1, .step = 1, .nodes = {{0, 1}, {1, 1}}});
  ASSERT_EQ(all<wire::Push>(effects).size(), 1U);
  EXPECT_EQ(all<wire::Push>(effects)[0].first, kServer1);
  effects = receive(kServer1, wire::Missing{.timeline = 1, .step = 1, .nodes = {{1, 1}}});
  EXPECT_TRUE(all<wire::Push>(effects).empty()) << "not ours";
  effects = receive(kServer1, wire::Missing{.timeline = 2, .step = 1, .nodes = {{2, 0}}});
  EXPECT_TRUE(all<wire::Push>(effects).empty()) << "another timeline";

  compute(answer(asked));  // Version 1 is there, and step 2 is pushed.
  const After next = receive(kCoordinator, plan_of(2, {{kSelf, {0, 4}}}, 1, 2));
  effects = receive(kServer1, wire::Missing{.timeline = 1, .step = 1, .nodes = {{2, 0}}});
  EXPECT_TRUE(all<wire::Push>(effects).empty()) << "forgotten";
}

// Seed 1600004405: the only server came back with an older disk.
TEST_F(TrainerTest, ComputesAForgottenStepAgainWhenAServerNeedsItAfterAll) {
  After effects = compute(
      answer(gather(receive(kCoordinator, plan_of(1, {{kSelf, {0, 2}}, {kPeer, {2, 4}}})))));
  compute(answer(gather(effects)));  // Version 1 is there, and step 2 is pushed.
  const wire::Plan later = plan_of(2, {{kSelf, {0, 4}}}, 1, 2);
  receive(kCoordinator, later);

  effects = receive(kServer1, wire::Missing{.timeline = 1, .step = 1, .nodes = {{1, 1}}});
  ASSERT_EQ(jobs<GatherLeaves>(effects).size(), 1U);
  EXPECT_EQ(jobs<GatherLeaves>(effects)[0].step, 1U);
  EXPECT_EQ(jobs<GatherLeaves>(effects)[0].leaves.size(), 4U);
  effects = receive(kServer1, wire::Missing{.timeline = 1, .step = 1, .nodes = {{1, 1}}});
  EXPECT_TRUE(jobs<GatherLeaves>(effects).empty()) << "it is under way";
}

// ---- helping out --------------------------------------------------------------------------------

TEST_F(TrainerTest, ComputesWhatOthersAreLateWithAndPushesItAgainWhenAskedAgain) {
  const wire::Assist assist{.timeline = 1, .step = 1, .nodes = {{1, 1}}};
  After effects = compute(
      answer(gather(receive(kCoordinator, plan_of(1, {{kSelf, {0, 2}}, {kPeer, {2, 4}}})))));
  gather(effects);  // Waits for version 1.
  EXPECT_TRUE(receive(kPeer, assist).jobs.empty()) << "not the coordinator";
  EXPECT_TRUE(receive(kCoordinator, wire::Assist{2, 1, {{1, 1}}}).jobs.empty()) << "no timeline";
  EXPECT_TRUE(receive(kCoordinator, wire::Assist{1, 1, {{4, 1}}}).jobs.empty()) << "no leaves";

  effects = receive(kCoordinator, assist);
  ASSERT_EQ(jobs<GatherLeaves>(effects).size(), 1U);
  EXPECT_EQ(jobs<GatherLeaves>(effects)[0].step, 1U);
  EXPECT_EQ(jobs<GatherLeaves>(effects)[0].leaves, (std::vector<Leaf>{2, 3}));
  EXPECT_TRUE(receive(kCoordinator, assist).jobs.empty()) << "it is at it";
  effects = compute(answer(gather(effects)));
  const auto pushes = all<wire::Push>(effects);
  ASSERT_EQ(pushes.size(), 2U);
  ASSERT_EQ(pushes[0].second.nodes.size(), 1U);
  EXPECT_EQ(pushes[0].second.nodes[0].node, (Node{1, 1}));
  EXPECT_TRUE(jobs<GatherLeaves>(effects).empty()) << "step 2 waits for its version already";

  effects = receive(kCoordinator, assist);
  EXPECT_TRUE(effects.jobs.empty());
  EXPECT_EQ(all<wire::Push>(effects).size(), 2U) << "they did not arrive";
}

TEST_F(TrainerTest, WhoHasNoLeavesHelpsOutStepAfterStep) {
  receive(kCoordinator, plan_of(1, {{kPeer, {0, 4}}}));
  for (const Step step : {Step{1}, Step{4}}) {
    After effects = receive(kCoordinator, wire::Assist{1, step, {{0, 1}}});
    ASSERT_EQ(jobs<GatherLeaves>(effects).size(), 1U) << "step " << step;
    EXPECT_EQ(jobs<GatherLeaves>(effects)[0].step, step);
    effects = compute(answer(gather(effects)));
    EXPECT_EQ(all<wire::Push>(effects).size(), 2U);
    answer(gather(effects));  // The version that follows, without leaves.
    EXPECT_EQ(worker_.groups_in_flight(), 0U);
  }
}

TEST_F(TrainerTest, WhoIsLateItselfHelpsNobody) {
  receive(kCoordinator, plan_of(1, {{kSelf, {0, 2}}, {kPeer, {2, 4}}}));
  EXPECT_TRUE(receive(kCoordinator, wire::Assist{1, 2, {{1, 1}}}).jobs.empty());
}

// Seed 451: it stood still while a plan let the server go, and then its question came.
TEST_F(TrainerTest, PushesNothingToAServerThatItLetGo) {
  compute(answer(gather(receive(kCoordinator, plan_of(1, {{kSelf, {0, 4}}})))));
  wire::Plan without = plan_of(2, {{kSelf, {0, 4}}});
  without.owners.assign(kPartitions, kServer2);
  without.servers = {{kServer2, "two"}};
  receive(kCoordinator, without);
  const wire::Missing missing{.timeline = 1, .step = 1, .nodes = {{2, 0}}};
  EXPECT_TRUE(all<wire::Push>(receive(kServer1, missing)).empty());
}

// ---- plans --------------------------------------------------------------------------------------

TEST_F(TrainerTest, ANewPlanAddsTheLeavesThatBecameOurs) {
  receive(kCoordinator, plan_of(1, {{kSelf, {0, 2}}, {kPeer, {2, 4}}}));
  const auto more = jobs<GatherLeaves>(receive(kCoordinator, plan_of(2, {{kSelf, {0, 4}}})));
  ASSERT_EQ(more.size(), 1U);
  EXPECT_EQ(more[0].step, 1U);
  EXPECT_EQ(more[0].leaves, (std::vector<Leaf>{2, 3})) << "what is begun is not begun again";
  EXPECT_TRUE(receive(kCoordinator, plan_of(2, {{kSelf, {0, 4}}})).jobs.empty()) << "a repeat";
  EXPECT_TRUE(receive(kCoordinator, plan_of(1, {{kSelf, {0, 2}}})).jobs.empty()) << "an old one";
}

TEST_F(TrainerTest, ALaterTimelineDropsEverythingAndBeginsAtItsVersion) {
  const After asked = gather(receive(kCoordinator, plan_of(5, {{kSelf, {0, 4}}})));
  After effects = receive(kCoordinator, plan_of(6, {{kSelf, {0, 4}}}, 2, 3));
  ASSERT_EQ(jobs<GatherLeaves>(effects).size(), 1U);
  EXPECT_EQ(jobs<GatherLeaves>(effects)[0].step, 4U);
  EXPECT_EQ(worker_.timeline(), 2U);
  EXPECT_TRUE(answer(asked).jobs.empty()) << "values of the older one";
  EXPECT_TRUE(receive(kCoordinator, plan_of(4, {{kSelf, {0, 4}}}, 1)).jobs.empty());
}

TEST_F(TrainerTest, GoesOnWhereOthersAreWhenItsVersionHasPassed) {
  const auto pulls = all<wire::Pull>(gather(receive(kCoordinator, plan_of(1, {{kSelf, {0, 4}}}))));
  const After effects = receive(
      kServer1, wire::Passed{.request = pulls[0].second.request, .timeline = 1, .applied = 4});
  ASSERT_EQ(jobs<GatherLeaves>(effects).size(), 1U);
  EXPECT_EQ(jobs<GatherLeaves>(effects)[0].step, 5U);
}

// The first seed that the simulator found: whichever group of a step ends last begins the next one.
TEST_F(TrainerTest, AGroupWithoutLeavesThatEndsLastBeginsTheNextStep) {
  After effects = compute(answer(gather(receive(kCoordinator, plan_of(1, {{kSelf, {0, 4}}})))));
  receive(kCoordinator, plan_of(2, {{kPeer, {0, 4}}}));
  // Step 2 was begun under plan 1; step 3 is begun without leaves.
  effects = compute(answer(gather(effects)));
  ASSERT_EQ(jobs<GatherLeaves>(effects).size(), 1U);
  EXPECT_TRUE(jobs<GatherLeaves>(effects)[0].leaves.empty());
  const After waiting = gather(effects);

  effects = receive(kCoordinator, plan_of(3, {{kSelf, {0, 4}}}));
  const auto begun = jobs<GatherLeaves>(effects);
  ASSERT_EQ(begun.size(), 1U) << "the leaves of step 3; those of step 2 are pushed";
  EXPECT_EQ(begun[0].step, 3U);
  effects = compute(answer(gather(effects)));
  EXPECT_EQ(all<wire::Push>(effects).size(), 2U);
  EXPECT_TRUE(jobs<GatherLeaves>(effects).empty()) << "one group of step 3 is still waiting";
  effects = answer(waiting);
  ASSERT_EQ(jobs<GatherLeaves>(effects).size(), 1U);
  EXPECT_EQ(jobs<GatherLeaves>(effects)[0].step, 4U);
}

TEST_F(TrainerTest, AfterTheLastStepItWaitsForTheLastVersionWithoutComputing) {
  After effects = receive(kCoordinator, plan_of(1, {{kSelf, {0, 4}}}, 1, 9));
  effects = compute(answer(gather(effects)));
  EXPECT_EQ(all<wire::Push>(effects)[0].second.step, 10U);
  ASSERT_EQ(jobs<GatherLeaves>(effects).size(), 1U);
  EXPECT_TRUE(jobs<GatherLeaves>(effects)[0].leaves.empty());
  const auto pulls = all<wire::Pull>(gather(effects));
  ASSERT_EQ(pulls.size(), 2U);
  EXPECT_EQ(pulls[0].second.version, 10U);
  EXPECT_TRUE(pulls[0].second.dense.empty());
  for (const auto& [server, pull] : pulls) {
    EXPECT_TRUE(receive(server, values_for(pull)).jobs.empty());
  }
  EXPECT_EQ(worker_.groups_in_flight(), 0U);
}

TEST_F(TrainerTest, LetsServersGoThatThePlanDoesNotName) {
  EXPECT_TRUE(receive(kCoordinator, plan_of(1, {{kSelf, {0, 4}}})).disconnections.empty());
  receive(kCoordinator, wire::Rejoin{});
  receive(kCoordinator, wire::Welcome{run_to_json(kRun), KernelFamily::haswell, "another"});
  step(Done<WorkerOutcome>{
      WorkerLoaded{.number = 2, .canary = 1, .blas_version = "b", .error = ""}});
  wire::Plan plan = plan_of(1, {{kSelf, {0, 4}}}, 2);
  plan.owners.assign(kPartitions, kServer2);
  plan.servers = {{kServer2, "two"}};
  const After effects = receive(kCoordinator, plan);
  EXPECT_EQ(effects.disconnections, std::vector<MemberId>{kServer1});
  EXPECT_EQ(effects.connections.size(), 1U);
}

// What a server refuses it will refuse again: somebody has to hear of it.
TEST_F(TrainerTest, TellsPeopleWhatAServerCouldNotRead) {
  receive(kCoordinator, plan_of(1, {{kSelf, {0, 4}}}));
  for (const MemberId from : {kServer1, kCoordinator}) {
    const After effects = receive(from, wire::MalformedReply{"pull whose keys are odd"});
    ASSERT_EQ(effects.notes.size(), 1U);
    EXPECT_EQ(effects.notes[0].level, NoteLevel::warning);
    EXPECT_NE(effects.notes[0].text.find("keys are odd"), std::string::npos);
  }
}

TEST_F(TrainerTest, IsReleasedOnlyWhenItAskedToLeave) {
  EXPECT_FALSE(receive(kCoordinator, wire::Released{}).exit) << "an earlier life of it did";
  EXPECT_EQ(all<wire::Goodbye>(step(StopAsked{})).size(), 1U);
  EXPECT_TRUE(receive(kCoordinator, wire::Released{}).exit);
}

// ---- another run --------------------------------------------------------------------------------

TEST_F(TrainerTest, PassesOverTheLoadOfARunThatWasReplaced) {
  receive(kCoordinator, wire::Rejoin{});
  wire::Welcome welcome{run_to_json(kRun), KernelFamily::haswell, "another"};
  const auto second = jobs<WorkerLoad>(receive(kCoordinator, welcome));
  receive(kCoordinator, wire::Rejoin{});
  EXPECT_TRUE(jobs<WorkerLoad>(receive(kCoordinator, welcome)).empty()) << "it is on its way";
  receive(kCoordinator, wire::Rejoin{});
  welcome.checkpoints = "a third";
  const auto third = jobs<WorkerLoad>(receive(kCoordinator, welcome));
  ASSERT_EQ(second.size(), 1U);
  ASSERT_EQ(third.size(), 1U);
  EXPECT_LT(second[0].number, third[0].number);

  const After stale = step(Done<WorkerOutcome>{WorkerLoaded{
      .number = second[0].number, .canary = 0, .blas_version = "", .error = "its data is gone"}});
  EXPECT_FALSE(stale.exit);
  EXPECT_TRUE(all<wire::Ready>(stale).empty());
  EXPECT_EQ(all<wire::Ready>(
                step(Done<WorkerOutcome>{WorkerLoaded{
                    .number = third[0].number, .canary = 1, .blas_version = "b", .error = ""}}))
                .size(),
            1U);
}

// ---- evaluation ---------------------------------------------------------------------------------

TEST_F(TrainerTest, EvaluatesInBoundedGroupsAndEachBatchOnceAtATime) {
  receive(kCoordinator, plan_of(1, {{kPeer, {0, 4}}}));
  const wire::Evaluate evaluate{
      .timeline = 1, .version = 3, .split = Split::validation, .begin = 0, .end = 5};
  const auto groups = jobs<GatherBatches>(receive(kCoordinator, evaluate));
  ASSERT_EQ(groups.size(), 3U);
  EXPECT_EQ(groups[0].end, 2U);
  EXPECT_EQ(groups[2].begin, 4U);
  EXPECT_TRUE(jobs<GatherBatches>(receive(kCoordinator, evaluate)).empty()) << "in flight";

  const After asked =
      step(Done<WorkerOutcome>{Gathered{groups[0].group, std::make_shared<KeySets>(2)}});
  ASSERT_EQ(all<wire::Pull>(asked).size(), 2U);
  EXPECT_EQ(all<wire::Pull>(asked)[0].second.version, 3U);
  EXPECT_EQ(jobs<EvaluateBatch>(answer(asked)).size(), 2U);
  for (std::uint32_t batch = 0; batch < 2; ++batch) {
    wire::Evaluated evaluated;
    evaluated.timeline = 1;
    evaluated.version = 3;
    evaluated.split = Split::validation;
    evaluated.batch = batch;
    const auto sent =
        all<wire::Evaluated>(step(Done<WorkerOutcome>{BatchEvaluated{groups[0].group, evaluated}}));
    ASSERT_EQ(sent.size(), 1U);
    EXPECT_EQ(sent[0].first, kCoordinator);
  }
  EXPECT_EQ(worker_.groups_in_flight(), 2U);
  const auto again = jobs<GatherBatches>(receive(kCoordinator, evaluate));
  ASSERT_EQ(again.size(), 1U) << "only what is not in flight";
  EXPECT_EQ(again[0].begin, 0U);
  EXPECT_EQ(again[0].end, 2U);
}

TEST_F(TrainerTest, PassesOverEvaluationsThatCannotBe) {
  receive(kCoordinator, plan_of(1, {{kSelf, {0, 4}}}));
  wire::Evaluate evaluate{
      .timeline = 2, .version = 3, .split = Split::validation, .begin = 0, .end = 1};
  EXPECT_TRUE(receive(kCoordinator, evaluate).jobs.empty()) << "another timeline";
  evaluate.timeline = 1;
  evaluate.end = 6;
  EXPECT_TRUE(receive(kCoordinator, evaluate).jobs.empty()) << "more batches than there are";
}

// ---- packing ------------------------------------------------------------------------------------

TEST(Pack, GivesEveryServerEachOfItsPartsOnceInOrder) {
  RunConfig run = small_run();
  run.tables[0].shape = {3 * kBlockFloats + 10};
  auto gradient = std::make_shared<Gradient>();
  gradient->tables.resize(2);
  gradient->tables[0].values.assign(floats_of(run.tables[0]), 1.0F);
  for (Key key = 0; key < 50; ++key) {
    gradient->tables[1].keys.push_back(key * key);
    gradient->tables[1].values.push_back(static_cast<float>(key));
    gradient->tables[1].values.push_back(-static_cast<float>(key));
  }
  PackPush job;
  job.run = std::make_shared<const RunConfig>(run);
  job.timeline = 2;
  job.step = 7;
  job.owners = std::make_shared<const std::vector<MemberId>>(plan_of(1, {}).owners);
  job.nodes = {{Node{1, 0}, gradient}, {Node{0, 2}, gradient}};

  std::map<std::pair<Node, std::uint32_t>, int> blocks;
  std::map<std::pair<Node, Key>, float> rows;
  std::set<PartitionId> partitions;
  const auto pushes = pack(job);
  EXPECT_EQ(pushes.size(), 2U);
  for (const auto& [server, push] : pushes) {
    EXPECT_EQ(push.nodes.size(), 2U);
    for (const PartitionId p : push.partitions) EXPECT_TRUE(partitions.insert(p).second);
    const auto place = [](const wire::Section& s) {
      return std::tuple(s.node, s.partition, s.table, s.block);
    };
    for (std::size_t i = 0; i < push.sections.size(); ++i) {
      const wire::Section& section = push.sections[i];
      if (i > 0) {
        EXPECT_LT(place(push.sections[i - 1]), place(section));
      }
      EXPECT_EQ((*job.owners)[index(section.partition)], server);
      if (section.table == kDense) {
        EXPECT_EQ(section.values.size(), 4 * floats_of_block(run.tables[0], section.block));
        ++blocks[{section.node, section.block}];
        continue;
      }
      const auto keys = section.keys.as<Key>();
      EXPECT_TRUE(std::is_sorted(keys.begin(), keys.end()));
      for (std::size_t k = 0; k < keys.size(); ++k) {
        EXPECT_EQ(partition_of(kSparse, keys[k], kPartitions), section.partition);
        EXPECT_EQ(section.values.as<float>()[2 * k], -section.values.as<float>()[2 * k + 1]);
        EXPECT_TRUE(
            rows.try_emplace({section.node, keys[k]}, section.values.as<float>()[2 * k]).second);
      }
    }
  }
  EXPECT_EQ(partitions.size(), kPartitions);
  EXPECT_EQ(blocks.size(), 2U * 4U);
  EXPECT_EQ(rows.size(), 2U * 50U);
  for (const auto& [row, value] : rows) {
    EXPECT_EQ(value * value, static_cast<float>(row.second));
  }
}

// ---- weights ------------------------------------------------------------------------------------

TEST(WeightStore, IsCompleteWithEveryBlockAndTakesNothingThatDoesNotFit) {
  RunConfig run = small_run();
  run.tables[0].shape = {kBlockFloats + 2};
  auto keys = std::make_shared<KeySets>(2);
  (*keys)[1] = {4, 9};
  WeightStore store(std::make_shared<const RunConfig>(run), keys, WeightStore::Dense::wanted);
  const std::vector<float> whole(kBlockFloats, 1.0F);
  const std::vector<float> rest = {2.0F, 3.0F};
  EXPECT_FALSE(store.put_block(kDense, 0, rest));
  EXPECT_FALSE(store.put_block(kDense, 2, rest));
  EXPECT_FALSE(store.put_block(kSparse, 0, rest));
  EXPECT_FALSE(store.put_block(TableId{7}, 0, rest));
  EXPECT_TRUE(store.put_block(kDense, 0, whole));
  EXPECT_TRUE(store.put_block(kDense, 0, whole)) << "again";
  EXPECT_FALSE(store.dense_complete());
  EXPECT_TRUE(store.put_block(kDense, 1, rest));
  EXPECT_TRUE(store.dense_complete());

  const std::vector<std::uint32_t> second = {1};
  EXPECT_FALSE(store.put_rows(kDense, second, rest));
  EXPECT_FALSE(store.put_rows(kSparse, second, whole));
  EXPECT_TRUE(store.put_rows(kSparse, second, rest));
  const Weights weights = store.view();
  EXPECT_EQ(weights.tables[0].values[kBlockFloats + 1], 3.0F);
  EXPECT_EQ(weights.tables[1].values[2], 2.0F);
  EXPECT_EQ(weights.tables[1].keys[1], 9U);
}

// ---- waiting ------------------------------------------------------------------------------------

// For people: with its heartbeats, and in its log.
TEST_F(TrainerTest, SaysWhichVersionItWaitsForAndFromWhom) {
  gather(receive(kCoordinator, plan_of(1, {{kSelf, {0, 4}}})));
  std::string waiting;
  for (int i = 0; i < 11; ++i) {
    for (const auto& [to, beat] : all<wire::Heartbeat>(later(seconds(1)))) waiting = beat.waiting;
  }
  EXPECT_EQ(waiting, "version 0 from server 0000000000000065, 0000000000000066, for step 1");
}

TEST_F(TrainerTest, WhoHasNoLeavesWaitsForNothing) {
  receive(kCoordinator, plan_of(1, {{kPeer, {0, 4}}}));
  for (int i = 0; i < 20; ++i) {
    for (const auto& [to, beat] : all<wire::Heartbeat>(later(seconds(1)))) {
      EXPECT_EQ(beat.waiting, "");
    }
  }
}

}  // namespace
}  // namespace ballast

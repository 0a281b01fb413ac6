// A worker whose run counts microbatches one by one. Two servers, one dense table.

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <utility>

#include "common/base/hash.h"
#include "common/job/run_json.h"
#include "tests/unit/runtime/driven.h"
#include "worker/trainer.h"

namespace ballast::trainer_relaxed_test {
namespace {

using std::chrono::milliseconds;

constexpr MemberId kSelf{201};
constexpr MemberId kPeer{202};
constexpr MemberId kServers[] = {MemberId{101}, MemberId{102}};
constexpr TableId kDense{0};
constexpr std::uint32_t kLeaves = 4;

class RelaxedTrainer : public test::Driven<Worker> {
 protected:
  RelaxedTrainer() : worker_(options(), kSelf) {
    run_.name = "relaxed";
    run_.tables = {{.id = kDense, .name = "dense", .kind = TableKind::dense, .shape = {3}}};
    run_.partitions = 2;
    run_.leaves = kLeaves;
    run_.leaf_examples = 1;
    run_.batch = kLeaves;
    run_.train_examples = 40;
    run_.steps_per_epoch = 10;
    run_.steps = 10;
    run_.training.consistency = Consistency::bounded;
    run_.training.staleness = 2;
    step(Tick{});
    receive(kCoordinator, wire::Welcome{run_to_json(run_), KernelFamily::haswell, "store"});
    step(Done<WorkerOutcome>{
        WorkerLoaded{.number = 1, .canary = 1, .blas_version = "b", .error = ""}});
  }

  static WorkerOptions options() {
    WorkerOptions options;
    options.retry = milliseconds(100);
    return options;
  }

  Worker& machine() override { return worker_; }
  After repeat() {
    now_ += milliseconds(150);
    return step(Tick{});
  }
  // Leaves begin .. end - 1 are ours.
  After plan(PlanNumber number, Leaf begin, Leaf end) {
    wire::Plan plan{.number = number,
                    .timeline = 1,
                    .committed = 0,
                    .workers = {{kSelf, {begin, end}}, {kPeer, {end, kLeaves}}},
                    .owners = {kServers[0], kServers[1]},
                    .replicas = {},
                    .servers = {{kServers[0], "one"}, {kServers[1], "two"}}};
    return receive(kCoordinator, plan);
  }

  template <class Body>
  static std::map<MemberId, Body> all(const After& effects) {
    std::map<MemberId, Body> found;
    for (const Send& send : effects.sends) {
      if (const auto* body = std::get_if<Body>(&send.body)) found.emplace(send.to, *body);
    }
    return found;
  }

  // Both servers answer with these clocks.
  After answer(const After& effects, const std::vector<Step>& one, const std::vector<Step>& two) {
    const auto pulls = all<wire::Pull>(effects);
    BALLAST_CHECK(pulls.size() == 2);
    After last;
    for (const MemberId server : kServers) {
      const wire::Pull& pull = pulls.at(server);
      wire::Values values{pull.request, 1, pull.version, {}, server == kServers[0] ? one : two};
      const PartitionId home = partition_of(kDense, 0, 2);
      if (std::find(pull.dense.begin(), pull.dense.end(), home) != pull.dense.end()) {
        wire::Section& block = values.sections.emplace_back();
        block.table = kDense;
        block.values = Bytes::own(std::vector<float>(3, 0.5F));
      }
      last = receive(server, values);
    }
    return last;
  }
  After gather(const After& effects) {
    const auto gathers = jobs<GatherLeaves>(effects);
    BALLAST_CHECK(gathers.size() == 1);
    return step(Done<WorkerOutcome>{Gathered{gathers[0].group, std::make_shared<KeySets>(1)}});
  }
  // What follows are the pushes, and the next group.
  After compute(const After& effects) {
    After last;
    for (const ComputeLeaf& job : jobs<ComputeLeaf>(effects)) {
      auto gradient = std::make_shared<Gradient>();
      gradient->tables.resize(1);
      gradient->tables[0].values.assign(3, 1.0F);
      last = step(Done<WorkerOutcome>{NodeReady{job.group, Node{0, job.leaf}, gradient}});
    }
    const auto packs = jobs<PackPush>(last);
    BALLAST_CHECK(packs.size() == 1);
    return step(Done<WorkerOutcome>{Packed{packs[0], pack(packs[0])}});
  }

  RunConfig run_;
  Worker worker_;
};

TEST_F(RelaxedTrainer, LooksHowFarALeafIsAndGoesOnFromTheLowestClock) {
  auto after = plan(1, 0, 2);
  const auto looks = all<wire::Pull>(after);
  ASSERT_EQ(looks.size(), 2U);
  EXPECT_TRUE(looks.at(kServers[0]).dense.empty());
  EXPECT_EQ(looks.at(kServers[0]).leaves, (std::vector<Leaf>{0, 1}));
  after = answer(after, {5, 4}, {4, 6});
  const auto gathers = jobs<GatherLeaves>(after);
  ASSERT_EQ(gathers.size(), 1U);
  EXPECT_EQ(gathers[0].step, 5U);
  EXPECT_EQ(gathers[0].leaves, (std::vector<Leaf>{0, 1}));
  const auto pulls = all<wire::Pull>(gather(after));
  EXPECT_EQ(pulls.at(kServers[1]).reached, 4U);
  EXPECT_EQ(pulls.at(kServers[1]).version, 2U);  // Two steps behind the fourth.
}

TEST_F(RelaxedTrainer, PushesLeavesOneByOneAndGoesOn) {
  auto after = gather(answer(plan(1, 0, 2), {0, 0}, {0, 0}));
  after = compute(answer(after, {0, 0}, {0, 0}));
  const auto pushes = all<wire::Push>(after);
  ASSERT_EQ(pushes.size(), 2U);
  const wire::Push& push = pushes.at(kServers[0]);
  EXPECT_EQ(push.step, 1U);
  ASSERT_EQ(push.nodes.size(), 2U);
  EXPECT_EQ(push.nodes[1].node, (Node{0, 1}));
  EXPECT_EQ(jobs<GatherLeaves>(after).at(0).step, 2U);
}

TEST_F(RelaxedTrainer, PassesOverWhatOthersHaveComputed) {
  auto after = gather(answer(plan(1, 0, 2), {0, 0}, {0, 0}));
  after = answer(after, {3, 0}, {2, 0});
  const auto leaves = jobs<ComputeLeaf>(after);
  ASSERT_EQ(leaves.size(), 1U);
  EXPECT_EQ(leaves[0].leaf, 1U);
  after = compute(after);
  EXPECT_EQ(jobs<GatherLeaves>(after).at(0).leaves, std::vector<Leaf>{1});
}

TEST_F(RelaxedTrainer, PushesAgainWhatAServerHasNotCounted) {
  auto after = gather(answer(plan(1, 0, 2), {0, 0}, {0, 0}));
  after = gather(compute(answer(after, {0, 0}, {0, 0})));
  const auto pulls = all<wire::Pull>(repeat());
  ASSERT_EQ(pulls.size(), 2U);
  EXPECT_TRUE(pulls.at(kServers[1]).again);
  const std::uint64_t request = pulls.at(kServers[1]).request;
  auto pushes = all<wire::Push>(receive(kServers[1], wire::Behind{request, 1, {1, 0}, 0, {}}));
  ASSERT_EQ(pushes.size(), 1U);
  EXPECT_EQ(pushes.at(kServers[1]).step, 1U);
  pushes = all<wire::Push>(receive(kServers[1], wire::Behind{request, 1, {1, 1}, 0, {}}));
  EXPECT_TRUE(pushes.empty());
}

TEST_F(RelaxedTrainer, ComputesAgainWhatNobodyKeeps) {
  auto after = gather(answer(plan(1, 0, 2), {4, 4}, {4, 4}));
  const std::uint64_t request = all<wire::Pull>(repeat()).at(kServers[0]).request;
  after = receive(kServers[0], wire::Behind{request, 1, {2, 4}, 0, {}});
  const auto looks = all<wire::Pull>(after);
  ASSERT_EQ(looks.size(), 2U);
  EXPECT_EQ(looks.at(kServers[0]).leaves, std::vector<Leaf>{0});
}

// Simulator seed 48: two workers, each with a group that waited for the leaves of the other, were
// given leaves of each other that were behind, and waited on.
TEST_F(RelaxedTrainer, LeavesThatAreBehindComeBeforeAGroupThatWaits) {
  gather(answer(plan(1, 0, 1), {6}, {6}));  // Its pull waits until all have come to step 4.
  const auto after = answer(plan(2, 0, 3), {1, 1}, {1, 1});
  const auto gathers = jobs<GatherLeaves>(after);
  ASSERT_EQ(gathers.size(), 1U);
  EXPECT_EQ(gathers[0].step, 2U);
  EXPECT_EQ(gathers[0].leaves, (std::vector<Leaf>{1, 2}));
}

TEST_F(RelaxedTrainer, StaysUntilTheLastPushIsCounted) {
  auto after = gather(answer(plan(1, 0, 1), {9}, {9}));
  after = compute(answer(after, {9}, {9}));
  const auto looks = all<wire::Pull>(after);
  ASSERT_EQ(looks.size(), 2U);
  EXPECT_EQ(looks.at(kServers[0]).reached, 10U);
  EXPECT_TRUE(looks.at(kServers[0]).dense.empty());
  after = answer(after, {10}, {10});
  EXPECT_TRUE(after.sends.empty());
  EXPECT_EQ(worker_.groups_in_flight(), 0U);
}

TEST_F(RelaxedTrainer, SaysWhoHoldsItBack) {
  gather(answer(plan(1, 0, 2), {6, 6}, {6, 6}));
  const std::uint64_t request = all<wire::Pull>(repeat()).at(kServers[0]).request;
  receive(kServers[0], wire::Behind{request, 1, {6, 6}, 3, {2, 3}});
  std::string waiting;
  for (int i = 0; i < 12; ++i) {
    now_ += std::chrono::seconds(1);
    for (const auto& [to, beat] : all<wire::Heartbeat>(step(Tick{}))) waiting = beat.waiting;
  }
  EXPECT_EQ(waiting,
            "leaves 2 to 3 to reach step 4, from worker 00000000000000ca (held back by staleness "
            "2, for step 7)");
}

}  // namespace
}  // namespace ballast::trainer_relaxed_test

// A server whose run counts microbatches one by one.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "common/job/run_json.h"
#include "paramserver/server.h"
#include "tests/unit/paramserver/small_run.h"
#include "tests/unit/runtime/driven.h"

namespace ballast::server_relaxed_test {
namespace {

using test::kDense;
using test::kDenseFloats;

constexpr MemberId kSelf{1};
constexpr MemberId kWorker{11};
constexpr std::uint32_t kPartitions = 2;
constexpr std::uint32_t kLeaves = 2;

class RelaxedServer : public test::Driven<Server> {
 protected:
  static ServerOptions options() {
    ServerOptions options;
    options.self = kSelf;
    return options;
  }
  void serve(NonFinite on_nonfinite = NonFinite::skip) {
    run_.training.consistency = Consistency::bounded;
    run_.training.on_nonfinite = on_nonfinite;
    step(Tick{});
    receive(kCoordinator, wire::Welcome{run_to_json(run_), KernelFamily::haswell, "store"});
    step(Done<ServerOutcome>{
        ServerLoaded{.canary = 1, .blas_version = "b", .error = "", .recovered = nullptr}});
    wire::Restore restore{.timeline = 1, .partitions = {}, .commit = {}, .files = {}};
    ServerRestored restored{.timeline = 1, .tables = {}, .error = ""};
    for (std::uint32_t p = 0; p < kPartitions; ++p) {
      restore.partitions.push_back(PartitionId{p});
      restored.tables.push_back(std::make_unique<Tables>(run_, PartitionId{p}));
    }
    receive(kCoordinator, restore);
    step(Done<ServerOutcome>{std::move(restored)});
  }

  Server& machine() override { return server_; }

  template <class Body>
  static std::vector<Body> all(const After& effects) {
    std::vector<Body> found;
    for (const Send& send : effects.sends) {
      if (const auto* body = std::get_if<Body>(&send.body)) found.push_back(*body);
    }
    return found;
  }

  // One microbatch of two examples, whose gradient is `value` everywhere.
  static wire::Push push(Leaf leaf, Step step, float value = 1.0F) {
    wire::Push push{.timeline = 1, .step = step, .nodes = {}, .partitions = {}, .sections = {}};
    push.nodes.push_back({{0, leaf}, {.loss = 1.0, .examples = 2}});
    for (std::uint32_t p = 0; p < kPartitions; ++p) push.partitions.push_back(PartitionId{p});
    push.sections.push_back({.node = {0, leaf},
                             .partition = partition_of(kDense, 0, kPartitions),
                             .table = kDense,
                             .block = 0,
                             .keys = {},
                             .values = Bytes::own(std::vector<float>(kDenseFloats, value))});
    return push;
  }
  static wire::Pull pull(Step version, Step reached, std::vector<Leaf> leaves) {
    wire::Pull pull;
    pull.request = 7;
    pull.timeline = 1;
    pull.version = version;
    pull.leaves = std::move(leaves);
    pull.reached = reached;
    for (std::uint32_t p = 0; p < kPartitions; ++p) pull.dense.push_back(PartitionId{p});
    return pull;
  }

  [[nodiscard]] const Partition& home() const {
    return server_.partitions().at(partition_of(kDense, 0, kPartitions));
  }
  [[nodiscard]] float weight() const {
    return home().tables().dense().front().weights.as<float>()[0];
  }
  [[nodiscard]] std::vector<Step> clocks(std::uint32_t partition) const {
    const auto clocks = server_.partitions().at(PartitionId{partition}).account().clocks();
    return {clocks.begin(), clocks.end()};
  }

  RunConfig run_ = test::small_run(kPartitions, kLeaves);
  Server server_{options()};
};

TEST_F(RelaxedServer, CountsAndAppliesEachMicrobatchOnceAndInSequence) {
  serve();
  const float start = weight();
  receive(kWorker, push(1, 1));  // Rate 0.5, a gradient of 1 over two examples.
  EXPECT_FLOAT_EQ(weight(), start - 0.25F);
  for (std::uint32_t p = 0; p < kPartitions; ++p) EXPECT_EQ(clocks(p), (std::vector<Step>{0, 1}));

  receive(kWorker, push(1, 1, 100.0F));  // A repeat, computed anew from other weights.
  receive(kWorker, push(1, 3, 100.0F));  // Too early.
  receive(kWorker, push(0, 2, 100.0F));
  EXPECT_FLOAT_EQ(weight(), start - 0.25F);
  receive(kWorker, push(1, 2));
  receive(kWorker, push(0, 1));
  EXPECT_FLOAT_EQ(weight(), start - 0.75F);
  for (std::uint32_t p = 0; p < kPartitions; ++p) EXPECT_EQ(clocks(p), (std::vector<Step>{1, 2}));
}

TEST_F(RelaxedServer, APushThatReachedOnePartitionCountsAtTheOthersLater) {
  serve();
  wire::Push part = push(0, 1);
  part.partitions = {partition_of(kDense, 0, kPartitions)};
  receive(kWorker, part);
  const float once = weight();
  const auto after = receive(kWorker, pull(0, 0, {0, 1}));
  EXPECT_EQ(all<wire::Values>(after).at(0).clocks, (std::vector<Step>{0, 0}));
  receive(kWorker, push(0, 1));
  EXPECT_EQ(weight(), once);
  const auto now = receive(kWorker, pull(0, 0, {0, 1}));
  EXPECT_EQ(all<wire::Values>(now).at(0).clocks, (std::vector<Step>{1, 0}));
}

TEST_F(RelaxedServer, APullWaitsForItsLeavesAndForTheFloor) {
  serve();
  EXPECT_TRUE(all<wire::Values>(receive(kWorker, pull(0, 1, {0}))).empty());
  EXPECT_TRUE(all<wire::Values>(receive(kWorker, push(1, 1))).empty());
  auto after = receive(kWorker, push(0, 1));
  ASSERT_EQ(all<wire::Values>(after).size(), 1U);
  EXPECT_EQ(all<wire::Values>(after)[0].clocks, std::vector<Step>{1});

  EXPECT_TRUE(all<wire::Values>(receive(kWorker, pull(2, 1, {0}))).empty());
  EXPECT_TRUE(all<wire::Values>(receive(kWorker, push(0, 2))).empty());
  after = receive(kWorker, push(1, 2));
  EXPECT_EQ(all<wire::Values>(after).size(), 1U);
}

TEST_F(RelaxedServer, ARepeatedPullThatHasToWaitIsToldTheClocks) {
  serve();
  receive(kWorker, push(0, 1));
  wire::Pull waiting = pull(0, 2, {0, 1});
  EXPECT_TRUE(all<wire::Behind>(receive(kWorker, waiting)).empty());
  waiting.again = true;
  const auto behind = all<wire::Behind>(receive(kWorker, waiting));
  ASSERT_EQ(behind.size(), 1U);
  EXPECT_EQ(behind[0].clocks, (std::vector<Step>{1, 0}));
  EXPECT_EQ(behind[0].floor, 0U);
  EXPECT_EQ(behind[0].slowest, (std::vector<Leaf>{1}));
}

TEST_F(RelaxedServer, APartitionIsCutAsItIsWithItsAccount) {
  serve();
  receive(kWorker, push(0, 1));
  wire::CommitStep order{1, {}, {{PartitionId{0}, 0}, {PartitionId{1}, 0}}};
  const auto after = receive(kCoordinator, order);
  ASSERT_EQ(after.jobs.size(), 1U);
  const ServerCut& cut = std::get<ServerCut>(after.jobs[0]);
  receive(kWorker, push(0, 2));
  for (const PartitionCut& partition : cut.partitions) {
    EXPECT_EQ(partition.snapshot.clocks(), (std::vector<Step>{1, 0}));
  }
}

TEST_F(RelaxedServer, SaysHowFarItIsWhenTheEndIsReached) {
  run_.steps = 1;
  serve();
  EXPECT_TRUE(all<wire::Counted>(receive(kWorker, push(0, 1))).empty());
  const auto counted = all<wire::Counted>(receive(kWorker, push(1, 1)));
  ASSERT_EQ(counted.size(), 1U);
  EXPECT_EQ(counted[0].floor, 1U);
  EXPECT_EQ(counted[0].figures.examples, 4U);
  receive(kWorker, push(1, 2));  // There is no such step.
  EXPECT_EQ(clocks(0), (std::vector<Step>{1, 1}));
}

TEST_F(RelaxedServer, WhatIsNotFiniteIsCountedAndLeftOut) {
  serve();
  const float start = weight();
  const auto after = receive(kWorker, push(0, 1, std::numeric_limits<float>::infinity()));
  EXPECT_TRUE(all<wire::Fault>(after).empty());
  EXPECT_EQ(weight(), start);
  EXPECT_EQ(home().account().clock(0), 1U);
}

TEST_F(RelaxedServer, WhatIsNotFiniteStopsTheRunWhereItShould) {
  serve(NonFinite::stop);
  wire::Push odd = push(0, 1);
  odd.nodes[0].figures.nonfinite = 1;
  EXPECT_EQ(all<wire::Fault>(receive(kWorker, odd)).size(), 1U);
}

TEST_F(RelaxedServer, RefusesSumsOfLeaves) {
  serve();
  wire::Push sum = push(0, 1);
  sum.nodes[0].node = {1, 0};
  sum.sections[0].node = {1, 0};
  EXPECT_EQ(all<wire::MalformedReply>(receive(kWorker, sum)).size(), 1U);
  EXPECT_EQ(clocks(0), (std::vector<Step>{0, 0}));
  EXPECT_EQ(all<wire::MalformedReply>(receive(kWorker, pull(0, 0, {kLeaves}))).size(), 1U);
}

TEST_F(RelaxedServer, SaysWhoseMicrobatchesItWaitsFor) {
  serve();
  receive(kCoordinator, wire::Plan{.number = 1,
                                   .timeline = 1,
                                   .committed = 0,
                                   .workers = {{kWorker, {0, 1}}, {MemberId{12}, {1, 2}}},
                                   .owners = {kSelf, kSelf},
                                   .replicas = {},
                                   .servers = {{kSelf, "self"}}});
  receive(kWorker, push(0, 1));
  std::string waiting;
  for (int i = 0; i < 12; ++i) {
    now_ += std::chrono::seconds(1);
    // A repeat gets nothing done.
    for (const auto& beat : all<wire::Heartbeat>(receive(kWorker, push(0, 1)))) {
      waiting = beat.waiting;
    }
  }
  EXPECT_EQ(waiting, "leaf 1 of step 1 from worker 000000000000000c");
}

}  // namespace
}  // namespace ballast::server_relaxed_test

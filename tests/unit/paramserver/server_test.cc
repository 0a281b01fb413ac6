#include "paramserver/server.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <optional>
#include <string>
#include <utility>

#include "common/job/run_json.h"
#include "tests/unit/paramserver/small_run.h"
#include "tests/unit/runtime/driven.h"

namespace ballast {
namespace {

using std::chrono::milliseconds;
using test::kDense;
using test::kDenseFloats;
using test::kRowFloats;
using test::kSparse;
using test::small_run;

constexpr MemberId kSelf{21};
constexpr MemberId kPeer{22};
constexpr MemberId kWorker{11};
constexpr MemberId kOther{12};
constexpr std::uint32_t kPartitions = 3;
constexpr std::uint32_t kLeaves = 4;

// A server that owns every partition, its jobs done at once.
class ServerTest : public test::Driven<Server> {
 protected:
  explicit ServerTest(std::size_t parked_max = 4096,
                      std::size_t buffered_bytes_max = std::size_t{1} << 30)
      : server_(options(parked_max, buffered_bytes_max, &counters_)) {
    step(Tick{});
    receive(kCoordinator, wire::Welcome{run_to_json(run_), KernelFamily::haswell, "store"});
    step(Done<ServerOutcome>{
        ServerLoaded{.canary = 1, .blas_version = "b", .error = "", .recovered = {}}});
  }

  static ServerOptions options(std::size_t parked_max, std::size_t buffered_bytes_max,
                               ServerCounters* counters = nullptr) {
    ServerOptions options;
    options.self = kSelf;
    options.membership.hello.role = wire::Role::server;
    options.membership.retry = milliseconds(100);
    options.retry = milliseconds(100);
    options.parked_max = parked_max;
    options.buffered_bytes_max = buffered_bytes_max;
    options.counters = counters;
    return options;
  }

  Server& machine() override { return server_; }

  void restore(Timeline timeline) {
    wire::Restore restore{.timeline = timeline, .partitions = {}, .commit = {}, .files = {}};
    for (std::uint32_t p = 0; p < kPartitions; ++p) restore.partitions.push_back(PartitionId{p});
    After effects = receive(kCoordinator, restore);
    ASSERT_EQ(effects.jobs.size(), 1U);
    const auto& job = std::get<ServerRestore>(effects.jobs[0]);
    ServerRestored restored{.timeline = timeline, .tables = {}, .error = ""};
    for (const PartitionId partition : job.partitions) {
      restored.tables.push_back(std::make_unique<Tables>(*job.run, partition));
    }
    effects = step(Done<ServerOutcome>{std::move(restored)});
    ASSERT_EQ(count<wire::Restored>(effects), 1U);
  }

  template <class Body>
  static std::size_t count(const After& effects) {
    return static_cast<std::size_t>(
        std::count_if(effects.sends.begin(), effects.sends.end(),
                      [](const Send& s) { return std::holds_alternative<Body>(s.body); }));
  }
  template <class Body>
  static const Body& the(const After& effects) {
    const auto found = std::find_if(effects.sends.begin(), effects.sends.end(), [](const Send& s) {
      return std::holds_alternative<Body>(s.body);
    });
    BALLAST_CHECK(found != effects.sends.end());
    return std::get<Body>(found->body);
  }

  static wire::Pull pull(Step version, std::vector<Key> keys = {}, Timeline timeline = 1) {
    wire::Pull pull{.request = 7,
                    .timeline = timeline,
                    .version = version,
                    .dense = {},
                    .keys = {},
                    .leaves = {}};
    for (std::uint32_t p = 0; p < kPartitions; ++p) pull.dense.push_back(PartitionId{p});
    if (!keys.empty()) {
      wire::Section& asked = pull.keys.emplace_back();
      asked.table = kSparse;
      asked.keys = Bytes::own(std::move(keys));
    }
    return pull;
  }

  // The gradient of leaves: the dense block, and one row of the key.
  static wire::Push push(Step step, Node node, Key key = 5, Timeline timeline = 1) {
    wire::Push push{
        .timeline = timeline, .step = step, .nodes = {}, .partitions = {}, .sections = {}};
    const Leaf leaves = node.end() - node.begin();
    push.nodes.push_back({node, {.loss = 0.5 * leaves, .examples = leaves}});
    for (std::uint32_t p = 0; p < kPartitions; ++p) push.partitions.push_back(PartitionId{p});
    push.sections.push_back({.node = node,
                             .partition = partition_of(kDense, 0, kPartitions),
                             .table = kDense,
                             .block = 0,
                             .keys = {},
                             .values = Bytes::own(std::vector<float>(kDenseFloats, 1.0F))});
    push.sections.push_back({.node = node,
                             .partition = partition_of(kSparse, key, kPartitions),
                             .table = kSparse,
                             .keys = Bytes::own(std::vector<Key>{key}),
                             .values = Bytes::own(std::vector<float>(kRowFloats, 2.0F))});
    std::sort(push.sections.begin(), push.sections.end(), [](const auto& a, const auto& b) {
      return std::pair(a.partition, a.table) < std::pair(b.partition, b.table);
    });
    return push;
  }

  wire::CommitStep commit(Step step, Timeline timeline = 1) const {
    wire::CommitStep commit{timeline, {}, {}};
    commit.commit.step = step;
    commit.commit.scale = 0.25F;
    commit.commit.learning_rate = 0.5F;
    return commit;
  }

  RunConfig run_ = small_run(kPartitions, kLeaves);
  ServerCounters counters_;
  Server server_;
};

TEST_F(ServerTest, IsReleasedOnlyWhenItAskedToLeave) {
  EXPECT_FALSE(receive(kCoordinator, wire::Released{}).exit) << "an earlier life of it did";
  EXPECT_EQ(count<wire::Goodbye>(step(StopAsked{})), 1U);
  EXPECT_TRUE(receive(kCoordinator, wire::Released{}).exit);
}

// ---- pull ---------------------------------------------------------------------------------------

TEST_F(ServerTest, ParksAPullUntilItsVersionIsApplied) {
  restore(1);
  EXPECT_EQ(count<wire::Values>(receive(kWorker, pull(0))), 1U);
  EXPECT_TRUE(receive(kWorker, pull(1)).sends.empty());

  EXPECT_EQ(count<wire::Prepared>(receive(kWorker, push(1, {2, 0}))), 1U);
  const After effects = receive(kCoordinator, commit(1));
  ASSERT_EQ(count<wire::Values>(effects), 1U);
  EXPECT_EQ(the<wire::Values>(effects).version, 1U);
  EXPECT_EQ(the<wire::Values>(effects).request, 7U);
  EXPECT_EQ(count<wire::Values>(receive(kCoordinator, commit(1))), 0U) << "a repeat";
}

TEST_F(ServerTest, SaysThatAVersionIsGone) {
  restore(1);
  receive(kWorker, push(1, {2, 0}));
  receive(kCoordinator, commit(1));
  const After effects = receive(kWorker, pull(0));
  ASSERT_EQ(count<wire::Passed>(effects), 1U);
  EXPECT_EQ(the<wire::Passed>(effects).applied, 1U);
}

TEST_F(ServerTest, TellsAWorkerThatAsksAgainWhatIsMissing) {
  restore(1);
  receive(kWorker, push(1, {0, 1}));
  wire::Pull again = pull(1);
  again.again = true;
  const After effects = receive(kWorker, again);
  ASSERT_EQ(count<wire::Missing>(effects), 1U);
  const std::vector<Node> lacking = {{0, 0}, {1, 1}};
  EXPECT_EQ(the<wire::Missing>(effects).nodes, lacking);
  EXPECT_EQ(the<wire::Missing>(effects).step, 1U);
}

// Seed 1600004405: the others had gone on, and an older disk came back.
TEST_F(ServerTest, TellsAWorkerThatIsFurtherWhatIsMissing) {
  restore(1);
  wire::Pull again = pull(3);
  again.again = true;
  const After effects = receive(kWorker, again);
  ASSERT_EQ(count<wire::Missing>(effects), 1U);
  EXPECT_EQ(the<wire::Missing>(effects).step, 1U);
}

// R2: only commit inserts.
TEST_F(ServerTest, PullingAnUnknownKeyGivesItsInitialRowAndStoresNothing) {
  restore(1);
  std::vector<float> initial(kRowFloats);
  initialize(run_.tables[1], run_.seed, 77, initial);
  for (int round = 0; round < 2; ++round) {
    const After effects = receive(kWorker, pull(0, {77}));
    const auto& sections = the<wire::Values>(effects).sections;
    const auto values = sections.back().values.as<float>();
    EXPECT_EQ(std::vector<float>(values.begin(), values.end()), initial);
  }
  for (const auto& [id, partition] : server_.partitions()) {
    partition.snapshot().for_each([](const RowView& row) { EXPECT_NE(row.table, kSparse); });
  }
}

TEST_F(ServerTest, ForgetsThePullsOfALostWorker) {
  restore(1);
  receive(kWorker, pull(1));
  receive(kOther, pull(1));
  step(Disconnected{kWorker});
  receive(kOther, push(1, {2, 0}));
  const After effects = receive(kCoordinator, commit(1));
  ASSERT_EQ(count<wire::Values>(effects), 1U);
  EXPECT_EQ(effects.sends[0].to, kOther);
}

// ---- counts -------------------------------------------------------------------------------------

std::uint64_t count_of(const DurationTally& tally) {
  return std::accumulate(tally.counts().begin(), tally.counts().end(), std::uint64_t{0});
}

TEST_F(ServerTest, CountsWhatItDoesAndHowLongItTakes) {
  restore(1);
  receive(kWorker, pull(0));
  receive(kWorker, pull(1));
  EXPECT_EQ(server_.gauges().parked_pulls, 1U);
  later(milliseconds(30));
  receive(kWorker, pull(1));  // Asked again: it still waits since it was asked first.
  receive(kWorker, push(1, {1, 0}));
  EXPECT_GT(server_.gauges().buffered_bytes, 0U);
  receive(kOther, push(1, {1, 0}));
  later(milliseconds(40));
  receive(kOther, push(1, {1, 1}));
  later(milliseconds(20));
  receive(kCoordinator, commit(1));

  EXPECT_EQ(counters_.pulls, 2U);
  EXPECT_NEAR(counters_.pull_wait.seconds(), 0.090, 1e-9);
  EXPECT_EQ(counters_.contributions, 2U * kPartitions);
  EXPECT_EQ(counters_.contributions_repeated, 1U * kPartitions);
  EXPECT_EQ(counters_.contributions_dropped, 0U);
  EXPECT_EQ(counters_.steps, 1U);
  EXPECT_EQ(count_of(counters_.reduce), 1U);
  EXPECT_NEAR(counters_.reduce.seconds(), 0.040, 1e-9);
  EXPECT_EQ(count_of(counters_.step), 1U);
  EXPECT_NEAR(counters_.step.seconds(), 0.090, 1e-9);
  EXPECT_EQ(server_.gauges().parked_pulls, 0U);
  EXPECT_EQ(server_.gauges().partitions, kPartitions);
  EXPECT_GT(server_.gauges().table_bytes, 0U);
}

class CrampedServerTest : public ServerTest {
 protected:
  CrampedServerTest() : ServerTest(1) {}
};

TEST_F(CrampedServerTest, ParksNoMoreThanItsLimitAndAnswersWhoAsksAgain) {
  restore(1);
  receive(kWorker, pull(1));
  receive(kOther, pull(1));
  receive(kWorker, push(1, {2, 0}));
  EXPECT_EQ(count<wire::Values>(receive(kCoordinator, commit(1))), 1U);
  EXPECT_EQ(count<wire::Values>(receive(kOther, pull(1))), 1U);
  EXPECT_EQ(counters_.pulls_refused, 1U);
}

// ---- push, prepared, commit ---------------------------------------------------------------------

TEST_F(ServerTest, PreparesOnceEveryLeafIsThereAndSaysItUntilTheCommitComes) {
  restore(1);
  EXPECT_EQ(count<wire::Prepared>(receive(kWorker, push(1, {1, 0}))), 0U);
  const After effects = receive(kOther, push(1, {1, 1}));
  ASSERT_EQ(count<wire::Prepared>(effects), 1U);
  const auto& prepared = the<wire::Prepared>(effects);
  EXPECT_EQ(prepared.step, 1U);
  EXPECT_EQ(prepared.partitions.size(), kPartitions);
  EXPECT_TRUE(prepared.has_figures);
  EXPECT_EQ(prepared.figures.examples, 4U);
  EXPECT_EQ(prepared.figures.loss, 2.0);

  EXPECT_EQ(count<wire::Prepared>(later(milliseconds(150))), 1U);
  receive(kCoordinator, commit(1));
  EXPECT_EQ(server_.applied(), 1U);
  EXPECT_EQ(count<wire::Prepared>(later(milliseconds(150))), 0U);
}

TEST_F(ServerTest, CountsARepeatedPushOnce) {
  restore(1);
  receive(kWorker, push(1, {1, 0}));
  EXPECT_TRUE(receive(kWorker, push(1, {1, 0})).sends.empty());
  EXPECT_TRUE(receive(kOther, push(1, {1, 0})).sends.empty()) << "computed twice";
  const After effects = receive(kOther, push(1, {1, 1}));
  EXPECT_EQ(the<wire::Prepared>(effects).figures.examples, 4U);
  EXPECT_EQ(count<wire::Prepared>(receive(kWorker, push(1, {1, 0}))), 0U);
}

TEST_F(ServerTest, StopsTheRunWhenTwoComputationsDiffer) {
  restore(1);
  receive(kWorker, push(1, {1, 0}));
  wire::Push other = push(1, {1, 0});
  other.nodes[0].figures.loss += 1.0;
  const After effects = receive(kOther, other);
  ASSERT_EQ(count<wire::Fault>(effects), 1U);
  EXPECT_NE(the<wire::Fault>(effects).reason.find("step 1, partition 0, leaves 0 to 2"),
            std::string::npos)
      << the<wire::Fault>(effects).reason;
}

// R6, although a message may be lost.
TEST_F(ServerTest, SaysAFaultUntilTheRunIsOverAndPreparesNothingMore) {
  restore(1);
  receive(kWorker, push(1, {1, 0}));
  wire::Push other = push(1, {1, 0});
  other.nodes[0].figures.loss += 1.0;
  receive(kOther, other);
  EXPECT_EQ(count<wire::Prepared>(receive(kWorker, push(1, {1, 1}))), 0U);
  const After effects = later(milliseconds(150));
  EXPECT_EQ(count<wire::Fault>(effects), 1U);
  EXPECT_EQ(count<wire::Prepared>(effects), 0U);
  receive(kCoordinator, commit(1));
  EXPECT_EQ(server_.applied(), 0U);

  restore(2);
  EXPECT_EQ(count<wire::Fault>(later(milliseconds(150))), 0U) << "the history it was in is over";
  EXPECT_EQ(count<wire::Prepared>(receive(kWorker, push(1, {2, 0}, 5, 2))), 1U);
}

TEST_F(ServerTest, AppliesWhatWasPushed) {
  restore(1);
  const After before = receive(kWorker, pull(0, {5}));
  receive(kWorker, push(1, {2, 0}));
  receive(kCoordinator, commit(1));
  const After after = receive(kWorker, pull(1, {5}));
  const auto& was = the<wire::Values>(before).sections;
  const auto& is = the<wire::Values>(after).sections;
  ASSERT_EQ(is.size(), 2U);
  // Plain gradient descent: w - 0.5 * (0.25 * g).
  for (std::size_t i = 0; i < kDenseFloats; ++i) {
    EXPECT_EQ(is[0].values.as<float>()[i], was[0].values.as<float>()[i] - 0.125F);
  }
  for (std::size_t i = 0; i < kRowFloats; ++i) {
    EXPECT_EQ(is[1].values.as<float>()[i], was[1].values.as<float>()[i] - 0.25F);
  }
}

TEST_F(ServerTest, TakesCommitsInOrderAndOnlyOfPreparedSteps) {
  restore(1);
  receive(kCoordinator, commit(1));
  EXPECT_EQ(server_.applied(), 0U) << "not prepared";
  receive(kWorker, push(1, {2, 0}));
  receive(kCoordinator, commit(2));
  EXPECT_EQ(server_.applied(), 0U) << "out of order";
  receive(kCoordinator, commit(1, 2));
  EXPECT_EQ(server_.applied(), 0U) << "of another timeline";
  receive(kCoordinator, commit(1));
  EXPECT_EQ(server_.applied(), 1U);
}

TEST_F(ServerTest, PassesOverPushesOfOtherSteps) {
  restore(1);
  EXPECT_TRUE(receive(kWorker, push(2, {2, 0})).sends.empty());
  receive(kWorker, push(1, {2, 0}));
  receive(kCoordinator, commit(1));
  EXPECT_TRUE(receive(kWorker, push(1, {2, 0})).sends.empty());
  EXPECT_EQ(count<wire::Prepared>(receive(kWorker, push(2, {2, 0}))), 1U);
}

// ---- what is late -------------------------------------------------------------------------------

TEST_F(ServerTest, SaysWhatIsLateOnceAWorkerWasThroughLongAgo) {
  restore(1);
  later(milliseconds(50));
  receive(kWorker, push(1, {1, 0}));
  EXPECT_EQ(count<wire::Late>(later(milliseconds(140))), 0U) << "190 ms: less than late_min";
  const After effects = later(milliseconds(10));
  ASSERT_EQ(count<wire::Late>(effects), 1U);
  EXPECT_EQ(the<wire::Late>(effects).timeline, 1U);
  EXPECT_EQ(the<wire::Late>(effects).step, 1U);
  EXPECT_EQ(the<wire::Late>(effects).nodes, (std::vector<Node>{{1, 1}}));
  EXPECT_EQ(count<wire::Late>(later(milliseconds(50))), 0U);
  EXPECT_EQ(count<wire::Late>(later(milliseconds(50))), 1U) << "again";

  receive(kOther, push(1, {1, 1}));
  EXPECT_EQ(count<wire::Late>(later(milliseconds(1000))), 0U) << "all is there";
  receive(kCoordinator, commit(1));
  EXPECT_EQ(count<wire::Late>(later(milliseconds(1000))), 0U) << "nobody is through with step 2";
}

TEST_F(ServerTest, WhoTakesLongForAShareMayTakeLonger) {
  restore(1);
  later(milliseconds(400));
  After effects = receive(kWorker, push(1, {1, 0}));
  ASSERT_TRUE(effects.wake_at.has_value());
  EXPECT_EQ(count<wire::Late>(later(milliseconds(790))), 0U);
  EXPECT_EQ(count<wire::Late>(later(milliseconds(10))), 1U) << "three times 400 ms";
}

// ---- timelines ----------------------------------------------------------------------------------

TEST_F(ServerTest, RefusesDataOfAnOlderTimelineAndIgnoresThatOfANewerOne) {
  restore(2);
  EXPECT_EQ(count<wire::Stale>(receive(kWorker, push(1, {2, 0}, 5, 1))), 1U);
  EXPECT_EQ(count<wire::Stale>(receive(kWorker, pull(0, {}, 1))), 1U);
  EXPECT_TRUE(receive(kWorker, push(1, {2, 0}, 5, 3)).sends.empty());
  EXPECT_TRUE(receive(kWorker, pull(0, {}, 3)).sends.empty());
}

TEST_F(ServerTest, ANewTimelineDropsWhatWasParkedAndPushed) {
  restore(1);
  receive(kWorker, pull(1));
  receive(kWorker, push(1, {1, 0}));
  const After effects = receive(
      kCoordinator, wire::Restore{.timeline = 2, .partitions = {}, .commit = {}, .files = {}});
  EXPECT_EQ(count<wire::Stale>(effects), 1U);
  EXPECT_TRUE(server_.partitions().empty());
  restore(3);
  EXPECT_EQ(count<wire::Prepared>(receive(kWorker, push(1, {1, 1}, 5, 3))), 0U);
  EXPECT_EQ(count<wire::Prepared>(receive(kWorker, push(1, {1, 0}, 5, 3))), 1U);
}

TEST_F(ServerTest, AnswersARepeatedRestoreWithoutRestoringAgain) {
  restore(1);
  receive(kWorker, push(1, {2, 0}));
  receive(kCoordinator, commit(1));
  const After effects = receive(
      kCoordinator, wire::Restore{.timeline = 1, .partitions = {}, .commit = {}, .files = {}});
  EXPECT_TRUE(effects.jobs.empty());
  EXPECT_EQ(count<wire::Restored>(effects), 1U);
  EXPECT_EQ(server_.applied(), 1U);
}

// ---- checkpoints --------------------------------------------------------------------------------

TEST_F(ServerTest, ASnapshotKeepsItsVersionWhileTrainingGoesOn) {
  restore(1);
  receive(kWorker, push(1, {2, 0}));
  wire::CommitStep cut = commit(1);
  for (std::uint32_t p = 0; p < kPartitions; ++p) cut.cut.push_back({PartitionId{p}, 0});
  After effects = receive(kCoordinator, cut);
  ASSERT_EQ(effects.jobs.size(), 1U);
  const ServerCut job = std::get<ServerCut>(effects.jobs[0]);
  EXPECT_EQ(job.step, 1U);
  const auto floats_of_snapshots = [&] {
    std::vector<float> floats;
    for (const auto& partition : job.partitions) {
      EXPECT_EQ(partition.snapshot.version(), 1U);
      partition.snapshot.for_each([&](const RowView& row) {
        floats.insert(floats.end(), row.weights.begin(), row.weights.end());
      });
    }
    return floats;
  };
  const std::vector<float> before = floats_of_snapshots();
  EXPECT_EQ(before.size(), kDenseFloats + kRowFloats);

  receive(kWorker, push(2, {2, 0}, 6));
  receive(kCoordinator, commit(2));
  EXPECT_EQ(server_.applied(), 2U);
  EXPECT_EQ(floats_of_snapshots(), before);

  effects = step(Done<ServerOutcome>{ServerCutDone{{1, 1, {}, {}, ""}}});
  EXPECT_EQ(count<wire::CutDone>(effects), 1U);
  EXPECT_EQ(count<wire::CutDone>(later(milliseconds(150))), 1U);
  receive(kCoordinator, wire::CutKnown{1, 1});
  EXPECT_EQ(count<wire::CutDone>(later(milliseconds(150))), 0U);
}

TEST_F(ServerTest, ACutWritesWhatChangedSinceTheStepThatIsOrdered) {
  restore(1);
  const PartitionId dense = partition_of(kDense, 0, kPartitions);
  receive(kWorker, push(1, {2, 0}, 5));
  receive(kCoordinator, commit(1));
  receive(kWorker, push(2, {2, 0}, 6));
  wire::CommitStep said = commit(2);
  for (std::uint32_t p = 0; p < kPartitions; ++p) said.cut.push_back({PartitionId{p}, 1});
  const After effects = receive(kCoordinator, said);
  ASSERT_EQ(effects.jobs.size(), 1U);
  std::vector<Key> written;
  bool dense_written = false;
  for (const auto& cut : std::get<ServerCut>(effects.jobs[0]).partitions) {
    EXPECT_EQ(cut.since, 1U);
    if (scope_of(cut) == CutScope::nothing) continue;
    for_each_record(cut, CutScope::changes, [&](const RowView& row) {
      EXPECT_EQ(row.version, 2U);
      if (row.table == kSparse) written.push_back(row.key);
      if (row.table == kDense) dense_written = cut.snapshot.partition() == dense;
    });
  }
  EXPECT_EQ(written, std::vector<Key>{6}) << "row 5 has not changed since";
  EXPECT_TRUE(dense_written);
}

// Views of different moments, read while rows change and after the table is gone.
TEST(Tables, ASnapshotIsOfItsMomentWhateverComesAfter) {
  const RunConfig run = small_run(1, 1);
  auto tables = std::make_unique<Tables>(run, PartitionId{0});
  constexpr Key kRows = 3000;  // Of several slabs, the last of them not full.
  const auto set = [&](Key key, Step version) {
    SparseTable& rows = tables->sparse(kSparse);
    std::uint32_t row = rows.find(key);
    if (row == SparseTable::kNone) row = rows.insert(key);
    const auto floats = rows.mutable_row(row, version);
    std::fill(floats.begin(), floats.end(), static_cast<float>(version));
  };
  const auto expect = [&](const Snapshot& snapshot, Key rows, auto version_of) {
    Key seen = 0;
    snapshot.for_each([&](const RowView& row) {
      if (row.table != kSparse) return;
      ASSERT_EQ(row.key, seen++);
      ASSERT_EQ(row.version, version_of(row.key));
      ASSERT_EQ(row.weights[kRowFloats - 1], static_cast<float>(row.version));
    });
    EXPECT_EQ(seen, rows);
  };
  for (Key key = 0; key < kRows; ++key) set(key, 1);
  std::optional<Snapshot> first = tables->snapshot(1);
  for (Key key = 0; key < kRows; key += 7) set(key, 2);
  set(kRows, 2);
  const Snapshot second = tables->snapshot(2);
  for (Key key = 0; key < kRows; key += 3) set(key, 3);
  const auto at_second = [](Key key) { return key % 7 == 0 || key == kRows ? Step{2} : Step{1}; };
  const auto at_third = [&](Key key) {
    return key % 3 == 0 && key != kRows ? Step{3} : at_second(key);
  };
  expect(*first, kRows, [](Key) { return Step{1}; });
  first.reset();
  set(kRows + 1, 4);
  expect(second, kRows + 1, at_second);
  EXPECT_EQ(second.extent_since(1).records, kRows / 7 + 2);
  const Snapshot third = tables->snapshot(4);
  for (Key key = 0; key < kRows; ++key) set(key, 5);
  tables.reset();
  expect(second, kRows + 1, at_second);
  expect(third, kRows + 2, [&](Key key) { return key == kRows + 1 ? Step{4} : at_third(key); });
}

TEST(Cut, IsABaseWhereThatIsAskedForOrHardlyLonger) {
  const RunConfig run = small_run(1, 1);
  Tables tables(run, PartitionId{0});  // A block of 5 floats that no step has changed.
  const auto add = [&](Key key, Step version) {
    EXPECT_TRUE(tables.load(kSparse, key, version, std::vector<float>(kRowFloats, 1.0F)));
  };
  for (Key key = 0; key < 10; ++key) add(key, key < 6 ? 10 : 20);
  struct Case {
    const char* name;
    Step since;
    CutScope scope;
    std::size_t records;
  };
  const Case cases[] = {
      {"everything is asked for", 0, CutScope::everything, 11},
      {"nothing changed", 20, CutScope::nothing, 0},
      {"8 of 25 floats", 10, CutScope::changes, 4},
      {"20 of 25 floats", 5, CutScope::everything, 11},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const PartitionCut cut{tables.snapshot(20), c.since};
    ASSERT_EQ(scope_of(cut), c.scope);
    if (c.scope == CutScope::nothing) continue;
    EXPECT_EQ(since_of(cut, c.scope), c.scope == CutScope::changes ? c.since : 0);
    std::size_t records = 0;
    for_each_record(cut, c.scope, [&](const RowView& row) {
      EXPECT_TRUE(c.scope == CutScope::everything || row.version > c.since);
      ++records;
    });
    EXPECT_EQ(records, c.records);
  }
}

// ---- what peers may not send --------------------------------------------------------------------

TEST_F(ServerTest, RefusesMalformedPushesWithASentence) {
  restore(1);
  struct Case {
    const char* name;
    void (*spoil)(wire::Push&);
    const char* says;
  };
  const Case cases[] = {
      {"a node outside the tree",
       [](wire::Push& p) {
         p.nodes[0].node = {3, 0};
       },
       "outside the 4"},
      {"a node beyond the leaves",
       [](wire::Push& p) {
         p.nodes[0].node = {0, 4};
       },
       "outside the 4"},
      {"a node twice", [](wire::Push& p) { p.nodes.push_back(p.nodes[0]); }, "from left to right"},
      {"a node within another",
       [](wire::Push& p) {
         p.nodes.push_back({{0, 3}, {}});
       },
       "from left to right"},
      {"an unknown partition", [](wire::Push& p) { p.partitions.push_back(PartitionId{9}); },
       "partition 9 of 3"},
      {"a partition twice", [](wire::Push& p) { p.partitions.push_back(p.partitions.back()); },
       "partitions in rising order"},
      {"a section for a node not listed",
       [](wire::Push& p) {
         p.sections[0].node = {0, 0};
       },
       "does not list"},
      {"a section for a partition not listed", [](wire::Push& p) { p.partitions.clear(); },
       "does not list"},
      {"an unknown table", [](wire::Push& p) { p.sections[0].table = TableId{2}; },
       "table 2, which this run does not have"},
      {"too few values",
       [](wire::Push& p) { p.sections[0].values = Bytes::own(std::vector<float>(1)); }, "table"},
      {"values that are no floats",
       [](wire::Push& p) { p.sections[0].values = Bytes::own(std::vector<std::byte>(3)); },
       "not float32"},
      {"sections out of order", [](wire::Push& p) { std::swap(p.sections[0], p.sections[1]); },
       "out of order"},
      {"the same section twice", [](wire::Push& p) { p.sections.push_back(p.sections.back()); },
       "out of order"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    wire::Push spoiled = push(1, {2, 0});
    c.spoil(spoiled);
    const After effects = receive(kWorker, spoiled);
    ASSERT_EQ(count<wire::MalformedReply>(effects), 1U);
    const std::string& reason = the<wire::MalformedReply>(effects).reason;
    EXPECT_NE(reason.find(c.says), std::string::npos) << reason;
    EXPECT_EQ(count<wire::Prepared>(effects), 0U);
  }
  EXPECT_EQ(count<wire::Prepared>(receive(kWorker, push(1, {2, 0}))), 1U)
      << "what was refused left no trace";
}

TEST_F(ServerTest, RefusesSparseRowsThatDoNotBelong) {
  restore(1);
  const auto spoil = [&](std::vector<Key> keys) {
    wire::Push spoiled = push(1, {2, 0});
    for (wire::Section& section : spoiled.sections) {
      if (section.table != kSparse) continue;
      section.values = Bytes::own(std::vector<float>(keys.size() * kRowFloats));
      section.keys = Bytes::own(keys);
    }
    return count<wire::MalformedReply>(receive(kWorker, spoiled));
  };
  Key same = 6;
  while (partition_of(kSparse, same, kPartitions) != partition_of(kSparse, 5, kPartitions)) ++same;
  Key other = 6;
  while (partition_of(kSparse, other, kPartitions) == partition_of(kSparse, 5, kPartitions))
    ++other;
  EXPECT_EQ(spoil({}), 1U) << "no keys";
  EXPECT_EQ(spoil({same, 5}), 1U) << "out of order";
  EXPECT_EQ(spoil({5, 5}), 1U) << "twice";
  EXPECT_EQ(spoil({5, other}), 1U) << "another partition's";
  EXPECT_EQ(spoil({5, same}), 0U);
}

TEST_F(ServerTest, RefusesMalformedPulls) {
  restore(1);
  wire::Pull dense = pull(0, {1});
  dense.keys[0].table = kDense;
  EXPECT_EQ(count<wire::MalformedReply>(receive(kWorker, dense)), 1U);
  wire::Pull twice = pull(0, {1});
  twice.keys.push_back(twice.keys[0]);
  EXPECT_EQ(count<wire::MalformedReply>(receive(kWorker, twice)), 1U);
  wire::Pull bytes = pull(0, {1});
  bytes.keys[0].keys = Bytes::own(std::vector<std::byte>(3));
  EXPECT_EQ(count<wire::MalformedReply>(receive(kWorker, bytes)), 1U);
}

// ---- room (R11) ---------------------------------------------------------------------------------

class NarrowServerTest : public ServerTest {
 protected:
  NarrowServerTest() : ServerTest(4096, 0) {}
};

TEST_F(NarrowServerTest, TakesFromTheLeftAndAsksForTheRestWhenItsTurnComes) {
  restore(1);
  EXPECT_TRUE(receive(kOther, push(1, {1, 1})).sends.empty());
  EXPECT_TRUE(receive(kWorker, push(1, {0, 1})).sends.empty());
  EXPECT_EQ(server_.buffered_bytes(), 0U) << "what holds bytes was dropped";

  After effects = receive(kWorker, push(1, {0, 0}));
  ASSERT_EQ(count<wire::Missing>(effects), 1U);
  EXPECT_EQ(effects.sends[0].to, kWorker);
  EXPECT_EQ(the<wire::Missing>(effects).nodes, (std::vector<Node>{{0, 1}}));
  EXPECT_GT(server_.buffered_bytes(), 0U) << "credit for the leftmost is always there";

  effects = receive(kWorker, push(1, {0, 1}));
  ASSERT_EQ(count<wire::Missing>(effects), 1U);
  EXPECT_EQ(effects.sends[0].to, kOther);
  EXPECT_EQ(the<wire::Missing>(effects).nodes, (std::vector<Node>{{1, 1}}));

  effects = receive(kOther, push(1, {1, 1}));
  EXPECT_EQ(count<wire::Prepared>(effects), 1U);
  receive(kCoordinator, commit(1));
  EXPECT_EQ(server_.buffered_bytes(), 0U);
}

// A worker may push less than all partitions here: it follows an older plan, or some are copies
// that were owned before. Asking it again for what others wait for would bring the same, for ever.
TEST_F(NarrowServerTest, DoesNotAskForWhatWasJustDroppedUntilSomethingWasTaken) {
  const PartitionId first = partition_of(kDense, 0, kPartitions);
  Key key = 6;
  while (partition_of(kSparse, key, kPartitions) == first) ++key;
  const PartitionId second = partition_of(kSparse, key, kPartitions);
  const auto only = [&](PartitionId partition, Node node) {
    wire::Push part = push(1, node, key);
    part.partitions = {partition};
    std::erase_if(part.sections,
                  [&](const wire::Section& section) { return section.partition != partition; });
    return part;
  };
  restore(1);
  receive(kWorker, only(first, {1, 0}));
  EXPECT_EQ(count<wire::Missing>(receive(kOther, only(second, {1, 1}))), 0U)
      << "the first partition waits for it, and it was not in there";
  const After effects = receive(kWorker, only(second, {1, 0}));
  ASSERT_EQ(count<wire::Missing>(effects), 1U);
  EXPECT_EQ(effects.sends[0].to, kOther);
}

// What was dropped is asked for by itself, and was computed in time.
TEST_F(NarrowServerTest, DoesNotCallLateWhatItHadNoRoomFor) {
  restore(1);
  receive(kWorker, push(1, {0, 3}));
  const After effects = later(milliseconds(250));
  ASSERT_EQ(count<wire::Late>(effects), 1U);
  EXPECT_EQ(the<wire::Late>(effects).nodes, (std::vector<Node>{{1, 0}, {0, 2}}))
      << "all but what was dropped";
}

TEST_F(NarrowServerTest, ForgetsWhatItDroppedWithTheStep) {
  restore(1);
  receive(kOther, push(1, {1, 1}));
  EXPECT_EQ(count<wire::Prepared>(receive(kWorker, push(1, {2, 0}))), 1U)
      << "covers what it dropped";
  receive(kCoordinator, commit(1));
  EXPECT_EQ(count<wire::Missing>(receive(kWorker, push(2, {1, 0}))), 0U);
}

TEST_F(ServerTest, WithRoomTakesWhateverComes) {
  restore(1);
  EXPECT_TRUE(receive(kOther, push(1, {1, 1})).sends.empty());
  EXPECT_GT(server_.buffered_bytes(), 0U);
  EXPECT_EQ(count<wire::Prepared>(receive(kWorker, push(1, {1, 0}))), 1U);
}

// ---- copies -------------------------------------------------------------------------------------

class CopiesTest : public ServerTest {
 protected:
  // Who owns all partitions, who keeps copies of all.
  static wire::Plan plan(PlanNumber number, MemberId owner, std::vector<MemberId> replicas,
                         Timeline timeline = 1) {
    wire::Plan plan{.number = number,
                    .timeline = timeline,
                    .committed = 0,
                    .workers = {},
                    .owners = std::vector<MemberId>(kPartitions, owner),
                    .replicas = {},
                    .servers = {{kSelf, "here"}, {kPeer, "there"}}};
    for (std::uint32_t p = 0; p < kPartitions; ++p) {
      for (const MemberId replica : replicas) plan.replicas.push_back({PartitionId{p}, replica});
    }
    return plan;
  }
};

TEST_F(CopiesTest, AnOwnerFeedsTheRootToItsReplicaOnceAndAgainWhenItIsLacking) {
  restore(1);
  const After planned = receive(kCoordinator, plan(1, kSelf, {kPeer}));
  ASSERT_EQ(planned.connections.size(), 1U);
  EXPECT_EQ(planned.connections[0].peer, kPeer);

  EXPECT_EQ(count<wire::Push>(receive(kWorker, push(1, {1, 0}))), 0U) << "half of it";
  const After effects = receive(kWorker, push(1, {1, 1}));
  ASSERT_EQ(count<wire::Push>(effects), 1U);
  const auto& fed = the<wire::Push>(effects);
  EXPECT_EQ(fed.step, 1U);
  ASSERT_EQ(fed.nodes.size(), 1U);
  EXPECT_EQ(fed.nodes[0].node, (Node{2, 0}));
  EXPECT_EQ(fed.nodes[0].figures.examples, 4U);
  EXPECT_EQ(fed.partitions.size(), kPartitions);
  EXPECT_EQ(count<wire::Prepared>(effects), 1U);
  EXPECT_EQ(count<wire::Push>(later(milliseconds(100))), 0U);

  const After again =
      receive(kPeer, wire::Lacking{1, true, 0, {}, {PartitionId{0}, PartitionId{1}}});
  EXPECT_EQ(the<wire::Push>(again).partitions.size(), 2U);
}

// Seed 101343: it stood still while it was taken for dead, and pushed when it went on.
TEST_F(CopiesTest, AServerThatWasLetGoIsNotWrittenTo) {
  restore(1);
  receive(kCoordinator, plan(1, kSelf, {kPeer}));
  restore(2);
  EXPECT_EQ(count<wire::Stale>(receive(kPeer, push(1, {2, 0}))), 1U);
  wire::Plan alone = plan(2, kSelf, {}, 2);
  alone.servers.pop_back();
  EXPECT_EQ(receive(kCoordinator, alone).disconnections.size(), 1U);
  EXPECT_EQ(count<wire::Stale>(receive(kPeer, push(1, {2, 0}))), 0U);
  EXPECT_EQ(count<wire::Stale>(receive(kWorker, push(1, {2, 0}))), 1U);
  receive(kCoordinator, plan(3, kSelf, {kPeer}, 2));
  EXPECT_EQ(count<wire::Stale>(receive(kPeer, push(1, {2, 0}))), 1U);
}

TEST_F(CopiesTest, AReplicaIsPreparedByTheRootAndBecomesTheOwnerWithoutLosingIt) {
  restore(1);
  receive(kCoordinator, plan(1, kPeer, {kSelf}));
  const After lacking = later(milliseconds(100));
  ASSERT_EQ(count<wire::Lacking>(lacking), 1U);
  EXPECT_EQ(the<wire::Lacking>(lacking).gradients.size(), kPartitions);

  EXPECT_EQ(count<wire::Prepared>(receive(kPeer, push(1, {2, 0}))), 1U);
  const After promoted = receive(kCoordinator, plan(2, kSelf, {}));
  EXPECT_EQ(count<wire::Prepared>(promoted), 1U);
  EXPECT_EQ(the<wire::Prepared>(promoted).plan, 2U);
  receive(kWorker, pull(1));
  const After applied = receive(kCoordinator, commit(1));
  EXPECT_EQ(count<wire::Values>(applied), 1U) << "it answers for what it owns now";
}

TEST_F(CopiesTest, ACopyHasTheBitsOfItsSource) {
  // The source trains a step; a server that stands by is given copies of all.
  restore(1);
  receive(kCoordinator, plan(1, kSelf, {}));
  receive(kWorker, push(1, {2, 0}));
  receive(kCoordinator, commit(1));
  receive(kCoordinator, plan(2, kSelf, {kPeer}));
  const After copies = receive(
      kPeer, wire::Lacking{1, false, 0, {PartitionId{0}, PartitionId{1}, PartitionId{2}}, {}});
  ASSERT_EQ(count<wire::PartitionCopy>(copies), kPartitions);

  ServerOptions other = options(4096, std::size_t{1} << 30);
  other.self = kPeer;
  Server peer(other);
  const auto tell = [&](MemberId from, wire::Body body) {
    After effects;
    peer.step(now_, Received{wire::Message{from, std::move(body)}}, effects);
    return effects;
  };
  After first;
  peer.step(now_, Tick{}, first);
  tell(kCoordinator, wire::Welcome{run_to_json(run_), KernelFamily::haswell, "store"});
  peer.step(now_,
            Done<ServerOutcome>{
                ServerLoaded{.canary = 1, .blas_version = "b", .error = "", .recovered = {}}},
            first);
  const After asked = tell(kCoordinator, plan(2, kSelf, {kPeer}));
  ASSERT_EQ(count<wire::Lacking>(asked), 1U);
  EXPECT_FALSE(the<wire::Lacking>(asked).has_version);
  for (const Send& send : copies.sends) tell(kSelf, send.body);

  ASSERT_EQ(peer.partitions().size(), kPartitions);
  EXPECT_EQ(peer.applied(), 1U);
  const auto rows = [](const Server& server) {
    std::vector<std::tuple<PartitionId, TableId, Key, Step, std::vector<float>>> all;
    for (const auto& [id, partition] : server.partitions()) {
      partition.snapshot().for_each([&, at = id](const RowView& row) {
        std::vector<float> floats(row.weights.begin(), row.weights.end());
        floats.insert(floats.end(), row.slots.begin(), row.slots.end());
        all.emplace_back(at, row.table, row.key, row.version, floats);
      });
    }
    return all;
  };
  EXPECT_EQ(rows(peer), rows(server_));
}

TEST_F(CopiesTest, WhatAPlanTakesAwayIsDropped) {
  restore(1);
  receive(kCoordinator, plan(1, kSelf, {kPeer}));
  receive(kCoordinator, plan(3, kPeer, {}));
  EXPECT_TRUE(server_.partitions().empty());
  receive(kCoordinator, plan(2, kSelf, {kPeer}));
  EXPECT_EQ(count<wire::Lacking>(later(milliseconds(100))), 0U) << "an older plan says nothing";
  EXPECT_TRUE(receive(kWorker, pull(0)).sends.empty()) << "its worker will hear of the plan";
}

TEST_F(CopiesTest, WhoWasLeftBehindBeginsAnew) {
  restore(1);
  receive(kCoordinator, plan(1, kPeer, {kSelf}));
  wire::PartitionCopy ahead{
      .timeline = 1, .commits = {Commit{}}, .partition = PartitionId{0}, .records = {}};
  ahead.commits.back().step = 5;
  const After effects = receive(kPeer, ahead);
  EXPECT_TRUE(server_.partitions().empty());
  ASSERT_EQ(count<wire::Lacking>(effects), 1U);
  EXPECT_FALSE(the<wire::Lacking>(effects).has_version);
  EXPECT_EQ(the<wire::Lacking>(effects).copies.size(), kPartitions);
}

TEST_F(CopiesTest, WhoIsPreparedWaitsForTheCommitThatTheOthersHave) {
  restore(1);
  receive(kCoordinator, plan(1, kPeer, {kSelf}));
  receive(kPeer, push(1, {2, 0}));
  wire::PartitionCopy ahead{
      .timeline = 1, .commits = {Commit{}}, .partition = PartitionId{0}, .records = {}};
  ahead.commits.back().step = 1;
  receive(kPeer, ahead);
  EXPECT_EQ(server_.partitions().size(), kPartitions);
  receive(kCoordinator, commit(1));
  EXPECT_EQ(server_.applied(), 1U);
}

// Seeds 1177714835 and 1700000706: it came back with a log, behind the others or further, and the
// plan that let it drop what it kept was lost. Nobody counts on its copies, so they are no good.
TEST_F(CopiesTest, WhoComesBackToARunThatWentOnBeginsAnew) {
  restore(1);
  receive(kCoordinator, plan(1, kPeer, {kSelf}));
  receive(kPeer, push(1, {2, 0}));
  wire::Plan next = plan(5, kPeer, {kSelf});
  next.servers[0].since = 1;
  EXPECT_EQ(count<wire::Prepared>(receive(kCoordinator, next)), 1U)
      << "it has been there all along";
  next.number = 7;
  next.servers[0].since = 6;
  const After effects = receive(kCoordinator, next);
  EXPECT_TRUE(server_.partitions().empty());
  EXPECT_EQ(count<wire::Prepared>(effects), 0U);
  ASSERT_EQ(count<wire::Lacking>(effects), 1U);
  EXPECT_FALSE(the<wire::Lacking>(effects).has_version);
  EXPECT_EQ(the<wire::Lacking>(effects).copies.size(), kPartitions);
}

// ---- waiting ------------------------------------------------------------------------------------

// For people: with its heartbeats, and in its log.
class WaitingTest : public ServerTest {
 protected:
  // What the heartbeats say after a while without progress.
  std::string waiting() {
    std::string waiting;
    for (int i = 0; i < 12; ++i) {
      const After effects = later(std::chrono::seconds(1));
      if (count<wire::Heartbeat>(effects) > 0) waiting = the<wire::Heartbeat>(effects).waiting;
    }
    return waiting;
  }
  wire::Plan plan(MemberId last_owner) const {
    return {.number = 1,
            .timeline = 1,
            .committed = 0,
            .workers = {{kWorker, {0, 2}}, {kOther, {2, 4}}},
            .owners = {kSelf, kSelf, last_owner},
            .replicas = {},
            .servers = {{kSelf, "self"}, {kPeer, "peer"}}};
  }
};

TEST_F(WaitingTest, NamesTheWorkersWhoseLeavesAreMissing) {
  restore(1);
  receive(kCoordinator, plan(kSelf));
  receive(kWorker, push(1, {1, 0}));
  EXPECT_EQ(waiting(), "leaves 2 to 3 of step 1 from worker 000000000000000c");
  receive(kOther, push(1, {1, 1}));
  EXPECT_EQ(waiting(), "the coordinator to commit step 1");
}

TEST_F(WaitingTest, NamesTheOwnerOfWhatAReplicaLacks) {
  restore(1);
  wire::Plan fed = plan(kPeer);
  fed.replicas = {{PartitionId{2}, kSelf}};
  receive(kCoordinator, fed);
  for (wire::Push mine : {push(1, {1, 0}), push(1, {1, 1})}) {  // Workers push that to its owner.
    std::erase(mine.partitions, PartitionId{2});
    std::erase_if(mine.sections, [](const auto& s) { return s.partition == PartitionId{2}; });
    receive(kWorker, mine);
  }
  EXPECT_EQ(waiting(), "the gradient of step 1 for partitions 2 from server 0000000000000016");
}

TEST_F(WaitingTest, NamesTheOwnerOfACopyThatItLacks) {
  wire::Plan fed = plan(kPeer);
  fed.owners = {kPeer, kPeer, kPeer};
  fed.replicas = {{PartitionId{0}, kSelf}, {PartitionId{2}, kSelf}};
  receive(kCoordinator, fed);
  EXPECT_EQ(waiting(), "a copy of partitions 0, 2 from server 0000000000000016");
}

}  // namespace
}  // namespace ballast

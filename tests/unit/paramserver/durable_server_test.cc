// DurabilityMode::step: a server with its real home, killed and started again at any point.

#include <filesystem>
#include <memory>
#include <optional>
#include <utility>

#include "common/job/run_json.h"
#include "common/runtime/membership.h"
#include "common/storage/directory_store.h"
#include "paramserver/disk.h"
#include "tests/unit/paramserver/small_run.h"
#include "tests/unit/storage/support.h"

namespace ballast {
namespace {

using std::chrono::milliseconds;

constexpr MemberId kWorker{11};
constexpr std::uint32_t kPartitions = 3;
constexpr Node kRoot{2, 0};

class DurableServer : public testing::Test {
 protected:
  using After = Effects<ServerJob>;

  DurableServer() { run_.cluster.durability = DurabilityMode::step; }

  // Another life on the same home; returns what it says that it holds.
  std::optional<wire::Held> start(MemberId self) {
    server_.reset();
    disk_.reset();
    disk_ = std::make_unique<ServerDisk>(directory_.path("home"), [](const std::string& address) {
      return open_directory_store(address, OpenMode::create);
    });
    ServerOptions options;
    options.self = self;
    options.membership.hello.role = wire::Role::server;
    options.retry = milliseconds(100);
    options.log_bytes_max = log_bytes_max_;
    server_ = std::make_unique<Server>(options);
    step(Tick{});
    const wire::Welcome welcome{run_to_json(run_), KernelFamily::haswell, directory_.path("store")};
    const After loaded = receive(kCoordinator, welcome);
    const auto held = find<wire::Hello>(loaded) ? find<wire::Hello>(loaded)->held : std::nullopt;
    if (held) receive(kCoordinator, welcome);
    return held;
  }
  // Its jobs are done at once, and what follows from them.
  After step(Input<ServerOutcome> input) {
    After effects;
    now_ += milliseconds(1);
    server_->step(now_, std::move(input), effects);
    for (ServerJob& job : std::exchange(effects.jobs, {})) {
      After more = step(Done<ServerOutcome>{(*disk_)(std::move(job))});
      effects.sends.insert(effects.sends.end(), more.sends.begin(), more.sends.end());
      effects.notes.insert(effects.notes.end(), more.notes.begin(), more.notes.end());
    }
    return effects;
  }
  After receive(MemberId from, wire::Body body) {
    return step(Received{wire::Message{from, std::move(body)}});
  }
  template <class Body>
  static const Body* find(const After& effects) {
    for (const Send& send : effects.sends) {
      if (const Body* body = std::get_if<Body>(&send.body)) return body;
    }
    return nullptr;
  }

  void restore(std::uint32_t partitions = kPartitions) {
    wire::Restore restore{.timeline = 1, .partitions = {}, .commit = {}, .files = {}};
    for (std::uint32_t p = 0; p < partitions; ++p) restore.partitions.push_back(PartitionId{p});
    receive(kCoordinator, restore);
  }
  After push(Step number) {
    wire::Push push{.timeline = 1,
                    .step = number,
                    .nodes = {{kRoot, {.loss = 2.0, .examples = 4}}},
                    .partitions = {},
                    .sections = {}};
    for (std::uint32_t p = 0; p < kPartitions; ++p) push.partitions.push_back(PartitionId{p});
    const Key key = 5 + number;
    push.sections.push_back({.node = kRoot,
                             .partition = partition_of(test::kDense, 0, kPartitions),
                             .table = test::kDense,
                             .block = 0,
                             .keys = {},
                             .values = Bytes::own(std::vector<float>(test::kDenseFloats, 1.0F))});
    push.sections.push_back({.node = kRoot,
                             .partition = partition_of(test::kSparse, key, kPartitions),
                             .table = test::kSparse,
                             .block = 0,
                             .keys = Bytes::own(std::vector<Key>{key}),
                             .values = Bytes::own(std::vector<float>(test::kRowFloats, 2.0F))});
    std::sort(push.sections.begin(), push.sections.end(), [](const auto& a, const auto& b) {
      return std::pair(a.partition, a.table) < std::pair(b.partition, b.table);
    });
    return receive(kWorker, push);
  }
  void commit(Step number) {
    wire::CommitStep commit{1, {}, {}};
    commit.commit.step = number;
    commit.commit.scale = 0.25F;
    commit.commit.learning_rate = 0.5F;
    receive(kCoordinator, commit);
  }
  void train(Step first, Step last) {
    for (Step number = first; number <= last; ++number) {
      const After effects = push(number);
      ASSERT_NE(find<wire::Prepared>(effects), nullptr) << "step " << number;
      commit(number);
    }
  }
  std::vector<float> weights() const {
    std::vector<float> all;
    for (const auto& [id, partition] : server_->partitions()) {
      partition.snapshot().for_each([&](const RowView& row) {
        all.insert(all.end(), row.weights.begin(), row.weights.end());
      });
    }
    return all;
  }
  std::vector<std::string> logs() const {
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator(directory_.path("home/steps"))) {
      if (entry.path().extension() == ".log") found.push_back(entry.path().string());
    }
    return found;
  }

  const TemporaryDirectory directory_;
  RunConfig run_ = test::small_run(kPartitions, 4);
  std::uint64_t log_bytes_max_ = 1 << 20;
  std::unique_ptr<ServerDisk> disk_;
  std::unique_ptr<Server> server_;
  Time now_ = Time{} + std::chrono::seconds(1);
};

TEST_F(DurableServer, ComesBackWhereItWas) {
  EXPECT_FALSE(start(MemberId{21}));
  restore();
  train(1, 3);
  ASSERT_NE(find<wire::Prepared>(push(4)), nullptr);

  auto held = start(MemberId{22});
  ASSERT_TRUE(held);
  EXPECT_EQ(held->timeline, 1U);
  EXPECT_EQ(held->commits.back().step, 3U);
  EXPECT_EQ(held->promised, 4U);
  EXPECT_EQ(held->prepared.size(), kPartitions);
  EXPECT_EQ(held->formers, std::vector<MemberId>{MemberId{21}});
  commit(4);
  EXPECT_EQ(server_->applied(), 4U) << "the coordinator may have committed it";
  train(5, 6);
  const std::vector<float> twice = weights();

  held = start(MemberId{23});
  ASSERT_TRUE(held);
  EXPECT_EQ(held->commits.back().step, 5U) << "the commit of 6 is in no log yet";
  EXPECT_EQ(held->promised, 6U);
  commit(6);
  EXPECT_EQ(weights(), twice);
}

TEST_F(DurableServer, ForgetsNothingThatItPromisedAndNothingElse) {
  start(MemberId{21});
  restore();
  train(1, 2);
  ASSERT_EQ(logs().size(), 1U);
  const std::string log = logs()[0];
  const auto whole = std::filesystem::file_size(log);
  ASSERT_NE(find<wire::Prepared>(push(3)), nullptr);
  std::filesystem::resize_file(log, std::filesystem::file_size(log) - 1);  // A torn write.
  const auto held = start(MemberId{22});
  ASSERT_TRUE(held);
  EXPECT_EQ(held->commits.back().step, 1U);
  EXPECT_EQ(held->promised, 2U);
  EXPECT_GE(std::filesystem::file_size(log), whole);
  commit(2);
  train(3, 4);  // Over what was torn.
  EXPECT_EQ(start(MemberId{23})->promised, 4U);
}

TEST_F(DurableServer, TrustsNoBaseThatIsDamagedNorOneOfAnotherRun) {
  start(MemberId{21});
  restore();
  train(1, 2);
  run_.seed += 1;
  EXPECT_FALSE(start(MemberId{22})) << "another run";
  run_.seed -= 1;
  EXPECT_TRUE(start(MemberId{23}));
  for (const auto& entry : std::filesystem::directory_iterator(directory_.path("home/steps"))) {
    if (entry.path().extension() != ".sst") continue;
    std::filesystem::resize_file(entry.path(), std::filesystem::file_size(entry.path()) - 1);
  }
  EXPECT_FALSE(start(MemberId{24}));
}

TEST_F(DurableServer, SaysPreparedOnlyWhenTheStepIsOnDisk) {
  start(MemberId{21});
  restore();
  train(1, 1);
  {
    const FullDisk full;
    const After effects = push(2);
    EXPECT_EQ(find<wire::Prepared>(effects), nullptr);
    ASSERT_FALSE(effects.notes.empty());
    EXPECT_NE(effects.notes[0].text.find("until it can be logged"), std::string::npos);
  }
  now_ += milliseconds(200);
  EXPECT_NE(find<wire::Prepared>(step(Tick{})), nullptr) << "there is room again";
  EXPECT_EQ(start(MemberId{22})->promised, 2U);
}

// A copy that comes after Prepared needs another base. Until that is durable, with the step, the
// copy is not said to be prepared, and what was promised is not forgotten.
TEST_F(DurableServer, PromisesACopyThatCameLateOnceItIsOnDisk) {
  start(MemberId{21});
  restore(2);
  train(1, 1);
  ASSERT_NE(find<wire::Prepared>(push(2)), nullptr);
  receive(kCoordinator, wire::Plan{.number = 1,
                                   .timeline = 1,
                                   .committed = 1,
                                   .workers = {},
                                   .owners = {MemberId{21}, MemberId{21}, MemberId{31}},
                                   .replicas = {{PartitionId{2}, MemberId{21}}},
                                   .servers = {{MemberId{21}, "us"}, {MemberId{31}, "other"}}});
  Commit first;
  first.step = 1;
  receive(MemberId{31},
          wire::PartitionCopy{
              .timeline = 1, .commits = {first}, .partition = PartitionId{2}, .records = {}});
  ASSERT_EQ(server_->partitions().size(), 3U);
  {
    const FullDisk full;
    push(2);
    ASSERT_TRUE(server_->partitions().at(PartitionId{2}).prepared());
    now_ += milliseconds(200);
    const After effects = step(Tick{});
    const auto* const prepared = find<wire::Prepared>(effects);
    EXPECT_TRUE(prepared == nullptr || prepared->partitions.size() == 2);
  }
  auto held = start(MemberId{22});
  ASSERT_TRUE(held);
  EXPECT_EQ(held->promised, 2U);
  EXPECT_EQ(held->prepared.size(), 2U);
}

// Killed between the base and its first step.
TEST_F(DurableServer, AnotherBaseThatIsTornForgetsNothing) {
  log_bytes_max_ = 1;
  start(MemberId{21});
  restore();
  train(1, 2);
  ASSERT_EQ(logs().size(), 1U);
  const std::string older = logs()[0];
  const TemporaryDirectory aside;
  std::filesystem::copy(directory_.path("home/steps"), aside.path("steps"));
  ASSERT_NE(find<wire::Prepared>(push(3)), nullptr);
  ASSERT_EQ(logs().size(), 1U);
  const std::string newer = logs()[0];
  ASSERT_NE(newer, older) << "this step began another log";
  std::filesystem::resize_file(newer, std::filesystem::file_size(newer) - 1);
  // As it was before the older one went.
  using std::filesystem::copy_options;
  std::filesystem::copy(aside.path("steps"), directory_.path("home/steps"),
                        copy_options::recursive | copy_options::skip_existing);
  const auto held = start(MemberId{22});
  ASSERT_TRUE(held);
  EXPECT_EQ(held->promised, 2U);
  EXPECT_EQ(held->prepared.size(), kPartitions);
}

TEST_F(DurableServer, ALongLogGivesWayToAnotherBase) {
  log_bytes_max_ = 1;
  start(MemberId{21});
  restore();
  train(1, 4);
  EXPECT_EQ(logs().size(), 1U) << "older ones are removed";
  const auto held = start(MemberId{22});
  ASSERT_TRUE(held);
  EXPECT_EQ(held->promised, 4U);
  EXPECT_EQ(logs()[0].find("steps-1.log"), std::string::npos) << "the log is short";
  EXPECT_EQ(held->commits.front().step, 0U) << "lines of the history may hang on it still";
  EXPECT_EQ(held->commits.back().step, 3U);
}

}  // namespace
}  // namespace ballast

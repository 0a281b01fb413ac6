#include "coordinator/store_executor.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "common/storage/directory_store.h"
#include "common/storage/files.h"
#include "tests/unit/storage/support.h"

namespace ballast {
namespace {

// Coordinators that share one checkpoint store and one output directory.
class StoreExecutorTest : public testing::Test {
 protected:
  void SetUp() override {
    store_ = need(open_directory_store(directory_.path("checkpoints"), OpenMode::create));
    ASSERT_TRUE(ok(make_directories(output())));
  }

  template <class Outcome, class Job>
  static Outcome run(StoreExecutor& executor, Job job) {
    return std::get<Outcome>(executor(CoordinatorJob(std::move(job))));
  }
  static TimelineClaimed claim(StoreExecutor& executor, Timeline above) {
    return run<TimelineClaimed>(executor, ClaimTimeline{above});
  }

  [[nodiscard]] StoreExecutor coordinator() const {
    return {{.run = run_, .output = output(), .version = "v", .slots = 0, .transforms_json = "{}"},
            *store_};
  }
  [[nodiscard]] std::string output() const { return directory_.path("output"); }
  [[nodiscard]] std::string history() const { return need(read_file(output() + "/history.jsonl")); }

 private:
  const TemporaryDirectory directory_;
  const std::shared_ptr<const RunConfig> run_ = std::make_shared<const RunConfig>();
  std::unique_ptr<CheckpointStore> store_;
};

TEST_F(StoreExecutorTest, AHolderClaimsItsNextTimelineAboveItsOwn) {
  StoreExecutor executor = coordinator();
  EXPECT_EQ(claim(executor, 0).timeline, 1U);
  EXPECT_EQ(claim(executor, 1).timeline, 2U);
  EXPECT_EQ(claim(executor, 7).timeline, 8U) << "the store was emptied";
}

TEST_F(StoreExecutorTest, AnOlderCoordinatorLeavesStoreAndOutputAlone) {
  StoreExecutor old = coordinator();
  EXPECT_EQ(claim(old, 0).timeline, 1U);
  const AppendHistory first{.first = 0, .lines = {"1", "2"}, .anew = true, .life = 1};
  EXPECT_EQ(run<HistoryAppended>(old, first).error, "");

  StoreExecutor newer = coordinator();
  EXPECT_EQ(claim(newer, 0).timeline, 2U);
  const AppendHistory again{.first = 1, .lines = {"two"}, .anew = true, .life = 1};
  EXPECT_EQ(run<HistoryAppended>(newer, again).error, "");

  EXPECT_TRUE(claim(old, 1).superseded);
  EXPECT_TRUE(run<HistoryAppended>(old, first).fenced);
  EXPECT_EQ(history(), "1\ntwo\n");
  EXPECT_EQ(claim(newer, 2).timeline, 3U) << "nobody has claimed anything in between";
}

// A coordinator after the one that went back may go on with the timeline from before, and could not
// make the lines of evaluations again.
TEST_F(StoreExecutorTest, GoingBackCutsNoLineOffThatComesAgain) {
  StoreExecutor executor = coordinator();
  EXPECT_EQ(claim(executor, 0).timeline, 1U);
  const auto append = [&](std::uint64_t first, std::vector<std::string> lines, bool anew) {
    return run<HistoryAppended>(
        executor,
        AppendHistory{.first = first, .lines = std::move(lines), .anew = anew, .life = 1});
  };
  EXPECT_EQ(append(0, {"1", "2", "3"}, true).error, "");
  EXPECT_EQ(append(1, {}, true).error, "");
  EXPECT_EQ(history(), "1\n2\n3\n");
  EXPECT_EQ(append(1, {"2"}, false).error, "");
  EXPECT_EQ(history(), "1\n2\n3\n");
  EXPECT_EQ(append(2, {"3"}, false).error, "");
  EXPECT_EQ(append(3, {"4"}, false).error, "");
  EXPECT_EQ(history(), "1\n2\n3\n4\n");
  EXPECT_EQ(append(1, {}, true).error, "");
  EXPECT_EQ(append(1, {"another"}, false).error, "");
  EXPECT_EQ(history(), "1\nanother\n") << "what follows another line never happened";
}

}  // namespace
}  // namespace ballast

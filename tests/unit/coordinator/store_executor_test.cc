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

}  // namespace
}  // namespace ballast

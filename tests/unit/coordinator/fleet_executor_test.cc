#include "coordinator/fleet_executor.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <variant>

#include "common/storage/directory_store.h"
#include "tests/unit/storage/support.h"

namespace ballast {
namespace {

// Coordinators of one job, which has one run.
class FleetExecutorTest : public testing::Test {
 protected:
  void SetUp() override {
    terms_ = need(open_directory_store(directory_.path("terms"), OpenMode::create));
  }

  [[nodiscard]] FleetExecutor coordinator() const {
    return {{.make = [this](RunId) -> Result<RunPlace> {
               return RunPlace{.options = {.run = config_,
                                           .output = directory_.path("output"),
                                           .version = "v",
                                           .slots = 0,
                                           .transforms_json = "{}"},
                               .checkpoints = directory_.path("checkpoints")};
             },
             .record_end = [](RunId, const Exit&) -> Status { return {}; },
             .conclude = [](Conclusion) -> Status { return {}; }},
            *terms_};
  }

  template <class Outcome, class Job>
  static Outcome run(FleetExecutor& executor, Job job) {
    return std::get<Outcome>(executor(FleetJob(std::move(job))));
  }
  template <class Outcome, class Job>
  static Outcome work(FleetExecutor& executor, Job job) {
    return std::get<Outcome>(run<RunWorked>(executor, RunWork{kRun, std::move(job)}).outcome);
  }
  static void begin(FleetExecutor& executor) {
    ASSERT_NE(run<FleetClaimed>(executor, ClaimFleet{}).term, 0U);
    ASSERT_EQ(run<RunMade>(executor, MakeRun{kRun}).error, "");
  }

  static constexpr RunId kRun{1};

 private:
  const TemporaryDirectory directory_;
  const std::shared_ptr<const RunConfig> config_ = std::make_shared<const RunConfig>();
  std::unique_ptr<CheckpointStore> terms_;
};

// Seed 1500001631: it was slow, and claimed the run when its successor had both.
TEST_F(FleetExecutorTest, ACoordinatorThatLostTheJobClaimsNoRunOfIt) {
  FleetExecutor old = coordinator();
  begin(old);
  FleetExecutor newer = coordinator();
  begin(newer);
  EXPECT_EQ(work<TimelineClaimed>(newer, ClaimTimeline{}).timeline, 1U);
  EXPECT_TRUE(work<TimelineClaimed>(old, ClaimTimeline{}).superseded);
  EXPECT_TRUE(work<ClaimRaised>(old, RaiseClaim{.holding = 1, .above = 4}).superseded);
  EXPECT_EQ(work<ClaimRaised>(newer, RaiseClaim{.holding = 1, .above = 4}).term, 5U);
}

}  // namespace
}  // namespace ballast

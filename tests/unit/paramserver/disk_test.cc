#include "paramserver/disk.h"

#include <memory>
#include <utility>

#include "tests/unit/paramserver/small_run.h"
#include "tests/unit/storage/support.h"

namespace ballast {
namespace {

class Disk : public testing::Test {
 protected:
  const TemporaryDirectory directory_;
  const std::shared_ptr<const RunConfig> run_ =
      std::make_shared<const RunConfig>(test::small_run(2, 2));
  const std::vector<PartitionId> partitions_ = {PartitionId{0}, PartitionId{1}};
  ServerDisk disk_{directory_.path("home")};

  void SetUp() override {
    const auto loaded = std::get<ServerLoaded>(disk_(ServerLoad{
        .run = run_, .family = KernelFamily::haswell, .checkpoints = directory_.path("store")}));
    ASSERT_EQ(loaded.error, "");
  }
  ServerRestored restore(const std::vector<wire::SnapshotFile>& files) {
    return std::get<ServerRestored>(disk_(ServerRestore{
        .run = run_, .timeline = 1, .step = 0, .partitions = partitions_, .files = files}));
  }
  wire::CutDone cut(const ServerRestored& restored) {
    ServerCut job{.timeline = 1, .step = 0, .partitions = {}};
    for (const auto& tables : restored.tables) {
      job.partitions.push_back(
          std::make_shared<const PartitionCut>(PartitionCut{tables->snapshot(0), 0}));
    }
    return std::get<ServerCutDone>(disk_(std::move(job))).done;
  }
};

TEST_F(Disk, WorksAgainWhenThereIsRoomAgain) {
  const ServerRestored first = restore({});
  ASSERT_EQ(first.error, "");
  const wire::CutDone kept = cut(first);
  ASSERT_EQ(kept.error, "");
  {
    const FullDisk full;
    EXPECT_NE(restore(kept.files).error, "");
    EXPECT_NE(cut(first).error, "");
  }
  const ServerRestored again = restore(kept.files);
  EXPECT_EQ(again.error, "");
  EXPECT_EQ(again.tables.size(), partitions_.size());
  EXPECT_EQ(cut(first).error, "");
}

}  // namespace
}  // namespace ballast

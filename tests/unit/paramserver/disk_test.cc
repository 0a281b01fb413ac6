#include "paramserver/disk.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/storage/directory_store.h"
#include "tests/unit/paramserver/small_run.h"
#include "tests/unit/storage/support.h"

namespace ballast {
namespace {

Result<std::unique_ptr<CheckpointStore>> open_store(const std::string& address) {
  return open_directory_store(address, OpenMode::create);
}

class Disk : public testing::Test {
 protected:
  const TemporaryDirectory directory_;
  const std::shared_ptr<const RunConfig> run_ =
      std::make_shared<const RunConfig>(test::small_run(2, 2));
  const std::vector<PartitionId> partitions_ = {PartitionId{0}, PartitionId{1}};
  ServerDisk disk_{directory_.path("home"), &open_store};

  void SetUp() override {
    const auto loaded = std::get<ServerLoaded>(disk_(ServerLoad{
        .run = run_, .family = KernelFamily::haswell, .checkpoints = directory_.path("store")}));
    ASSERT_EQ(loaded.error, "");
  }
  ServerRestored restore(const std::vector<wire::SnapshotFile>& files) {
    return std::get<ServerRestored>(disk_(ServerRestore{
        .run = run_, .timeline = 1, .step = 0, .partitions = partitions_, .files = files}));
  }
  wire::CutDone cut(const ServerRestored& restored, Step step = 0, Step since = 0) {
    ServerCut job{.timeline = 1, .step = step, .partitions = {}};
    for (const auto& tables : restored.tables) {
      job.partitions.push_back({tables->snapshot(step), since});
    }
    return std::get<ServerCutDone>(disk_(std::move(job))).done;
  }
};

// Every record of a partition as text: what two copies must agree in.
std::vector<std::string> records_of(Tables& tables) {
  std::vector<std::string> records;
  tables.snapshot(0).for_each([&](const RowView& row) {
    std::string text = std::to_string(index(row.table)) + "/" + std::to_string(row.key) + "@" +
                       std::to_string(row.version);
    for (const float value : row.weights) text += " " + std::to_string(value);
    for (const float value : row.slots) text += " " + std::to_string(value);
    records.push_back(std::move(text));
  });
  return records;
}

TEST_F(Disk, RestoresAChainOfABaseAndDeltas) {
  const ServerRestored served = restore({});
  ASSERT_EQ(served.error, "");
  const auto set = [&](Key key, Step version) {
    const PartitionId id = partition_of(test::kSparse, key, run_->partitions);
    SparseTable& rows = served.tables[index(id)]->sparse(test::kSparse);
    std::uint32_t row = rows.find(key);
    if (row == SparseTable::kNone) row = rows.insert(key);
    const auto floats = rows.mutable_row(row, version);
    std::fill(floats.begin(), floats.end(), 0.5F * static_cast<float>(version + key));
    return id;
  };
  for (Key key = 0; key < 1000; ++key) set(key, 1);
  wire::CutDone done = cut(served, 1);
  ASSERT_EQ(done.error, "");
  ASSERT_EQ(done.files.size(), 2U);
  std::vector<wire::SnapshotFile> files = done.files;

  // The same rows again and again, and a new one: of one partition alone.
  const PartitionId changed = set(5, 2);
  for (Step step = 2; step < 5; ++step) {
    set(5, step);
    for (Key fresh = 1000 * step;; ++fresh) {
      if (partition_of(test::kSparse, fresh, run_->partitions) != changed) continue;
      set(fresh, step);
      break;
    }
    done = cut(served, step, step - 1);
    ASSERT_EQ(done.error, "");
    ASSERT_EQ(done.files.size(), 1U);
    EXPECT_EQ(done.files[0].partition, changed);
    EXPECT_EQ(done.files[0].since, step - 1);
    EXPECT_EQ(done.files[0].records, 2U);
    EXPECT_EQ(done.unchanged,
              (std::vector{wire::CutOrder{PartitionId{1 - index(changed)}, step - 1}}));
    files.push_back(done.files[0]);
  }
  const ServerRestored again = restore(files);
  ASSERT_EQ(again.error, "");
  for (std::size_t p = 0; p < partitions_.size(); ++p) {
    EXPECT_EQ(records_of(*again.tables[p]), records_of(*served.tables[p]));
  }
}

// Else each checkpoint of a model that changes as a whole would leave another one in the home, and
// RocksDB would write all of it again to merge them.
TEST_F(Disk, ABaseTakesThePlaceOfTheOneBefore) {
  const ServerRestored served = restore({});
  ASSERT_EQ(served.error, "");
  wire::CutDone done;
  for (Step step = 1; step <= 6; ++step) {
    for (const auto& tables : served.tables) {
      for (Key key = 0; key < 100; ++key) {
        if (partition_of(test::kSparse, key, run_->partitions) != tables->partition()) continue;
        SparseTable& rows = tables->sparse(test::kSparse);
        const std::uint32_t row = rows.find(key);
        const auto floats =
            rows.mutable_row(row == SparseTable::kNone ? rows.insert(key) : row, step);
        std::fill(floats.begin(), floats.end(), static_cast<float>(step));
      }
    }
    done = cut(served, step);
    ASSERT_EQ(done.error, "");
  }
  const auto names = list_files(directory_.path("home/rocksdb"));
  ASSERT_TRUE(names);
  EXPECT_EQ(std::count_if(names->begin(), names->end(),
                          [](const std::string& name) { return name.ends_with(".sst"); }),
            2);
  const ServerRestored again = restore(done.files);
  ASSERT_EQ(again.error, "");
  for (std::size_t p = 0; p < partitions_.size(); ++p) {
    EXPECT_EQ(records_of(*again.tables[p]), records_of(*served.tables[p]));
  }
}

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

// Weights and account lie in one file: whoever restores the one has the other.
TEST_F(Disk, ClocksAreKeptWithTheWeights) {
  RunConfig relaxed = *run_;
  relaxed.training.consistency = Consistency::async;
  ServerDisk disk(directory_.path("relaxed home"), &open_store);
  const auto run = std::make_shared<const RunConfig>(relaxed);
  const auto loaded = std::get<ServerLoaded>(disk(ServerLoad{
      .run = run, .family = KernelFamily::haswell, .checkpoints = directory_.path("store")}));
  ASSERT_EQ(loaded.error, "");
  ServerCut job{.timeline = 1, .step = 0, .partitions = {}};
  for (const PartitionId id : partitions_) {
    Tables tables(relaxed, id);
    tables.account().raise(1, 3 + index(id));
    job.partitions.push_back({tables.snapshot(0), 0});
  }
  const wire::CutDone kept = std::get<ServerCutDone>(disk(std::move(job))).done;
  ASSERT_EQ(kept.error, "");

  const auto restored = std::get<ServerRestored>(disk(ServerRestore{
      .run = run, .timeline = 2, .step = 0, .partitions = partitions_, .files = kept.files}));
  ASSERT_EQ(restored.error, "");
  ASSERT_EQ(restored.tables.size(), 2U);
  EXPECT_EQ(restored.tables[0]->snapshot(0).clocks(), (std::vector<Step>{0, 3}));
  EXPECT_EQ(restored.tables[1]->snapshot(0).clocks(), (std::vector<Step>{0, 4}));
  EXPECT_EQ(restored.tables[1]->account().counted(), 4U);
  // A synchronous run has no use for it, nor a relaxed one for weights without an account.
  EXPECT_NE(restore(kept.files).error, "");
  const ServerRestored synchronous = restore({});
  ASSERT_EQ(synchronous.error, "");
  const auto bare = std::get<ServerRestored>(disk(ServerRestore{.run = run,
                                                                .timeline = 3,
                                                                .step = 0,
                                                                .partitions = partitions_,
                                                                .files = cut(synchronous).files}));
  EXPECT_NE(bare.error.find("counts 0 leaves, expected 2"), std::string::npos) << bare.error;
}

}  // namespace
}  // namespace ballast

// Tables while another thread writes a snapshot of them.

#include "paramserver/tables.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>
#include <utility>
#include <vector>

#include "tests/unit/paramserver/small_run.h"

namespace ballast {
namespace {

using test::kDense;
using test::kSparse;

// What a step makes of a table: every float is the step, in weights and state.
void change(Tables& tables, Key rows, Step step) {
  const auto value = static_cast<float>(step);
  for (std::uint32_t b = 0;; ++b) {
    DenseBlock* const block = tables.find_dense(kDense, b);
    if (block == nullptr) break;
    auto next = tables.next_weights(*block);
    const std::span<float> weights(next.get(), block->weights.size() / sizeof(float));
    std::fill(weights.begin(), weights.end(), value);
    block->weights = Bytes::share<float>(std::move(next), weights);
    tables.own_state(*block);
    std::ranges::fill(block->state(), value);
    block->version = step;
  }
  SparseTable& table = tables.sparse(kSparse);
  for (Key key = 0; key < rows; ++key) {
    std::uint32_t row = table.find(key);
    if (row == SparseTable::kNone) row = table.insert(key);
    std::ranges::fill(table.mutable_row(row, step), value);
  }
}

// The floats of a snapshot that are not of this step, and all of them.
std::pair<std::size_t, std::size_t> look(const Snapshot& snapshot, Step step) {
  std::size_t wrong = 0;
  std::size_t all = 0;
  const auto count = [&](std::span<const float> floats) {
    all += floats.size();
    for (const float f : floats) wrong += f == static_cast<float>(step) ? 0 : 1;
  };
  snapshot.for_each([&](const RowView& row) {
    count(row.weights);
    count(row.slots);
  });
  return {wrong, all};
}

TEST(Tables, ASnapshotIsSetAsideAndReadWhileTrainingGoesOn) {
  constexpr Key kRows = 3000;
  RunConfig run = test::small_run(1, 1);
  run.tables[0].shape = {3 * kBlockFloats + 7};  // Blocks of a pool, and one that is too small.
  run.optimizer.kind = OptimizerKind::adam;
  Tables tables(run, PartitionId{0});
  const std::size_t floats = 3 * (3 * kBlockFloats + 7 + kRows * test::kRowFloats);

  Step step = 0;
  for (int cut = 0; cut < 8; ++cut) {
    change(tables, kRows, ++step);
    const Step at = step;
    std::pair<std::size_t, std::size_t> seen;
    std::thread writer([&seen, at, snapshot = tables.snapshot(at)]() mutable {
      snapshot.set_aside();
      seen = look(snapshot, at);
      snapshot = {};
    });
    for (int i = 0; i < 4; ++i) change(tables, kRows, ++step);
    writer.join();
    EXPECT_EQ(seen, std::pair(std::size_t{0}, floats));
    EXPECT_EQ(look(tables.snapshot(step), step), std::pair(std::size_t{0}, floats));
  }
}

TEST(Tables, ASnapshotOutlivesItsTables) {
  RunConfig run = test::small_run(1, 1);
  run.tables[0].shape = {3 * kBlockFloats};
  run.optimizer.kind = OptimizerKind::adam;
  Snapshot snapshot;
  {
    Tables tables(run, PartitionId{0});
    change(tables, 1000, 5);
    snapshot = tables.snapshot(5);
    change(tables, 1000, 6);
  }
  snapshot.set_aside();
  const std::size_t floats = 3 * (3 * kBlockFloats + 1000 * test::kRowFloats);
  EXPECT_EQ(look(snapshot, 5), std::pair(std::size_t{0}, floats));
}

}  // namespace
}  // namespace ballast

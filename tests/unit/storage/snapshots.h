#pragma once

// Snapshot files for tests: small ones with known rows.

#include <string>
#include <vector>

#include "common/storage/snapshot.h"
#include "tests/unit/storage/support.h"

namespace ballast {

struct Row {
  std::uint32_t table = 0;
  Key key = 0;
  Step version = 0;
  std::vector<float> weights;
  std::vector<float> slots;
};

[[nodiscard]] inline SnapshotFile write_snapshot(const std::string& directory,
                                                 std::uint32_t partition,
                                                 const std::vector<Row>& rows, Step since = 0) {
  const auto writer = need(SnapshotWriter::create(directory, PartitionId{partition}));
  for (const Row& row : rows) {
    need(writer->add(TableId{row.table}, row.key, row.version, row.weights, row.slots));
  }
  SnapshotFile file = need(writer->finish());
  file.since = since;
  return file;
}

// `count` rows of table 0 that depend on the seed.
[[nodiscard]] inline std::vector<Row> some_rows(std::size_t count, std::uint64_t seed) {
  Random random(seed);
  std::vector<Row> rows;
  for (std::size_t i = 0; i < count; ++i) {
    rows.push_back({0,
                    10 * i + random.below(10),
                    random.below(100),
                    {random.uniform(), random.uniform()},
                    {random.uniform()}});
  }
  return rows;
}

}  // namespace ballast

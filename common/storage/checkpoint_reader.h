#pragma once

// The records of a checkpoint, read without a cluster: the files of each partition are merged, a
// record of a later file in place of an earlier one of the same key, and partitions with each
// other.
//
// One thread owns it.

#include <cstdint>
#include <memory>
#include <optional>
#include <queue>
#include <vector>

#include "common/base/result.h"
#include "common/storage/checkpoint_store.h"
#include "common/storage/manifest.h"
#include "common/storage/snapshot.h"

namespace ballast {

class CheckpointReader {
 public:
  // Checks size and content of every file. REQUIRES: store outlives this.
  [[nodiscard]] static Result<std::unique_ptr<CheckpointReader>> open(const Manifest& manifest,
                                                                      CheckpointStore& store);

  // The next record in order of (table, key), whatever partition it comes from, or null at the end;
  // valid until the next call.
  [[nodiscard]] Result<const Record*> next();

 private:
  struct Head {
    RecordKey key;
    std::size_t reader = 0;  // Of one partition, a later one holds later records.
  };
  struct ComesLater {
    bool operator()(const Head& a, const Head& b) const;
  };

  CheckpointReader() = default;
  [[nodiscard]] Status advance(std::size_t reader);

  std::vector<std::unique_ptr<SnapshotReader>> readers_;
  std::priority_queue<Head, std::vector<Head>, ComesLater> heads_;
  std::optional<std::size_t> current_;
};

}  // namespace ballast

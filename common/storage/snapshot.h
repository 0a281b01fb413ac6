#pragma once

// A snapshot file is one partition at one version, or what changed of it since another: records in
// key order, in one SST file that is named by its content. It is the unit of checkpoints, and can
// be ingested into a server's RocksDB or read without any. Equal records give equal bytes and so
// the same name, whoever wrote them: a partition that did not change is stored once.

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "common/base/ids.h"
#include "common/base/result.h"
#include "common/storage/record.h"

namespace ballast {

// What a manifest says about a snapshot file.
struct SnapshotFile {
  PartitionId partition{};
  std::string name;  // The checksum, with ".sst".
  std::uint64_t bytes = 0;
  std::uint64_t records = 0;  // Rows and blocks.
  std::string checksum;       // content_hash.h, of all bytes.
  Step since = 0;             // Only the records that changed after this step; 0: all.

  friend bool operator==(const SnapshotFile&, const SnapshotFile&) = default;
};

class SnapshotWriter {
 public:
  // The file grows under a temporary name in `directory`, and is removed unless finish() succeeds.
  [[nodiscard]] static Result<std::unique_ptr<SnapshotWriter>> create(const std::string& directory,
                                                                      PartitionId partition);
  virtual ~SnapshotWriter() = default;

  // Records come in rising order of (table, key); Error{invalid} names the first that does not.
  // REQUIRES: table is below kPartitionTable.
  [[nodiscard]] virtual Status add(TableId table, Key key, Step version,
                                   std::span<const float> weights,
                                   std::span<const float> slots) = 0;
  // The clocks of a partition that counts microbatches one by one, by leaf: they are kept with its
  // own record. REQUIRES: before finish().
  virtual void set_clocks(std::span<const Step> clocks) = 0;
  // Syncs the file's bytes and gives it its name, which is not synced. A partition without records
  // has a file too. REQUIRES: called once, last.
  [[nodiscard]] virtual Result<SnapshotFile> finish() = 0;
};

class SnapshotReader {
 public:
  // Checks size and content of the whole file before it trusts a byte.
  [[nodiscard]] static Result<std::unique_ptr<SnapshotReader>> open(const std::string& path,
                                                                    const SnapshotFile& expected);
  virtual ~SnapshotReader() = default;

  // Goes to the next record; false at the end, where the count must be the expected one.
  [[nodiscard]] virtual Result<bool> next() = 0;
  // Valid until the next call of next(). REQUIRES: next() returned true.
  [[nodiscard]] virtual const Record& record() const = 0;
};

// Size and content of a stored file; Error{not_found} or Error{corrupt} says what is wrong.
[[nodiscard]] Status verify_snapshot(const std::string& path, const SnapshotFile& expected);

}  // namespace ballast

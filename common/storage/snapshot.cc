#include "common/storage/snapshot.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "common/base/check.h"
#include "common/storage/content_hash.h"
#include "common/storage/files.h"
#include "common/storage/rocks_sst.h"

namespace ballast {
namespace {

std::string name_of(const std::string& checksum) { return checksum + ".sst"; }

std::string describe(const RecordKey& key) {
  return "table " + std::to_string(index(key.table)) + ", key " + std::to_string(key.key);
}

class SstSnapshotWriter final : public SnapshotWriter {
 public:
  SstSnapshotWriter(std::string directory, std::string temporary, PartitionId partition,
                    std::unique_ptr<SstWriter> sst)
      : directory_(std::move(directory)),
        temporary_(std::move(temporary)),
        partition_(partition),
        sst_(std::move(sst)) {}

  ~SstSnapshotWriter() override {
    sst_.reset();
    // Nobody knows the temporary name; a file that stays behind is cleared with the staging area.
    if (!temporary_.empty()) static_cast<void>(remove_file(temporary_));
  }

  Status add(TableId table, Key key, Step version, std::span<const float> weights,
             std::span<const float> slots) override {
    BALLAST_CHECK(table < kPartitionTable);
    const RecordKey at{partition_, table, key};
    if (records_ > 0 && !(last_ < at)) {
      return Error{ErrorCode::invalid, "snapshot of partition " +
                                           std::to_string(index(partition_)) +
                                           ": expected records in rising order, got " +
                                           describe(at) + " after " + describe(last_)};
    }
    if (Status put = put_record(at, version, weights, slots); !put) return put;
    last_ = at;
    records_ += 1;
    version_ = std::max(version_, version);
    return {};
  }

  void set_clocks(std::span<const Step> clocks) override {
    clocks_.assign(clocks.begin(), clocks.end());
  }

  Result<SnapshotFile> finish() override {
    if (Status put = put_record({partition_, kPartitionTable, 0}, version_, {}, {}); !put) {
      return put.error();
    }
    for (Leaf leaf = 0; leaf < clocks_.size(); ++leaf) {
      const RecordKey at{partition_, kPartitionTable, key_of_clock(leaf)};
      if (Status put = put_record(at, clocks_[leaf], {}, {}); !put) return put.error();
    }
    const auto written = sst_->finish();
    if (!written) return written.error();
    return put_in_place(*written);
  }

 private:
  Status put_record(const RecordKey& at, Step version, std::span<const float> weights,
                    std::span<const float> slots) {
    encode_record_value(at, version, weights, slots, value_);
    return sst_->put(view(encode_record_key(at)), value_);
  }

  Result<SnapshotFile> put_in_place(const StreamedBytes& written) {
    SnapshotFile file{.partition = partition_,
                      .name = name_of(written.checksum),
                      .bytes = written.bytes,
                      .records = records_,
                      .checksum = written.checksum};
    // Its bytes are synced; that its name stays is the store's care.
    if (Status done = rename(temporary_, join_path(directory_, file.name)); !done) {
      return done.error();
    }
    temporary_.clear();
    return file;
  }

  const std::string directory_;
  std::string temporary_;
  const PartitionId partition_;
  std::unique_ptr<SstWriter> sst_;
  std::string value_;  // Reused.
  RecordKey last_;
  std::uint64_t records_ = 0;
  std::vector<Step> clocks_;
  Step version_ = 0;  // Of the record that changed last: the partition's own.
};

class SstSnapshotReader final : public SnapshotReader {
 public:
  SstSnapshotReader(std::string path, SnapshotFile expected, std::unique_ptr<KvCursor> cursor)
      : path_(std::move(path)), expected_(std::move(expected)), cursor_(std::move(cursor)) {}

  Result<bool> next() override {
    if (place_ == Place::end) return false;
    const Result<bool> more = cursor_->next();
    if (!more) return more.error();
    if (!*more) return damaged("it ends without the partition's own record");
    if (Status decoded = decode_record(cursor_->key(), cursor_->value(), record_); !decoded) {
      return damaged(decoded.error().message);
    }
    if (record_.key.partition != expected_.partition) {
      return damaged("it holds a record of partition " +
                     std::to_string(index(record_.key.partition)));
    }
    if (record_.key.table == kPartitionTable) return check_end();
    if (expected_.since != 0 && record_.version <= expected_.since) {
      return damaged("expected what changed after step " + std::to_string(expected_.since) +
                     ", found a record of step " + std::to_string(record_.version));
    }
    records_ += 1;
    return true;
  }

  [[nodiscard]] const Record& record() const override { return record_; }

 private:
  [[nodiscard]] Result<bool> check_end() {
    if (records_ != expected_.records) {
      return damaged("expected " + std::to_string(expected_.records) + " records, found " +
                     std::to_string(records_));
    }
    place_ = Place::end;
    return false;
  }
  [[nodiscard]] Error damaged(const std::string& what) const {
    return Error{ErrorCode::corrupt, path_ + ": snapshot of partition " +
                                         std::to_string(index(expected_.partition)) + ": " + what};
  }

  const std::string path_;
  const SnapshotFile expected_;
  const std::unique_ptr<KvCursor> cursor_;
  Record record_;
  std::uint64_t records_ = 0;
  enum class Place { inside, end } place_ = Place::inside;
};

}  // namespace

Result<std::unique_ptr<SnapshotWriter>> SnapshotWriter::create(const std::string& directory,
                                                               PartitionId partition) {
  auto file = OpenFile::create_temporary(join_path(directory, "snapshot"));
  if (!file) return file.error();
  const std::string temporary = (*file)->path();
  auto sst = SstWriter::create(*std::move(file));
  if (!sst) return sst.error();
  return std::unique_ptr<SnapshotWriter>(
      std::make_unique<SstSnapshotWriter>(directory, temporary, partition, *std::move(sst)));
}

Result<std::unique_ptr<SnapshotReader>> SnapshotReader::open(const std::string& path,
                                                             const SnapshotFile& expected) {
  if (Status verified = verify_snapshot(path, expected); !verified) return verified.error();
  auto cursor = open_sst(path);
  if (!cursor) return cursor.error();
  return std::unique_ptr<SnapshotReader>(
      std::make_unique<SstSnapshotReader>(path, expected, *std::move(cursor)));
}

Status verify_snapshot(const std::string& path, const SnapshotFile& expected) {
  const auto file = MappedFile::open(path);
  if (!file) return file.error();
  const std::uint64_t bytes = (*file)->bytes().size();
  if (bytes != expected.bytes) {
    return Error{ErrorCode::corrupt, path + ": expected " + std::to_string(expected.bytes) +
                                         " bytes, found " + std::to_string(bytes)};
  }
  const std::string checksum = content_hash((*file)->bytes());
  if (checksum != expected.checksum) {
    return Error{ErrorCode::corrupt, path + ": expected content " + expected.checksum + ", found " +
                                         checksum + ": its bytes were altered"};
  }
  return {};
}

}  // namespace ballast

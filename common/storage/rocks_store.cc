#include "common/storage/rocks_store.h"

#include <fmt/core.h>
#include <rocksdb/cache.h>
#include <rocksdb/convenience.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/options.h>
#include <rocksdb/statistics.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>
#include <rocksdb/write_buffer_manager.h>

#include <algorithm>
#include <charconv>
#include <cstdarg>
#include <filesystem>
#include <mutex>
#include <system_error>
#include <utility>

#include "common/storage/files.h"
#include "common/storage/rocks_slice.h"
#include "common/storage/rocks_status.h"

namespace ballast {
namespace {

rocksdb::ReadOptions read_options() {
  rocksdb::ReadOptions options;
  options.verify_checksums = true;
  return options;
}

// RocksDB's own log is read by nobody, and aborts the process when the disk is full (the
// distributions build with assertions): once a line could not be written, the next one asserts.
class NoLog final : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  void Logv(const char* /*format*/, va_list /*arguments*/) override {}
};

rocksdb::Options database_options(const RocksStoreOptions& chosen) {
  const auto cache = rocksdb::NewLRUCache(chosen.cache_bytes);
  rocksdb::BlockBasedTableOptions table;
  table.format_version = 5;
  table.checksum = rocksdb::kXXH3;  // CRC32C is done in software by the distributions' builds.
  table.block_cache = cache;
  table.block_size = 32 << 10;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  // Indexes and filters count against the cache too, or memory would grow with the data.
  table.cache_index_and_filter_blocks = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;

  rocksdb::Options options;
  options.create_if_missing = chosen.mode == OpenMode::create;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  options.compression = rocksdb::kNoCompression;  // Trained floats do not compress.
  options.write_buffer_size = std::max<std::uint64_t>(chosen.write_buffer_bytes / 2, 1 << 20);
  options.max_write_buffer_number = 3;
  options.write_buffer_manager =
      std::make_shared<rocksdb::WriteBufferManager>(chosen.write_buffer_bytes, cache);
  options.max_background_jobs = std::max(chosen.background_threads, 2);
  options.max_open_files = chosen.open_files_max;
  options.bytes_per_sync = 1 << 20;
  options.info_log = std::make_shared<NoLog>();
  options.stats_dump_period_sec = 0;  // No thread of its own for statistics nobody reads.
  options.stats_persist_period_sec = 0;
  options.statistics = rocksdb::CreateDBStatistics();
  options.statistics->set_stats_level(rocksdb::StatsLevel::kExceptHistogramOrTimers);
  options.paranoid_checks = true;
  // A torn last record is what a crash leaves; anything else wrong in the log is damage, and must
  // not silently become a shorter history.
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  // Buffered writes stay in the process until a sync: fewer system calls, and what a crash of the
  // process loses is what a crash of the machine would.
  options.manual_wal_flush = true;
  return options;
}

constexpr std::string_view kFirstManifest = "MANIFEST-000001";

// RocksDB makes a new database when CURRENT is missing, whatever else is there. Making one, it
// writes its first MANIFEST, then CURRENT, then opens a log: a first MANIFEST without CURRENT and
// without a log is what a crash leaves of a database that never was, and nothing was kept in it.
Status check_not_beheaded(const std::string& directory) {
  if (!path_exists(directory) || path_exists(join_path(directory, "CURRENT"))) return {};
  const auto names = list_files(directory);
  if (!names) return names.error();
  const bool has_log = std::any_of(names->begin(), names->end(),
                                   [](const std::string& name) { return name.ends_with(".log"); });
  for (const std::string& name : *names) {
    if (name == kFirstManifest && !has_log) continue;
    if (name.starts_with("MANIFEST-") || name.ends_with(".sst")) {
      return Error{ErrorCode::corrupt,
                   fmt::format("{}: holds {} but no CURRENT file, so this RocksDB was damaged; "
                               "restore from a checkpoint into an empty directory",
                               directory, name)};
    }
  }
  return {};
}

constexpr std::string_view kLinkPrefix = "ingest-";

// Links of an ingestion that failed or that a crash cut short.
Status remove_links(const std::string& directory) {
  const auto names = list_files(directory);
  if (!names) return names.error();
  for (const std::string& name : *names) {
    if (!name.starts_with(kLinkPrefix)) continue;
    if (Status gone = remove_file(join_path(directory, name)); !gone) return gone;
  }
  return {};
}

class RocksCursor final : public KvCursor {
 public:
  RocksCursor(rocksdb::DB& database, std::string_view begin, std::string_view end,
              std::string directory)
      : begin_(begin), end_(end), end_slice_(end_), directory_(std::move(directory)) {
    rocksdb::ReadOptions options = read_options();
    if (!end_.empty()) options.iterate_upper_bound = &end_slice_;
    options.fill_cache = false;  // A scan must not push out what is read by key.
    iterator_.reset(database.NewIterator(options));
  }

  Result<bool> next() override {
    if (place_ == Place::before) {
      iterator_->Seek(begin_);
      place_ = Place::inside;
    } else if (iterator_->Valid()) {
      iterator_->Next();
    }
    if (iterator_->Valid()) return true;
    if (iterator_->status().ok()) return false;
    return rocks_error(iterator_->status(), directory_ + ": cannot scan");
  }
  [[nodiscard]] std::string_view key() const override { return bytes_of(iterator_->key()); }
  [[nodiscard]] std::string_view value() const override { return bytes_of(iterator_->value()); }

 private:
  enum class Place { before, inside } place_ = Place::before;
  const std::string begin_;
  const std::string end_;
  const rocksdb::Slice end_slice_;
  const std::string directory_;
  std::unique_ptr<rocksdb::Iterator> iterator_;
};

class RocksStore final : public KvStore {
 public:
  RocksStore(std::string directory, std::unique_ptr<rocksdb::DB> database)
      : directory_(std::move(directory)), database_(std::move(database)) {}

  // Like a crash that came after the last sync; close() is the way to hear of failures.
  ~RocksStore() override {
    if (database_) static_cast<void>(close());
  }

  Result<std::optional<std::string>> get(std::string_view key) override {
    if (!database_) return closed();
    std::string value;
    const rocksdb::Status status = database_->Get(read_options(), slice(key), &value);
    if (status.IsNotFound()) return std::optional<std::string>();
    if (!status.ok()) return error(status, "cannot read");
    return std::optional(std::move(value));
  }

  Result<std::vector<std::optional<std::string>>> multi_get(
      std::span<const std::string_view> keys) override {
    if (!database_) return closed();
    std::vector<rocksdb::Slice> slices;
    slices.reserve(keys.size());
    for (const std::string_view key : keys) slices.push_back(slice(key));
    std::vector<rocksdb::PinnableSlice> found(keys.size());
    std::vector<rocksdb::Status> statuses(keys.size());
    database_->MultiGet(read_options(), database_->DefaultColumnFamily(), keys.size(),
                        slices.data(), found.data(), statuses.data());
    std::vector<std::optional<std::string>> values(keys.size());
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (statuses[i].IsNotFound()) continue;
      if (!statuses[i].ok()) return error(statuses[i], "cannot read");
      values[i] = found[i].ToString();
    }
    return values;
  }

  Status write(const WriteBatch& batch, Durability durability) override {
    if (!database_) return closed();
    rocksdb::WriteBatch changes(batch.bytes() + 16 * batch.size());
    for (std::size_t i = 0; i < batch.size(); ++i) {
      if (const rocksdb::Status added = add(batch.operation(i), changes); !added.ok()) {
        return error(added, "cannot prepare a write");
      }
    }
    rocksdb::WriteOptions options;
    options.sync = durability == Durability::synced;
    return answer(database_->Write(options, &changes), "cannot write");
  }

  Status sync() override {
    if (!database_) return closed();
    return answer(database_->FlushWAL(/*sync=*/true), "cannot sync");
  }

  Result<std::unique_ptr<KvCursor>> scan(std::string_view begin, std::string_view end) override {
    if (!database_) return closed();
    return std::unique_ptr<KvCursor>(
        std::make_unique<RocksCursor>(*database_, begin, end, directory_));
  }

  Status ingest(std::span<const std::string> paths, IngestBy by) override {
    if (!database_) return closed();
    if (paths.empty()) return {};
    // An ingestion is durable by itself; the writes before it must not be lost behind it.
    if (Status synced = sync(); !synced) return synced;
    rocksdb::IngestExternalFileOptions options;
    options.write_global_seqno = false;  // The bytes are shared and named by their content.
    options.verify_checksums_before_ingest = by == IngestBy::copy;
    std::vector<std::string> files(paths.begin(), paths.end());
    const std::lock_guard one_at_a_time(ingesting_);  // They share the names of links.
    // RocksDB's own way to link removes the source, so it gets links of ours to remove.
    options.move_files = by == IngestBy::link && link_all(files);
    const rocksdb::Status status = database_->IngestExternalFile(files, options);
    if (by == IngestBy::link) {
      if (Status gone = remove_links(directory_); !gone && status.ok()) return gone;
    }
    return answer(status, "cannot ingest snapshot files");
  }

  KvFigures figures() const override {
    if (!database_) return {};
    using Properties = rocksdb::DB::Properties;
    const auto number = [&](const std::string& property) {
      std::uint64_t value = 0;
      return database_->GetIntProperty(property, &value) ? value : 0;
    };
    const rocksdb::Statistics& counts = *database_->GetDBOptions().statistics;
    return {.cache_bytes = number(Properties::kBlockCacheUsage),
            .memtable_bytes = number(Properties::kCurSizeAllMemTables),
            .index_bytes = number(Properties::kEstimateTableReadersMem),
            .file_bytes = number(Properties::kLiveSstFilesSize),
            .files = count_files(),
            .compactions_pending = number(Properties::kCompactionPending),
            .compaction_bytes_pending = number(Properties::kEstimatePendingCompactionBytes),
            .compactions_running = number(Properties::kNumRunningCompactions),
            .written_bytes = counts.getTickerCount(rocksdb::BYTES_WRITTEN),
            .flushed_bytes = counts.getTickerCount(rocksdb::FLUSH_WRITE_BYTES),
            .compacted_bytes = counts.getTickerCount(rocksdb::COMPACT_WRITE_BYTES)};
  }

  // Whole files that lie in the range; they are gone without being read.
  Status abandon(std::string_view begin, std::string_view end) override {
    if (!database_) return closed();
    const rocksdb::Slice from = slice(begin);
    const rocksdb::Slice to = slice(end);
    const rocksdb::RangePtr range(&from, &to);
    return answer(rocksdb::DeleteFilesInRanges(database_.get(), database_->DefaultColumnFamily(),
                                               &range, 1, /*include_end=*/false),
                  "cannot let go of files");
  }

  Status close() override {
    if (!database_) return closed();
    Status synced = sync();
    Status done = answer(database_->Close(), "cannot close");
    database_.reset();
    return synced ? done : synced;
  }

 private:
  [[nodiscard]] std::uint64_t count_files() const {
    std::uint64_t files = 0;
    for (int level = 0; level < database_->NumberLevels(); ++level) {
      std::string count;
      database_->GetProperty(
          rocksdb::DB::Properties::kNumFilesAtLevelPrefix + std::to_string(level), &count);
      std::uint64_t number = 0;
      std::from_chars(count.data(), count.data() + count.size(), number);
      files += number;
    }
    return files;
  }

  // Replaces the paths by links in the store's directory; where one cannot be made (another
  // device, say) they stay, and false is returned.
  [[nodiscard]] bool link_all(std::vector<std::string>& paths) const {
    std::vector<std::string> links;
    for (const std::string& path : paths) {
      links.push_back(
          join_path(directory_, std::string(kLinkPrefix) + std::to_string(links.size())));
      std::error_code code;
      std::filesystem::create_hard_link(path, links.back(), code);
      if (code) return false;
    }
    paths = std::move(links);
    return true;
  }

  static rocksdb::Status add(const WriteBatch::Operation& operation, rocksdb::WriteBatch& changes) {
    switch (operation.kind) {
      case WriteBatch::Kind::put:
        return changes.Put(slice(operation.key), slice(operation.value));
      case WriteBatch::Kind::remove:
        return changes.Delete(slice(operation.key));
      case WriteBatch::Kind::remove_range:
        return changes.DeleteRange(slice(operation.key), slice(operation.value));
    }
    return rocksdb::Status::InvalidArgument("unknown kind of operation");
  }
  [[nodiscard]] Error error(const rocksdb::Status& status, const char* tried) const {
    return rocks_error(status, directory_ + ": " + tried);
  }
  [[nodiscard]] Status answer(const rocksdb::Status& status, const char* tried) const {
    return status.ok() ? Status() : Status(error(status, tried));
  }
  [[nodiscard]] Error closed() const {
    return Error{ErrorCode::unavailable,
                 directory_ + ": expected an open store, but this one was closed"};
  }

  const std::string directory_;
  std::unique_ptr<rocksdb::DB> database_;
  std::mutex ingesting_;
};

Error open_error(const RocksStoreOptions& options, const rocksdb::Status& status) {
  const std::string text = status.ToString();
  if (text.find("LOCK") != std::string::npos || text.find("lock") != std::string::npos) {
    return Error{ErrorCode::conflict,
                 options.directory +
                     ": another process has this RocksDB open; stop it or choose "
                     "another directory (" +
                     text + ")"};
  }
  if (text.find("create_if_missing") != std::string::npos) {
    return Error{ErrorCode::not_found,
                 options.directory + ": expected a RocksDB, but there is none"};
  }
  Error error = rocks_error(status, options.directory + ": cannot open this RocksDB");
  // A file that the database lists and that is gone is damage, whatever the system call said.
  if (error.code == ErrorCode::not_found || error.code == ErrorCode::invalid) {
    error.code = ErrorCode::corrupt;
  }
  error.message += "; if it was damaged, restore from a checkpoint into an empty directory";
  return error;
}

}  // namespace

Result<std::unique_ptr<KvStore>> open_rocks_store(const RocksStoreOptions& options) {
  if (options.mode == OpenMode::existing && !path_exists(join_path(options.directory, "CURRENT")) &&
      !path_exists(options.directory)) {
    return Error{ErrorCode::not_found,
                 options.directory + ": expected a RocksDB, but there is none"};
  }
  if (Status whole = check_not_beheaded(options.directory); !whole) return whole.error();
  if (options.mode == OpenMode::create) {
    if (Status made = make_directories(options.directory); !made) return made.error();
  }
  rocksdb::DB* raw = nullptr;
  const rocksdb::Status status =
      rocksdb::DB::Open(database_options(options), options.directory, &raw);
  std::unique_ptr<rocksdb::DB> database(raw);
  if (!status.ok()) return open_error(options, status);
  if (Status gone = remove_links(options.directory); !gone) return gone.error();
  return std::unique_ptr<KvStore>(
      std::make_unique<RocksStore>(options.directory, std::move(database)));
}

}  // namespace ballast

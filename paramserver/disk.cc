#include "paramserver/disk.h"

#include <algorithm>
#include <map>
#include <utility>

#include "common/base/check.h"
#include "common/base/overloaded.h"
#include "common/job/names.h"
#include "common/storage/files.h"
#include "common/storage/record.h"
#include "common/storage/rocks_store.h"
#include "common/storage/snapshot.h"
#include "paramserver/optimizer.h"

namespace ballast {

namespace {

// The last partition's range has no end that sorts after it; its successor does.
RecordRange bounded_records_of(PartitionId partition) {
  RecordRange range = records_of(partition);
  if (range.end.empty()) range.end.assign(kRecordKeyBytes, '\xff');
  return range;
}

}  // namespace

ServerOutcome ServerDisk::operator()(ServerJob&& job) {
  ServerOutcome outcome =
      std::visit([&](auto& concrete) -> ServerOutcome { return run(concrete); }, job);
  if (show_ && home_) show_(home_->figures());
  return outcome;
}

// ---- load ---------------------------------------------------------------------------------------

ServerLoaded ServerDisk::run(const ServerLoad& job) {
  const auto failed = [](const Error& error) {
    return ServerLoaded{.canary = 0, .blas_version = "", .error = error.message, .recovered = {}};
  };
  if (const Status opened = open(job); !opened) return failed(opened.error());
  auto blas = Blas::load(job.family);
  if (!blas) return failed(blas.error());
  blas_ = std::move(*blas);
  ServerLoaded loaded{
      .canary = canary(*blas_), .blas_version = blas_->version(), .error = "", .recovered = {}};
  if (job.run->cluster.durability == DurabilityMode::checkpoint) return loaded;
  auto log = StepLog::open(join_path(home_path_, "steps"));
  if (!log) return failed(log.error());
  step_log_ = std::move(*log);
  auto recovered = step_log_->recover(*job.run, job.fingerprint);
  if (!recovered) return failed(recovered.error());
  if (*recovered) loaded.recovered = std::make_shared<RecoveredCopies>(std::move(**recovered));
  return loaded;
}

Status ServerDisk::open(const ServerLoad& job) {
  if (home_ != nullptr) {
    const Status closed = home_->close();
    home_.reset();
    if (!closed) return closed;
  }
  if (const Status opened = open_home(); !opened) return opened;
  auto store = open_store_(job.checkpoints);
  if (!store) return store.error();
  store_ = std::move(*store);
  return {};
}

Status ServerDisk::open_home() {
  if (home_ != nullptr) return {};
  if (const Status made = make_directories(home_path_); !made) return made;
  auto home = open_rocks_store({.directory = join_path(home_path_, "rocksdb")});
  if (!home) return home.error();
  home_ = std::move(*home);
  return {};
}

// ---- steps --------------------------------------------------------------------------------------

ServerBased ServerDisk::run(const ServerBase& job) {
  const Status done =
      step_log_->begin(job.self, job.fingerprint, *job.snapshots, job.commits, job.step);
  return {job.number, done ? "" : done.error().message};
}

ServerLogged ServerDisk::run(const ServerLog& job) {
  const Status done = step_log_->append(job.self, job.step);
  return {job.base, job.step.timeline, job.step.push.step, step_log_->bytes(),
          done ? "" : done.error().message};
}

// ---- restore ------------------------------------------------------------------------------------

ServerRestored ServerDisk::run(const ServerRestore& job) {
  ServerRestored restored{.timeline = job.timeline, .tables = {}, .error = ""};
  if (const Status done = restore(job, restored.tables); !done) {
    restored.tables.clear();
    restored.error = done.error().message;
    restored.may_pass = may_pass(done.error());
    home_.reset();
  }
  return restored;
}

Status ServerDisk::restore(const ServerRestore& job, std::vector<std::unique_ptr<Tables>>& out) {
  if (const Status opened = open_home(); !opened) return opened;
  std::vector<std::string> paths;
  for (const wire::SnapshotFile& file : job.files) {
    auto path = store_->fetch_file(file.name);
    if (!path) return path.error();
    const SnapshotFile expected{file.partition, file.name,     file.bytes,
                                file.records,   file.checksum, file.since};
    if (const Status whole = verify_snapshot(*path, expected); !whole) return whole;
    paths.push_back(std::move(*path));
  }
  // What the home has may belong to a history that was rolled back.
  for (const PartitionId partition : job.partitions) {
    if (const Status cleared = clear(partition); !cleared) return cleared;
  }
  if (const Status taken = ingest_chains(job.files, paths); !taken) return taken;
  if (const Status released = store_->release_files(); !released) return released;
  for (const PartitionId partition : job.partitions) {
    auto tables = std::make_unique<Tables>(*job.run, partition);
    if (const Status loaded = read(*tables); !loaded) return loaded;
    tables->set_aside();
    out.push_back(std::move(tables));
  }
  return {};
}

Status ServerDisk::ingest_chains(const std::vector<wire::SnapshotFile>& files,
                                 const std::vector<std::string>& paths) {
  std::vector<std::vector<std::string>> levels;
  std::map<PartitionId, std::size_t> length;  // Of each partition's chain so far.
  for (std::size_t i = 0; i < files.size(); ++i) {
    const std::size_t level = length[files[i].partition]++;
    levels.resize(std::max(levels.size(), level + 1));
    levels[level].push_back(paths[i]);
  }
  for (const std::vector<std::string>& level : levels) {
    if (const Status taken = home_->ingest(level, IngestBy::link); !taken) return taken;
  }
  return {};
}

Status ServerDisk::clear(PartitionId partition) {
  const RecordRange range = bounded_records_of(partition);
  if (const Status gone = home_->abandon(range.begin, range.end); !gone) return gone;
  {
    auto cursor = home_->scan(range.begin, range.end);
    if (!cursor) return cursor.error();
    const Result<bool> left = (*cursor)->next();
    if (!left) return left.error();
    if (!*left) return {};
  }
  // What says that they are gone lies above whatever is ingested from now on, and RocksDB has to
  // merge all of that with it: not where there is nothing to say.
  WriteBatch batch;
  batch.remove_range(range.begin, range.end);
  return home_->write(batch, Durability::buffered);
}

Status ServerDisk::read(Tables& tables) {
  const RecordRange range = records_of(tables.partition());
  auto cursor = home_->scan(range.begin, range.end);
  if (!cursor) return cursor.error();
  Record record;
  bool any = false;
  std::uint32_t clocks = 0;
  while (true) {
    const Result<bool> more = (*cursor)->next();
    if (!more) return more.error();
    if (!*more) break;
    any = true;
    if (const Status decoded = decode_record((*cursor)->key(), (*cursor)->value(), record);
        !decoded) {
      return decoded;
    }
    if (record.key.table == kPartitionTable) {
      if (record.key.key == 0) continue;
      if (record.key.key <= key_of_clock(~Leaf{0}) &&
          tables.load_clock(static_cast<Leaf>(record.key.key - 1), record.version)) {
        ++clocks;
        continue;
      }
      return Error{ErrorCode::corrupt,
                   "partition " + std::to_string(index(tables.partition())) +
                       " of the checkpoint counts a leaf that this run has not"};
    }
    if (!tables.load(record.key.table, record.key.key, record.version, record.floats)) {
      return Error{ErrorCode::corrupt,
                   "partition " + std::to_string(index(tables.partition())) +
                       " of the checkpoint holds a row that does not fit table " +
                       std::to_string(index(record.key.table)) +
                       "; it was written for another model"};
    }
  }
  // Weights without their account would be trained on again.
  if (any && clocks != tables.account().leaves()) {
    return Error{ErrorCode::corrupt, "partition " + std::to_string(index(tables.partition())) +
                                         " of the checkpoint counts " + std::to_string(clocks) +
                                         " leaves, expected " +
                                         std::to_string(tables.account().leaves())};
  }
  return {};
}

// ---- cut ----------------------------------------------------------------------------------------

ServerCutDone ServerDisk::run(ServerCut& job) {
  ServerCutDone cut{{job.timeline, job.step, {}, {}, ""}};
  const auto failed = [&](const Error& error) -> ServerCutDone {
    home_.reset();
    return {{job.timeline, job.step, {}, {}, error.message, may_pass(error)}};
  };
  for (auto partition = job.partitions.begin(); partition != job.partitions.end(); ++partition) {
    // Of all that are still to be written, again and again: training goes on meanwhile.
    std::for_each(partition, job.partitions.end(),
                  [](PartitionCut& waiting) { waiting.snapshot.set_aside(); });
    const CutScope scope = scope_of(*partition);
    if (scope == CutScope::nothing) {
      cut.done.unchanged.push_back({partition->snapshot.partition(), partition->since});
    } else {
      auto file = write(*partition, scope);
      if (!file) return failed(file.error());
      cut.done.files.push_back(std::move(*file));
    }
    *partition = {};  // Lets go.
  }
  if (const Status kept = keep(cut.done.files); !kept) return failed(kept.error());
  return cut;
}

Result<wire::SnapshotFile> ServerDisk::write(const PartitionCut& cut, CutScope scope) {
  if (const Status opened = open_home(); !opened) return opened.error();
  auto staging = store_->staging_directory();
  if (!staging) return staging.error();
  auto writer = SnapshotWriter::create(*staging, cut.snapshot.partition());
  if (!writer) return writer.error();
  Status status;
  for_each_record(cut, scope, [&](const RowView& row) {
    if (status) {
      status = (*writer)->add(row.table, row.key, row.version, row.weights, row.slots);
    }
  });
  if (!status) return status.error();
  (*writer)->set_clocks(cut.snapshot.clocks());
  auto file = (*writer)->finish();
  if (!file) return file.error();
  return wire::SnapshotFile{file->partition, file->name,     file->bytes,
                            file->records,   file->checksum, since_of(cut, scope)};
}

// Into the store, and from there into the home: together, since most of the time that files of
// small partitions take is that of the syncs around them.
Status ServerDisk::keep(const std::vector<wire::SnapshotFile>& written) {
  if (written.empty()) return {};
  auto staging = store_->staging_directory();
  if (!staging) return staging.error();
  std::vector<LocalFile> files;
  for (const wire::SnapshotFile& file : written) {
    files.push_back({join_path(*staging, file.name), file.name});
  }
  if (Status put = store_->put_files(files); !put) return put;
  std::vector<std::string> paths;
  for (const wire::SnapshotFile& file : written) {
    auto path = store_->fetch_file(file.name);
    if (!path) return path.error();
    paths.push_back(std::move(*path));
    if (file.since != 0) continue;
    const RecordRange range = bounded_records_of(file.partition);
    if (Status gone = home_->abandon(range.begin, range.end); !gone) return gone;
  }
  if (const Status taken = home_->ingest(paths, IngestBy::link); !taken) return taken;
  return store_->release_files();
}

}  // namespace ballast

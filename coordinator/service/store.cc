#include "coordinator/service/store.h"

#include <fmt/format.h>

#include <charconv>
#include <utility>

#include "common/storage/rocks_store.h"

namespace ballast {
namespace {

constexpr const char* kTermKey = "term";
constexpr const char* kJobsBegin = "job/";
constexpr const char* kJobsEnd = "job0";  // '0' follows '/'.

// In the order of numbers.
std::string key_of(JobId job) { return fmt::format("{}{:020}", kJobsBegin, index(job)); }

// Small: records of jobs are.
RocksStoreOptions small_store(const std::string& directory) {
  RocksStoreOptions options;
  options.directory = directory;
  options.cache_bytes = 32ULL << 20;
  options.write_buffer_bytes = 4ULL << 20;
  options.background_threads = 1;
  return options;
}

}  // namespace

Result<std::unique_ptr<JobStore>> JobStore::open(const std::string& directory) {
  std::unique_ptr<JobStore> store(new JobStore(directory));
  if (const Status opened = store->reopen(); !opened) return opened.error();
  if (const Status loaded = store->load(); !loaded) return loaded.error();
  if (const Status claimed = store->claim(); !claimed) return claimed.error();
  return store;
}

Status JobStore::reopen() {
  auto opened = open_rocks_store(small_store(directory_));
  if (!opened) return opened.error();
  store_ = std::move(*opened);
  return {};
}

Status JobStore::load() {
  auto cursor = store_->scan(kJobsBegin, kJobsEnd);
  if (!cursor) return cursor.error();
  while (true) {
    const auto more = (*cursor)->next();
    if (!more) return more.error();
    if (!*more) return {};
    auto job = job_record_from_json((*cursor)->value());
    if (!job) {
      return Error{job.error().code,
                   directory_ + ": " + job.error().message + "; restore the directory from a copy"};
    }
    jobs_.push_back(std::move(*job));
  }
}

Status JobStore::claim() {
  const auto before = store_->get(kTermKey);
  if (!before) return before.error();
  if (*before) {
    const std::string& text = **before;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), term_);
    if (read.ec != std::errc() || read.ptr != text.data() + text.size()) {
      return Error{ErrorCode::corrupt,
                   directory_ + ": its term is altered; restore the directory from a copy"};
    }
  }
  term_ += 1;
  WriteBatch batch;
  batch.put(kTermKey, std::to_string(term_));
  return store_->write(batch, Durability::synced);
}

Status JobStore::keep(const KeepJobs& changes) {
  if (!store_) {
    if (const Status opened = reopen(); !opened) return opened;
  }
  WriteBatch batch;
  for (const SharedJob& job : changes.changed) batch.put(key_of(job->id), to_json(*job));
  for (const JobId job : changes.removed) batch.remove(key_of(job));
  if (batch.empty()) return {};
  Status kept = store_->write(batch, Durability::synced);
  if (!kept) store_.reset();
  return kept;
}

}  // namespace ballast

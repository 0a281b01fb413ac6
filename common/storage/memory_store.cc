#include "common/storage/memory_store.h"

#include <utility>

#include "common/storage/rocks_sst.h"

namespace ballast {
namespace {

class MemoryCursor final : public KvCursor {
 public:
  explicit MemoryCursor(std::vector<std::pair<std::string, std::string>> entries)
      : entries_(std::move(entries)) {}

  Result<bool> next() override { return next_++ < entries_.size(); }
  [[nodiscard]] std::string_view key() const override { return entries_[next_ - 1].first; }
  [[nodiscard]] std::string_view value() const override { return entries_[next_ - 1].second; }

 private:
  const std::vector<std::pair<std::string, std::string>> entries_;
  std::size_t next_ = 0;
};

}  // namespace

MemoryStore::MemoryStore() = default;

void MemoryStore::crash() {
  entries_ = durable_;
  unsynced_.clear();
  state_ = State::open;
}

Result<std::optional<std::string>> MemoryStore::get(std::string_view key) {
  if (Status open = check_open(); !open) return open.error();
  const auto found = entries_.find(key);
  if (found == entries_.end()) return std::optional<std::string>();
  return std::optional(found->second);
}

Result<std::vector<std::optional<std::string>>> MemoryStore::multi_get(
    std::span<const std::string_view> keys) {
  std::vector<std::optional<std::string>> values;
  values.reserve(keys.size());
  for (const std::string_view key : keys) {
    auto value = get(key);
    if (!value) return value.error();
    values.push_back(*std::move(value));
  }
  return values;
}

Status MemoryStore::write(const WriteBatch& batch, Durability durability) {
  if (Status open = check_open(); !open) return open;
  apply(batch, entries_);
  unsynced_.push_back(batch);
  return durability == Durability::synced ? sync() : Status();
}

Status MemoryStore::sync() {
  if (Status open = check_open(); !open) return open;
  for (const WriteBatch& batch : unsynced_) apply(batch, durable_);
  unsynced_.clear();
  return {};
}

Result<std::unique_ptr<KvCursor>> MemoryStore::scan(std::string_view begin, std::string_view end) {
  if (Status open = check_open(); !open) return open.error();
  std::vector<std::pair<std::string, std::string>> found;
  for (auto i = entries_.lower_bound(begin); i != entries_.end(); ++i) {
    if (!end.empty() && i->first >= end) break;
    found.emplace_back(*i);
  }
  return std::unique_ptr<KvCursor>(std::make_unique<MemoryCursor>(std::move(found)));
}

Status MemoryStore::ingest(std::span<const std::string> paths, IngestBy) {
  if (Status open = check_open(); !open) return open;
  WriteBatch batch;
  for (const std::string& path : paths) {
    auto cursor = open_sst(path);
    if (!cursor) return cursor.error();
    while (true) {
      const Result<bool> more = (*cursor)->next();
      if (!more) return more.error();
      if (!*more) break;
      batch.put((*cursor)->key(), (*cursor)->value());
    }
  }
  return write(batch, Durability::synced);
}

Status MemoryStore::abandon(std::string_view begin, std::string_view end) {
  WriteBatch batch;
  batch.remove_range(begin, end);
  return write(batch, Durability::buffered);
}

Status MemoryStore::close() {
  if (Status synced = sync(); !synced) return synced;
  state_ = State::closed;
  return {};
}

void MemoryStore::apply(const WriteBatch& batch, Entries& entries) const {
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const WriteBatch::Operation operation = batch.operation(i);
    switch (operation.kind) {
      case WriteBatch::Kind::put:
        entries.insert_or_assign(std::string(operation.key), std::string(operation.value));
        break;
      case WriteBatch::Kind::remove:
        if (const auto found = entries.find(operation.key); found != entries.end()) {
          entries.erase(found);
        }
        break;
      case WriteBatch::Kind::remove_range:
        entries.erase(entries.lower_bound(operation.key), entries.lower_bound(operation.value));
        break;
    }
  }
}

Status MemoryStore::check_open() const {
  if (state_ == State::open) return {};
  return Error{ErrorCode::unavailable, "expected an open store, but this one was closed"};
}

}  // namespace ballast

#pragma once

// A sorted map from bytes to bytes that survives the process: a server's home on disk, the
// coordinator's memory. Two implementations: RocksDB (rocks_store.h) and one in memory whose
// crash loses what was not synced (memory_store.h), for simulation.
//
// What a crash keeps is a prefix of the writes, in order, that contains every synced one. A batch
// is kept whole or not at all.
//
// The RocksDB store may be called from any thread; the one in memory belongs to one thread.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace ballast {

enum class Durability { buffered, synced };

// What to do with the files of an ingestion. `copy` looks whether they are whole, since it reads
// them anyway. `link` shares the bytes with the source where the file system can (same device),
// which is why nobody may change a stored file in place, and does not read them: they were written
// just now or verified (snapshot.h). Whatever is read later is checked then.
enum class IngestBy { copy, link };

// Changes that happen together, in the order in which they were added. Reusable after clear().
class WriteBatch {
 public:
  enum class Kind : std::uint8_t { put, remove, remove_range };
  struct Operation {
    Kind kind;
    std::string_view key;    // remove_range: the first key.
    std::string_view value;  // remove_range: the first key that stays.
  };

  void put(std::string_view key, std::string_view value) { add(Kind::put, key, value); }
  void remove(std::string_view key) { add(Kind::remove, key, {}); }
  // Removes begin <= key < end. REQUIRES: begin <= end.
  void remove_range(std::string_view begin, std::string_view end);
  void clear();

  [[nodiscard]] std::size_t size() const { return entries_.size(); }
  [[nodiscard]] bool empty() const { return entries_.empty(); }
  // Of keys and values, to bound a batch by.
  [[nodiscard]] std::size_t bytes() const { return bytes_.size(); }
  // Valid until the next change.
  [[nodiscard]] Operation operation(std::size_t i) const;

 private:
  struct Entry {
    Kind kind;
    std::size_t offset;
    std::size_t key_bytes;
    std::size_t value_bytes;
  };
  void add(Kind kind, std::string_view key, std::string_view value);

  std::string bytes_;
  std::vector<Entry> entries_;
};

// Walks over entries in key order. Starts before the first one:
//   while (true) { auto more = cursor->next(); if (!more) return more.error(); if (!*more) break;
//   ... }
class KvCursor {
 public:
  virtual ~KvCursor() = default;
  // Goes to the next entry; false at the end. An error is final.
  [[nodiscard]] virtual Result<bool> next() = 0;
  // Valid until the next call of next(). REQUIRES: next() returned true.
  [[nodiscard]] virtual std::string_view key() const = 0;
  [[nodiscard]] virtual std::string_view value() const = 0;
};

// What a store has and has done, for people and monitors.
struct KvFigures {
  std::uint64_t cache_bytes = 0;     // Blocks of files in memory.
  std::uint64_t memtable_bytes = 0;  // Writes that are in no file yet.
  std::uint64_t index_bytes = 0;     // Of files, outside of the cache.
  std::uint64_t file_bytes = 0;      // On disk.
  std::uint64_t files = 0;
  std::uint64_t compactions_pending = 0;       // 0 or 1.
  std::uint64_t compaction_bytes_pending = 0;  // As estimated.
  std::uint64_t compactions_running = 0;
  std::uint64_t written_bytes = 0;    // By write(), since it was opened.
  std::uint64_t flushed_bytes = 0;    // From memory into files, and ...
  std::uint64_t compacted_bytes = 0;  // ... from files into others.
};

class KvStore {
 public:
  virtual ~KvStore() = default;

  [[nodiscard]] virtual Result<std::optional<std::string>> get(std::string_view key) = 0;
  // One answer per key, in order. Keys in sorted order are found faster.
  [[nodiscard]] virtual Result<std::vector<std::optional<std::string>>> multi_get(
      std::span<const std::string_view> keys) = 0;

  // A synced write makes everything written before it durable too.
  [[nodiscard]] virtual Status write(const WriteBatch& batch, Durability durability) = 0;
  [[nodiscard]] virtual Status sync() = 0;

  // Entries with begin <= key < end as they are now, whatever is written meanwhile; an empty end
  // means to the last. The cursor must go before the store is closed.
  [[nodiscard]] virtual Result<std::unique_ptr<KvCursor>> scan(std::string_view begin,
                                                               std::string_view end) = 0;

  // Adds the entries of sorted SST files (snapshot.h), replacing equal keys; whole or not at all,
  // durable when it returns, together with everything written before it.
  // REQUIRES: no key is in two of the files.
  [[nodiscard]] virtual Status ingest(std::span<const std::string> paths, IngestBy by) = 0;

  // 0 where the implementation has no such thing.
  [[nodiscard]] virtual KvFigures figures() const = 0;
  // Says that what is in begin <= key < end is about to be ingested anew: what can be let go of at
  // once is, so that old and new need not be merged. Until then some of it may be found and some
  // not; after it only what is new may be asked for.
  [[nodiscard]] virtual Status abandon(std::string_view begin, std::string_view end) = 0;

  // Makes everything durable and lets go of the files. Every later call fails.
  [[nodiscard]] virtual Status close() = 0;
};

}  // namespace ballast

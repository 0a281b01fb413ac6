#pragma once

// The KvStore on RocksDB, with memory bounded by its options and every byte read checked against
// its checksum. A database that lost files or bits is Error{corrupt}, never a smaller database.
//
// After a change that the disk refused (it is full, say) the later ones are refused too, until the
// store is closed and opened again: it then has what was synced.

#include <cstdint>
#include <memory>
#include <string>

#include "common/base/result.h"
#include "common/storage/kv_store.h"

namespace ballast {

enum class OpenMode {
  create,    // Makes an empty store when there is none.
  existing,  // Error{not_found} when there is none.
};

struct RocksStoreOptions {
  std::string directory;
  OpenMode mode = OpenMode::create;
  // All memory of the store: blocks read, and writes not yet in files, which count against it.
  std::uint64_t cache_bytes = 256ULL << 20;
  std::uint64_t write_buffer_bytes = 64ULL << 20;
  int background_threads = 2;  // Flushes and compactions.
  int open_files_max = 512;
};

// Error{conflict} when another process has it open.
[[nodiscard]] Result<std::unique_ptr<KvStore>> open_rocks_store(const RocksStoreOptions& options);

}  // namespace ballast

#pragma once

// Sorted files in RocksDB's SST format, written and read without a database. The same entries
// give the same bytes, on every machine and in every process: see sst_identity.h.

#include <memory>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/storage/kv_store.h"

namespace ballast {

class SstWriter {
 public:
  // Writes to exactly this path, which may be there already.
  [[nodiscard]] static Result<std::unique_ptr<SstWriter>> create(const std::string& path);
  virtual ~SstWriter() = default;

  // Error{invalid} unless keys come in strictly rising order.
  [[nodiscard]] virtual Status put(std::string_view key, std::string_view value) = 0;
  // REQUIRES: at least one entry.
  [[nodiscard]] virtual Status finish() = 0;
};

// Every block is checked against its checksum as it is read.
[[nodiscard]] Result<std::unique_ptr<KvCursor>> open_sst(const std::string& path);

}  // namespace ballast

#pragma once

// Sorted files in RocksDB's SST format, written and read without a database. The same entries
// give the same bytes, on every machine and in every process: see sst_identity.h.

#include <memory>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/storage/files.h"
#include "common/storage/kv_store.h"
#include "common/storage/streamed_file.h"

namespace ballast {

class SstWriter {
 public:
  // REQUIRES: the file is empty.
  [[nodiscard]] static Result<std::unique_ptr<SstWriter>> create(std::unique_ptr<OpenFile> file);
  virtual ~SstWriter() = default;

  // Error{invalid} unless keys come in strictly rising order.
  [[nodiscard]] virtual Status put(std::string_view key, std::string_view value) = 0;
  // Syncs the file's bytes, which are then what they stay. REQUIRES: at least one entry.
  [[nodiscard]] virtual Result<StreamedBytes> finish() = 0;
};

// Every block is checked against its checksum as it is read.
[[nodiscard]] Result<std::unique_ptr<KvCursor>> open_sst(const std::string& path);

}  // namespace ballast

#pragma once

// The data that runs name (RunConfig::dataset and packed), opened for a process. A prepared data
// set is mapped. A fold is encoded into memory, once for all runs that have the same fold with the
// same transforms: one copy is shared, and stays for the next run while there is room.
//
// Any number of threads may call open(); of two that ask for the same fold, one encodes it.

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>

#include "common/base/result.h"
#include "common/job/run.h"
#include "worker/data/dataset.h"
#include "worker/data/packed_table.h"

namespace ballast {

struct RunDataOptions {
  std::uint32_t threads = 1;  // For encoding.
  // How much is kept for runs to come beside the fold that was opened last. What runs still use is
  // theirs to keep, and shared while they do.
  std::size_t kept_bytes_max = std::size_t{1} << 30;
};

class RunData {
 public:
  explicit RunData(const RunDataOptions& options) : options_(options) {}

  [[nodiscard]] Result<std::shared_ptr<const Dataset>> open(const RunConfig& run);

 private:
  struct Entry {
    std::string digest;
    std::size_t bytes = 0;
    std::weak_ptr<const Dataset> shared;
    std::shared_ptr<const Dataset> kept;  // Empty: only runs keep it.
  };

  [[nodiscard]] Result<std::shared_ptr<const Dataset>> open_fold(const RunConfig& run);
  [[nodiscard]] Result<std::shared_ptr<const PackedTable>> packed(const std::string& directory,
                                                                  const std::string& digest);
  void let_go();

  const RunDataOptions options_;
  std::mutex mutex_;                           // Guards all below.
  std::list<Entry> entries_;                   // The one opened last comes first.
  std::shared_ptr<const PackedTable> packed_;  // The one used last.
};

}  // namespace ballast

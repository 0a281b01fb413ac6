#pragma once

// RocksDB's statuses in our words.

#include <string>

#include "common/base/result.h"

namespace rocksdb {
class Status;
}

namespace ballast {

// REQUIRES: the status is not OK. `what` starts the sentence: a path, and what was tried.
[[nodiscard]] Error rocks_error(const rocksdb::Status& status, const std::string& what);

}  // namespace ballast

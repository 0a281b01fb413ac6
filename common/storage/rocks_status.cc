#include "common/storage/rocks_status.h"

#include <rocksdb/status.h>

#include "common/base/check.h"

namespace ballast {
namespace {

ErrorCode code_of(const rocksdb::Status& status) {
  switch (status.code()) {
    case rocksdb::Status::kCorruption:
      return ErrorCode::corrupt;
    case rocksdb::Status::kNotFound:
      return ErrorCode::not_found;
    case rocksdb::Status::kInvalidArgument:
      return ErrorCode::invalid;
    case rocksdb::Status::kNotSupported:
      return ErrorCode::unsupported;
    case rocksdb::Status::kIncomplete:
    case rocksdb::Status::kTryAgain:
    case rocksdb::Status::kBusy:
    case rocksdb::Status::kTimedOut:
    case rocksdb::Status::kAborted:
    case rocksdb::Status::kShutdownInProgress:
      return ErrorCode::unavailable;
    case rocksdb::Status::kIOError:
      return status.subcode() == rocksdb::Status::kPathNotFound ? ErrorCode::not_found
                                                                : ErrorCode::io;
    default:
      return ErrorCode::io;
  }
}

}  // namespace

Error rocks_error(const rocksdb::Status& status, const std::string& what) {
  BALLAST_CHECK(!status.ok());
  return Error{code_of(status), what + ": " + status.ToString()};
}

}  // namespace ballast

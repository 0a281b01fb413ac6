#pragma once

// RocksDB's view of bytes and ours. Both look at what the caller keeps.

#include <rocksdb/slice.h>

#include <string_view>

namespace ballast {

[[nodiscard]] inline rocksdb::Slice slice(std::string_view bytes) {
  return {bytes.data(), bytes.size()};
}
[[nodiscard]] inline std::string_view bytes_of(rocksdb::Slice slice) {
  return {slice.data(), slice.size()};
}

}  // namespace ballast

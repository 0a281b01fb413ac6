#pragma once

// Makes the bytes of an SST file a function of its entries.
//
// RocksDB writes a random "session id" into every file's properties: 20 characters that, with the
// file's number, key its block cache. Two writers of the same entries would therefore give two
// files. This replaces the id by one derived from the hash of the data blocks before it: equal
// files get equal ids, which is right for a cache, and different files different ones, which a
// constant would not give (a cache would then mix them up).
//
// The layout (RocksDB's table/format.cc, format_version 5; checksum type XXH3):
//
//   data blocks | index block | properties block | metaindex block | footer (53 bytes)
//   footer:     checksum type u8 | metaindex handle, index handle (varints), padded to 40 bytes |
//               format_version u32 | magic u64
//   block:      contents | compression type u8 | checksum u32
//   contents:   entries {shared, unshared, value bytes (varints), key, value} | restarts u32[n] | n

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "common/storage/content_hash.h"

namespace ballast {

inline constexpr std::size_t kSessionIdBytes = 20;

// The last bytes of a file, from its properties block on at the least, and where they begin.
struct SstTail {
  std::span<const std::byte> bytes;
  std::uint64_t offset = 0;
};

// Offsets are from the file's begin.
struct SstPatch {
  std::uint64_t properties_offset = 0;
  std::uint64_t session_offset = 0;
  std::string session;  // kSessionIdBytes
  std::uint64_t checksum_offset = 0;
  std::string checksum;  // 4 bytes
};

// What to write where. `hash` has been given what comes before the tail, and is given the tail's
// bytes up to properties_offset, which stay as they are. Nothing, and nothing more for `hash`, when
// the file is laid out in another way, as a future RocksDB may do; such a file is good as it is,
// only its name is not repeatable.
[[nodiscard]] std::optional<SstPatch> derive_sst_identity(const SstTail& tail, ContentHash& hash);

}  // namespace ballast

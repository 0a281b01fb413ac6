#include "common/storage/sst_identity.h"

#include <xxhash.h>

#include <array>
#include <cstring>

namespace ballast {
namespace {

constexpr std::size_t kFooterBytes = 53;
constexpr std::size_t kTrailerBytes = 5;
constexpr std::uint64_t kTableMagic = 0x88e241b785f4cff7ULL;
constexpr std::uint32_t kFormatVersion = 5;
constexpr std::byte kChecksumXxh3{4};

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

template <class T>
T load(std::span<const std::byte> bytes) {
  T value;
  std::memcpy(&value, bytes.data(), sizeof(T));
  return value;
}

// Takes a varint from the front; nothing when there is no whole one.
std::optional<std::uint64_t> take_varint(std::span<const std::byte>& bytes) {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64 && !bytes.empty(); shift += 7) {
    const auto byte = std::to_integer<std::uint64_t>(bytes.front());
    bytes = bytes.subspan(1);
    value |= (byte & 127) << shift;
    if (byte < 128) return value;
  }
  return std::nullopt;
}

struct Handle {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
};

std::optional<Handle> take_handle(std::span<const std::byte>& bytes) {
  const auto offset = take_varint(bytes);
  if (!offset) return std::nullopt;
  const auto size = take_varint(bytes);
  if (!size) return std::nullopt;
  return Handle{*offset, *size};
}

// A block's contents, if it and its trailer lie inside the tail, uncompressed.
std::optional<std::span<const std::byte>> contents(const SstTail& tail, Handle handle) {
  if (handle.offset < tail.offset) return std::nullopt;
  handle.offset -= tail.offset;
  const std::span<const std::byte> bytes = tail.bytes;
  if (handle.offset > bytes.size() || handle.size > bytes.size() - handle.offset) {
    return std::nullopt;
  }
  if (bytes.size() - handle.offset - handle.size < kTrailerBytes) return std::nullopt;
  if (bytes[handle.offset + handle.size] != std::byte{0}) return std::nullopt;
  return bytes.subspan(handle.offset, handle.size);
}

// The value of a key in a block. Keys share a prefix with the one before; values are whole.
std::optional<std::span<const std::byte>> find_in_block(std::span<const std::byte> block,
                                                        std::string_view wanted) {
  if (block.size() < 4) return std::nullopt;
  const std::uint64_t restarts = load<std::uint32_t>(block.last(4));
  if (restarts + 1 > block.size() / 4) return std::nullopt;
  std::span<const std::byte> entries = block.first(block.size() - 4 * (restarts + 1));
  std::string key;
  while (!entries.empty()) {
    const auto shared = take_varint(entries);
    const auto unshared = shared ? take_varint(entries) : std::nullopt;
    const auto value_bytes = unshared ? take_varint(entries) : std::nullopt;
    if (!value_bytes || *shared > key.size() || *unshared > entries.size() ||
        *value_bytes > entries.size() - *unshared) {
      return std::nullopt;
    }
    key.resize(*shared);
    key.append(text_of(entries.first(*unshared)));
    const auto value = entries.subspan(*unshared, *value_bytes);
    if (key == wanted) return value;
    entries = entries.subspan(*unshared + *value_bytes);
  }
  return std::nullopt;
}

std::optional<Handle> find_properties(const SstTail& tail) {
  if (tail.bytes.size() < kFooterBytes) return std::nullopt;
  std::span<const std::byte> footer = tail.bytes.last(kFooterBytes);
  if (load<std::uint64_t>(footer.subspan(45)) != kTableMagic ||
      load<std::uint32_t>(footer.subspan(41)) != kFormatVersion || footer[0] != kChecksumXxh3) {
    return std::nullopt;
  }
  footer = footer.subspan(1, 40);
  const auto metaindex = take_handle(footer);
  const auto block = metaindex ? contents(tail, *metaindex) : std::nullopt;
  auto value = block ? find_in_block(*block, "rocksdb.properties") : std::nullopt;
  return value ? take_handle(*value) : std::nullopt;
}

// RocksDB's ComputeBuiltinChecksum for XXH3: the compression type, the last byte, is mixed in.
std::uint32_t block_checksum(std::string_view block, std::byte compression) {
  const auto hash = static_cast<std::uint32_t>(XXH3_64bits(block.data(), block.size()));
  return hash ^ (std::to_integer<std::uint32_t>(compression) * 0x6b9083d9U);
}

void append_base36(std::uint64_t value, std::size_t digits, std::string& text) {
  std::array<char, 13> buffer{};
  for (std::size_t i = 0; i < digits; ++i, value /= 36) {
    buffer[digits - 1 - i] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[value % 36];
  }
  text.append(buffer.data(), digits);
}

// RocksDB reads an id as 8 + 12 digits in base 36; the last 12 hold 62 bits.
std::string session_of(const ContentHash::Digest& hash) {
  std::string session;
  append_base36(hash.high % 2821109907456ULL /* 36^8 */, 8, session);
  append_base36(hash.low & (~std::uint64_t{0} >> 2), 12, session);
  return session;
}

}  // namespace

std::optional<SstPatch> derive_sst_identity(const SstTail& tail, ContentHash& hash) {
  const auto handle = find_properties(tail);
  const auto block = handle ? contents(tail, *handle) : std::nullopt;
  if (!block) return std::nullopt;
  const auto session = find_in_block(*block, "rocksdb.creating.session.identity");
  if (!session || session->size() != kSessionIdBytes) return std::nullopt;

  // If the checksum that is there is not what we compute, this is not the layout we know.
  const std::span<const std::byte> trailer =
      tail.bytes.subspan(handle->offset - tail.offset + handle->size, kTrailerBytes);
  std::string contents_after(text_of(*block));
  if (load<std::uint32_t>(trailer.subspan(1)) != block_checksum(contents_after, trailer[0])) {
    return std::nullopt;
  }

  SstPatch patch;
  patch.properties_offset = handle->offset;
  hash.update(tail.bytes.first(handle->offset - tail.offset));
  patch.session = session_of(hash.digest());
  const auto session_place = static_cast<std::size_t>(session->data() - block->data());
  patch.session_offset = handle->offset + session_place;
  patch.checksum_offset = handle->offset + handle->size + 1;
  contents_after.replace(session_place, kSessionIdBytes, patch.session);
  const std::uint32_t checksum = block_checksum(contents_after, trailer[0]);
  patch.checksum.assign(reinterpret_cast<const char*>(&checksum), sizeof(checksum));
  return patch;
}

}  // namespace ballast

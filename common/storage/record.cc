#include "common/storage/record.h"

#include <bit>
#include <cstring>

#include "common/base/check.h"
#include "common/base/hash.h"

namespace ballast {
namespace {

static_assert(std::endian::native == std::endian::little,
              "floats and versions are copied to disk as they are in memory");

constexpr std::size_t kVersionBytes = sizeof(Step);
constexpr std::size_t kChecksumBytes = sizeof(std::uint32_t);
static_assert(kVersionBytes + kChecksumBytes == kRecordOverheadBytes);

template <class T>
void put_big_endian(T value, char* out) {
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    out[i] = static_cast<char>(value >> (8 * (sizeof(T) - 1 - i)));
  }
}

template <class T>
T get_big_endian(const char* in) {
  T value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    value = static_cast<T>(value << 8) | static_cast<unsigned char>(in[i]);
  }
  return value;
}

// The key seeds the hash, so a value that was read under another row's key does not pass either.
std::uint32_t checksum_of(const RecordKey& key, std::string_view version_and_floats) {
  const std::uint64_t place =
      mix(key.key, std::uint64_t{index(key.partition)} << 32 | index(key.table));
  return static_cast<std::uint32_t>(hash_text(version_and_floats, place));
}

Error damaged(const RecordKey& key, const std::string& what) {
  return Error{ErrorCode::corrupt, "record (partition " + std::to_string(index(key.partition)) +
                                       ", table " + std::to_string(index(key.table)) + ", key " +
                                       std::to_string(key.key) + "): " + what +
                                       "; restore it from a checkpoint"};
}

// The first key after all that start with the given bytes; empty when there is none.
std::string after(std::string prefix) {
  while (!prefix.empty() && prefix.back() == '\xff') prefix.pop_back();
  if (!prefix.empty()) prefix.back() = static_cast<char>(prefix.back() + 1);
  return prefix;
}

}  // namespace

RecordKeyBytes encode_record_key(const RecordKey& key) {
  RecordKeyBytes bytes;
  put_big_endian(index(key.partition), bytes.data());
  put_big_endian(index(key.table), bytes.data() + 4);
  put_big_endian(key.key, bytes.data() + 8);
  return bytes;
}

Result<RecordKey> decode_record_key(std::string_view bytes) {
  if (bytes.size() != kRecordKeyBytes) {
    return Error{ErrorCode::corrupt, "record key: expected " + std::to_string(kRecordKeyBytes) +
                                         " bytes, found " + std::to_string(bytes.size())};
  }
  return RecordKey{PartitionId{get_big_endian<std::uint32_t>(bytes.data())},
                   TableId{get_big_endian<std::uint32_t>(bytes.data() + 4)},
                   get_big_endian<std::uint64_t>(bytes.data() + 8)};
}

RecordRange records_of(PartitionId partition) {
  const RecordKeyBytes first = encode_record_key({partition, TableId{0}, 0});
  std::string prefix(first.data(), 4);
  return {prefix, after(prefix)};
}

RecordRange records_of(PartitionId partition, TableId table) {
  const RecordKeyBytes first = encode_record_key({partition, table, 0});
  std::string prefix(first.data(), 8);
  return {prefix, after(prefix)};
}

void encode_record_value(const RecordKey& key, Step version, std::span<const float> weights,
                         std::span<const float> slots, std::string& value) {
  value.resize(kRecordOverheadBytes + weights.size_bytes() + slots.size_bytes());
  char* out = value.data();
  std::memcpy(out, &version, kVersionBytes);
  out += kVersionBytes;
  if (!weights.empty()) std::memcpy(out, weights.data(), weights.size_bytes());
  out += weights.size_bytes();
  if (!slots.empty()) std::memcpy(out, slots.data(), slots.size_bytes());
  out += slots.size_bytes();
  const std::uint32_t checksum =
      checksum_of(key, std::string_view(value).substr(0, value.size() - kChecksumBytes));
  std::memcpy(out, &checksum, kChecksumBytes);
}

Status decode_record(std::string_view key, std::string_view value, Record& record) {
  const Result<RecordKey> decoded = decode_record_key(key);
  if (!decoded) return decoded.error();
  record.key = *decoded;
  if (value.size() < kRecordOverheadBytes ||
      (value.size() - kRecordOverheadBytes) % sizeof(float) != 0) {
    return damaged(*decoded, "expected 12 bytes and a whole number of floats, found " +
                                 std::to_string(value.size()) + " bytes");
  }
  const std::string_view covered = value.substr(0, value.size() - kChecksumBytes);
  std::uint32_t checksum = 0;
  std::memcpy(&checksum, value.data() + covered.size(), kChecksumBytes);
  if (checksum != checksum_of(*decoded, covered)) {
    return damaged(*decoded, "its bytes do not match their checksum");
  }
  std::memcpy(&record.version, covered.data(), kVersionBytes);
  record.floats.resize((covered.size() - kVersionBytes) / sizeof(float));
  if (!record.floats.empty()) {
    std::memcpy(record.floats.data(), covered.data() + kVersionBytes,
                record.floats.size() * sizeof(float));
  }
  return {};
}

}  // namespace ballast

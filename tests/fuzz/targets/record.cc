// Records of RocksDB and of snapshot files, and the SST files that hold them.
//
// Input: u8; 0: an SST file, whose identity is derived. Otherwise a record: 16 bytes of key, then
// the value. It is read as it is, and again with the checksum that fits it.

#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "common/base/check.h"
#include "common/storage/record.h"
#include "common/storage/sst_identity.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/target.h"

namespace ballast::fuzz {
namespace {

std::optional<SstPatch> derive(std::string_view file) {
  ContentHash hash;
  return derive_sst_identity({std::as_bytes(std::span(file))}, hash);
}

Verdict read_sst(std::string_view file) {
  const auto patch = derive(file);
  if (!patch) return Verdict::refused;
  // What it writes lies inside the file, and derives the same once it is written.
  std::string patched(file);
  BALLAST_CHECK(patch->session_offset + patch->session.size() <= file.size());
  BALLAST_CHECK(patch->checksum_offset + patch->checksum.size() <= file.size());
  patched.replace(patch->session_offset, patch->session.size(), patch->session);
  patched.replace(patch->checksum_offset, patch->checksum.size(), patch->checksum);
  const auto again = derive(patched);
  BALLAST_CHECK(again.has_value());
  BALLAST_CHECK(again->session == patch->session && again->checksum == patch->checksum);
  return Verdict::accepted;
}

// Version and floats of the value under the checksum that fits them.
std::string sealed(const RecordKey& key, std::string_view value) {
  Step version = 0;
  std::memcpy(&version, value.data(), std::min(value.size(), sizeof version));
  value.remove_prefix(std::min(value.size(), sizeof version));
  std::vector<float> floats(value.size() / sizeof(float));
  if (!floats.empty()) std::memcpy(floats.data(), value.data(), floats.size() * sizeof(float));
  std::string out;
  encode_record_value(key, version, floats, {}, out);
  return out;
}

Verdict read_record(std::string_view key, std::string_view value) {
  Record record;
  if (!decode_record(key, value, record)) return Verdict::refused;
  std::string again;
  encode_record_value(record.key, record.version, record.floats, {}, again);
  BALLAST_CHECK(again == value);
  const RecordKeyBytes key_again = encode_record_key(record.key);
  BALLAST_CHECK(view(key_again) == key);
  return Verdict::accepted;
}

}  // namespace

BALLAST_FUZZ_TARGET(record, bytes) {
  Input input(bytes);
  if (input.byte() == 0) return read_sst(input.rest());
  const std::string_view key = input.take(kRecordKeyBytes);
  const std::string_view value = input.rest();
  if (read_record(key, value) == Verdict::accepted) return Verdict::accepted;
  const auto decoded = decode_record_key(key);
  return decoded ? read_record(key, sealed(*decoded, value)) : Verdict::refused;
}

}  // namespace ballast::fuzz

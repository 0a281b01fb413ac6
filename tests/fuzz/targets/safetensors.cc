// safetensors files: ours, and those of other programs.
//
// Input: u8; 0: the rest is the file. Otherwise the rest is the header, a byte 0 and the tensors,
// and the length before the header and the checksum in it are computed here.

#include <cstring>
#include <string>

#include "common/base/check.h"
#include "common/storage/export.h"
#include "common/storage/safetensors.h"
#include "common/storage/safetensors_layout.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/scratch.h"
#include "tests/fuzz/target.h"

namespace ballast::fuzz {
namespace {

std::string assembled(Input input) {
  std::string header(input.until('\0'));
  const std::uint64_t length = header.size();
  std::string file(sizeof length, '\0');
  std::memcpy(file.data(), &length, sizeof length);
  const auto checksum = find_checksum(header);
  if (checksum) header.replace(*checksum, kContentHashDigits, kNoChecksum);
  file += header;
  file += input.rest();
  if (checksum) {
    const std::string digits = content_hash(std::as_bytes(std::span(file)));
    file.replace(sizeof length + *checksum, kContentHashDigits, digits);
  }
  return file;
}

// Reads every tensor to its end; the sum keeps the compiler from leaving it out.
double sum_of_values(const SafetensorsReader& reader) {
  double sum = 0.0;
  for (const auto& [name, tensor] : reader.tensors()) {
    if (tensor.type == TensorType::f32) {
      const auto floats = reader.floats(name, tensor.shape);
      BALLAST_CHECK(floats.has_value());
      for (const float value : *floats) sum += static_cast<double>(value);
    } else if (const auto keys = reader.keys(name)) {
      for (const Key key : *keys) sum += static_cast<double>(key);
    }
  }
  return sum;
}

// Tables that a seed of this target holds.
const std::vector<TableSpec>& tables() {
  static const std::vector<TableSpec> tables = {
      {.id = TableId{0}, .name = "words", .kind = TableKind::sparse, .shape = {2}},
      {.id = TableId{1}, .name = "output.weight", .kind = TableKind::dense, .shape = {3, 2}}};
  return tables;
}

}  // namespace

BALLAST_FUZZ_TARGET(safetensors, bytes) {
  static const Scratch directory;
  Input input(bytes);
  const std::string path = directory.put(
      "x.safetensors", input.byte() == 0 ? std::string(input.rest()) : assembled(input));
  Verdict verdict = Verdict::refused;
  for (const Trust trust : {Trust::structure, Trust::checksummed}) {
    const auto reader = SafetensorsReader::open(path, trust);
    if (!reader) continue;
    volatile double sum = sum_of_values(**reader);
    static_cast<void>(sum);
    verdict = Verdict::accepted;
  }
  if (const auto model = ModelFile::open(path, tables())) {
    BALLAST_CHECK((*model)->tables()[0].values.size() == 2 * (*model)->tables()[0].keys.size());
    BALLAST_CHECK((*model)->tables()[1].values.size() == 6);
  }
  return verdict;
}

}  // namespace ballast::fuzz

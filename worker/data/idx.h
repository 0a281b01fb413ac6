#pragma once

// IDX, the format of MNIST: a magic number that says element type and dimensions, the sizes, then
// the elements, all big-endian. Features and labels are two files.

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/result.h"
#include "worker/data/source.h"

namespace ballast {

enum class IdxType : std::uint8_t {
  u8 = 0x08,
  i8 = 0x09,
  i16 = 0x0B,
  i32 = 0x0C,
  f32 = 0x0D,
  f64 = 0x0E
};

struct IdxArray {
  IdxType type = IdxType::u8;
  std::uint64_t examples = 0;
  std::uint64_t width = 1;  // Elements per example.
  Bytes elements;           // As stored; exactly examples * width of them.
};

// Reads the header and checks the size against it.
[[nodiscard]] Result<IdxArray> read_idx(const SourceFile& file);

// Elements first .. first + count - 1 as numbers.
[[nodiscard]] std::vector<double> idx_numbers(const IdxArray& array, std::uint64_t first,
                                              std::uint64_t count);

}  // namespace ballast

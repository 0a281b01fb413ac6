#pragma once

// The tables of a run, as models declare them, servers hold them and exports name them.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "common/base/ids.h"
#include "common/job/spec.h"

namespace ballast {

enum class TableKind : std::uint8_t { dense, sparse };

// A dense table is cut into blocks of this many floats (64 KiB); the last one may be shorter.
inline constexpr std::uint32_t kBlockFloats = 16384;

struct TableSpec {
  TableId id{};
  std::string name;  // "dense_0.weight"; unique in the run.
  TableKind kind = TableKind::dense;
  std::vector<std::uint32_t> shape;  // dense: the tensor's; sparse: {row width}.
  Initializer initializer = Initializer::zeros;
  float initial_bound = 0.0F;  // uniform: values in [-bound, bound); normal: the deviation.
  bool decays = true;          // Whether l1, l2 and weight decay apply (not to biases).

  friend bool operator==(const TableSpec&, const TableSpec&) = default;
};

// Floats of a dense table, or of one row of a sparse one.
[[nodiscard]] std::uint64_t floats_of(const TableSpec& table);
// Blocks of a dense table.
[[nodiscard]] std::uint32_t blocks_of(const TableSpec& table);
// Floats of one block of a dense table.
[[nodiscard]] std::uint32_t floats_of_block(const TableSpec& table, std::uint32_t block);

// Writes the initial values of a block (key is its number) or a row: a pure function of
// (seed, table, key), so that a row first seen on any server at any time starts the same.
// REQUIRES: out has the block's or the row's floats.
void initialize(const TableSpec& table, std::uint64_t seed, Key key, std::span<float> out);

}  // namespace ballast

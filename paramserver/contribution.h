#pragma once

// A contribution is the gradient of one node of leaves, as far as one partition holds its rows and
// blocks. Contributions are immutable and share memory with the message they came in; adding two
// makes a third.
//
// R1, absent is not zero: what is missing on one side is taken from the other as it is, since
// 0 + -0 would change a bit.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/ids.h"
#include "common/job/figures.h"
#include "common/job/tables.h"

namespace ballast {

struct DenseGradient {
  TableId table{};
  std::uint32_t block = 0;
  Bytes values;  // f32, the floats of the block
};

struct SparseGradient {
  TableId table{};
  Bytes keys;    // u64, sorted, unique
  Bytes values;  // f32, one row per key
};

struct Contribution {
  std::vector<DenseGradient> dense;    // Sorted by (table, block), unique.
  std::vector<SparseGradient> sparse;  // Sorted by table, unique; keys not empty.
  Figures figures;                     // Partition 0 only.

  [[nodiscard]] bool empty() const { return dense.empty() && sparse.empty(); }
  [[nodiscard]] std::size_t bytes() const;  // Of keys and values.
};

// left + right in float32, in that order. `tables` gives the row widths.
[[nodiscard]] Contribution add(const std::vector<TableSpec>& tables, const Contribution& left,
                               const Contribution& right);

// Equal bit for bit: what two computations of the same node must be (R6).
[[nodiscard]] bool same_bits(const Contribution& a, const Contribution& b);

// Of everything but the figures, in order of (table, block) and then (table, key).
[[nodiscard]] std::uint64_t hash_of(const Contribution& contribution);

// In float64, in the same order.
[[nodiscard]] double sum_of_squares(const Contribution& contribution);

}  // namespace ballast

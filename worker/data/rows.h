#pragma once

// Which rows of a table become which examples.

#include <cstdint>
#include <vector>

#include "common/base/result.h"
#include "common/job/spec.h"
#include "worker/data/table.h"

namespace ballast {

// Rows by block, ascending: the examples of a split, in source order.
struct Selection {
  std::vector<std::vector<std::uint32_t>> rows;

  [[nodiscard]] std::uint64_t examples() const {
    std::uint64_t count = 0;
    for (const auto& block : rows) count += block.size();
    return count;
  }
};

[[nodiscard]] Selection all_rows(const Table& table);

// Leaves out every row that equals an earlier one in all of the listed columns; returns how many.
// With the LibSVM group among them, the entries count too.
struct DuplicateRule {
  std::vector<std::size_t> columns;
  bool sparse = false;
};
std::uint64_t drop_duplicates(const Table& table, const DuplicateRule& rule, std::uint32_t threads,
                              Selection& selection);

// Moves the rows whose number in the table draws below `fraction` from `train` to the result. A
// row's draw depends on the seed and its number alone, so dropping other rows moves nothing.
[[nodiscard]] Selection take_validation(const Table& table, std::uint64_t seed, double fraction,
                                        Selection& train);

}  // namespace ballast

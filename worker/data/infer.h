#pragma once

// Decides the types of columns that the spec does not list, from every cell of the training split.

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "worker/data/block_builder.h"
#include "worker/data/table.h"

namespace ballast {

// Turns the texts of undecided columns into numbers where all of them are, and notes the first that
// is not where they are not. A column that is numeric but for "nan" or "inf" is an error that names
// the first such cell in the source. `text_columns`: names that are text when they are not numbers.
[[nodiscard]] Status decide_types(const TableLayout& layout,
                                  const std::set<std::string>& text_columns, std::uint32_t threads,
                                  Table& table);

}  // namespace ballast

#pragma once

// Which columns a table has, before any row is read.

#include <string>
#include <vector>

#include "common/base/result.h"
#include "worker/data/block_builder.h"
#include "worker/data/table.h"

namespace ballast {

// The layout of a training split whose columns are called `names`. `source` is the file they come
// from, for messages. Columns of `keep` that the spec skips are read all the same, as texts.
[[nodiscard]] Result<TableLayout> layout_of(const Spec& spec, const std::vector<std::string>& names,
                                            const std::vector<std::string>& keep,
                                            const std::string& source);

// The layout of a table that exists: the same columns with their types decided.
[[nodiscard]] TableLayout layout_like(const DataSpec& spec, const Table& table);

// The layout of LibSVM and IDX, whose only column of cells is the label.
[[nodiscard]] TableLayout label_only(const DataSpec& spec);

// The table that this layout fills.
[[nodiscard]] Table table_of(const TableLayout& layout);

// Per cell of a file with this header, the layout's column; kIgnoredCell where there is none.
[[nodiscard]] Result<std::vector<std::size_t>> columns_of_header(
    const TableLayout& layout, const std::vector<std::string>& header, const std::string& source);

}  // namespace ballast

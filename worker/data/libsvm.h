#pragma once

// LibSVM: `label index:value index:value ... # comment`, one row a line, indices from 1 and
// strictly increasing. Labels are numbers: classes such as -1 and +1, or targets.

#include <string_view>

#include "worker/data/block_builder.h"
#include "worker/data/records.h"

namespace ballast {

// The layout's only column is the label. `dimension`: the largest index allowed; 0: any.
[[nodiscard]] ParsedChunk parse_libsvm(std::string_view text, Chunk chunk,
                                       const TableLayout& layout, std::uint32_t dimension,
                                       BadRow on_bad_row);

}  // namespace ballast

#pragma once

// LibSVM: `label index:value index:value ... # comment`, one row a line, indices from 1 and
// strictly increasing. Labels are numbers: classes such as -1 and +1, or targets.

#include <cstdint>
#include <string>
#include <string_view>

#include "worker/data/block_builder.h"
#include "worker/data/records.h"

namespace ballast {

struct LibSvmSyntax {
  std::uint32_t dimension = 0;  // The largest index allowed; 0: any.
  std::string comment = {};     // Lines with this prefix are no rows; empty: all may be.
};

// The layout's only column is the label.
[[nodiscard]] ParsedChunk parse_libsvm(std::string_view text, Chunk chunk,
                                       const LibSvmSyntax& syntax, const TableLayout& layout,
                                       BadRow on_bad_row);

}  // namespace ballast

#pragma once

// JSON lines: one object per line, its members are the cells. null and absent members are missing
// values; true and false are 1 and 0 in a number column, words in any other.

#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "worker/data/block_builder.h"
#include "worker/data/records.h"

namespace ballast {

// What a member that the layout does not have means: nothing where the spec lists its columns,
// a fault where the names come from the first object.
enum class UnknownMember { pass_over, fault };

// The member names of the first object, in order; empty when there is none or it is not one.
[[nodiscard]] std::vector<std::string> first_json_names(std::string_view text);

[[nodiscard]] ParsedChunk parse_jsonl(std::string_view text, Chunk chunk, const TableLayout& layout,
                                      UnknownMember unknown, BadRow on_bad_row);

}  // namespace ballast

#pragma once

// JSON lines: one object per line, its members are the cells. null and absent members are missing
// values; true and false are 1 and 0 in a number column, words in any other.

#include <optional>
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

// The next line at or after `at` that is not blank; moves `at` behind it. None at the end.
[[nodiscard]] std::optional<std::string_view> next_json_line(std::string_view text,
                                                             std::size_t& at);

// The member names of the object that a line holds, in order; none when it is not an object.
[[nodiscard]] std::optional<std::vector<std::string>> json_names(std::string_view line);

[[nodiscard]] ParsedChunk parse_jsonl(std::string_view text, Chunk chunk, const TableLayout& layout,
                                      UnknownMember unknown, BadRow on_bad_row);

}  // namespace ballast

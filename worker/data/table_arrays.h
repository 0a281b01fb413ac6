#pragma once

// The names and records of a packed table's arrays; packed_table.h says what they hold.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <fmt/format.h>

namespace ballast {

// One block in T.blocks.u64.
struct BlockRecord {
  std::uint64_t file = 0;
  std::uint64_t rows = 0;
  std::uint64_t examples = 0;
  std::uint64_t pixels = 0;  // 1: its matrix is pixels.
};
static_assert(sizeof(BlockRecord) == 32);

[[nodiscard]] inline std::string table_array(std::string_view table, std::string_view what) {
  return fmt::format("{}.{}", table, what);
}
[[nodiscard]] inline std::string column_array(std::string_view table, std::size_t column,
                                              std::string_view what) {
  return fmt::format("{}.{}.{}", table, column, what);
}

}  // namespace ballast

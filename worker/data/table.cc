#include "worker/data/table.h"

#include <fmt/format.h>

#include "common/base/check.h"
#include "worker/data/cells.h"

namespace ballast {

std::string place_of(const Table& table, const Block& block, std::size_t row) {
  return fmt::format("{}:{}", table.files[block.file], block.lines[row]);
}

void read_numbers(const Table& table, const Block& block, std::size_t column,
                  std::span<const std::uint32_t> rows, double* out) {
  const TableColumn& source = table.columns[column];
  if (source.storage == Storage::numbers) {
    const double* numbers = block.columns[column].numbers.data();
    for (std::size_t i = 0; i < rows.size(); ++i) out[i] = numbers[rows[i]];
    return;
  }
  BALLAST_CHECK(source.storage == Storage::matrix);
  const std::size_t width = table.matrix_width;
  if (block.matrix.pixels.size() > 0) {
    const auto* pixels =
        reinterpret_cast<const std::uint8_t*>(block.matrix.pixels.data()) + source.matrix_column;
    for (std::size_t i = 0; i < rows.size(); ++i) out[i] = pixels[rows[i] * width];
  } else {
    const double* values = block.matrix.values.data() + source.matrix_column;
    for (std::size_t i = 0; i < rows.size(); ++i) out[i] = values[rows[i] * width];
  }
}

std::string_view text_of(const Table& table, const Block& block, std::size_t column,
                         std::size_t row, std::string& scratch) {
  if (table.columns[column].storage == Storage::texts) return block.columns[column].texts[row];
  const auto index = static_cast<std::uint32_t>(row);
  double number = 0.0;
  read_numbers(table, block, column, {&index, 1}, &number);
  if (std::isnan(number)) return {};
  scratch = number_text(number);
  return scratch;
}

std::optional<std::size_t> find_column(const Table& table, std::string_view name) {
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    if (table.columns[i].name == name) return i;
  }
  return std::nullopt;
}

}  // namespace ballast

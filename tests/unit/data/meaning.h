#pragma once

// What a table says, as one text: to compare two ways of reading the same source.

#include <algorithm>
#include <cstdint>
#include <sstream>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "worker/data/cells.h"
#include "worker/data/table.h"

namespace ballast {

// A cell so written that no two different ones look alike.
inline std::string exact_cell(const Table& table, const Block& block, std::size_t column,
                              std::size_t row) {
  if (table.columns[column].storage == Storage::none) return "skipped";
  if (table.columns[column].storage == Storage::texts) {
    const std::string_view text = block.columns[column].texts[row];
    return std::to_string(text.size()) + ":" + std::string(text);
  }
  const auto index = static_cast<std::uint32_t>(row);
  double number = 0.0;
  read_numbers(table, block, column, {&index, 1}, &number);
  return number_text(number);
}

// All that a table says, but for where its blocks end; or the error.
inline std::string meaning(const Result<Table>& table) {
  std::ostringstream out;
  if (!table) {
    out << "error " << static_cast<int>(table.error().code) << ": " << table.error().message;
    return out.str();
  }
  for (const std::string& file : table->files) out << "file " << file << "\n";
  for (const TableColumn& column : table->columns) {
    out << "column " << column.name << " " << static_cast<int>(column.type) << " "
        << static_cast<int>(column.storage) << " " << column.matrix_column << " "
        << column.not_numeric << "\n";
  }
  out << "label " << (table->label ? *table->label : table->columns.size()) << ", width "
      << table->matrix_width << ", sparse " << table->sparse << ", dimension " << table->dimension
      << "\n";
  for (const Block& block : table->blocks) {
    for (std::size_t row = 0; row < block.rows; ++row) {
      out << place_of(*table, block, row);
      for (std::size_t c = 0; c < table->columns.size(); ++c) {
        out << " " << exact_cell(*table, block, c, row);
      }
      if (table->sparse) {
        for (std::uint64_t e = row == 0 ? 0 : block.sparse.ends[row - 1];
             e < block.sparse.ends[row]; ++e) {
          out << " " << block.sparse.indices[e] << "="
              << number_text(static_cast<double>(block.sparse.values[e]));
        }
      }
      out << "\n";
    }
  }
  out << table->rows_skipped << " skipped\n";
  for (const std::string& sample : table->skipped_samples) out << sample << "\n";
  return out.str();
}

// Every column of a block has as many cells as the block has rows: a row that was dropped by halves
// would shift those behind it.
inline bool is_whole(const Table& table, const Block& block) {
  if (block.lines.size() != block.rows) return false;
  if (table.sparse && (block.sparse.ends.size() != block.rows ||
                       block.sparse.ends.back() != block.sparse.indices.size() ||
                       block.sparse.ends.back() != block.sparse.values.size())) {
    return false;
  }
  for (std::size_t c = 0; c < table.columns.size(); ++c) {
    const Storage storage = table.columns[c].storage;
    if (storage == Storage::matrix) continue;
    const Column& column = block.columns[c];
    if (column.numbers.size() != (storage == Storage::numbers ? block.rows : 0)) return false;
    if (column.texts.size() != (storage == Storage::texts ? block.rows : 0)) return false;
  }
  const std::size_t numbers = block.matrix.pixels.size() + block.matrix.values.size();
  return table.matrix_width == 0 || numbers == block.rows * table.matrix_width;
}

inline bool is_whole(const Table& table) {
  return std::all_of(table.blocks.begin(), table.blocks.end(),
                     [&](const Block& block) { return is_whole(table, block); });
}

}  // namespace ballast

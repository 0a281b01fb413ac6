#pragma once

// What readers make of source files: typed columns in blocks. A block is what one chunk of a
// source parsed into; its boundaries come from the source alone, and statistics are folded over
// blocks in their order, so nothing depends on how many threads read.

#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/check.h"
#include "common/job/spec.h"

namespace ballast {

inline constexpr double kMissingNumber = std::numeric_limits<double>::quiet_NaN();

// Texts of one column, one after another. An empty text is a missing value.
class Strings {
 public:
  Strings() = default;
  // Texts that lie in `bytes` already; text i ends before ends[i].
  // REQUIRES: ends never fall, and the last one is the size of `bytes`.
  Strings(Bytes bytes, std::vector<std::uint64_t> ends)
      : borrowed_(std::move(bytes)), ends_(std::move(ends)) {}

  [[nodiscard]] std::size_t size() const { return ends_.size(); }
  [[nodiscard]] std::string_view operator[](std::size_t i) const {
    const std::size_t begin = i == 0 ? 0 : ends_[i - 1];
    return all().substr(begin, ends_[i] - begin);
  }
  // REQUIRES: the texts are not borrowed, here and in shrink().
  void push(std::string_view text) {
    BALLAST_CHECK(borrowed_.size() == 0);
    bytes_.append(text);
    ends_.push_back(bytes_.size());
  }
  // Forgets all but the first `count`.
  void shrink(std::size_t count) {
    if (count >= ends_.size()) return;
    BALLAST_CHECK(borrowed_.size() == 0);
    bytes_.resize(count == 0 ? 0 : ends_[count - 1]);
    ends_.resize(count);
  }
  // All texts, one behind the other.
  [[nodiscard]] std::string_view all() const {
    return borrowed_.size() > 0 ? borrowed_.text() : std::string_view(bytes_);
  }

 private:
  Bytes borrowed_;
  std::string bytes_;
  std::vector<std::uint64_t> ends_;
};

// One column of one block: numbers or texts, as the column's storage says.
struct Column {
  std::vector<double> numbers;  // NaN: missing.
  Strings texts;
};

// Numbers of many columns row by row: images, and sparse rows made dense.
struct NumberMatrix {
  Bytes pixels;  // One byte per number, borrowed from the source, or:
  std::vector<double> values;
};

// LibSVM rows: entries of row i end at ends[i].
struct SparseRows {
  std::vector<std::uint64_t> ends;
  std::vector<std::uint32_t> indices;  // From 1, strictly increasing within a row.
  std::vector<float> values;
};

// Each number of a matrix is a column with a name and transforms of its own, so this bounds what a
// short text about them can unfold to. A model's layers are no wider either.
inline constexpr std::uint32_t kMatrixWidthMax = std::uint32_t{1} << 20;

struct Block {
  std::uint32_t file = 0;
  std::size_t rows = 0;
  std::vector<std::uint64_t> lines;  // Where each row starts, from 1; IDX: its number, from 1.
  std::vector<Column> columns;       // By column of the table; empty for skipped and matrix ones.
  NumberMatrix matrix;
  SparseRows sparse;
};

// Columns of type skip have none, texts where somebody asked to keep them, or numbers where they
// say how much an example counts.
enum class Storage { numbers, texts, matrix, none };

struct TableColumn {
  std::string name;
  ColumnType type = ColumnType::number;
  Storage storage = Storage::numbers;
  std::uint32_t matrix_column = 0;  // Storage::matrix
  // The first cell that kept an inferred column from being numeric, "file:line: "text""; for
  // messages.
  std::string not_numeric = {};
};

struct Table {
  std::vector<TableColumn> columns;
  std::optional<std::size_t> label;
  std::optional<std::size_t> weight;  // Of type skip, since no feature, but stored as numbers.
  std::uint32_t matrix_width = 0;
  bool sparse = false;          // LibSVM kept sparse: Block::sparse counts.
  std::uint32_t dimension = 0;  // LibSVM: the largest index seen or given.

  std::vector<std::string> files;  // As opened, by Block::file.
  std::vector<Block> blocks;
  std::uint64_t rows_skipped = 0;
  std::vector<std::string> skipped_samples;  // At most kSamplesMax.
};

inline constexpr std::size_t kSamplesMax = 10;

[[nodiscard]] inline std::uint64_t rows_of(const Table& table) {
  std::uint64_t rows = 0;
  for (const Block& block : table.blocks) rows += block.rows;
  return rows;
}

// "file:line" of a row, for messages.
[[nodiscard]] std::string place_of(const Table& table, const Block& block, std::size_t row);

// The weight of a row; 1 where rows have none.
[[nodiscard]] inline double weight_of(const Table& table, const Block& block, std::size_t row) {
  return table.weight ? block.columns[*table.weight].numbers[row] : 1.0;
}

// Copies the numbers of the listed rows of a column. REQUIRES: storage is numbers or matrix.
void read_numbers(const Table& table, const Block& block, std::size_t column,
                  std::span<const std::uint32_t> rows, double* out);

// A cell as text, empty when missing; a number is written the shortest way that reads back.
// `scratch` keeps what was written.
[[nodiscard]] std::string_view text_of(const Table& table, const Block& block, std::size_t column,
                                       std::size_t row, std::string& scratch);

// The column of that name.
[[nodiscard]] std::optional<std::size_t> find_column(const Table& table, std::string_view name);

}  // namespace ballast

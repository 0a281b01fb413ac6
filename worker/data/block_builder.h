#pragma once

// What every text reader shares: cells go in by column, a block of typed columns comes out, and
// what is wrong with a row is either the end of the read or one more row that is skipped.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/job/spec.h"
#include "worker/data/table.h"

namespace ballast {

// How the cells of a column are read. `undecided` ones are kept as texts until every training cell
// was seen; `kept` ones are texts that no feature is made of; a `weight` says how much a row
// counts.
enum class CellKind { number, category, text, undecided, kept, weight, skip };

struct LayoutColumn {
  std::string name;
  CellKind kind = CellKind::undecided;
};

// Far above what anybody means, and far below what would overflow when weights are added up.
inline constexpr double kWeightMax = 1e30;

// Missing labels are wrong in a training or test row, and fine where a model is applied.
enum class LabelRule { required, optional };

struct TableLayout {
  std::vector<LayoutColumn> columns;
  std::optional<std::size_t> label;
  std::optional<std::size_t> weight;
  LabelRule label_rule = LabelRule::required;
  std::vector<std::string> missing;
  std::string label_strip_suffix;
};

// Something wrong at a place; lines count from 1 within the chunk until the reader knows better,
// columns count bytes from 1.
struct Fault {
  std::uint64_t line = 0;
  std::uint64_t column = 0;
  std::string what;
};

struct ParsedChunk {
  Block block;
  std::uint64_t lines = 0;    // Newlines in the chunk.
  std::vector<Fault> faults;  // BadRow::stop: the first, if any. BadRow::skip: the first few.
  std::uint64_t skipped = 0;
};

class BlockBuilder {
 public:
  // `layout` outlives the builder.
  BlockBuilder(const TableLayout& layout, BadRow on_bad_row);

  // Adds one cell to the current row. False when it cannot be meant: the fault is then recorded,
  // and the row must be ended with drop_row().
  // REQUIRES: the column has no cell in this row yet.
  bool put(std::size_t column, std::string_view cell, std::uint64_t line, std::uint64_t at);
  bool put_missing(std::size_t column, std::uint64_t line, std::uint64_t at);
  [[nodiscard]] bool has(std::size_t column) const;

  // Columns without a cell get a missing one. False as with put().
  bool end_row(std::uint64_t line);
  // Forgets the current row. False when the read is over (BadRow::stop).
  bool drop_row();
  // What is wrong with the current row; the last word counts.
  void fault(Fault fault) { row_fault_ = std::move(fault); }
  [[nodiscard]] Fault& row_fault() { return row_fault_; }

  [[nodiscard]] ParsedChunk finish(std::uint64_t lines) &&;

 private:
  [[nodiscard]] bool is_missing(std::string_view cell) const;
  bool put_weight(std::size_t column, std::string_view cell, std::uint64_t line, std::uint64_t at);
  bool put_number(std::size_t column, std::string_view cell, std::uint64_t line, std::uint64_t at);

  const TableLayout& layout_;
  const BadRow on_bad_row_;
  ParsedChunk chunk_;
  Fault row_fault_;
};

// Why a text is no number that a column can hold.
[[nodiscard]] std::string not_a_number(std::string_view column, std::string_view cell);

}  // namespace ballast

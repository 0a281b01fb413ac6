#include "worker/data/infer.h"

#include <fmt/format.h>

#include <algorithm>
#include <compare>
#include <optional>

#include "worker/data/cells.h"
#include "worker/data/parallel.h"
#include "worker/data/read.h"

namespace ballast {

namespace {

// What one block's cells of one column say.
struct Evidence {
  std::optional<std::size_t> not_numeric;  // The first row whose cell is no number,
  std::optional<std::size_t> not_finite;   // or one that is, but not finite.
  std::size_t longest = 0;
};

Evidence examine(const Strings& texts) {
  Evidence evidence;
  for (std::size_t row = 0; row < texts.size(); ++row) {
    const std::string_view text = texts[row];
    evidence.longest = std::max(evidence.longest, text.size());
    if (text.empty() || evidence.not_numeric) continue;
    double value = 0.0;
    switch (parse_number(text, value)) {
      case NumberText::number:
        break;
      case NumberText::not_a_number:
        evidence.not_numeric = row;
        break;
      case NumberText::not_finite:
      case NumberText::out_of_range:
        if (!evidence.not_finite) evidence.not_finite = row;
        break;
    }
  }
  return evidence;
}

void to_numbers(Column& column) {
  column.numbers.resize(column.texts.size(), kMissingNumber);
  for (std::size_t row = 0; row < column.texts.size(); ++row) {
    // Cells that are no number here are empty: decide_types has seen them all.
    static_cast<void>(parse_number(column.texts[row], column.numbers[row]));
  }
  column.texts = {};
}

// A row of the table; the smaller one stands earlier in the source.
struct RowPlace {
  std::size_t block = 0;
  std::size_t row = 0;

  friend auto operator<=>(const RowPlace&, const RowPlace&) = default;
};

// Where the first cell stands that keeps a numeric column from being finite, if one does.
std::optional<RowPlace> decide_column(std::size_t c, const std::set<std::string>& text_columns,
                                      Table& table) {
  TableColumn& column = table.columns[c];
  std::size_t longest = 0;
  std::optional<RowPlace> not_finite;
  for (std::size_t b = 0; b < table.blocks.size(); ++b) {
    const Block& block = table.blocks[b];
    const Strings& texts = block.columns[c].texts;
    const Evidence evidence = examine(texts);
    longest = std::max(longest, evidence.longest);
    if (evidence.not_numeric && column.not_numeric.empty()) {
      const std::size_t row = *evidence.not_numeric;
      column.not_numeric = fmt::format("{}: {}", place_of(table, block, row), shown(texts[row]));
    }
    if (evidence.not_finite && !not_finite) not_finite = RowPlace{b, *evidence.not_finite};
  }
  if (!column.not_numeric.empty()) {
    column.type = text_columns.contains(column.name) || longest > kCategoryBytesMax
                      ? ColumnType::text
                      : ColumnType::category;
    return std::nullopt;
  }
  if (not_finite) return not_finite;
  column.type = ColumnType::number;
  column.storage = Storage::numbers;
  for (Block& block : table.blocks) to_numbers(block.columns[c]);
  return std::nullopt;
}

}  // namespace

Status decide_types(const TableLayout& layout, const std::set<std::string>& text_columns,
                    std::uint32_t threads, Table& table) {
  std::vector<std::size_t> undecided;
  for (std::size_t c = 0; c < layout.columns.size(); ++c) {
    if (layout.columns[c].kind == CellKind::undecided) undecided.push_back(c);
  }
  std::vector<std::optional<RowPlace>> not_finite(undecided.size());
  parallel_for(undecided.size(), threads, [&](std::size_t i) {
    not_finite[i] = decide_column(undecided[i], text_columns, table);
  });
  std::optional<std::size_t> first;
  for (std::size_t i = 0; i < undecided.size(); ++i) {
    if (not_finite[i] && (!first || *not_finite[i] < *not_finite[*first])) first = i;
  }
  if (!first) return {};
  const std::size_t c = undecided[*first];
  const auto [b, row] = *not_finite[*first];
  const Block& block = table.blocks[b];
  return Error{ErrorCode::invalid,
               fmt::format("{}: {}", place_of(table, block, row),
                           not_a_number(table.columns[c].name, block.columns[c].texts[row]))};
}

}  // namespace ballast

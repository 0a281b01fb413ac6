#pragma once

// CSV and TSV.
//
// CSV follows RFC 4180: a cell may stand in quotes, may then hold delimiters, newlines and doubled
// quotes; a quote elsewhere is an ordinary character. Spaces around cells are not part of them,
// unless quoted (or the delimiter is a space). Lines end with LF or CRLF; empty lines are passed
// over. TSV has no quotes: a backslash, tab or newline within a cell is written \\ \t \n.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "worker/data/block_builder.h"
#include "worker/data/records.h"

namespace ballast {

enum class Escapes { quotes, backslashes };

struct CsvSyntax {
  RecordSyntax records;
  Escapes escapes = Escapes::quotes;
};

[[nodiscard]] CsvSyntax csv_syntax(const DataSpec& spec);

// The cells of the first record at or after `begin`, and where the record after it starts.
struct FirstRecord {
  std::vector<std::string> cells;
  std::optional<Fault> fault;  // What is wrong with its quotes.
  std::size_t end = 0;
  std::uint64_t line = 1;   // Of the record, from 1 at `begin`.
  std::uint64_t lines = 0;  // Newlines up to `end`.
};
[[nodiscard]] FirstRecord first_csv_record(std::string_view text, std::size_t begin,
                                           const CsvSyntax& syntax);

// Parses one chunk. columns_of_cells[i] is the layout's column that cell i belongs to, or
// kIgnoredCell.
inline constexpr std::size_t kIgnoredCell = ~std::size_t{0};
[[nodiscard]] ParsedChunk parse_csv(std::string_view text, Chunk chunk, const CsvSyntax& syntax,
                                    const TableLayout& layout,
                                    const std::vector<std::size_t>& columns_of_cells,
                                    BadRow on_bad_row);

}  // namespace ballast

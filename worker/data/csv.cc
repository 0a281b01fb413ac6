#include "worker/data/csv.h"

#include <fmt/format.h>

#include <cstring>
#include <utility>

#include "worker/data/cells.h"

namespace ballast {

namespace {

struct Cell {
  std::string_view text;
  const char* begin = nullptr;  // Its first byte in the source, quote included.
  const char* fault_at = nullptr;
  const char* fault = nullptr;
  bool last = false;  // The record ends behind it.
};

// Reads cell after cell of one chunk.
class Scanner {
 public:
  Scanner(std::string_view text, const CsvSyntax& syntax)
      : at_(text.data()), end_(text.data() + text.size()), syntax_(syntax), line_start_(at_) {}

  // Passes over empty lines and comments. False at the end.
  bool to_record() {
    while (at_ != end_) {
      const std::string_view rest(at_, static_cast<std::size_t>(end_ - at_));
      if (*at_ == '\n') {
        ++at_;
        new_line();
      } else if (rest.starts_with("\r\n")) {
        at_ += 2;
        new_line();
      } else if (rest == "\r") {  // CRLF, but for the last byte of the file.
        at_ = end_;
      } else if (!syntax_.records.comment.empty() && rest.starts_with(syntax_.records.comment)) {
        to_next_line();
      } else {
        return true;
      }
    }
    return false;
  }

  Cell next() {
    if (syntax_.escapes == Escapes::backslashes) return escaped_cell();
    const char* start = at_;
    if (syntax_.records.delimiter != ' ') {
      while (start != end_ && *start == ' ') ++start;
    }
    return start != end_ && *start == '"' ? quoted_cell(start) : plain_cell(start);
  }

  // Steps behind the newline of a record whose last cell was read.
  void end_record() {
    if (at_ != end_) {
      ++at_;
      new_line();
    }
  }

  // The newlines within the quoted cell that next() returned: count them once its place is no
  // longer asked for.
  void count_quoted_lines(const Cell& cell) {
    if (quoted_lines_ == 0) return;
    line_ += quoted_lines_;
    quoted_lines_ = 0;
    const char* newline = at_;
    while (newline != cell.begin && newline[-1] != '\n') --newline;
    line_start_ = newline;
  }

  // What is wrong with the cell that next() returned.
  Fault fault_of(const Cell& cell) {
    if (cell.fault_at != cell.begin) count_quoted_lines(cell);
    return {line_, column_of(cell.fault_at), cell.fault};
  }

  [[nodiscard]] std::uint64_t line() const { return line_; }
  [[nodiscard]] std::uint64_t column_of(const char* place) const {
    return place < line_start_ ? 1 : static_cast<std::uint64_t>(place - line_start_) + 1;
  }
  [[nodiscard]] const char* position() const { return at_; }

 private:
  void new_line() {
    line_ += 1;
    line_start_ = at_;
  }

  void to_next_line() {
    const void* newline = std::memchr(at_, '\n', static_cast<std::size_t>(end_ - at_));
    at_ = newline == nullptr ? end_ : static_cast<const char*>(newline) + 1;
    if (newline != nullptr) new_line();
  }

  // Steps over what ends a cell at at_: a delimiter, a newline or the end of the text. A record's
  // newline is counted by end_record(), so that places in it keep their line.
  void end_cell(Cell& cell) {
    if (at_ == end_ || *at_ == '\n') {
      cell.last = true;
    } else {
      ++at_;
    }
  }

  Cell plain_cell(const char* start) {
    Cell cell;
    cell.begin = start;
    const char delimiter = syntax_.records.delimiter;
    const char* stop = start;
    while (stop != end_ && *stop != delimiter && *stop != '\n') ++stop;
    at_ = stop;
    if (stop != start && stop[-1] == '\r' && (stop == end_ || *stop == '\n')) --stop;
    cell.text = std::string_view(start, static_cast<std::size_t>(stop - start));
    if (delimiter != ' ') cell.text = trim_spaces(cell.text);
    end_cell(cell);
    return cell;
  }

  Cell quoted_cell(const char* quote) {
    Cell cell;
    cell.begin = quote;
    const char* open = quote + 1;
    bool doubled = false;
    const char* close = find_quote(open);
    while (close != end_ && close + 1 != end_ && close[1] == '"') {
      doubled = true;
      close = find_quote(close + 2);
    }
    cell.text = std::string_view(open, static_cast<std::size_t>(close - open));
    quoted_lines_ = count_lines(cell.text);
    if (doubled) cell.text = undouble(cell.text);
    if (close == end_) {
      cell.fault_at = quote;
      cell.fault =
          "expected a closing quote for the cell that begins here, but the file ends; close "
          "it, or double the quote if it belongs to the text";
      at_ = end_;
      cell.last = true;
      return cell;
    }
    after_quote(cell, close + 1);
    return cell;
  }

  // Between a closing quote and the end of the cell only spaces may stand.
  void after_quote(Cell& cell, const char* after) {
    const char* stop = after;
    while (stop != end_ && *stop != syntax_.records.delimiter && *stop != '\n') ++stop;
    at_ = stop;
    if (stop != after && stop[-1] == '\r' && (stop == end_ || *stop == '\n')) --stop;
    while (after != stop && *after == ' ') ++after;
    if (after != stop) {
      cell.fault_at = after;
      cell.fault =
          "expected the cell to end behind its closing quote, but text follows; double the "
          "quotes that belong to the text";
    }
    end_cell(cell);
  }

  Cell escaped_cell() {
    Cell cell;
    cell.begin = at_;
    const char delimiter = syntax_.records.delimiter;
    const char* stop = at_;
    bool escaped = false;
    while (stop != end_ && *stop != delimiter && *stop != '\n') {
      escaped |= *stop == '\\';
      ++stop;
    }
    const char* start = at_;
    at_ = stop;
    if (stop != start && stop[-1] == '\r' && (stop == end_ || *stop == '\n')) --stop;
    cell.text = std::string_view(start, static_cast<std::size_t>(stop - start));
    cell.text = trim_spaces(cell.text);
    if (escaped) cell.text = unescape(cell.text);
    end_cell(cell);
    return cell;
  }

  const char* find_quote(const char* from) const {
    const void* at = std::memchr(from, '"', static_cast<std::size_t>(end_ - from));
    return at == nullptr ? end_ : static_cast<const char*>(at);
  }

  static std::uint64_t count_lines(std::string_view text) {
    std::uint64_t lines = 0;
    for (std::size_t at = text.find('\n'); at != std::string_view::npos;
         at = text.find('\n', at + 1)) {
      ++lines;
    }
    return lines;
  }

  std::string_view undouble(std::string_view text) {
    scratch_.clear();
    for (std::size_t i = 0; i < text.size(); ++i) {
      scratch_ += text[i];
      if (text[i] == '"') ++i;
    }
    return scratch_;
  }

  // A backslash before any other character is an ordinary one.
  std::string_view unescape(std::string_view text) {
    scratch_.clear();
    for (std::size_t i = 0; i < text.size(); ++i) {
      const char next = i + 1 < text.size() ? text[i + 1] : ' ';
      const char meant = next == 't' ? '\t' : next == 'n' ? '\n' : next == '\\' ? '\\' : '\0';
      if (text[i] == '\\' && meant != '\0') {
        scratch_ += meant;
        ++i;
      } else {
        scratch_ += text[i];
      }
    }
    return scratch_;
  }

  const char* at_;
  const char* const end_;
  const CsvSyntax& syntax_;
  const char* line_start_;
  std::uint64_t line_ = 1;
  std::uint64_t quoted_lines_ = 0;
  std::string scratch_;
};

std::string wrong_cells(std::size_t expected, std::size_t seen) {
  return fmt::format(
      "expected {} cells, saw {}; check the delimiter and the quotes, or set "
      "data.on_bad_row: skip",
      expected, seen);
}

}  // namespace

CsvSyntax csv_syntax(const DataSpec& spec) {
  const bool tsv = spec.format == DataFormat::tsv;
  return {.records = {.quotes = !tsv,
                      .delimiter = tsv ? '\t' : spec.delimiter,
                      .comment = spec.comment},
          .escapes = tsv ? Escapes::backslashes : Escapes::quotes};
}

FirstRecord first_csv_record(std::string_view text, std::size_t begin, const CsvSyntax& syntax) {
  FirstRecord record;
  Scanner scanner(text.substr(begin), syntax);
  if (scanner.to_record()) {
    record.line = scanner.line();
    bool last = false;
    while (!last) {
      const Cell cell = scanner.next();
      record.cells.emplace_back(cell.text);
      if (cell.fault != nullptr && !record.fault) record.fault = scanner.fault_of(cell);
      scanner.count_quoted_lines(cell);
      last = cell.last;
    }
    scanner.end_record();
  }
  record.end = static_cast<std::size_t>(scanner.position() - text.data());
  record.lines = scanner.line() - 1;
  return record;
}

ParsedChunk parse_csv(std::string_view text, Chunk chunk, const CsvSyntax& syntax,
                      const TableLayout& layout, const std::vector<std::size_t>& columns_of_cells,
                      BadRow on_bad_row) {
  Scanner scanner(text.substr(chunk.begin, chunk.end - chunk.begin), syntax);
  BlockBuilder builder(layout, on_bad_row);
  while (scanner.to_record()) {
    const std::uint64_t line = scanner.line();
    bool good = true;
    bool quoted_wrongly = false;
    bool last = false;
    std::size_t cells = 0;
    for (; !last; ++cells) {
      const Cell cell = scanner.next();
      last = cell.last;
      if (cell.fault != nullptr) {
        if (!quoted_wrongly) builder.fault(scanner.fault_of(cell));
        good = false;
        quoted_wrongly = true;
      } else if (good && cells < columns_of_cells.size()) {
        const std::size_t column = columns_of_cells[cells];
        good = column == kIgnoredCell ||
               builder.put(column, cell.text, scanner.line(), scanner.column_of(cell.begin));
      }
      scanner.count_quoted_lines(cell);
    }
    // Where cells are missing, the others stand in the wrong columns: what is wrong with those is
    // not worth telling.
    if (!quoted_wrongly && cells != columns_of_cells.size()) {
      builder.fault({line, 1, wrong_cells(columns_of_cells.size(), cells)});
      good = false;
    }
    good = good && builder.end_row(line);
    if (!good && !builder.drop_row()) break;
    scanner.end_record();
  }
  return std::move(builder).finish(scanner.line() - 1);
}

}  // namespace ballast

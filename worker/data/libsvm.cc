#include "worker/data/libsvm.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <cstring>
#include <utility>

#include "worker/data/cells.h"

namespace ballast {

namespace {

// One line, read token by token.
class Line {
 public:
  explicit Line(std::string_view line) : line_(line.substr(0, line.find('#'))) {}

  // The next run of anything but blanks; empty at the end.
  std::string_view next() {
    while (at_ < line_.size() && is_blank(line_[at_])) ++at_;
    begin_ = at_;
    while (at_ < line_.size() && !is_blank(line_[at_])) ++at_;
    return line_.substr(begin_, at_ - begin_);
  }
  // Where the last token begins, from 1.
  [[nodiscard]] std::uint64_t column() const { return begin_ + 1; }

 private:
  static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

  const std::string_view line_;
  std::size_t at_ = 0;
  std::size_t begin_ = 0;
};

struct Entry {
  std::uint32_t index = 0;
  float value = 0.0F;
};

// The reason why a token is no entry, or nothing.
std::string read_entry(std::string_view token, std::uint32_t previous, std::uint32_t dimension,
                       Entry& entry) {
  const char* const end = token.data() + token.size();
  const auto [colon, error] = std::from_chars(token.data(), end, entry.index);
  if (error == std::errc::result_out_of_range) {
    return fmt::format("expected an index below 2^32, saw {}; renumber the features", shown(token));
  }
  if (error != std::errc{} || colon == end || *colon != ':') {
    return fmt::format("expected index:value, saw {}; correct the row", shown(token));
  }
  if (entry.index == 0) {
    return fmt::format("expected indices from 1, saw {}; add 1 to every index", shown(token));
  }
  if (entry.index <= previous) {
    return fmt::format(
        "expected increasing indices, saw {} after {}; sort the row and give each "
        "index once",
        shown(token), previous);
  }
  if (dimension != 0 && entry.index > dimension) {
    return fmt::format(
        "expected indices up to {} (data.libsvm.dimension), saw {}; raise the "
        "dimension or correct the row",
        dimension, shown(token));
  }
  const std::string_view text(colon + 1, static_cast<std::size_t>(end - colon - 1));
  if (text == "1") {  // By far the most frequent value.
    entry.value = 1.0F;
    return {};
  }
  double value = 0.0;
  if (parse_number(text, value) != NumberText::number ||
      !std::isfinite(static_cast<float>(value))) {
    return fmt::format("expected a finite number behind the colon, saw {}; correct the row",
                       shown(token));
  }
  entry.value = static_cast<float>(value);
  return {};
}

class Parser {
 public:
  Parser(const LibSvmSyntax& syntax, const TableLayout& layout, BadRow on_bad_row)
      : syntax_(syntax), layout_(layout), builder_(layout, on_bad_row) {}

  // False when the read is over.
  bool row(std::string_view text, std::uint64_t number) {
    if (!syntax_.comment.empty() && text.starts_with(syntax_.comment)) return true;
    Line line(text);
    std::string_view token = line.next();
    if (token.empty()) return true;
    const std::size_t entries = sparse_.indices.size();
    if (read_row(line, token, number) && builder_.end_row(number)) {
      sparse_.ends.push_back(sparse_.indices.size());
      return true;
    }
    sparse_.indices.resize(entries);
    sparse_.values.resize(entries);
    return builder_.drop_row();
  }

  ParsedChunk finish(std::uint64_t lines) && {
    ParsedChunk chunk = std::move(builder_).finish(lines);
    chunk.block.sparse = std::move(sparse_);
    return chunk;
  }

 private:
  bool read_row(Line& line, std::string_view token, std::uint64_t number) {
    if (token.find(':') == std::string_view::npos) {
      if (!builder_.put(*layout_.label, token, number, line.column())) return false;
      token = line.next();
    } else if (!builder_.put_missing(*layout_.label, number, line.column())) {
      return false;
    }
    std::uint32_t previous = 0;
    for (; !token.empty(); token = line.next()) {
      Entry entry;
      std::string reason = read_entry(token, previous, syntax_.dimension, entry);
      if (!reason.empty()) {
        builder_.fault({number, line.column(), std::move(reason)});
        return false;
      }
      sparse_.indices.push_back(entry.index);
      sparse_.values.push_back(entry.value);
      previous = entry.index;
    }
    return true;
  }

  const LibSvmSyntax& syntax_;
  const TableLayout& layout_;
  BlockBuilder builder_;
  SparseRows sparse_;
};

}  // namespace

ParsedChunk parse_libsvm(std::string_view text, Chunk chunk, const LibSvmSyntax& syntax,
                         const TableLayout& layout, BadRow on_bad_row) {
  Parser parser(syntax, layout, on_bad_row);
  std::uint64_t lines = 0;
  std::size_t at = chunk.begin;
  while (at < chunk.end) {
    const std::size_t newline = std::min(text.find('\n', at), chunk.end);
    if (!parser.row(text.substr(at, newline - at), lines + 1)) break;
    at = newline + 1;
    if (newline < chunk.end) ++lines;
  }
  return std::move(parser).finish(lines);
}

}  // namespace ballast

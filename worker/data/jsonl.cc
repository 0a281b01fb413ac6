#include "worker/data/jsonl.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <unordered_map>
#include <utility>

#include "common/job/json_text.h"
#include "worker/data/cells.h"

namespace ballast {

namespace {

// Events of one line. The library calls these; returning false ends the line.
class Members {
 public:
  Members(const TableLayout& layout, UnknownMember unknown, BlockBuilder& builder)
      : layout_(layout), unknown_(unknown), builder_(builder) {
    for (std::size_t i = 0; i < layout.columns.size(); ++i) columns_[layout.columns[i].name] = i;
  }

  void begin(std::string_view text, std::uint64_t line) {
    text_ = text;
    line_ = line;
    depth_ = 0;
    place_ = 1;
    column_ = kNone;
  }

  // Faults point at column 0 while nobody has looked where the member stands: only rows that are
  // wrong pay for the search.
  [[nodiscard]] std::uint64_t place_of_fault(std::uint64_t column) const {
    if (column != 0) return column;
    const std::size_t at = text_.find("\"" + name_ + "\"");
    return at == std::string_view::npos ? 1 : at + 1;
  }

  bool null() {
    return scalar([&] { return builder_.put_missing(column_, line_, place_); });
  }
  bool boolean(bool value) {
    return scalar([&] {
      const bool number = layout_.columns[column_].kind == CellKind::number;
      return put(value ? (number ? "1" : "true") : (number ? "0" : "false"));
    });
  }
  bool number_integer(std::int64_t value) {
    return scalar([&] { return put(std::to_string(value)); });
  }
  bool number_unsigned(std::uint64_t value) {
    return scalar([&] { return put(std::to_string(value)); });
  }
  bool number_float(double, const std::string& text) {
    return scalar([&] { return put(text); });
  }
  bool string(std::string& text) {
    return scalar([&] { return put(text); });
  }
  bool binary(nlohmann::json::binary_t&) { return false; }  // Never in text.

  bool key(std::string& name) {
    if (depth_ != 1) return true;
    find_place(name);
    const auto found = columns_.find(name);
    if (found == columns_.end()) {
      column_ = kNone;
      if (unknown_ == UnknownMember::pass_over) return true;
      return fail(
          fmt::format("expected the members of the first object, saw {}; give every object "
                      "the same, or list data.columns",
                      shown(name)));
    }
    column_ = found->second;
    if (layout_.columns[column_].kind == CellKind::skip) {
      column_ = kNone;
    } else if (builder_.has(column_)) {
      return fail(fmt::format("expected each member once, saw {} again; keep one", shown(name)));
    }
    return true;
  }

  bool start_object(std::size_t) { return enter("an object"); }
  bool start_array(std::size_t) { return enter("a list"); }
  bool end_object() { return leave(); }
  bool end_array() { return leave(); }

  bool parse_error(std::size_t position, const std::string& token,
                   const nlohmann::json::exception& error) {
    place_ = std::max<std::size_t>(position, 1);
    const std::size_t from = std::min(text_.size(), place_ - 1);
    if (error.id == kNumberOutOfRange) {
      place_ = std::min(text_.rfind(token, from), from) + 1;
      return fail(
          fmt::format("expected a number that 64 bits can hold, saw {}; correct it", shown(token)));
    }
    return fail(fmt::format("expected JSON, saw {}; write one object per line", seen_from(from)));
  }

 private:
  static constexpr std::size_t kNone = ~std::size_t{0};
  static constexpr int kNumberOutOfRange = 406;  // The library's id of that error.

  bool put(std::string_view text) { return builder_.put(column_, text, line_, place_); }

  template <class Put>
  bool scalar(Put&& put_cell) {
    if (depth_ == 0)
      return fail(
          fmt::format("expected an object, saw {}; write one object per line", shown(text_)));
    return depth_ != 1 || column_ == kNone || put_cell();
  }

  bool enter(std::string_view what) {
    depth_ += 1;
    if (depth_ == 1) {
      return what == "an object" ||
             fail(fmt::format("expected an object, saw {}; write one object per line",
                              shown(text_)));
    }
    if (depth_ == 2 && column_ != kNone) {
      return fail(
          fmt::format("expected a number or a text in \"{}\", saw {}; flatten it, or do not "
                      "list it in data.columns",
                      layout_.columns[column_].name, what));
    }
    return true;
  }

  bool leave() {
    depth_ -= 1;
    return true;
  }

  bool fail(std::string reason) {
    builder_.fault({line_, place_, std::move(reason)});
    return false;
  }

  [[nodiscard]] std::string seen_from(std::size_t at) const {
    return at >= text_.size() ? "the end of the line" : shown(text_.substr(at));
  }

  // Where a member's name stands. Events carry no position; the first place where the name
  // stands in quotes is it in all but contrived lines, and only a message depends on it.
  void find_place(std::string_view name) {
    name_ = name;
    place_ = 0;
  }

  const TableLayout& layout_;
  const UnknownMember unknown_;
  BlockBuilder& builder_;
  std::unordered_map<std::string, std::size_t> columns_;
  std::string_view text_;
  std::string name_;
  std::uint64_t line_ = 0;
  std::size_t depth_ = 0;
  std::uint64_t place_ = 1;
  std::size_t column_ = kNone;
};

std::string_view without_return(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

bool is_blank(std::string_view line) {
  return line.find_first_not_of(" \t\r") == std::string_view::npos;
}

}  // namespace

std::optional<std::string_view> next_json_line(std::string_view text, std::size_t& at) {
  while (at < text.size()) {
    const std::size_t newline = std::min(text.find('\n', at), text.size());
    const std::string_view line = text.substr(at, newline - at);
    at = newline + 1;
    if (!is_blank(line)) return line;
  }
  return std::nullopt;
}

std::optional<std::vector<std::string>> json_names(std::string_view line) {
  const auto object = parse_json_if<nlohmann::ordered_json>(line);
  if (!object.is_object()) return std::nullopt;
  std::vector<std::string> names;
  for (const auto& [name, value] : object.items()) names.push_back(name);
  return names;
}

ParsedChunk parse_jsonl(std::string_view text, Chunk chunk, const TableLayout& layout,
                        UnknownMember unknown, BadRow on_bad_row) {
  BlockBuilder builder(layout, on_bad_row);
  Members members(layout, unknown, builder);
  std::uint64_t lines = 0;
  std::size_t at = chunk.begin;
  while (at < chunk.end) {
    const std::size_t newline = std::min(text.find('\n', at), chunk.end);
    const std::string_view line = without_return(text.substr(at, newline - at));
    if (!is_blank(line)) {
      members.begin(line, lines + 1);
      const bool good = nlohmann::json::sax_parse(line, &members) && builder.end_row(lines + 1);
      if (!good) {
        Fault& fault = builder.row_fault();
        fault.column = members.place_of_fault(fault.column);
        if (!builder.drop_row()) break;
      }
    }
    at = newline + 1;
    if (newline < chunk.end) ++lines;
  }
  return std::move(builder).finish(lines);
}

}  // namespace ballast

#include "worker/data/block_builder.h"

#include <fmt/format.h>

#include <cstring>
#include <utility>

#include "common/job/text.h"
#include "worker/data/cells.h"

namespace ballast {

namespace {

// Most text is ASCII, which needs no closer look; eight bytes at a time.
bool is_text(std::string_view text) {
  std::size_t at = 0;
  for (; at + 8 <= text.size(); at += 8) {
    std::uint64_t bytes = 0;
    std::memcpy(&bytes, text.data() + at, 8);
    if ((bytes & 0x8080808080808080ULL) != 0) return is_utf8(text);
  }
  for (; at < text.size(); ++at) {
    if (static_cast<unsigned char>(text[at]) >= 0x80) return is_utf8(text);
  }
  return true;
}

}  // namespace

BlockBuilder::BlockBuilder(const TableLayout& layout, BadRow on_bad_row)
    : layout_(layout), on_bad_row_(on_bad_row) {
  chunk_.block.columns.resize(layout.columns.size());
}

bool BlockBuilder::is_missing(std::string_view cell) const {
  if (cell.empty()) return true;
  for (const std::string& text : layout_.missing) {
    if (cell == text) return true;
  }
  return false;
}

bool BlockBuilder::put(std::size_t column, std::string_view cell, std::uint64_t line,
                       std::uint64_t at) {
  if (is_missing(cell)) return put_missing(column, line, at);
  Column& target = chunk_.block.columns[column];
  const bool is_label = layout_.label == column;
  switch (layout_.columns[column].kind) {
    case CellKind::number:
      return put_number(column, cell, line, at);
    case CellKind::weight:
      return put_weight(column, cell, line, at);
    case CellKind::category:
    case CellKind::text:
    case CellKind::undecided:
    case CellKind::kept:
      if (is_label && cell.ends_with(layout_.label_strip_suffix)) {
        cell.remove_suffix(layout_.label_strip_suffix.size());
        if (cell.empty()) return put_missing(column, line, at);
      }
      if (!is_text(cell)) {
        fault(
            {line, at,
             fmt::format("expected UTF-8 text in column \"{}\", saw other bytes in {}; convert the "
                         "file, for example with iconv -f ISO-8859-1 -t UTF-8",
                         layout_.columns[column].name, shown(cell))});
        return false;
      }
      target.texts.push(cell);
      return true;
    case CellKind::skip:
      return true;
  }
  return true;
}

bool BlockBuilder::put_weight(std::size_t column, std::string_view cell, std::uint64_t line,
                              std::uint64_t at) {
  double value = 0.0;
  if (parse_number(cell, value) == NumberText::number && value >= 0.0 && value <= kWeightMax) {
    chunk_.block.columns[column].numbers.push_back(value + 0.0);  // No -0.
    return true;
  }
  fault(
      {line, at,
       fmt::format("expected a weight in column \"{}\", a number from 0 to {}, saw {}; correct it, "
                   "take the row out, or set data.on_bad_row: skip",
                   layout_.columns[column].name, kWeightMax, shown(cell))});
  return false;
}

bool BlockBuilder::put_number(std::size_t column, std::string_view cell, std::uint64_t line,
                              std::uint64_t at) {
  double value = 0.0;
  if (parse_number(cell, value) != NumberText::number) {
    fault({line, at, not_a_number(layout_.columns[column].name, cell)});
    return false;
  }
  chunk_.block.columns[column].numbers.push_back(value);
  return true;
}

bool BlockBuilder::put_missing(std::size_t column, std::uint64_t line, std::uint64_t at) {
  if (layout_.label == column && layout_.label_rule == LabelRule::required) {
    fault({line, at,
           fmt::format("expected a label in column \"{}\", but there is none; add it, take the row "
                       "out, or set data.on_bad_row: skip",
                       layout_.columns[column].name)});
    return false;
  }
  Column& target = chunk_.block.columns[column];
  switch (layout_.columns[column].kind) {
    case CellKind::weight:
      fault({line, at,
             fmt::format(
                 "expected a weight in column \"{}\", but there is none; add it, take the row "
                 "out, or set data.on_bad_row: skip",
                 layout_.columns[column].name)});
      return false;
    case CellKind::number:
      target.numbers.push_back(kMissingNumber);
      break;
    case CellKind::category:
    case CellKind::text:
    case CellKind::undecided:
    case CellKind::kept:
      target.texts.push({});
      break;
    case CellKind::skip:
      break;
  }
  return true;
}

bool BlockBuilder::has(std::size_t column) const {
  const Column& target = chunk_.block.columns[column];
  return target.numbers.size() + target.texts.size() > chunk_.block.rows;
}

bool BlockBuilder::end_row(std::uint64_t line) {
  for (std::size_t i = 0; i < layout_.columns.size(); ++i) {
    if (layout_.columns[i].kind == CellKind::skip || has(i)) continue;
    if (!put_missing(i, line, 1)) return false;
  }
  chunk_.block.lines.push_back(line);
  chunk_.block.rows += 1;
  return true;
}

bool BlockBuilder::drop_row() {
  for (Column& column : chunk_.block.columns) {
    if (column.numbers.size() > chunk_.block.rows) column.numbers.resize(chunk_.block.rows);
    column.texts.shrink(chunk_.block.rows);
  }
  chunk_.skipped += 1;
  if (chunk_.faults.size() < kSamplesMax) chunk_.faults.push_back(std::move(row_fault_));
  return on_bad_row_ == BadRow::skip;
}

ParsedChunk BlockBuilder::finish(std::uint64_t lines) && {
  chunk_.lines = lines;
  return std::move(chunk_);
}

std::string not_a_number(std::string_view column, std::string_view cell) {
  double value = 0.0;
  switch (parse_number(cell, value)) {
    case NumberText::not_finite:
      return fmt::format(
          "expected a finite number in column \"{}\", saw {}; correct it, or list it "
          "under data.missing",
          column, shown(cell));
    case NumberText::out_of_range:
      return fmt::format(
          "expected a number in column \"{}\" that 64 bits can hold, saw {}; correct "
          "it, or list it under data.missing",
          column, shown(cell));
    default:
      return fmt::format(
          "expected a number in column \"{}\", saw {}; correct it, list it under "
          "data.missing, or read the column as a category",
          column, shown(cell));
  }
}

}  // namespace ballast

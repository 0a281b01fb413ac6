#include "worker/data/layout.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "common/job/text.h"
#include "worker/data/cells.h"
#include "worker/data/csv.h"

namespace ballast {

namespace {

CellKind kind_of(ColumnType type) {
  switch (type) {
    case ColumnType::number:
      return CellKind::number;
    case ColumnType::category:
      return CellKind::category;
    case ColumnType::text:
      return CellKind::text;
    case ColumnType::skip:
      return CellKind::skip;
  }
  return CellKind::skip;
}

TableColumn column_of(const LayoutColumn& column) {
  switch (column.kind) {
    case CellKind::number:
      return {.name = column.name, .type = ColumnType::number, .storage = Storage::numbers};
    case CellKind::text:
      return {.name = column.name, .type = ColumnType::text, .storage = Storage::texts};
    case CellKind::category:
    case CellKind::undecided:
      return {.name = column.name, .type = ColumnType::category, .storage = Storage::texts};
    case CellKind::kept:
      return {.name = column.name, .type = ColumnType::skip, .storage = Storage::texts};
    case CellKind::weight:
      return {.name = column.name, .type = ColumnType::skip, .storage = Storage::numbers};
    case CellKind::skip:
      break;
  }
  return {.name = column.name, .type = ColumnType::skip, .storage = Storage::none};
}

TableLayout empty_layout(const DataSpec& spec) {
  TableLayout layout;
  layout.missing = spec.missing;
  layout.label_strip_suffix = spec.label_strip_suffix;
  return layout;
}

// A file with another delimiter has all of its header in one cell.
std::string delimiter_hint(const DataSpec& spec, const std::vector<std::string>& names) {
  if (spec.format != DataFormat::csv || names.size() != 1) return {};
  const std::size_t at = names.front().find_first_of(";\t|,");
  if (at == std::string::npos) return {};
  const char seen = names.front()[at];
  return fmt::format("; its first line is one cell, {}: set data.delimiter: {}",
                     shown(names.front()),
                     seen == '\t' ? std::string("tab") : fmt::format("\"{}\"", seen));
}

std::string instead_of_column(const DataSpec& spec, std::string_view name,
                              const std::vector<std::string>& names) {
  const std::string hint = delimiter_hint(spec, names);
  return hint.empty() ? instead_of(name, names, "columns") : hint;
}

Status check_listed(const DataSpec& spec, const std::vector<std::string>& names,
                    const std::string& source) {
  for (const ColumnSpec& column : spec.columns) {
    if (std::find(names.begin(), names.end(), column.name) != names.end()) continue;
    return Error{ErrorCode::invalid,
                 fmt::format("data.columns: there is no column {} in {}{}", shown(column.name),
                             source, instead_of_column(spec, column.name, names))};
  }
  return {};
}

Status check_names(const std::vector<std::string>& names, const std::string& source) {
  std::set<std::string> seen;
  for (const std::string& name : names) {
    if (!is_utf8(name)) {
      return Error{
          ErrorCode::invalid,
          fmt::format("{}: expected UTF-8 column names, saw other bytes in {}; convert the "
                      "file, for example with iconv -f ISO-8859-1 -t UTF-8",
                      source, shown(name))};
    }
    if (seen.insert(name).second) continue;
    return Error{ErrorCode::invalid,
                 fmt::format("{}: expected every column to have its own name, saw {} twice; rename "
                             "one",
                             source, shown(name))};
  }
  return {};
}

}  // namespace

Result<TableLayout> layout_of(const Spec& spec, const std::vector<std::string>& names,
                              const std::vector<std::string>& keep, const std::string& source) {
  if (Status status = check_names(names, source); !status) return status.error();
  if (Status status = check_listed(spec.data, names, source); !status) return status.error();
  std::map<std::string, ColumnType> listed;
  for (const ColumnSpec& column : spec.data.columns) listed[column.name] = column.type;

  TableLayout layout = empty_layout(spec.data);
  for (const std::string& name : names) {
    const auto found = listed.find(name);
    CellKind kind = found != listed.end() ? kind_of(found->second)
                    : listed.empty()      ? CellKind::undecided
                                          : CellKind::skip;
    if (kind == CellKind::skip && std::find(keep.begin(), keep.end(), name) != keep.end()) {
      kind = CellKind::kept;
    }
    if (name == spec.data.label) {
      layout.label = layout.columns.size();
      kind = spec.model.task == Task::regression ? CellKind::number : CellKind::category;
    }
    if (!spec.data.weight.empty() && name == spec.data.weight) {
      layout.weight = layout.columns.size();
      kind = CellKind::weight;
    }
    layout.columns.push_back({name, kind});
  }
  if (!spec.data.weight.empty() && !layout.weight) {
    return Error{ErrorCode::invalid,
                 fmt::format("data.weight: there is no column {} in {}{}", shown(spec.data.weight),
                             source, instead_of_column(spec.data, spec.data.weight, names))};
  }
  if (!layout.label) {
    return Error{ErrorCode::invalid,
                 fmt::format("data.label: there is no column {} in {}{}", shown(spec.data.label),
                             source, instead_of_column(spec.data, spec.data.label, names))};
  }
  return layout;
}

TableLayout layout_like(const DataSpec& spec, const Table& table) {
  TableLayout layout = empty_layout(spec);
  layout.label = table.label;
  for (std::size_t c = 0; c < table.columns.size(); ++c) {
    const TableColumn& column = table.columns[c];
    CellKind kind = kind_of(column.type);
    if (c == table.label) {
      kind = column.storage == Storage::numbers ? CellKind::number : CellKind::category;
    }
    if (!spec.weight.empty() && column.name == spec.weight) {
      layout.weight = c;
      kind = CellKind::weight;
    }
    layout.columns.push_back({column.name, kind});
  }
  return layout;
}

TableLayout label_only(const DataSpec& spec) {
  TableLayout layout = empty_layout(spec);
  layout.columns.push_back({"label", CellKind::number});
  layout.label = 0;
  return layout;
}

Table table_of(const TableLayout& layout) {
  Table table;
  table.label = layout.label;
  table.weight = layout.weight;
  for (const LayoutColumn& column : layout.columns) table.columns.push_back(column_of(column));
  return table;
}

Result<std::vector<std::size_t>> columns_of_header(const TableLayout& layout,
                                                   const std::vector<std::string>& header,
                                                   const std::string& source) {
  if (Status status = check_names(header, source); !status) return status.error();
  std::vector<std::size_t> columns(header.size(), kIgnoredCell);
  for (std::size_t c = 0; c < layout.columns.size(); ++c) {
    const LayoutColumn& column = layout.columns[c];
    if (column.kind == CellKind::skip) continue;
    const auto found = std::find(header.begin(), header.end(), column.name);
    if (found != header.end()) {
      columns[static_cast<std::size_t>(found - header.begin())] = c;
    } else if (layout.label != c || layout.label_rule == LabelRule::required) {
      return Error{
          ErrorCode::invalid,
          fmt::format("{}: expected a column {} in the header, as in the training data{}", source,
                      shown(column.name), instead_of(column.name, header, "columns"))};
    }
  }
  return columns;
}

}  // namespace ballast

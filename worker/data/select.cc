#include "worker/data/select.h"

#include <fmt/format.h>

#include <set>

#include "common/job/names.h"
#include "worker/data/cells.h"

namespace ballast {

namespace {

bool is_numeric_step(const TransformSpec& transform) {
  switch (transform.kind) {
    case TransformKind::clip:
    case TransformKind::standardize:
    case TransformKind::min_max:
    case TransformKind::scale:
    case TransformKind::bucketize:
      return true;
    case TransformKind::impute:
      return transform.impute_with == ImputeWith::mean ||
             transform.impute_with == ImputeWith::median;
    default:
      return false;
  }
}

// Whether the transform can be applied to a column of the type at all.
bool accepts(const TransformSpec& transform, ColumnType type) {
  if (is_numeric_step(transform)) return type == ColumnType::number;
  if (transform.kind == TransformKind::tokenize) {
    return type == ColumnType::text || type == ColumnType::category;
  }
  return type != ColumnType::skip;
}

// Whether a pattern means columns of the type: those that the transform is made for.
bool wants(const TransformSpec& transform, ColumnType type) {
  switch (transform.kind) {
    case TransformKind::one_hot:
    case TransformKind::hash:
      return type == ColumnType::category;
    case TransformKind::tokenize:
      return type == ColumnType::text;
    case TransformKind::impute:
      return accepts(transform, type) && type != ColumnType::text;
    default:
      return accepts(transform, type);
  }
}

bool is_remaining(const Pipeline& pipeline, std::size_t c) {
  return c != pipeline.label && pipeline.columns[c].outputs.empty() &&
         pipeline.columns[c].type != ColumnType::skip;
}

std::string advice_for(const TransformSpec& transform, ColumnType type) {
  if (type == ColumnType::number && transform.kind == TransformKind::tokenize) {
    return "use it on text columns, or read the column as text in data.columns";
  }
  return transform.kind == TransformKind::impute
             ? "use most_frequent or constant for it"
             : "use one_hot, hash or tokenize for it, or read it as number in data.columns";
}

Result<std::size_t> named_column(const TransformSpec& transform, const Pipeline& pipeline,
                                 const std::string& name) {
  std::vector<std::string> names;
  for (std::size_t c = 0; c < pipeline.columns.size(); ++c) {
    const FittedColumn& column = pipeline.columns[c];
    if (column.name != name) {
      if (c != pipeline.label && column.type != ColumnType::skip) names.push_back(column.name);
      continue;
    }
    if (c == pipeline.label) {
      return transform_error(transform,
                             fmt::format("expected features, but {} is the label; take it "
                                         "out of the columns",
                                         shown(name)));
    }
    if (c == pipeline.weight) {
      return transform_error(transform,
                             fmt::format("expected features, but {} is data.weight; take it out of "
                                         "the columns",
                                         shown(name)));
    }
    if (column.type == ColumnType::skip) {
      return transform_error(transform,
                             fmt::format("column {} is not read; list it in data.columns with the "
                                         "type it has",
                                         shown(name)));
    }
    if (!accepts(transform, column.type)) {
      return transform_error(
          transform,
          fmt::format("column {} holds {}, which this transform is not for; {}", shown(name),
                      column.type == ColumnType::number     ? "numbers"
                      : column.type == ColumnType::category ? "categories"
                                                            : "text",
                      advice_for(transform, column.type)));
    }
    const bool by_outputs =
        transform.kind == TransformKind::bucketize || transform.kind == TransformKind::one_hot ||
        transform.kind == TransformKind::hash || transform.kind == TransformKind::tokenize;
    if (!by_outputs && !column.outputs.empty()) {
      return transform_error(transform,
                             fmt::format("column {} was turned into features by an earlier "
                                         "transform; move this one before it",
                                         shown(name)));
    }
    return c;
  }
  return transform_error(transform, fmt::format("there is no column {}{}", shown(name),
                                                instead_of(name, names, "columns")));
}

bool is_column(const Pipeline& pipeline, const std::string& name) {
  for (const FittedColumn& column : pipeline.columns) {
    if (column.name == name) return true;
  }
  return false;
}

}  // namespace

Error transform_error(const TransformSpec& transform, std::string_view what) {
  const std::string line = transform.line == 0 ? "" : fmt::format(" (line {})", transform.line);
  return {ErrorCode::invalid,
          fmt::format("features{}: {}: {}", line, name_of(transform.kind), what)};
}

bool matches_pattern(std::string_view pattern, std::string_view name) {
  const std::size_t star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == name;
  if (!name.starts_with(pattern.substr(0, star))) return false;
  const std::string_view rest = pattern.substr(star + 1);
  for (std::size_t at = star; at <= name.size(); ++at) {
    if (matches_pattern(rest, name.substr(at))) return true;
  }
  return false;
}

Result<std::vector<std::size_t>> select_columns(const TransformSpec& transform,
                                                const Pipeline& pipeline) {
  std::set<std::size_t> selected;
  const std::vector<std::string> everything = {"*"};
  for (const std::string& selector : transform.columns.empty() ? everything : transform.columns) {
    const auto type = value_named<ColumnType>(selector);
    const bool by_type = type && *type != ColumnType::skip && !is_column(pipeline, selector);
    const bool by_pattern =
        selector.find('*') != std::string::npos && !is_column(pipeline, selector);
    if (!by_type && !by_pattern) {
      auto column = named_column(transform, pipeline, selector);
      if (!column) return column.error();
      selected.insert(*column);
      continue;
    }
    const std::size_t before = selected.size();
    for (std::size_t c = 0; c < pipeline.columns.size(); ++c) {
      const FittedColumn& column = pipeline.columns[c];
      if (!is_remaining(pipeline, c)) continue;
      if (by_type ? column.type == *type && accepts(transform, column.type)
                  : wants(transform, column.type) && matches_pattern(selector, column.name)) {
        selected.insert(c);
      }
    }
    if (selected.size() == before) {
      return transform_error(
          transform, fmt::format("{} selects no column that this transform is for; name the "
                                 "columns, or take the transform out",
                                 shown(selector)));
    }
  }
  return std::vector<std::size_t>(selected.begin(), selected.end());
}

}  // namespace ballast

#include "worker/data/split_values.h"

#include <fmt/format.h>

#include "common/base/check.h"
#include "common/job/names.h"
#include "worker/data/cells.h"

namespace ballast {
namespace {

Result<std::size_t> column_named(const Table& table, const std::string& name,
                                 const std::string& field) {
  const auto column = find_column(table, name);
  if (!column) {
    std::vector<std::string> names;
    for (const TableColumn& c : table.columns) names.push_back(c.name);
    return Error{ErrorCode::invalid, fmt::format("{}: there is no column {}{}", field, shown(name),
                                                 instead_of(name, names, "columns"))};
  }
  if (table.columns[*column].storage == Storage::none) {
    return Error{ErrorCode::invalid,
                 fmt::format("{}: column {} is not read; list it in data.columns with the type it "
                             "has",
                             field, shown(name))};
  }
  return *column;
}

bool is_negative(std::string_view text) {
  double value = 0.0;
  return parse_number(text, value) == NumberText::number && value < 0.0;
}

enum class Absent { refused, allowed };

// The cells of the selected rows, as categories.
Result<Categories> read_categories(const Table& table, const Selection& selection,
                                   const std::string& name, const std::string& field,
                                   Absent absent) {
  const auto column = column_named(table, name, field);
  if (!column) return column.error();
  std::vector<std::string> texts;
  texts.reserve(selection.examples());
  std::string scratch;
  for (std::size_t b = 0; b < selection.rows.size(); ++b) {
    for (const std::uint32_t row : selection.rows[b]) {
      const Block& block = table.blocks[b];
      std::string_view text = text_of(table, block, *column, row, scratch);
      if (text.empty() && absent == Absent::refused) {
        return Error{ErrorCode::invalid,
                     fmt::format("{}: {}: expected a value of {} for each example, saw none; fill "
                                 "it in, or drop the row",
                                 place_of(table, block, row), field, shown(name))};
      }
      if (absent == Absent::allowed && is_negative(text)) text = {};
      texts.emplace_back(text);
    }
  }
  return categories_of({texts.begin(), texts.end()});
}

void read_classes(const Selection& selection, const std::vector<std::vector<float>>& labels,
                  const std::vector<std::string>& classes, SplitValues& out) {
  out.class_names = classes;
  for (std::size_t b = 0; b < selection.rows.size(); ++b) {
    for (const std::uint32_t row : selection.rows[b]) {
      const float label = labels[b][row];
      BALLAST_CHECK(label >= 0.0F && label < static_cast<float>(classes.size()));
      out.classes.push_back(static_cast<std::uint32_t>(label));
    }
  }
}

}  // namespace

Result<SplitValues> read_split_values(const CrossValidationSpec& spec, const Table& table,
                                      const Selection& selection,
                                      const std::vector<std::vector<float>>& labels,
                                      const std::vector<std::string>& classes,
                                      std::string_view section) {
  SplitValues values;
  if (selection.examples() >= kNoCategory) {
    return Error{ErrorCode::unsupported,
                 fmt::format("{}: expected fewer than {} examples to split, got {}", section,
                             kNoCategory, selection.examples())};
  }
  values.examples = static_cast<std::uint32_t>(selection.examples());
  const auto read = [&](std::string_view field, const std::string& name, Absent absent,
                        Categories& out) -> Status {
    auto categories =
        read_categories(table, selection, name, fmt::format("{}.{}", section, field), absent);
    if (!categories) return categories.error();
    out = *std::move(categories);
    return {};
  };
  Status status;
  if (needs_classes(spec.split)) read_classes(selection, labels, classes, values);
  if (needs_groups(spec.split)) {
    status = read("group", spec.group, Absent::refused, values.groups);
  }
  if (status && needs_times(spec.split)) {
    status = read("time", spec.time, Absent::refused, values.times);
  }
  if (status && spec.split == SplitKind::given) {
    status = read("column", spec.column, Absent::allowed, values.folds);
  }
  if (!status) return status.error();
  return values;
}

}  // namespace ballast

#include "worker/data/pipeline.h"

#include <fmt/format.h>

#include <algorithm>

#include "worker/data/cells.h"

namespace ballast {

namespace {

void add_one_hot(const FittedColumn& column, const Output& output, DataSchema& schema) {
  for (const std::string& value : output.values) schema.dense.push_back(column.name + "=" + value);
  if (output.pools_rare) schema.dense.push_back(column.name + "=" + kOther);
}

void add_buckets(const FittedColumn& column, const Output& output, DataSchema& schema) {
  for (std::size_t i = 0; i <= output.boundaries.size(); ++i) {
    const std::string low = i == 0 ? "-inf" : number_text(output.boundaries[i - 1]);
    const std::string high =
        i == output.boundaries.size() ? "inf" : number_text(output.boundaries[i]);
    schema.dense.push_back(fmt::format("{}=[{},{})", column.name, low, high));
  }
  if (output.has_missing_bucket) schema.dense.push_back(column.name + "=" + kMissing);
}

}  // namespace

DataSchema schema_of(const Pipeline& pipeline) {
  DataSchema schema;
  schema.classes = pipeline.classes;
  if (pipeline.sparse) schema.sparse_groups.emplace_back(kSparseGroup);
  for (std::size_t c = 0; c < pipeline.columns.size(); ++c) {
    const FittedColumn& column = pipeline.columns[c];
    if (c == pipeline.label || column.type == ColumnType::skip) continue;
    if (column.passes_through()) schema.dense.push_back(column.name);
    for (const Output& output : column.outputs) {
      auto& groups = schema.sparse_groups;
      if (!output.group.empty()) {
        if (std::find(groups.begin(), groups.end(), output.group) == groups.end()) {
          groups.push_back(output.group);
        }
      } else if (output.kind == OutputKind::one_hot) {
        add_one_hot(column, output, schema);
      } else {
        add_buckets(column, output, schema);
      }
    }
  }
  return schema;
}

std::uint32_t width_of(const Output& output) {
  if (!output.group.empty()) return 0;
  if (output.kind == OutputKind::one_hot) {
    return static_cast<std::uint32_t>(output.values.size()) + (output.pools_rare ? 1 : 0);
  }
  return static_cast<std::uint32_t>(output.boundaries.size()) + 1 +
         (output.has_missing_bucket ? 1 : 0);
}

bool fits(const Pipeline& pipeline, const Table& table) {
  return table.sparse == pipeline.sparse && table.matrix_width == pipeline.matrix_width &&
         table.label == pipeline.label &&
         std::equal(table.columns.begin(), table.columns.end(), pipeline.columns.begin(),
                    pipeline.columns.end(), [](const TableColumn& a, const FittedColumn& b) {
                      if (a.type == ColumnType::skip && b.type == ColumnType::skip) return true;
                      return a.type == b.type && a.storage == b.storage &&
                             a.matrix_column == b.matrix_column;
                    });
}

Table table_like(const Pipeline& pipeline) {
  Table table;
  for (const FittedColumn& column : pipeline.columns) {
    table.columns.push_back({.name = column.name,
                             .type = column.type,
                             .storage = column.storage,
                             .matrix_column = column.matrix_column});
  }
  table.label = pipeline.label;
  table.weight = pipeline.weight;
  table.matrix_width = pipeline.matrix_width;
  table.sparse = pipeline.sparse;
  table.dimension = pipeline.dimension;
  return table;
}

}  // namespace ballast

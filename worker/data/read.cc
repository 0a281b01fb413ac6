#include "worker/data/read.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "common/base/check.h"
#include "worker/data/cells.h"
#include "worker/data/csv.h"
#include "worker/data/idx.h"
#include "worker/data/infer.h"
#include "worker/data/jsonl.h"
#include "worker/data/layout.h"
#include "worker/data/libsvm.h"

namespace ballast {

namespace {

// One text file, cut into chunks; records begin at `begin`.
struct TextFile {
  std::string path;
  std::string_view text;
  std::size_t begin = 0;
  std::uint64_t lines_before = 0;
  std::vector<Chunk> chunks = {};
  std::vector<std::size_t> columns_of_cells = {};  // CSV
};

Result<std::vector<TextFile>> open_texts(const std::vector<SourceFile>& files) {
  std::vector<TextFile> texts;
  for (const SourceFile& file : files) {
    const std::string_view text = file.content.text();
    if (text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF")) {
      return Error{ErrorCode::invalid,
                   fmt::format("{}: expected UTF-8 text, saw the mark of UTF-16; convert it, for "
                               "example with iconv -f UTF-16 -t UTF-8",
                               file.path)};
    }
    texts.push_back(
        {.path = file.path, .text = text, .begin = text.starts_with("\xEF\xBB\xBF") ? 3U : 0U});
  }
  return texts;
}

// Parses every chunk of every file and puts what comes out in order. `parse` gets a file and one of
// its chunks.
template <class Parse>
Status parse_chunks(std::vector<TextFile>& files, const RecordSyntax& syntax, BadRow on_bad_row,
                    const ReadOptions& options, Meter& meter, Table& table, Parse&& parse) {
  parallel_for(files.size(), options.threads, [&](std::size_t f) {
    files[f].chunks = split_records(files[f].text, files[f].begin, syntax, options.chunk_bytes);
  });
  std::vector<std::pair<std::size_t, Chunk>> work;
  std::uint64_t bytes = 0;
  for (std::size_t f = 0; f < files.size(); ++f) {
    for (const Chunk& chunk : files[f].chunks) work.emplace_back(f, chunk);
    bytes += files[f].text.size() - files[f].begin;
  }
  meter.begin("reading", bytes);
  std::vector<ParsedChunk> parsed(work.size());
  parallel_for(work.size(), options.threads, [&](std::size_t i) {
    const auto& [file, chunk] = work[i];
    parsed[i] = parse(files[file], chunk);
    meter.add(chunk.end - chunk.begin);
  });

  std::vector<std::uint64_t> line(files.size());
  for (std::size_t f = 0; f < files.size(); ++f) line[f] = files[f].lines_before;
  for (std::size_t i = 0; i < work.size(); ++i) {
    const std::size_t f = work[i].first;
    ParsedChunk& chunk = parsed[i];
    for (Fault& fault : chunk.faults) {
      std::string sample = fmt::format("{}:{}:{}: {}", files[f].path, fault.line + line[f],
                                       fault.column, fault.what);
      if (on_bad_row == BadRow::stop) return Error{ErrorCode::invalid, std::move(sample)};
      if (table.skipped_samples.size() < kSamplesMax)
        table.skipped_samples.push_back(std::move(sample));
    }
    table.rows_skipped += chunk.skipped;
    chunk.block.file = static_cast<std::uint32_t>(f);
    for (std::uint64_t& row_line : chunk.block.lines) row_line += line[f];
    line[f] += chunk.lines;
    if (chunk.block.rows > 0) table.blocks.push_back(std::move(chunk.block));
  }
  return {};
}

std::vector<std::string> numbered(std::string_view prefix, std::size_t first, std::size_t count) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < count; ++i) names.push_back(fmt::format("{}{}", prefix, first + i));
  return names;
}

// Names that a tokenize transform mentions: text, whatever the cells look like.
std::set<std::string> tokenized_names(const Spec& spec) {
  std::set<std::string> names;
  for (const TransformSpec& transform : spec.features) {
    if (transform.kind == TransformKind::tokenize) {
      names.insert(transform.columns.begin(), transform.columns.end());
    }
  }
  return names;
}

std::vector<std::string> listed_names(const DataSpec& spec) {
  std::vector<std::string> names;
  for (const ColumnSpec& column : spec.columns) names.push_back(column.name);
  return names;
}

// ---- CSV and TSV ------------------------------------------------------------------------------

std::vector<std::string> csv_names(const DataSpec& spec, const FirstRecord& first) {
  if (spec.header) return first.cells;
  if (!spec.columns.empty()) return listed_names(spec);
  return numbered("column_", 1, first.cells.size());
}

// A file without header may lack the label where labels are optional: one cell less.
std::vector<std::size_t> columns_by_position(const TableLayout& layout, std::size_t cells) {
  std::vector<std::size_t> columns;
  const bool without_label =
      layout.label_rule == LabelRule::optional && cells + 1 == layout.columns.size();
  for (std::size_t c = 0; c < layout.columns.size(); ++c) {
    if (without_label && c == layout.label) continue;
    columns.push_back(layout.columns[c].kind == CellKind::skip ? kIgnoredCell : c);
  }
  return columns;
}

Result<Table> read_csv(const Spec& spec, const SplitFiles& split, const Table* like,
                       const ReadOptions& options, Meter& meter) {
  auto files = open_texts(split.files);
  if (!files) return files.error();
  const CsvSyntax syntax = csv_syntax(spec.data);
  TableLayout layout;
  if (like != nullptr) layout = layout_like(spec.data, *like);
  for (TextFile& file : *files) {
    const FirstRecord first = first_csv_record(file.text, file.begin, syntax);
    if (first.cells.empty()) continue;  // An empty file; the split as a whole must not be.
    if (layout.columns.empty()) {
      auto made = layout_of(spec, csv_names(spec.data, first), file.path);
      if (!made) return made.error();
      layout = *std::move(made);
    }
    layout.label_rule = options.label_rule;
    if (spec.data.header) {
      auto columns = columns_of_header(layout, first.cells, file.path);
      if (!columns) return columns.error();
      file.columns_of_cells = *std::move(columns);
      file.begin = first.end;
      file.lines_before = first.lines;
    } else {
      file.columns_of_cells = columns_by_position(layout, first.cells.size());
    }
  }
  Table table = table_of(layout);
  Status status = parse_chunks(*files, syntax.records, spec.data.on_bad_row, options, meter, table,
                               [&](const TextFile& file, const Chunk& chunk) {
                                 return parse_csv(file.text, chunk, syntax, layout,
                                                  file.columns_of_cells, spec.data.on_bad_row);
                               });
  if (!status) return status.error();
  for (const TextFile& file : *files) table.files.push_back(file.path);
  if (status = decide_types(layout, tokenized_names(spec), options.threads, table); !status) {
    return status.error();
  }
  return table;
}

// ---- JSON lines -------------------------------------------------------------------------------

Result<Table> read_jsonl(const Spec& spec, const SplitFiles& split, const Table* like,
                         const ReadOptions& options, Meter& meter) {
  auto files = open_texts(split.files);
  if (!files) return files.error();
  TableLayout layout;
  if (like != nullptr) {
    layout = layout_like(spec.data, *like);
  } else {
    std::vector<std::string> names = listed_names(spec.data);
    if (!names.empty() && std::find(names.begin(), names.end(), spec.data.label) == names.end()) {
      names.push_back(spec.data.label);
    }
    for (const TextFile& file : *files) {
      if (names.empty()) names = first_json_names(file.text.substr(file.begin));
    }
    if (!names.empty()) {
      auto made = layout_of(spec, names, split.files.front().path);
      if (!made) return made.error();
      layout = *std::move(made);
    }
  }
  layout.label_rule = options.label_rule;
  const UnknownMember unknown = spec.data.columns.empty() && like == nullptr
                                    ? UnknownMember::fault
                                    : UnknownMember::pass_over;
  Table table = table_of(layout);
  Status status =
      parse_chunks(*files, {}, spec.data.on_bad_row, options, meter, table,
                   [&](const TextFile& file, const Chunk& chunk) {
                     return parse_jsonl(file.text, chunk, layout, unknown, spec.data.on_bad_row);
                   });
  if (!status) return status.error();
  for (const TextFile& file : *files) table.files.push_back(file.path);
  if (status = decide_types(layout, tokenized_names(spec), options.threads, table); !status) {
    return status.error();
  }
  return table;
}

// ---- LibSVM -----------------------------------------------------------------------------------

// Rewrites sparse rows as a matrix of `dimension` columns. Larger indices, which only a split after
// training can have, stand for features that no weight was trained for, and are left out.
void make_dense(Block& block, std::uint32_t dimension) {
  block.matrix.values.assign(block.rows * dimension, 0.0);
  std::size_t entry = 0;
  for (std::size_t row = 0; row < block.rows; ++row) {
    for (; entry < block.sparse.ends[row]; ++entry) {
      const std::uint32_t index = block.sparse.indices[entry];
      if (index > dimension) continue;
      block.matrix.values[row * dimension + index - 1] =
          static_cast<double>(block.sparse.values[entry]);
    }
  }
  block.sparse = {};
}

void add_matrix_columns(Table& table, std::vector<std::string> names) {
  table.matrix_width = static_cast<std::uint32_t>(names.size());
  for (std::uint32_t c = 0; c < table.matrix_width; ++c) {
    table.columns.push_back({.name = std::move(names[c]),
                             .type = ColumnType::number,
                             .storage = Storage::matrix,
                             .matrix_column = c});
  }
}

Result<Table> read_libsvm(const Spec& spec, const SplitFiles& split, const Table* like,
                          const ReadOptions& options, Meter& meter) {
  auto files = open_texts(split.files);
  if (!files) return files.error();
  TableLayout layout = label_only(spec.data);
  layout.label_rule = options.label_rule;
  Table table = table_of(layout);
  const Status status =
      parse_chunks(*files, {}, spec.data.on_bad_row, options, meter, table,
                   [&](const TextFile& file, const Chunk& chunk) {
                     return parse_libsvm(file.text, chunk, layout, spec.data.libsvm_dimension,
                                         spec.data.on_bad_row);
                   });
  if (!status) return status.error();
  for (const TextFile& file : *files) table.files.push_back(file.path);

  table.dimension = like != nullptr ? like->dimension : spec.data.libsvm_dimension;
  if (like == nullptr && table.dimension == 0) {
    for (const Block& block : table.blocks) {
      for (const std::uint32_t index : block.sparse.indices) {
        table.dimension = std::max(table.dimension, index);
      }
    }
  }
  table.sparse = !spec.data.libsvm_dense;
  if (spec.data.libsvm_dense) {
    add_matrix_columns(table, numbered("feature_", 1, table.dimension));
    parallel_for(table.blocks.size(), options.threads,
                 [&](std::size_t b) { make_dense(table.blocks[b], table.dimension); });
  }
  return table;
}

// ---- IDX --------------------------------------------------------------------------------------

Block idx_block(const IdxArray& features, const IdxArray* labels, std::uint64_t first,
                std::uint64_t count) {
  Block block;
  block.rows = count;
  for (std::uint64_t i = 0; i < count; ++i) block.lines.push_back(first + i + 1);
  block.columns.resize(1 + features.width);
  if (labels != nullptr) {
    block.columns[0].numbers = idx_numbers(*labels, first, count);
  } else {
    block.columns[0].numbers.assign(count, kMissingNumber);
  }
  if (features.type == IdxType::u8) {
    block.matrix.pixels =
        Bytes(features.elements.owner(),
              features.elements.span().subspan(first * features.width, count * features.width));
  } else {
    block.matrix.values = idx_numbers(features, first * features.width, count * features.width);
  }
  return block;
}

Result<IdxArray> read_idx_labels(const SourceFile& file, const SourceFile& features,
                                 std::uint64_t examples) {
  auto labels = read_idx(file);
  if (!labels) return labels.error();
  if (labels->width != 1) {
    return Error{ErrorCode::invalid,
                 fmt::format("{}: expected one label per example, saw {}; check that images and "
                             "labels are not exchanged",
                             file.path, labels->width)};
  }
  if (labels->examples != examples) {
    return Error{ErrorCode::invalid,
                 fmt::format("{}: expected {} labels, one for each example of {}, saw {}; use the "
                             "files that belong together",
                             file.path, examples, features.path, labels->examples)};
  }
  return labels;
}

Result<Table> read_idx_split(const Spec& spec, const SplitFiles& split, const Table* like,
                             const ReadOptions& options, Meter& meter) {
  Table table = table_of(label_only(spec.data));
  if (split.labels.size() != split.files.size() &&
      !(split.labels.empty() && options.label_rule == LabelRule::optional)) {
    return Error{ErrorCode::invalid,
                 fmt::format("{}: expected one label file for each of the {} image files, saw {}; "
                             "list them under labels",
                             split.field, split.files.size(), split.labels.size())};
  }
  std::uint64_t width = like != nullptr ? like->matrix_width : 0;
  meter.begin("reading", split.files.size());
  for (std::size_t f = 0; f < split.files.size(); ++f) {
    auto features = read_idx(split.files[f]);
    if (!features) return features.error();
    if (width == 0) width = features->width;
    if (features->width != width) {
      return Error{ErrorCode::invalid,
                   fmt::format("{}: expected {} numbers per example as in the training data, saw "
                               "{}; use images of one size",
                               split.files[f].path, width, features->width)};
    }
    Result<IdxArray> labels = IdxArray{};
    if (!split.labels.empty()) {
      labels = read_idx_labels(split.labels[f], split.files[f], features->examples);
      if (!labels) return labels.error();
    }
    const std::uint64_t step =
        std::max<std::uint64_t>(1, options.chunk_bytes / std::max<std::uint64_t>(width, 1));
    for (std::uint64_t first = 0; first < features->examples; first += step) {
      const std::uint64_t count = std::min(step, features->examples - first);
      table.blocks.push_back(
          idx_block(*features, split.labels.empty() ? nullptr : &*labels, first, count));
      table.blocks.back().file = static_cast<std::uint32_t>(f);
    }
    table.files.push_back(split.files[f].path);
    meter.add(1);
  }
  add_matrix_columns(table, numbered("pixel_", 0, width));
  return table;
}

Result<Table> read_any(const Spec& spec, const SplitFiles& split, const Table* like,
                       const ReadOptions& options, Meter& meter) {
  switch (spec.data.format) {
    case DataFormat::csv:
    case DataFormat::tsv:
      return read_csv(spec, split, like, options, meter);
    case DataFormat::libsvm:
      return read_libsvm(spec, split, like, options, meter);
    case DataFormat::idx:
      return read_idx_split(spec, split, like, options, meter);
    case DataFormat::jsonl:
      return read_jsonl(spec, split, like, options, meter);
  }
  return Error{ErrorCode::invalid, "data.format: expected csv, tsv, libsvm, idx or jsonl"};
}

}  // namespace

Result<Table> read_table(const Spec& spec, const SplitFiles& split, const Table* like,
                         const ReadOptions& options, Meter& meter) {
  auto table = read_any(spec, split, like, options, meter);
  if (!table || rows_of(*table) > 0) return table;
  std::string files;
  for (const SourceFile& file : split.files) files += (files.empty() ? "" : ", ") + file.path;
  const std::string why =
      table->rows_skipped == 0
          ? "; check the path"
          : fmt::format(", since all {} rows were skipped, the first because of {}",
                        table->rows_skipped, table->skipped_samples.front());
  return Error{
      ErrorCode::invalid,
      fmt::format("{}: expected at least one example in {}, saw none{}", split.field, files, why)};
}

}  // namespace ballast

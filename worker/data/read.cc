#include "worker/data/read.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

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
    // What tools of old Macs write, and some spreadsheets still do. Behind the last line it may
    // stand.
    if (text.find('\n') == std::string_view::npos && text.find('\r') < text.size() - 1) {
      return Error{ErrorCode::invalid,
                   fmt::format("{}: expected lines that end with \\n or \\r\\n, saw only \\r; "
                               "convert the file, for example with tr '\\r' '\\n'",
                               file.path)};
    }
    texts.push_back(
        {.path = file.path, .text = text, .begin = text.starts_with("\xEF\xBB\xBF") ? 3U : 0U});
  }
  return texts;
}

// The bytes of a text chunk and the file it belongs to.
struct ChunkOfFile {
  std::size_t file = 0;
  Chunk chunk;
};

std::vector<std::string> numbered(std::string_view prefix, std::size_t first, std::size_t count) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < count; ++i) names.push_back(fmt::format("{}{}", prefix, first + i));
  return names;
}

// A fault as a sentence. `lines`: how many stand before those that the fault counts.
std::string sample_of(const Fault& fault, const std::string& path, std::uint64_t lines) {
  return fmt::format("{}:{}:{}: {}", path, fault.line + lines, fault.column, fault.what);
}

std::vector<std::string> listed_names(const DataSpec& spec) {
  std::vector<std::string> names;
  for (const ColumnSpec& column : spec.columns) names.push_back(column.name);
  return names;
}

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

Block idx_block(const IdxArray& features, const std::optional<IdxArray>& labels,
                std::uint64_t first, std::uint64_t count) {
  Block block;
  block.rows = count;
  for (std::uint64_t i = 0; i < count; ++i) block.lines.push_back(first + i + 1);
  block.columns.resize(1 + features.width);
  if (labels) {
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

// The largest LibSVM index, and the row of a block that has it.
struct LargestIndex {
  std::uint32_t index = 0;
  std::size_t block = 0;
  std::size_t row = 0;
};

LargestIndex largest_index(const Table& table) {
  LargestIndex largest;
  for (std::size_t b = 0; b < table.blocks.size(); ++b) {
    const SparseRows& sparse = table.blocks[b].sparse;
    std::uint64_t begin = 0;
    for (std::size_t row = 0; row < sparse.ends.size(); ++row) {
      const std::uint64_t end = sparse.ends[row];
      // Indices increase within a row, so its last one is its largest.
      if (end > begin && sparse.indices[end - 1] > largest.index) {
        largest = {sparse.indices[end - 1], b, row};
      }
      begin = end;
    }
  }
  return largest;
}

// Reads one split. One object per call of read_table().
class Reader {
 public:
  Reader(const Spec& spec, const SplitFiles& split, const Table* like, const ReadOptions& options,
         Meter& meter)
      : spec_(spec), split_(split), like_(like), options_(options), meter_(meter) {}

  Result<Table> read() {
    switch (spec_.data.format) {
      case DataFormat::csv:
      case DataFormat::tsv:
        return read_csv();
      case DataFormat::libsvm:
        return read_libsvm();
      case DataFormat::idx:
        return read_idx_files();
      case DataFormat::jsonl:
        return read_jsonl();
    }
    return Error{ErrorCode::invalid, "data.format: expected csv, tsv, libsvm, idx or jsonl"};
  }

 private:
  // ---- any text -------------------------------------------------------------------------------

  Status open() {
    auto files = open_texts(split_.files);
    if (!files) return files.error();
    files_ = *std::move(files);
    return {};
  }

  std::vector<ChunkOfFile> cut(const RecordSyntax& syntax) {
    parallel_for(files_.size(), options_.threads, [&](std::size_t f) {
      files_[f].chunks =
          split_records(files_[f].text, files_[f].begin, syntax, options_.chunk_bytes);
    });
    std::vector<ChunkOfFile> chunks;
    for (std::size_t f = 0; f < files_.size(); ++f) {
      for (const Chunk& chunk : files_[f].chunks) chunks.push_back({f, chunk});
    }
    return chunks;
  }

  // Parses every chunk of every file and puts what comes out in order. `parse` gets a file and one
  // of its chunks.
  template <class Parse>
  Result<Table> parse_chunks(const TableLayout& layout, const RecordSyntax& syntax, Parse&& parse) {
    const std::vector<ChunkOfFile> chunks = cut(syntax);
    std::uint64_t bytes = 0;
    for (const ChunkOfFile& work : chunks) bytes += work.chunk.end - work.chunk.begin;
    meter_.begin("reading", bytes);
    std::vector<ParsedChunk> parsed(chunks.size());
    parallel_for(chunks.size(), options_.threads, [&](std::size_t i) {
      parsed[i] = parse(files_[chunks[i].file], chunks[i].chunk);
      meter_.add(chunks[i].chunk.end - chunks[i].chunk.begin);
    });

    Table table = table_of(layout);
    std::vector<std::uint64_t> line;
    for (const TextFile& file : files_) {
      table.files.push_back(file.path);
      line.push_back(file.lines_before);
    }
    for (std::size_t i = 0; i < chunks.size(); ++i) {
      const std::size_t f = chunks[i].file;
      if (Status status = take(parsed[i], f, line[f], table); !status) return status.error();
      line[f] += parsed[i].lines;
    }
    return table;
  }

  // Adds a parsed chunk, before which the file has `lines` lines, to the table.
  Status take(ParsedChunk& chunk, std::size_t file, std::uint64_t lines, Table& table) const {
    for (const Fault& fault : chunk.faults) {
      std::string sample = sample_of(fault, files_[file].path, lines);
      if (spec_.data.on_bad_row == BadRow::stop) {
        return Error{ErrorCode::invalid, std::move(sample)};
      }
      if (table.skipped_samples.size() < kSamplesMax) {
        table.skipped_samples.push_back(std::move(sample));
      }
    }
    table.rows_skipped += chunk.skipped;
    chunk.block.file = static_cast<std::uint32_t>(file);
    for (std::uint64_t& line : chunk.block.lines) line += lines;
    if (chunk.block.rows > 0) table.blocks.push_back(std::move(chunk.block));
    return {};
  }

  Result<Table> with_types(const TableLayout& layout, Result<Table> table) const {
    if (!table) return table;
    const Status status = decide_types(layout, tokenized_names(spec_), options_.threads, *table);
    if (!status) return status.error();
    return table;
  }

  // ---- CSV and TSV ----------------------------------------------------------------------------

  Result<Table> read_csv() {
    if (Status status = open(); !status) return status.error();
    const CsvSyntax syntax = csv_syntax(spec_.data);
    TableLayout layout;
    if (like_ != nullptr) layout = layout_like(spec_.data, *like_);
    for (TextFile& file : files_) {
      if (Status status = find_columns(syntax, file, layout); !status) return status.error();
    }
    return with_types(
        layout, parse_chunks(layout, syntax.records, [&](const TextFile& file, const Chunk& chunk) {
          return parse_csv(file.text, chunk, syntax, layout, file.columns_of_cells,
                           spec_.data.on_bad_row);
        }));
  }

  // Reads a file's header, if it has one; the first file of the training split makes the layout.
  Status find_columns(const CsvSyntax& syntax, TextFile& file, TableLayout& layout) const {
    const FirstRecord first = first_csv_record(file.text, file.begin, syntax);
    if (first.cells.empty()) return {};  // An empty file; the split as a whole must not be.
    const bool names_columns =
        spec_.data.header || (layout.columns.empty() && spec_.data.columns.empty());
    if (names_columns && first.fault) {
      return Error{ErrorCode::invalid, sample_of(*first.fault, file.path, 0)};
    }
    if (layout.columns.empty()) {
      auto made = layout_of(spec_, csv_names(spec_.data, first), options_.keep, file.path);
      if (!made) return made.error();
      layout = *std::move(made);
    }
    layout.label_rule = options_.label_rule;
    if (!spec_.data.header) {
      file.columns_of_cells = columns_by_position(layout, first.cells.size());
      return {};
    }
    auto columns = columns_of_header(layout, first.cells, file.path);
    if (!columns) return columns.error();
    file.columns_of_cells = *std::move(columns);
    file.begin = first.end;
    file.lines_before = first.lines;
    return {};
  }

  // ---- JSON lines -----------------------------------------------------------------------------

  Result<Table> read_jsonl() {
    if (Status status = open(); !status) return status.error();
    auto layout = jsonl_layout();
    if (!layout) return layout.error();
    layout->label_rule = options_.label_rule;
    // Without columns the first line is no object, and that is what is wrong with it.
    const bool first_decides =
        spec_.data.columns.empty() && like_ == nullptr && !layout->columns.empty();
    const UnknownMember unknown = first_decides ? UnknownMember::fault : UnknownMember::pass_over;
    return with_types(
        *layout, parse_chunks(*layout, {}, [&](const TextFile& file, const Chunk& chunk) {
          return parse_jsonl(file.text, chunk, *layout, unknown, spec_.data.on_bad_row);
        }));
  }

  Result<TableLayout> jsonl_layout() const {
    if (like_ != nullptr) return layout_like(spec_.data, *like_);
    std::vector<std::string> names = listed_names(spec_.data);
    if (names.empty()) return layout_of_first_object();
    std::vector<std::string> more = {spec_.data.label};
    if (!spec_.data.weight.empty()) more.push_back(spec_.data.weight);
    more.insert(more.end(), options_.keep.begin(), options_.keep.end());
    for (const std::string& name : more) {
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    }
    return layout_of(spec_, names, options_.keep, files_.front().path);
  }

  // Nothing when there is no object: then no line of the split is a row.
  Result<TableLayout> layout_of_first_object() const {
    for (const TextFile& file : files_) {
      std::size_t at = file.begin;
      while (const auto line = next_json_line(file.text, at)) {
        if (const auto names = json_names(*line)) {
          return layout_of(spec_, *names, options_.keep, file.path);
        }
        // The line is a fault, and the first: nothing behind it may be told before it.
        if (spec_.data.on_bad_row == BadRow::stop) return TableLayout{};
      }
    }
    return TableLayout{};
  }

  // ---- LibSVM ---------------------------------------------------------------------------------

  Result<Table> read_libsvm() {
    if (Status status = open(); !status) return status.error();
    TableLayout layout = label_only(spec_.data);
    layout.label_rule = options_.label_rule;
    const LibSvmSyntax syntax{.dimension = spec_.data.libsvm_dimension,
                              .comment = spec_.data.comment};
    auto table = parse_chunks(layout, {}, [&](const TextFile& file, const Chunk& chunk) {
      return parse_libsvm(file.text, chunk, syntax, layout, spec_.data.on_bad_row);
    });
    if (!table) return table;
    table->dimension = like_ != nullptr                  ? like_->dimension
                       : spec_.data.libsvm_dimension > 0 ? spec_.data.libsvm_dimension
                                                         : largest_index(*table).index;
    table->sparse = !spec_.data.libsvm_dense;
    if (spec_.data.libsvm_dense) {
      if (like_ == nullptr && table->dimension > kDenseIndexMax) return too_wide(*table);
      add_matrix_columns(*table, numbered("feature_", 1, table->dimension));
      parallel_for(table->blocks.size(), options_.threads,
                   [&](std::size_t b) { make_dense(table->blocks[b], table->dimension); });
    }
    return table;
  }

  // REQUIRES: the table's dimension is above what dense rows may have.
  Error too_wide(const Table& table) const {
    if (spec_.data.libsvm_dimension > 0) {
      return {ErrorCode::invalid,
              fmt::format("data.libsvm.dense: expected indices up to {}, but data.libsvm.dimension "
                          "is {}; remove dense, so that rows stay sparse, or lower the dimension",
                          kDenseIndexMax, table.dimension)};
    }
    const LargestIndex largest = largest_index(table);
    return {ErrorCode::invalid,
            fmt::format("data.libsvm.dense: expected indices up to {}, saw {} in {}; remove dense, "
                        "so that rows stay sparse, or correct the row",
                        kDenseIndexMax, largest.index,
                        place_of(table, table.blocks[largest.block], largest.row))};
  }

  // ---- IDX ------------------------------------------------------------------------------------

  Result<Table> read_idx_files() {
    if (split_.labels.size() != split_.files.size() &&
        !(split_.labels.empty() && options_.label_rule == LabelRule::optional)) {
      return Error{
          ErrorCode::invalid,
          fmt::format("{}: expected one label file for each of the {} image files, saw {}; "
                      "list them under labels",
                      split_.field, split_.files.size(), split_.labels.size())};
    }
    Table table = table_of(label_only(spec_.data));
    std::uint64_t width = like_ != nullptr ? like_->matrix_width : 0;
    meter_.begin("reading", split_.files.size());
    for (std::size_t f = 0; f < split_.files.size(); ++f) {
      if (Status status = add_idx_file(f, width, table); !status) return status.error();
      meter_.add(1);
    }
    // Without examples no byte of the file vouches for their width; and the split is refused.
    if (rows_of(table) > 0) add_matrix_columns(table, numbered("pixel_", 0, width));
    return table;
  }

  // `width` is what examples must have; 0: what the first file has.
  Status add_idx_file(std::size_t f, std::uint64_t& width, Table& table) const {
    const SourceFile& file = split_.files[f];
    auto features = read_idx(file);
    if (!features) return features.error();
    if (width == 0) width = features->width;
    if (features->examples > 0 && features->width > kMatrixWidthMax) {
      return Error{ErrorCode::invalid,
                   fmt::format("{}: expected at most {} numbers per example, saw {}; use smaller "
                               "images",
                               file.path, kMatrixWidthMax, features->width)};
    }
    if (features->width != width) {
      return Error{ErrorCode::invalid,
                   fmt::format("{}: expected {} numbers per example as in the training data, saw "
                               "{}; use images of one size",
                               file.path, width, features->width)};
    }
    std::optional<IdxArray> labels;
    if (!split_.labels.empty()) {
      auto read = read_idx_labels(split_.labels[f], file, features->examples);
      if (!read) return read.error();
      labels = *std::move(read);
    }
    table.files.push_back(file.path);
    const std::uint64_t step =
        std::max<std::uint64_t>(1, options_.chunk_bytes / std::max<std::uint64_t>(width, 1));
    for (std::uint64_t first = 0; first < features->examples; first += step) {
      const std::uint64_t count = std::min(step, features->examples - first);
      table.blocks.push_back(idx_block(*features, labels, first, count));
      table.blocks.back().file = static_cast<std::uint32_t>(f);
    }
    return {};
  }

  const Spec& spec_;
  const SplitFiles& split_;
  const Table* const like_;
  const ReadOptions& options_;
  Meter& meter_;
  std::vector<TextFile> files_;
};

}  // namespace

std::set<std::string> tokenized_names(const Spec& spec) {
  std::set<std::string> names;
  for (const TransformSpec& transform : spec.features) {
    if (transform.kind == TransformKind::tokenize) {
      names.insert(transform.columns.begin(), transform.columns.end());
    }
  }
  return names;
}

Result<Table> read_table(const Spec& spec, const SplitFiles& split, const Table* like,
                         const ReadOptions& options, Meter& meter) {
  auto table = Reader(spec, split, like, options, meter).read();
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

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "worker/data/mapped_files.h"
#include "worker/data/packed_table.h"
#include "worker/data/pipeline.h"
#include "worker/data/source.h"
#include "worker/data/table_arrays.h"
#include "worker/data/table_manifest.h"

// Opens a packed table. The checksums say that the bytes are those that were written, not who wrote
// them, so each number that another one is reached by is checked on its own.

namespace ballast {

namespace {

// Whether what a column holds is kept the way that its readers expect. Weights are apart.
bool is_stored_right(const TableColumn& column) {
  switch (column.type) {
    case ColumnType::number:
      return column.storage == Storage::numbers || column.storage == Storage::matrix;
    case ColumnType::category:
    case ColumnType::text:
      return column.storage == Storage::texts;
    case ColumnType::skip:
      return column.storage == Storage::none || column.storage == Storage::texts;
  }
  return false;
}

// What is wrong with the columns, or nothing.
std::string fault_of(const Pipeline& pipeline, const Table& table) {
  for (std::size_t c = 0; c < table.columns.size(); ++c) {
    const bool is_right = c == table.weight ? table.columns[c].storage == Storage::numbers
                                            : is_stored_right(table.columns[c]);
    if (!is_right) return "a column is not stored as its type is";
  }
  if (!table.label) return "there is no label";
  const TableColumn& label = table.columns[*table.label];
  const bool numbers = label.storage == Storage::numbers;
  if (!numbers && label.storage != Storage::texts) return "the label is not stored";
  const std::size_t classes = pipeline.classes.size();
  switch (pipeline.task) {
    case Task::regression:
      return classes == 0 && numbers ? "" : "the target has classes";
    case Task::binary:
      return classes == 2 ? "" : "there are not two classes";
    case Task::multiclass:
      return classes >= 2 ? "" : "there are no two classes";
  }
  return "";
}

// Reads the arrays of one table.
class TableOpener {
 public:
  // `table` has the columns and no rows.
  TableOpener(const char* name, std::shared_ptr<const MappedFiles> files,
              const ManifestTable& listed, std::size_t classes, Table table)
      : name_(name), files_(std::move(files)), listed_(listed), classes_(classes) {
    rows_.table = std::move(table);
  }

  Result<SplitRows> open() && {
    Status status = read_blocks();
    if (status) status = read_lines();
    if (status) status = read_labels();
    if (status) status = read_examples();
    for (std::size_t c = 0; status && c < rows_.table.columns.size(); ++c) {
      if (rows_.table.columns[c].storage == Storage::numbers) status = read_numbers_of(c);
      if (rows_.table.columns[c].storage == Storage::texts) status = read_texts(c);
    }
    if (status && rows_.table.matrix_width > 0) status = read_matrix();
    if (status && rows_.table.sparse) status = read_sparse();
    if (!status) return status.error();
    return std::move(rows_);
  }

 private:
  [[nodiscard]] std::string named(std::string_view what) const { return table_array(name_, what); }
  [[nodiscard]] Error wrong(const std::string& name, std::string_view what) const {
    return damaged(files_->directory + "/" + name, what);
  }
  std::vector<Block>& blocks() { return rows_.table.blocks; }

  Status read_blocks() {
    const std::string name = named("blocks.u64");
    auto read = array_of<BlockRecord>(*files_, name, listed_.blocks);
    if (!read) return read.error();
    std::uint64_t rows = 0;
    std::uint64_t examples = 0;
    for (const BlockRecord& record : *read) {
      if (record.file >= rows_.table.files.size() || record.pixels > 1 || record.rows == 0 ||
          record.rows > std::numeric_limits<std::uint32_t>::max() ||
          record.examples > record.rows || record.rows > listed_.rows - rows ||
          record.examples > listed_.examples - examples) {
        return wrong(name, "expected blocks of the table's files and rows, saw others");
      }
      rows += record.rows;
      examples += record.examples;
    }
    if (rows != listed_.rows || examples != listed_.examples || examples == 0) {
      return wrong(name,
                   fmt::format("expected {} rows and {} examples, at least one, saw {} and {}",
                               listed_.rows, listed_.examples, rows, examples));
    }
    records_ = *read;
    // Columns of a matrix have no cells of their own.
    std::size_t cells = 0;
    for (std::size_t c = 0; c < rows_.table.columns.size(); ++c) {
      if (rows_.table.columns[c].storage != Storage::matrix) cells = c + 1;
    }
    blocks().resize(records_.size());
    for (std::size_t b = 0; b < records_.size(); ++b) {
      blocks()[b].file = static_cast<std::uint32_t>(records_[b].file);
      blocks()[b].rows = records_[b].rows;
      blocks()[b].columns.resize(cells);
    }
    return {};
  }

  // Calls take(b, its elements) for each block of an array with one element per row.
  template <class T, class Take>
  Status by_row(const std::string& name, Take&& take) {
    auto all = array_of<T>(*files_, name, listed_.rows);
    if (!all) return all.error();
    std::size_t at = 0;
    for (std::size_t b = 0; b < records_.size(); ++b) {
      take(b, all->subspan(at, records_[b].rows));
      at += records_[b].rows;
    }
    return {};
  }

  Status read_lines() {
    return by_row<std::uint64_t>(named("lines.u64"), [&](std::size_t b, auto lines) {
      blocks()[b].lines.assign(lines.begin(), lines.end());
    });
  }

  Status read_labels() {
    return by_row<float>(named("labels.f32"), [&](std::size_t, auto labels) {
      rows_.labels.emplace_back(labels.begin(), labels.end());
    });
  }

  // Whether models can learn from it: labels are used as indices.
  [[nodiscard]] bool is_label(float label) const {
    if (classes_ == 0) return std::isfinite(label);
    return label >= 0.0F && label < static_cast<float>(classes_) && std::floor(label) == label;
  }

  Status read_examples() {
    const std::string name = named("examples.u32");
    auto all = array_of<std::uint32_t>(*files_, name, listed_.examples);
    if (!all) return all.error();
    std::size_t at = 0;
    for (std::size_t b = 0; b < records_.size(); ++b) {
      const auto rows = all->subspan(at, records_[b].examples);
      at += records_[b].examples;
      for (std::size_t i = 0; i < rows.size(); ++i) {
        if (rows[i] >= records_[b].rows || (i > 0 && rows[i] <= rows[i - 1]) ||
            !is_label(rows_.labels[b][rows[i]])) {
          return wrong(name, "expected ascending rows that have a label, saw others");
        }
      }
      rows_.selection.rows.emplace_back(rows.begin(), rows.end());
    }
    return {};
  }

  Status read_numbers_of(std::size_t c) {
    const Status status =
        by_row<double>(column_array(name_, c, "numbers.f64"), [&](std::size_t b, auto numbers) {
          blocks()[b].columns[c].numbers.assign(numbers.begin(), numbers.end());
        });
    if (!status || c != rows_.table.weight) return status;
    for (const Block& block : blocks()) {
      if (are_weights(block.columns[c].numbers)) continue;
      return wrong(column_array(name_, c, "numbers.f64"),
                   "expected weights of 0 or more, saw others");
    }
    return {};
  }

  Status read_texts(std::size_t c) {
    const std::string name = column_array(name_, c, "texts");
    auto bytes = file_of(*files_, name);
    if (!bytes) return bytes.error();
    std::span<const std::byte> left = *bytes;
    bool fits = true;
    Status status = by_row<std::uint32_t>(
        column_array(name_, c, "lengths.u32"), [&](std::size_t b, auto lengths) {
          std::uint64_t end = 0;
          std::vector<std::uint64_t> ends;
          ends.reserve(lengths.size());
          for (const std::uint32_t length : lengths) ends.push_back(end += length);
          fits = fits && end <= left.size();
          if (!fits) return;
          blocks()[b].columns[c].texts = Strings(Bytes(files_, left.first(end)), std::move(ends));
          left = left.subspan(end);
        });
    if (!status) return status;
    if (fits && left.empty()) return {};
    return wrong(name, "expected as many bytes as its lengths say, saw others");
  }

  Status read_matrix() {
    const std::uint64_t width = rows_.table.matrix_width;
    // Rows are elements of a file that is mapped, so this does not overflow.
    std::uint64_t pixel_rows = 0;
    for (const BlockRecord& record : records_) pixel_rows += record.pixels * record.rows;
    if (listed_.rows > std::numeric_limits<std::uint64_t>::max() / width) {
      return wrong(named("pixels.u8"), "expected rows of a matrix, saw too many");
    }
    auto pixels = array_of<std::byte>(*files_, named("pixels.u8"), pixel_rows * width);
    if (!pixels) return pixels.error();
    auto values =
        array_of<double>(*files_, named("matrix.f64"), (listed_.rows - pixel_rows) * width);
    if (!values) return values.error();
    for (std::size_t b = 0; b < records_.size(); ++b) {
      const std::size_t count = records_[b].rows * width;
      NumberMatrix& matrix = blocks()[b].matrix;
      if (records_[b].pixels == 1) {
        matrix.pixels = Bytes(files_, pixels->first(count));
        *pixels = pixels->subspan(count);
      } else {
        matrix.values.assign(values->begin(), values->begin() + static_cast<std::ptrdiff_t>(count));
        *values = values->subspan(count);
      }
    }
    return {};
  }

  Status read_sparse() {
    std::uint64_t entries = 0;
    Status status = by_row<std::uint32_t>(named("entries.u32"), [&](std::size_t b, auto counts) {
      std::uint64_t end = 0;
      for (const std::uint32_t count : counts) {
        blocks()[b].sparse.ends.push_back(end += count);
      }
      entries += end;
    });
    if (!status) return status;
    const std::string name = named("indices.u32");
    auto indices = array_of<std::uint32_t>(*files_, name, entries);
    if (!indices) return indices.error();
    auto values = array_of<float>(*files_, named("values.f32"), entries);
    if (!values) return values.error();
    std::size_t at = 0;
    for (Block& block : blocks()) {
      const std::size_t count = block.sparse.ends.empty() ? 0 : block.sparse.ends.back();
      const auto of_block = indices->subspan(at, count);
      if (!are_increasing(block.sparse.ends, of_block)) {
        return wrong(name, "expected indices from 1 that increase within a row, saw others");
      }
      block.sparse.indices.assign(of_block.begin(), of_block.end());
      const auto values_of_block = values->subspan(at, count);
      block.sparse.values.assign(values_of_block.begin(), values_of_block.end());
      at += count;
    }
    return {};
  }

  static bool are_increasing(std::span<const std::uint64_t> ends,
                             std::span<const std::uint32_t> indices) {
    std::size_t at = 0;
    for (const std::uint64_t end : ends) {
      for (std::uint32_t last = 0; at < end; ++at) {
        if (indices[at] <= last) return false;
        last = indices[at];
      }
    }
    return true;
  }

  const char* const name_;
  const std::shared_ptr<const MappedFiles> files_;
  const ManifestTable listed_;
  const std::size_t classes_;
  SplitRows rows_;
  std::span<const BlockRecord> records_;
};

// Everything of a directory but its rows.
struct Opened {
  ManifestText text;
  TableManifest manifest;
  TableReport report;
  Pipeline columns;
  std::shared_ptr<const MappedFiles> files;
};

Result<TableReport> read_report(const std::string& directory) {
  const std::string path = directory + "/" + kReportFile;
  auto text = read_source(path);
  if (!text) return text.error();
  auto digest = read_source(directory + "/" + kReportDigestFile);
  if (!digest) return digest.error();
  if (digest->text() != digest_of(std::string(text->text()))) {
    return damaged(path, "the report does not fit its digest");
  }
  return table_report_from_json(std::string(text->text()), path);
}

Result<Opened> open_files(const std::string& directory) {
  Opened opened;
  auto text = read_manifest(directory);
  if (!text) return text.error();
  opened.text = *std::move(text);
  auto manifest = table_manifest_from_json(opened.text.text, directory + "/" + kManifestFile);
  if (!manifest) return manifest.error();
  opened.manifest = *std::move(manifest);
  auto report = read_report(directory);
  if (!report) return report.error();
  opened.report = *std::move(report);
  auto files = map_files(directory, opened.manifest.files);
  if (!files) return files.error();
  opened.files = *std::move(files);
  auto json = file_of(*opened.files, kColumnsFile);
  if (!json) return json.error();
  auto columns =
      pipeline_from_json(std::string(reinterpret_cast<const char*>(json->data()), json->size()));
  if (!columns) return columns.error();
  opened.columns = *std::move(columns);
  return opened;
}

// The columns with what the report says about the table's source.
Result<Table> empty_table(const Opened& opened, std::size_t t) {
  Table table = table_like(opened.columns);
  const TableReport::Source& source = opened.report.sources[t];
  table.files = source.files;
  table.rows_skipped = source.rows_skipped;
  table.skipped_samples = source.skipped_samples;
  for (const auto& [column, cell] : source.not_numeric) {
    if (column >= table.columns.size()) {
      return damaged(opened.files->directory + "/" + kReportFile, "it speaks of other columns");
    }
    table.columns[column].not_numeric = cell;
  }
  if (t == 0) return table;
  // A split that is read like another has no columns that were only kept.
  for (std::size_t c = 0; c < table.columns.size(); ++c) {
    TableColumn& column = table.columns[c];
    if (column.type == ColumnType::skip && c != table.weight) column.storage = Storage::none;
  }
  return table;
}

}  // namespace

Result<std::shared_ptr<const PackedTable>> open_packed_table(const std::string& directory) {
  auto opened = open_files(directory);
  if (!opened) return opened.error();
  auto packed = std::make_shared<PackedTable>();
  packed->directory = directory;
  packed->digest = opened->text.digest;
  packed->task = opened->columns.task;
  packed->classes = opened->columns.classes;
  packed->duplicates_dropped = opened->report.duplicates_dropped;
  for (std::size_t t = 0; t < kTables; ++t) {
    if (t > 0 && opened->manifest.tables[t].blocks == 0) continue;
    auto table = empty_table(*opened, t);
    if (!table) return table.error();
    const std::string fault = fault_of(opened->columns, *table);
    if (!fault.empty()) return damaged(directory + "/" + kColumnsFile, fault);
    auto rows = TableOpener(kTableNames[t], opened->files, opened->manifest.tables[t],
                            packed->classes.size(), *std::move(table))
                    .open();
    if (!rows) return rows.error();
    packed->skipped.add(rows->table);
    if (t == 0) {
      packed->train = *std::move(rows);
    } else {
      packed->test = *std::move(rows);
    }
  }
  return std::shared_ptr<const PackedTable>(std::move(packed));
}

}  // namespace ballast

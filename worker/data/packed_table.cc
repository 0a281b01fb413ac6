#include "worker/data/packed_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <limits>
#include <span>
#include <utility>

#include "worker/data/cache_key.h"
#include "worker/data/cells.h"
#include "worker/data/file_store.h"
#include "worker/data/fit.h"
#include "worker/data/split_files.h"
#include "worker/data/table_arrays.h"
#include "worker/data/table_manifest.h"

namespace ballast {

namespace {

bool is_whole_table(const std::string& directory) {
  return open_packed_table(directory).has_value();
}

// ---- arrays -----------------------------------------------------------------------------------

// An array that is filled from front to back.
template <class T>
class Filler {
 public:
  static Result<Filler> create(ArrayStore& store, const std::string& name, std::uint64_t count) {
    auto bytes = store.allocate(name, count * sizeof(T));
    if (!bytes) return bytes.error();
    return Filler(std::span<T>(reinterpret_cast<T*>(bytes->data()), count));
  }

  void put(std::span<const T> values) {
    std::copy(values.begin(), values.end(), out_.begin() + static_cast<std::ptrdiff_t>(at_));
    at_ += values.size();
  }
  void put(T value) { out_[at_++] = value; }

 private:
  explicit Filler(std::span<T> out) : out_(out) {}

  std::span<T> out_;
  std::size_t at_ = 0;
};

// Writes the arrays of one table.
class TableWriter {
 public:
  TableWriter(const char* name, const SplitRows& rows, ArrayStore& store)
      : name_(name), rows_(rows), table_(rows.table), store_(store), count_(rows_of(rows.table)) {}

  Status write() {
    Status status = write_blocks();
    if (status) status = write_rows();
    for (std::size_t c = 0; status && c < table_.columns.size(); ++c) {
      if (table_.columns[c].storage == Storage::numbers) status = write_numbers(c);
      if (table_.columns[c].storage == Storage::texts) status = write_texts(c);
    }
    if (status && table_.matrix_width > 0) status = write_matrix();
    if (status && table_.sparse) status = write_sparse();
    return status;
  }

 private:
  // An array of `count` elements that `fill` writes.
  template <class T, class Fill>
  Status array(const std::string& name, std::uint64_t count, Fill&& fill) {
    auto filler = Filler<T>::create(store_, name, count);
    if (!filler) return filler.error();
    for (std::size_t b = 0; b < table_.blocks.size(); ++b) fill(*filler, b);
    return {};
  }

  [[nodiscard]] std::string named(std::string_view what) const { return table_array(name_, what); }

  Status write_blocks() {
    return array<BlockRecord>(named("blocks.u64"), table_.blocks.size(), [&](auto& out, auto b) {
      const Block& block = table_.blocks[b];
      out.put(BlockRecord{.file = block.file,
                          .rows = block.rows,
                          .examples = rows_.selection.rows[b].size(),
                          .pixels = block.matrix.pixels.size() > 0 ? 1U : 0U});
    });
  }

  Status write_rows() {
    Status status = array<std::uint64_t>(
        named("lines.u64"), count_, [&](auto& out, auto b) { out.put(table_.blocks[b].lines); });
    if (status) {
      status = array<float>(named("labels.f32"), count_,
                            [&](auto& out, auto b) { out.put(rows_.labels[b]); });
    }
    if (status) {
      status = array<std::uint32_t>(named("examples.u32"), rows_.selection.examples(),
                                    [&](auto& out, auto b) { out.put(rows_.selection.rows[b]); });
    }
    return status;
  }

  Status write_numbers(std::size_t c) {
    return array<double>(column_array(name_, c, "numbers.f64"), count_,
                         [&](auto& out, auto b) { out.put(table_.blocks[b].columns[c].numbers); });
  }

  Status write_texts(std::size_t c) {
    std::uint64_t bytes = 0;
    for (const Block& block : table_.blocks) {
      const Strings& texts = block.columns[c].texts;
      bytes += texts.all().size();
      for (std::size_t row = 0; row < texts.size(); ++row) {
        if (texts[row].size() <= std::numeric_limits<std::uint32_t>::max()) continue;
        return Error{ErrorCode::invalid,
                     fmt::format("{}: expected a text below 4 GiB in column {}, saw {} bytes; "
                                 "shorten it",
                                 place_of(table_, block, row), shown(table_.columns[c].name),
                                 texts[row].size())};
      }
    }
    Status status =
        array<std::uint32_t>(column_array(name_, c, "lengths.u32"), count_, [&](auto& out, auto b) {
          const Strings& texts = table_.blocks[b].columns[c].texts;
          for (std::size_t row = 0; row < texts.size(); ++row) {
            out.put(static_cast<std::uint32_t>(texts[row].size()));
          }
        });
    if (!status) return status;
    return array<char>(column_array(name_, c, "texts"), bytes, [&](auto& out, auto b) {
      out.put(std::span<const char>(table_.blocks[b].columns[c].texts.all()));
    });
  }

  Status write_matrix() {
    std::uint64_t pixels = 0;
    std::uint64_t values = 0;
    for (const Block& block : table_.blocks) {
      pixels += block.matrix.pixels.size();
      values += block.matrix.values.size();
    }
    Status status = array<std::byte>(named("pixels.u8"), pixels, [&](auto& out, auto b) {
      out.put(table_.blocks[b].matrix.pixels.span());
    });
    if (!status) return status;
    return array<double>(named("matrix.f64"), values,
                         [&](auto& out, auto b) { out.put(table_.blocks[b].matrix.values); });
  }

  Status write_sparse() {
    std::uint64_t entries = 0;
    for (const Block& block : table_.blocks) entries += block.sparse.indices.size();
    Status status = array<std::uint32_t>(named("entries.u32"), count_, [&](auto& out, auto b) {
      std::uint64_t begin = 0;
      for (const std::uint64_t end : table_.blocks[b].sparse.ends) {
        // Indices increase within a row, so their number fits.
        out.put(static_cast<std::uint32_t>(end - begin));
        begin = end;
      }
    });
    if (status) {
      status = array<std::uint32_t>(named("indices.u32"), entries, [&](auto& out, auto b) {
        out.put(table_.blocks[b].sparse.indices);
      });
    }
    if (status) {
      status = array<float>(named("values.f32"), entries,
                            [&](auto& out, auto b) { out.put(table_.blocks[b].sparse.values); });
    }
    return status;
  }

  const char* const name_;
  const SplitRows& rows_;
  const Table& table_;
  ArrayStore& store_;
  const std::uint64_t count_;
};

// ---- packing ----------------------------------------------------------------------------------

class Packing {
 public:
  Packing(const Spec& spec, const PackOptions& options)
      : spec_(spec), options_(options), meter_(options.progress) {
    spec_.data.validation = {};
  }

  Result<std::string> run() {
    auto sources = load_sources(spec_, options_.cache, meter_);
    if (!sources) return sources.error();
    sources->erase(sources->begin() + 1);  // Of the three splits, train and test are left.
    const std::string directory = options_.cache + "/" + table_key(spec_, *sources, options_.keep);
    std::error_code ignored;  // What cannot be looked at cannot be used.
    if (std::filesystem::exists(directory + "/" + kManifestFile, ignored) &&
        is_whole_table(directory)) {
      meter_.begin("cached", 0);
      return directory;
    }
    if (Status status = unpack_all(*sources, options_.threads); !status) return status.error();
    if (Status status = read(*sources); !status) return status.error();
    sources->clear();
    if (Status status = write(directory); !status) return status.error();
    return directory;
  }

 private:
  Status read(const std::vector<SplitFiles>& sources) {
    for (std::size_t t = 0; t < kTables; ++t) {
      if (sources[t].files.empty()) continue;
      const ReadOptions read_options{.threads = options_.threads, .keep = options_.keep};
      const Table* like = t == 0 ? nullptr : &tables_[0]->table;
      auto rows = read_rows(spec_, sources[t], like, classes_, read_options, meter_);
      if (!rows) return rows.error();
      tables_[t] = *std::move(rows);
      if (Status status = check_not_empty(tables_[t]->selection, sources[t].field,
                                          "every row was skipped; correct the data");
          !status) {
        return status;
      }
      if (t > 0) continue;
      if (Status status = check_kept(); !status) return status;
    }
    auto dropped = drop_duplicate_rows(spec_, options_.threads, *tables_[0]);
    if (!dropped) return dropped.error();
    report_.duplicates_dropped = *dropped;
    return {};
  }

  [[nodiscard]] Status check_kept() const {
    const Table& table = tables_[0]->table;
    std::vector<std::string> names;
    for (const TableColumn& column : table.columns) names.push_back(column.name);
    for (const std::string& name : options_.keep) {
      const auto column = find_column(table, name);
      if (column && table.columns[*column].storage != Storage::none) continue;
      return Error{ErrorCode::invalid,
                   fmt::format("data: there is no column {} to split the rows by{}", shown(name),
                               instead_of(name, names, "columns"))};
    }
    return {};
  }

  // The columns of the training table, kept ones included. What would not come back is refused
  // here: JSON holds no names but UTF-8.
  [[nodiscard]] Result<std::string> columns_json() const {
    const Table& table = tables_[0]->table;
    Pipeline pipeline = unfitted(spec_, table, classes_);
    for (std::size_t c = 0; c < table.columns.size(); ++c) {
      pipeline.columns[c].storage = table.columns[c].storage;
    }
    std::string json = to_json(pipeline);
    const auto again = pipeline_from_json(json);
    if (again && *again == pipeline) return json;
    return Error{ErrorCode::invalid,
                 "data: expected columns and classes with names in UTF-8, saw other bytes; convert "
                 "the spec or the data, for example with iconv -f ISO-8859-1 -t UTF-8"};
  }

  Status write(const std::string& directory) {
    auto columns = columns_json();
    if (!columns) return columns.error();
    auto temporary = TemporaryDirectory::create(options_.cache);
    if (!temporary) return temporary.error();
    const std::string& path = (*temporary)->path();
    FileStore store(path);
    TableManifest manifest;
    for (std::size_t t = 0; t < kTables; ++t) {
      if (!tables_[t]) continue;
      manifest.tables[t] = {.blocks = tables_[t]->table.blocks.size(),
                            .rows = rows_of(tables_[t]->table),
                            .examples = tables_[t]->selection.examples()};
      meter_.begin("packing", manifest.tables[t].rows);
      if (Status status = TableWriter(kTableNames[t], *tables_[t], store).write(); !status) {
        return status;
      }
      meter_.add(manifest.tables[t].rows);
      report_.sources[t] = source_of(tables_[t]->table);
    }
    auto out = Filler<char>::create(store, kColumnsFile, columns->size());
    if (!out) return out.error();
    out->put(std::span<const char>(*columns));
    manifest.files = store.files(options_.threads);
    if (Status status = write_texts(path, to_json(manifest)); !status) return status;
    return (*temporary)->publish(directory, is_whole_table);
  }

  static TableReport::Source source_of(const Table& table) {
    TableReport::Source source{.files = table.files,
                               .not_numeric = {},
                               .rows_skipped = table.rows_skipped,
                               .skipped_samples = table.skipped_samples};
    for (std::size_t c = 0; c < table.columns.size(); ++c) {
      const std::string& cell = table.columns[c].not_numeric;
      if (!cell.empty()) source.not_numeric.emplace_back(c, cell);
    }
    return source;
  }

  // As prepare() does: the manifest comes last.
  Status write_texts(const std::string& path, const std::string& manifest) const {
    const std::string report = to_json(report_);
    Status status = write_file(path + "/" + kReportFile, report);
    if (status) status = write_file(path + "/" + kReportDigestFile, digest_of(report));
    if (status) status = write_file(path + "/" + kDigestFile, digest_of(manifest));
    if (status) status = write_file(path + "/" + kManifestFile, manifest);
    return status;
  }

  Spec spec_;
  const PackOptions& options_;
  Meter meter_;
  std::array<std::optional<SplitRows>, kTables> tables_;
  std::vector<std::string> classes_;
  TableReport report_;
};

// ---- columns ----------------------------------------------------------------------------------

// A column that can be read, by name.
Result<std::size_t> named_column(const PackedTable& packed, std::string_view name) {
  const Table& table = packed.train.table;
  std::vector<std::string> names;
  for (std::size_t c = 0; c < table.columns.size(); ++c) {
    if (table.columns[c].storage == Storage::none) continue;
    if (table.columns[c].name == name) return c;
    names.push_back(table.columns[c].name);
  }
  return Error{ErrorCode::invalid, fmt::format("data: there is no column {}{}", shown(name),
                                               instead_of(name, names, "columns"))};
}

}  // namespace

Result<std::string> pack_table(const Spec& spec, const PackOptions& options) {
  return Packing(spec, options).run();
}

std::vector<float> example_labels(const PackedTable& packed) {
  std::vector<float> labels;
  for (std::size_t b = 0; b < packed.train.selection.rows.size(); ++b) {
    for (const std::uint32_t row : packed.train.selection.rows[b]) {
      labels.push_back(packed.train.labels[b][row]);
    }
  }
  return labels;
}

std::vector<double> example_weights(const PackedTable& packed) {
  std::vector<double> weights;
  const Table& table = packed.train.table;
  for (std::size_t b = 0; table.weight && b < packed.train.selection.rows.size(); ++b) {
    for (const std::uint32_t row : packed.train.selection.rows[b]) {
      weights.push_back(weight_of(table, table.blocks[b], row));
    }
  }
  return weights;
}

Result<std::vector<std::string>> column_texts(const PackedTable& packed, std::string_view name) {
  const auto column = named_column(packed, name);
  if (!column) return column.error();
  const Table& table = packed.train.table;
  std::vector<std::string> texts;
  std::string scratch;
  for (std::size_t b = 0; b < table.blocks.size(); ++b) {
    for (const std::uint32_t row : packed.train.selection.rows[b]) {
      texts.emplace_back(text_of(table, table.blocks[b], *column, row, scratch));
    }
  }
  return texts;
}

Result<std::vector<double>> column_numbers(const PackedTable& packed, std::string_view name) {
  const auto column = named_column(packed, name);
  if (!column) return column.error();
  const Table& table = packed.train.table;
  std::vector<double> numbers;
  for (std::size_t b = 0; b < table.blocks.size(); ++b) {
    const Block& block = table.blocks[b];
    const std::vector<std::uint32_t>& rows = packed.train.selection.rows[b];
    const std::size_t first = numbers.size();
    numbers.resize(first + rows.size(), kMissingNumber);
    if (table.columns[*column].storage != Storage::texts) {
      read_numbers(table, block, *column, rows, numbers.data() + first);
      continue;
    }
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const std::string_view text = block.columns[*column].texts[rows[i]];
      if (text.empty() || parse_number(text, numbers[first + i]) == NumberText::number) continue;
      return Error{ErrorCode::invalid, fmt::format("{}: {}", place_of(table, block, rows[i]),
                                                   not_a_number(name, text))};
    }
  }
  return numbers;
}

}  // namespace ballast

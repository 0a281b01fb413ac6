#include "common/storage/export.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "common/base/hash.h"
#include "common/storage/checkpoint_reader.h"
#include "common/storage/safetensors.h"

namespace ballast {
namespace {

std::string describe(const TableSpec& table, Key key) {
  return "table \"" + table.name + "\", " + (table.kind == TableKind::dense ? "block " : "row ") +
         std::to_string(key);
}

Error corrupt(const std::string& what) {
  return Error{ErrorCode::corrupt, what + ": the checkpoint does not fit the run; use another one"};
}

std::vector<std::uint64_t> tensor_shape(const TableSpec& table, std::uint64_t rows) {
  std::vector<std::uint64_t> shape(table.shape.begin(), table.shape.end());
  if (table.kind == TableKind::sparse) shape.insert(shape.begin(), rows);
  return shape;
}

Status check_partitions(const Manifest& manifest, const RunConfig& run) {
  const std::size_t partitions = chains_of(manifest.files).size();
  if (partitions == run.partitions) return {};
  return corrupt("expected files of " + std::to_string(run.partitions) + " partitions, found " +
                 std::to_string(partitions));
}

// Rows per sparse table, by table id. safetensors states every size before the first byte, so the
// files are read twice.
Result<std::vector<std::uint64_t>> count_rows(const Manifest& manifest, CheckpointStore& store,
                                              const RunConfig& run) {
  std::vector<std::uint64_t> rows(run.tables.size());
  const bool sparse = std::any_of(run.tables.begin(), run.tables.end(), [](const TableSpec& table) {
    return table.kind == TableKind::sparse;
  });
  if (!sparse) return rows;
  const auto reader = CheckpointReader::open(manifest, store);
  if (!reader) return reader.error();
  while (true) {
    const Result<const Record*> record = (*reader)->next();
    if (!record) return record.error();
    if (*record == nullptr) return rows;
    const std::uint32_t table = index((*record)->key.table);
    if (table < rows.size()) rows[table] += 1;
  }
}

// One file of an export: which of its tensors a table's keys and each of its parts go to.
class TensorFile {
 public:
  // `parts` are the names of what a row holds here: "" for a dense table's weights, ".slot0" ...
  void add_table(const TableSpec& table, std::uint64_t rows,
                 const std::vector<std::string>& parts) {
    Place place;
    if (table.kind == TableKind::sparse && !parts.empty()) {
      place.keys = tensors_.size();
      tensors_.push_back({table.name + ".keys", TensorType::u64, {rows}});
    }
    for (const std::string& part : parts) {
      place.parts.push_back(tensors_.size());
      tensors_.push_back({table.name + part, TensorType::f32, tensor_shape(table, rows)});
    }
    places_.push_back(std::move(place));
  }

  Status create(const std::string& path) {
    auto writer = SafetensorsWriter::create(path, tensors_);
    if (!writer) return writer.error();
    writer_ = *std::move(writer);
    return {};
  }

  // `floats` holds the parts one after another.
  Status append(const RecordKey& at, std::span<const float> floats) {
    const Place& place = places_[index(at.table)];
    if (place.parts.empty()) return {};
    if (place.keys) {
      if (Status done = writer_->append_keys(*place.keys, std::span(&at.key, 1)); !done) {
        return done;
      }
    }
    const std::size_t length = floats.size() / place.parts.size();
    for (std::size_t i = 0; i < place.parts.size(); ++i) {
      Status done = writer_->append_floats(place.parts[i], floats.subspan(i * length, length));
      if (!done) return done;
    }
    return {};
  }

  Result<std::string> finish() { return writer_->finish(); }

 private:
  struct Place {
    std::optional<std::size_t> keys;
    std::vector<std::size_t> parts;
  };
  std::vector<TensorSpec> tensors_;
  std::vector<Place> places_;  // By table id.
  std::unique_ptr<SafetensorsWriter> writer_;
};

// Takes the records in order and refuses those that the run's tables do not have.
class Exporter {
 public:
  Exporter(const RunConfig& run, const ExportRequest& request, std::vector<std::uint64_t> rows)
      : run_(run), request_(request), rows_(std::move(rows)), seen_(run.tables.size()) {}

  Status create() {
    std::vector<std::string> slots;
    for (std::uint32_t s = 0; s < request_.slots; ++s) slots.push_back(".slot" + std::to_string(s));
    for (const TableSpec& table : run_.tables) {
      const bool dense = table.kind == TableKind::dense;
      model_.add_table(table, rows_[index(table.id)], {dense ? "" : ".rows"});
      optimizer_.add_table(table, rows_[index(table.id)], slots);
    }
    if (Status done = model_.create(request_.model_path); !done) return done;
    return request_.optimizer_path.empty() ? Status() : optimizer_.create(request_.optimizer_path);
  }

  Status add(const Record& record) {
    const std::uint32_t id = index(record.key.table);
    if (id >= run_.tables.size()) return corrupt("found table " + std::to_string(id));
    const TableSpec& table = run_.tables[id];
    if (Status fits = check(table, record); !fits) return fits;
    seen_[id] += 1;
    const std::span<const float> floats(record.floats);
    const std::size_t weights = floats.size() / (1 + request_.slots);
    if (Status done = model_.append(record.key, floats.first(weights)); !done) return done;
    if (request_.optimizer_path.empty()) return {};
    return optimizer_.append(record.key, floats.subspan(weights));
  }

  Result<Exported> finish() {
    Exported exported;
    for (const TableSpec& table : run_.tables) {
      const std::uint64_t seen = seen_[index(table.id)];
      const bool dense = table.kind == TableKind::dense;
      const std::uint64_t expected = dense ? blocks_of(table) : rows_[index(table.id)];
      if (seen != expected) return corrupt(describe(table, seen) + " is missing");
      if (!dense) exported.sparse_rows += seen;
    }
    if (!request_.optimizer_path.empty()) {
      auto digest = optimizer_.finish();
      if (!digest) return digest.error();
      exported.optimizer_sha256 = *std::move(digest);
    }
    auto digest = model_.finish();
    if (!digest) return digest.error();
    exported.model_sha256 = *std::move(digest);
    return exported;
  }

 private:
  Status check(const TableSpec& table, const Record& record) const {
    const Key key = record.key.key;
    const std::string place = describe(table, key);
    if (partition_of(table.id, key, run_.partitions) != record.key.partition) {
      return corrupt(place + " is in partition " + std::to_string(index(record.key.partition)) +
                     ", where it does not belong");
    }
    const bool dense = table.kind == TableKind::dense;
    if (dense && key != seen_[index(table.id)]) {
      return corrupt(place + " was found where block " + std::to_string(seen_[index(table.id)]) +
                     " was expected");
    }
    if (dense && key >= blocks_of(table)) return corrupt(place + " is beyond the table's end");
    const std::uint64_t weights =
        dense ? floats_of_block(table, static_cast<std::uint32_t>(key)) : floats_of(table);
    if (record.floats.size() != weights * (1 + request_.slots)) {
      return corrupt(place + " has " + std::to_string(record.floats.size()) + " floats where " +
                     std::to_string(weights * (1 + request_.slots)) + " were expected");
    }
    return {};
  }

  const RunConfig& run_;
  const ExportRequest& request_;
  const std::vector<std::uint64_t> rows_;
  std::vector<std::uint64_t> seen_;  // By table id.
  TensorFile model_;
  TensorFile optimizer_;
};

}  // namespace

Result<Exported> export_model(const Manifest& manifest, CheckpointStore& store,
                              const RunConfig& run, const ExportRequest& request) {
  if (Status fits = check_partitions(manifest, run); !fits) return fits.error();
  auto rows = count_rows(manifest, store, run);
  if (!rows) return rows.error();
  Exporter exporter(run, request, *std::move(rows));
  if (Status done = exporter.create(); !done) return done.error();
  const auto reader = CheckpointReader::open(manifest, store);
  if (!reader) return reader.error();
  while (true) {
    const Result<const Record*> record = (*reader)->next();
    if (!record) return record.error();
    if (*record == nullptr) return exporter.finish();
    if (Status done = exporter.add(**record); !done) return done.error();
  }
}

}  // namespace ballast

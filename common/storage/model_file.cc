#include <algorithm>
#include <cstdint>
#include <functional>
#include <utility>

#include "common/storage/export.h"
#include "common/storage/safetensors.h"

namespace ballast {
namespace {

constexpr std::size_t kAlignmentFloats = 16;  // 64 bytes

std::size_t padded(std::size_t floats) {
  return (floats + kAlignmentFloats - 1) / kAlignmentFloats * kAlignmentFloats;
}

class MappedModelFile final : public ModelFile {
 public:
  MappedModelFile(std::string path, std::unique_ptr<SafetensorsReader> reader)
      : path_(std::move(path)), reader_(std::move(reader)) {}

  Status load(std::span<const TableSpec> tables) {
    tables_.resize(tables.size());
    std::size_t tensors = 0;
    for (const TableSpec& table : tables) {
      const bool dense = table.kind == TableKind::dense;
      if (Status done = dense ? load_dense(table) : load_sparse(table); !done) return done;
      tensors += dense ? 1 : 2;
    }
    if (tensors != reader_->tensors().size()) {
      return Error{ErrorCode::invalid, path_ + ": expected " + std::to_string(tensors) +
                                           " tensors, found " +
                                           std::to_string(reader_->tensors().size()) +
                                           "; is this the model of another spec?"};
    }
    align_dense();
    return {};
  }

  [[nodiscard]] const std::vector<Table>& tables() const override { return tables_; }

 private:
  Status load_dense(const TableSpec& table) {
    const std::vector<std::uint64_t> shape(table.shape.begin(), table.shape.end());
    const auto values = reader_->floats(table.name, shape);
    if (!values) return values.error();
    tables_[index(table.id)].values = *values;
    dense_.push_back(index(table.id));
    return {};
  }

  Status load_sparse(const TableSpec& table) {
    const auto keys = reader_->keys(table.name + ".keys");
    if (!keys) return keys.error();
    const auto unordered = std::adjacent_find(keys->begin(), keys->end(), std::greater_equal<>());
    if (unordered != keys->end()) {
      return Error{ErrorCode::corrupt,
                   path_ + ": table \"" + table.name + "\": expected keys in rising order, found " +
                       std::to_string(*(unordered + 1)) + " after " + std::to_string(*unordered)};
    }
    const std::uint64_t shape[] = {keys->size(), floats_of(table)};
    const auto rows = reader_->floats(table.name + ".rows", shape);
    if (!rows) return rows.error();
    tables_[index(table.id)] = {*rows, *keys};
    return {};
  }

  // BLAS wants dense tensors on 64 bytes, which their place in the file does not give. Sparse
  // rows, the bulk of a large model, stay in the file.
  void align_dense() {
    std::size_t floats = kAlignmentFloats;
    for (const std::uint32_t table : dense_) floats += padded(tables_[table].values.size());
    aligned_.resize(floats);
    const auto address = reinterpret_cast<std::uintptr_t>(aligned_.data());
    std::size_t next = (64 - address % 64) % 64 / sizeof(float);
    for (const std::uint32_t table : dense_) {
      std::span<const float>& values = tables_[table].values;
      std::copy(values.begin(), values.end(), aligned_.begin() + static_cast<std::ptrdiff_t>(next));
      values = std::span(aligned_).subspan(next, values.size());
      next += padded(values.size());
    }
  }

  const std::string path_;
  const std::unique_ptr<SafetensorsReader> reader_;
  std::vector<Table> tables_;
  std::vector<std::uint32_t> dense_;  // Table ids.
  std::vector<float> aligned_;
};

}  // namespace

Result<std::unique_ptr<ModelFile>> ModelFile::open(const std::string& path,
                                                   std::span<const TableSpec> tables) {
  auto reader = SafetensorsReader::open(path, Trust::checksummed);
  if (!reader) return reader.error();
  auto model = std::make_unique<MappedModelFile>(path, *std::move(reader));
  if (Status done = model->load(tables); !done) return done.error();
  return std::unique_ptr<ModelFile>(std::move(model));
}

}  // namespace ballast

#pragma once

// From a checkpoint to files that anybody can read, without a cluster: model.safetensors holds
// the weights, optimizer.safetensors the slots. The bytes depend on the model alone, not on how
// many partitions or servers held it: the SHA-256 of the first is the digest of the model.
//
// A dense table is one tensor under its name. A sparse table is "<name>.keys" (sorted) and
// "<name>.rows" [n, width]. In the optimizer's file slot s is "<name>.slot<s>", beside
// "<name>.keys".

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "common/base/ids.h"
#include "common/base/result.h"
#include "common/job/run.h"
#include "common/job/tables.h"
#include "common/storage/checkpoint_store.h"
#include "common/storage/manifest.h"

namespace ballast {

struct ExportRequest {
  std::uint32_t slots = 0;  // Floats of optimizer state per weight.
  std::string model_path{};
  std::string optimizer_path{};  // Empty: not written.
};

struct Exported {
  std::string model_sha256;
  std::string optimizer_sha256;  // Empty when it was not written.
  std::uint64_t sparse_rows = 0;
};

// Verifies every file of the manifest on the way, and puts nothing in place when anything is wrong
// with them: a missing block, a foreign row, a length that does not fit the table. The model comes
// last, so where it is the optimizer's file is too.
[[nodiscard]] Result<Exported> export_model(const Manifest& manifest, CheckpointStore& store,
                                            const RunConfig& run, const ExportRequest& request);

// The weights of an exported model, as `predict` needs them.
class ModelFile {
 public:
  struct Table {
    std::span<const float> values;  // Dense: the tensor, 64-byte aligned. Sparse: a row per key.
    std::span<const Key> keys;      // Sparse: sorted, unique. Dense: empty.
  };

  // Error{corrupt} when the file was altered, Error{invalid} when it does not hold these tables.
  [[nodiscard]] static Result<std::unique_ptr<ModelFile>> open(const std::string& path,
                                                               std::span<const TableSpec> tables);
  virtual ~ModelFile() = default;

  // By table id. Valid as long as this object.
  [[nodiscard]] virtual const std::vector<Table>& tables() const = 0;
};

}  // namespace ballast

#pragma once

// From source files to a prepared data set: parse in parallel into packed, checksummed blocks; fit
// the transforms in passes over them; apply; write what dataset.h maps. Results are cached in
// `cache` by the content of the sources and the data part of the spec, so the second run of a spec
// reads no text. The fitted transforms are part of the model: they are kept as JSON in
// model.json, and Encoder applies them again in `predict`.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/job/spec.h"
#include "worker/data/dataset.h"

namespace ballast {

struct PrepareProgress {
  std::string stage;       // "reading", "fitting", "encoding", "cached"
  std::uint64_t done = 0;  // bytes or examples
  std::uint64_t total = 0;
};

struct PrepareOptions {
  std::string cache;          // Directory for packed data; created when missing.
  std::uint32_t threads = 1;  // Changes speed, never a bit.
  std::function<void(const PrepareProgress&)> progress;
};

struct Prepared {
  std::string directory;           // For open_dataset().
  std::string transforms_json;     // The fitted transforms and schema, for model.json and Encoder.
  std::uint64_t rows_skipped = 0;  // on_bad_row: skip
  std::vector<std::string> skipped_samples;  // "file:line:column: what was seen", at most 10
  std::uint64_t duplicates_dropped = 0;
};

[[nodiscard]] Result<Prepared> prepare(const Spec& spec, const PrepareOptions& options);

// Applies fitted transforms to new rows: `predict`. Labels may be missing there.
class Encoder {
 public:
  // `transforms_json` as prepare() returned it.
  [[nodiscard]] static Result<std::unique_ptr<Encoder>> create(const std::string& transforms_json);
  virtual ~Encoder() = default;
  [[nodiscard]] virtual const DataSchema& schema() const = 0;
  // Reads files of the spec's format as the `test` split of an in-memory data set. Missing label
  // columns are allowed; labels are then NaN.
  [[nodiscard]] virtual Result<std::unique_ptr<Dataset>> encode(
      const Spec& spec, const std::vector<std::string>& paths) const = 0;
};

}  // namespace ballast

#pragma once

// From source files to a prepared data set: parse in parallel into typed blocks (read.h); fit the
// transforms in passes over them (fit.h); apply (encode.h); write what dataset.h maps. Results are
// kept in `cache` by the content of the sources and the part of the spec that counts, so the second
// run of a spec reads no text. The fitted transforms are part of the model: they are kept as JSON
// in model.json, and Encoder applies them again in `predict`.
//
// Rows and splits. Rows keep the order of the source: files as listed, matches of a pattern by
// name. drop_duplicates leaves the first of equal training rows, before the validation split is
// taken, so that no row is in both; a fraction's rows are drawn by (seed, number of the row in the
// source). Transforms see the training rows that remain and no others. Rows of the validation and
// test splits are never dropped, unless they are bad and on_bad_row says skip.
//
// Features. Dense ones stand in the order of their columns; numbers that no transform turns into
// something else pass as they are. Categories and texts need a transform that makes features of
// them, columns of type skip need none. one_hot columns are called "column=value"; a missing value
// is the value "missing", rare ones (min_count) share "column=other"; a value that training never
// saw is "other" where there is one, else zero everywhere. Sparse groups are named after their
// column or `output`, and several outputs may share one; LibSVM's is called "features".
//
// Column selectors: a column's name; "number", "category" or "text" for columns of that type that
// no earlier transform has turned into features; or a pattern with * that takes, among these, the
// ones the transform is made for. The label is never selected.
//
// Sources by address (http://, https://, s3://) are fetched into `cache`/fetched first, once each:
// common/remote/fetcher.h. Messages name them by their address.
//
// Everything is read into memory, text and columns both; only the result is mapped.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/job/spec.h"
#include "worker/data/dataset.h"

namespace ballast {

struct PrepareProgress {
  std::string stage;       // "fetching ADDRESS", "reading", "fitting", "encoding", "cached"
  std::uint64_t done = 0;  // bytes or examples
  std::uint64_t total = 0;
  std::string notice{};  // A sentence that should be seen, beside all that moves; mostly empty.
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
  // `transforms_json` as prepare() returned it; `cache` keeps files by address, which are refused
  // where it is empty.
  [[nodiscard]] static Result<std::unique_ptr<Encoder>> create(const std::string& transforms_json,
                                                               const std::string& cache = {});
  virtual ~Encoder() = default;
  [[nodiscard]] virtual const DataSchema& schema() const = 0;
  // Reads files of the spec's format as the `test` split of an in-memory data set. Missing label
  // columns are allowed; labels are then NaN.
  [[nodiscard]] virtual Result<std::unique_ptr<Dataset>> encode(
      const Spec& spec, const std::vector<std::string>& paths) const = 0;
};

}  // namespace ballast

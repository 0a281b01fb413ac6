#pragma once

// Fitted transforms: all that turns a row of typed cells into features, as plain values. prepare()
// fits them once (fit.h); encode.h applies them, to the training data and later in `predict`.
//
// A number goes through its column's steps in order, in float64; then it is a dense feature, or its
// outputs read it. Categories and texts are only read by outputs.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/ids.h"
#include "common/base/result.h"
#include "common/job/spec.h"
#include "worker/data/dataset.h"
#include "worker/data/table.h"

namespace ballast {

struct NumberStep {
  enum class Kind { fill, clip, shift_divide, multiply };
  Kind kind = Kind::fill;
  double a = 0.0;  // fill: the value; clip: the low end; shift_divide: subtracted; multiply: factor
  double b = 0.0;  // clip: the high end; shift_divide: the divisor

  friend bool operator==(const NumberStep&, const NumberStep&) = default;
};

enum class OutputKind { one_hot, bucketize, hash, tokenize };

// What an output writes to: dense columns of its own, or a sparse group.
struct Output {
  OutputKind kind = OutputKind::one_hot;
  std::string group = {};  // Sparse: the group's name. Dense: empty.

  std::vector<std::string> values = {};  // one_hot: sorted; a missing value is called "missing".
  bool pools_rare = false;               // one_hot: unseen and rare values share "other".
  std::vector<double> boundaries = {};   // bucketize: ascending; bucket i is [b(i-1), b(i)).
  bool has_missing_bucket = false;    // bucketize: training had missing numbers: the last bucket.
  std::uint64_t buckets = 0;          // hash, tokenize: modulus; 0: none.
  std::uint32_t word_ngrams_max = 1;  // tokenize
  std::uint32_t character_ngrams_min = 0;
  std::uint32_t character_ngrams_max = 0;
  bool lowercase = true;
  std::uint32_t min_count = 1;       // tokenize: above 1, only keys of `vocabulary` pass.
  std::vector<Key> vocabulary = {};  // Sorted.

  friend bool operator==(const Output&, const Output&) = default;
};

struct FittedColumn {
  std::string name;
  ColumnType type = ColumnType::number;
  Storage storage = Storage::numbers;
  std::uint32_t matrix_column = 0;
  std::vector<NumberStep> steps;
  std::string fill_text;  // In place of missing categories and texts; empty: none.
  std::vector<Output> outputs;

  // A number that nothing else turns into features is one itself.
  [[nodiscard]] bool passes_through() const {
    return type == ColumnType::number && outputs.empty();
  }
  friend bool operator==(const FittedColumn&, const FittedColumn&) = default;
};

struct Pipeline {
  std::vector<FittedColumn> columns;  // As the table's.
  std::optional<std::size_t> label;
  std::optional<std::size_t> weight;  // Says how much an example counts, and is no feature.
  Task task = Task::multiclass;
  std::vector<std::string> classes;  // By index; empty for regression.

  std::uint32_t matrix_width = 0;
  bool sparse = false;          // LibSVM rows pass as the group kSparseGroup,
  double sparse_factor = 1.0;   // their values times this.
  std::uint32_t dimension = 0;  // LibSVM

  friend bool operator==(const Pipeline&, const Pipeline&) = default;
};

inline constexpr const char* kSparseGroup = "features";
inline constexpr const char* kOther = "other";
inline constexpr const char* kMissing = "missing";

// Dense columns in column order, an output's columns together; sparse groups in order of their
// first output.
[[nodiscard]] DataSchema schema_of(const Pipeline& pipeline);

// How many dense columns an output has; 0 for sparse ones.
[[nodiscard]] std::uint32_t width_of(const Output& output);

// Exactly the same pipeline comes back from its JSON.
[[nodiscard]] std::string to_json(const Pipeline& pipeline);
[[nodiscard]] Result<Pipeline> pipeline_from_json(const std::string& json);

// Whether the pipeline was fitted to columns that are stored as the table's are. Names do not
// count.
[[nodiscard]] bool fits(const Pipeline& pipeline, const Table& table);

// A table without rows that has the pipeline's columns: what read_table() needs to read alike.
[[nodiscard]] Table table_like(const Pipeline& pipeline);

}  // namespace ballast

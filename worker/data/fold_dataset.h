#pragma once

// The data of one fold, in memory: some of a packed table's examples to train on, others to
// validate, and the test split as it is.
//
// Whoever sets a job up fits the transforms of a fold, on its training examples alone, and hands
// them on as JSON (fold_files.h); every worker encodes with them. Both take the same way through
// the JSON, so all have the same bits; and for the same examples they are those that prepare()
// would have written to disk.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/job/spec.h"
#include "worker/data/dataset.h"
#include "worker/data/packed_table.h"

namespace ballast {

// Numbers of examples (packed_table.h), ascending; no example is in both.
struct FoldExamples {
  std::vector<std::uint32_t> train;
  std::vector<std::uint32_t> validation;  // May be empty.

  friend bool operator==(const FoldExamples&, const FoldExamples&) = default;
};

// Whether a table of that many examples can have such a fold.
[[nodiscard]] Status check_fold(const FoldExamples& fold, std::uint64_t examples);

// Fits spec.features on the fold's training examples; returns the transforms as JSON. `spec` is
// that of the packed table but for what packing does not look at.
[[nodiscard]] Result<std::string> fit_fold(const PackedTable& packed, const Spec& spec,
                                           const FoldExamples& fold, std::uint32_t threads);

// What a model may ask of the data, from the transforms alone.
[[nodiscard]] Result<DataSchema> schema_of_transforms(const std::string& transforms_json);

struct EncodedFold {
  std::shared_ptr<const Dataset> dataset;
  std::size_t bytes = 0;  // Of its arrays.
};

// Encodes a fold with transforms that fit_fold() gave. `digest` becomes that of the data set.
[[nodiscard]] Result<EncodedFold> encode_fold(const PackedTable& packed, const FoldExamples& fold,
                                              const std::string& transforms_json,
                                              const std::string& digest, std::uint32_t threads);

}  // namespace ballast

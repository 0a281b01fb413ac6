#pragma once

// Fits the transforms of a spec, in the order written, on the training rows alone: neither the
// validation nor the test split, nor dropped duplicates, are looked at.
//
// Each transform makes one pass over the blocks, seeing columns as the transforms before it leave
// them. Means and variances are computed per block and merged in block order (Chan, Golub, LeVeque
// 1979), in float64; quantiles are exact, with linear interpolation between neighbours. What comes
// out is a function of the rows and their blocks, not of the number of threads.
//
// Columns are named, or selected by "number", "category", "text" (columns of that type that no
// earlier transform has turned into features) or a pattern with * ("*", "cap_*"), which takes the
// remaining columns that the transform is made for. The label is never selected. drop_duplicates
// is applied before the split and is passed over here.

#include <cstdint>
#include <vector>

#include "common/base/result.h"
#include "common/job/spec.h"
#include "worker/data/pipeline.h"
#include "worker/data/rows.h"
#include "worker/data/table.h"

namespace ballast {

struct FitOptions {
  std::uint32_t threads = 1;
};

// The columns of a table before any transform.
[[nodiscard]] Pipeline unfitted(const Spec& spec, const Table& table,
                                const std::vector<std::string>& classes);

[[nodiscard]] Result<Pipeline> fit_pipeline(const Spec& spec, const Table& table,
                                            const Selection& train,
                                            const std::vector<std::string>& classes,
                                            const FitOptions& options);

// What drop_duplicates compares; nothing when the spec has no such transform. Without columns, or
// with "*", whole rows with their labels.
[[nodiscard]] Result<std::optional<DuplicateRule>> duplicate_rule(const Spec& spec,
                                                                  const Table& table);

}  // namespace ballast

#pragma once

// What a split of cross-validation asks of a table: the classes, groups, times or folds of the
// selected rows, which are its examples, in their order.

#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/job/spec.h"
#include "worker/data/folds.h"
#include "worker/data/rows.h"
#include "worker/data/table.h"

namespace ballast {

// `labels` are read_labels()'s, by block and row; `classes` their names, empty for regression.
//
// A column that is not there or not read, or a cell of it that is empty, is an error that names the
// field below `section` and the row. Only the fold of `given` may be empty, or a number below 0,
// for an example that is always in training.
[[nodiscard]] Result<SplitValues> read_split_values(const CrossValidationSpec& spec,
                                                    const Table& table, const Selection& selection,
                                                    const std::vector<std::vector<float>>& labels,
                                                    const std::vector<std::string>& classes,
                                                    std::string_view section = "cross_validation");

}  // namespace ballast

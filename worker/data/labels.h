#pragma once

// Labels: from what the source says to class indices or targets.
//
// Classes are what data.label.classes lists, in that order, or what the training files hold, in
// numeric order where all are numbers and in byte order otherwise; so -1 and +1 are classes 0 and
// 1, and of "<=50K" and ">50K" the second is the positive one. Where the listed classes are names
// and the source has whole numbers from 0, these are their positions.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/job/spec.h"
#include "worker/data/block_builder.h"
#include "worker/data/table.h"

namespace ballast {

// The classes of a training table. Empty for regression.
[[nodiscard]] Result<std::vector<std::string>> find_classes(const Spec& spec, const Table& table);

// The label of every row, by block; NaN where there is none. A label that is missing or of no class
// is an error, or skips its row: NaN, counted and sampled in the table. Where labels are optional,
// missing ones, and zeros of LibSVM that are no class, are NaN and nothing more.
[[nodiscard]] Result<std::vector<std::vector<float>>> read_labels(
    const Spec& spec, const std::vector<std::string>& classes, LabelRule rule, Table& table);

// The class that a text means, as a label would; nothing: none.
[[nodiscard]] std::optional<std::size_t> find_class(const std::vector<std::string>& classes,
                                                    std::string_view text);

}  // namespace ballast

#pragma once

// Which columns a transform's selectors mean.

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/job/spec.h"
#include "worker/data/pipeline.h"

namespace ballast {

// The columns, ascending, each once. `pipeline` is as far as earlier transforms made it. Selecting
// nothing, an unknown name, the label, a skipped column, or a type that the transform is not for is
// an error that names the spec's line.
[[nodiscard]] Result<std::vector<std::size_t>> select_columns(const TransformSpec& transform,
                                                              const Pipeline& pipeline);

// "features (line 12): one_hot: ..." before what is wrong with a transform.
[[nodiscard]] Error transform_error(const TransformSpec& transform, std::string_view what);

// Whether a name matches a pattern in which * stands for any run of characters.
[[nodiscard]] bool matches_pattern(std::string_view pattern, std::string_view name);

}  // namespace ballast

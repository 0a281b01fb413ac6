#pragma once

// The curves of a report: what the chosen configuration says of examples that the model of their
// fold had not seen, over all folds together.
//
// Pure.

#include <nlohmann/json.hpp>

#include "coordinator/evaluation.h"
#include "coordinator/search/results.h"

namespace ballast {

// "curves" of cv.json. REQUIRES: the configuration came to its end on every split.
[[nodiscard]] nlohmann::ordered_json curves_json(const JobResults& results,
                                                 std::uint32_t configuration);

// What all splits together say of the examples that the configuration's models had not seen.
// REQUIRES: as above.
[[nodiscard]] SplitOutputs out_of_fold(const JobResults& results, std::uint32_t configuration);

}  // namespace ballast

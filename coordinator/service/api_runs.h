#pragma once

// The runs of a cross-validation or search that is under way, as the API shows them: which
// configurations there are, and what the runs that have ended scored. Of one that is done cv.json
// has more (docs/job-files.md).

#include <string>

#include "common/base/result.h"
#include "coordinator/service/job.h"

namespace ballast {

// `output` is the job's output directory. A training has no runs but itself: an empty list.
// Error{invalid}: the spec cannot be read any more.
[[nodiscard]] Result<std::string> runs_json(const JobRequest& request, const std::string& output);

}  // namespace ballast

#pragma once

// A commit as JSON, for manifests. Numbers keep their bits: floats and doubles are written by the
// shortest text that reads back equal.

#include <string>

#include "common/base/result.h"
#include "common/job/commit.h"

namespace ballast {

[[nodiscard]] std::string commit_to_json(const Commit& commit);
[[nodiscard]] Result<Commit> commit_from_json(const std::string& text);

}  // namespace ballast

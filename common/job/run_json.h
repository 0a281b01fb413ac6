#pragma once

// RunConfig as JSON text, without loss: numbers come back with the same bits, and texts byte by
// byte, UTF-8 or not. It crosses the wire in Welcome and is kept in manifests, so reading trusts
// nothing.

#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/job/run.h"

namespace ballast {

// Raised when a field is added, removed or changes its meaning.
inline constexpr int kRunFormat = 3;

// REQUIRES: every number is finite, as parsing and validation leave them.
[[nodiscard]] std::string run_to_json(const RunConfig& run);

// unsupported when another version of us wrote it; corrupt when it is not what run_to_json writes.
[[nodiscard]] Result<RunConfig> run_from_json(std::string_view json);

}  // namespace ballast

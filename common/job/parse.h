#pragma once

// From the YAML of docs/spec.md to a Spec, or to sentences that say what is wrong with it: one a
// line, with file, line, column and field, all of ErrorCode::invalid.
//
// Pure but for load_spec, which reads the file.

#include <span>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/job/spec.h"

namespace ballast {

// `file_name` names the document in messages, gives the job its name when it has none, and its
// folder is where relative paths start. `overrides` are "path=value", as `--set` takes them.
//
// The source of the returned spec is the effective YAML: parsing it again, in the same folder and
// without overrides, gives the same spec but for the line numbers.
[[nodiscard]] Result<Spec> parse_spec(std::string_view yaml, const std::string& file_name,
                                      std::span<const std::string> overrides = {});

// The same from a file; the spec's directory is absolute. not_found or io when it cannot be read.
[[nodiscard]] Result<Spec> load_spec(const std::string& path,
                                     std::span<const std::string> overrides = {});

}  // namespace ballast

#pragma once

// What a prepared data set depends on, as one name: the content of the sources and the part of the
// spec that says how to read and transform them. Paths and line numbers do not count.

#include <string>
#include <vector>

#include "common/job/spec.h"
#include "worker/data/read.h"

namespace ballast {

// `splits`: train, validation, test; files as on disk.
[[nodiscard]] std::string cache_key(const Spec& spec, const std::vector<SplitFiles>& splits);

}  // namespace ballast

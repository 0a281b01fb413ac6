#pragma once

// What a prepared data set depends on, as one name: the content of the sources and the part of the
// spec that says how to read and transform them. Paths and line numbers do not count.

#include <string>
#include <vector>

#include "common/job/spec.h"
#include "worker/data/read.h"

namespace ballast {

// Raised whenever the same sources and spec would give other bytes than before.
inline constexpr int kPreparation = 3;

// `splits`: train, validation, test; files as on disk.
[[nodiscard]] std::string cache_key(const Spec& spec, const std::vector<SplitFiles>& splits);

// What a packed table depends on: neither the features, but for drop_duplicates, nor a validation
// fraction. `splits`: train, test; `keep` as PackOptions.
[[nodiscard]] std::string table_key(const Spec& spec, const std::vector<SplitFiles>& splits,
                                    const std::vector<std::string>& keep);

}  // namespace ballast

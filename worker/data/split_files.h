#pragma once

// The files of a spec's splits, from paths to unpacked content.

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/job/spec.h"
#include "worker/data/read.h"

namespace ballast {

// Reads the files of a source as they are on disk. `field` is the spec's: "data.train".
[[nodiscard]] Result<SplitFiles> load_split(const SourceSpec& source, const std::string& directory,
                                            const std::string& field);

// Replaces gzip and zstd contents by what they hold, several files at once.
[[nodiscard]] Status unpack_all(std::vector<SplitFiles>& splits, std::uint32_t threads);

}  // namespace ballast

#pragma once

// The files of a spec's splits, from paths to unpacked content.

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/job/spec.h"
#include "worker/data/read.h"

namespace ballast {

// Where files by address are kept, and who hears of their progress.
struct LoadOptions {
  std::string cache;                  // Empty: addresses are refused.
  const DataSpec* digests = nullptr;  // data.sha256; null: none are known.
  Meter* meter = nullptr;
};

// Reads the files of a source as they are on disk; those by address are fetched. `field` is the
// spec's: "data.train".
[[nodiscard]] Result<SplitFiles> load_split(const SourceSpec& source, const std::string& directory,
                                            const std::string& field, const LoadOptions& options);

// Replaces gzip and zstd contents by what they hold, several files at once.
[[nodiscard]] Status unpack_all(std::vector<SplitFiles>& splits, std::uint32_t threads);

}  // namespace ballast

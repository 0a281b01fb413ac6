#pragma once

// Source files: which ones a spec names, and their content, unpacked. Gzip and zstd are known by
// their first bytes, never by the name.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/result.h"

namespace ballast {

struct SourceFile {
  std::string path;  // As opened; messages begin with it.
  Bytes content;
};

// The files that paths and globs name, in the order given; the matches of one glob sorted by name.
// Relative ones start at `directory`. `field` is the spec's, for messages: "data.train".
[[nodiscard]] Result<std::vector<std::string>> resolve_paths(
    const std::vector<std::string>& patterns, const std::string& directory, std::string_view field);

// The bytes of a file as they are on disk.
[[nodiscard]] Result<Bytes> read_source(const std::string& path);

// The content itself when it is neither gzip nor zstd. Truncated or damaged data is an error that
// names `path`.
[[nodiscard]] Result<Bytes> unpack(const std::string& path, Bytes content);

// A hash of the bytes wide enough to stand for them.
[[nodiscard]] std::string fingerprint(std::span<const std::byte> bytes);

}  // namespace ballast

#pragma once

// A fold on disk, for runs to name: a small directory with the numbers of its examples and its
// fitted transforms, and the digest of the packed table that they are of. Its name is part of its
// digest, so folds that are alike are one, and any number of jobs may write them side by side.
//
// Files: train.u32 and validation.u32, little-endian; transforms.json; manifest.json with sizes and
// checksums, and manifest.sha256. Written and published as prepare() does.

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "worker/data/fold_dataset.h"
#include "worker/data/manifest.h"

namespace ballast {

struct FoldManifest {
  std::string packed;          // The digest of the packed table.
  std::uint64_t encoding = 0;  // kPreparation of whoever wrote it: others may encode otherwise.
  std::uint64_t train = 0;     // Examples.
  std::uint64_t validation = 0;
  std::vector<ManifestFile> files;
};

[[nodiscard]] std::string to_json(const FoldManifest& manifest);
[[nodiscard]] Result<FoldManifest> fold_manifest_from_json(const std::string& json,
                                                           const std::string& path);

struct FoldRecord {
  std::string packed_digest;
  FoldExamples examples;
  std::string transforms_json;

  friend bool operator==(const FoldRecord&, const FoldRecord&) = default;
};

// What identifies the encoded data: equal packed data, examples and transforms, equal digests.
[[nodiscard]] std::string digest_of(const FoldRecord& fold);

struct WrittenFold {
  std::string directory;
  std::string digest;
};

// Writes the fold into a directory of its own in `parent`, which is created when missing; one that
// stands there already is kept.
[[nodiscard]] Result<WrittenFold> write_fold(const std::string& parent, const FoldRecord& fold);

struct OpenedFold {
  FoldRecord fold;
  std::string digest;
};

[[nodiscard]] Result<OpenedFold> read_fold(const std::string& directory);

}  // namespace ballast

#pragma once

// A prepared data set on disk: one file per array, a manifest that lists them with the checksum of
// every 4 MiB, and the manifest's own digest. The manifest holds nothing of this machine, so equal
// data has an equal digest everywhere.

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "worker/data/packed.h"

namespace ballast {

inline constexpr const char* kManifestFile = "manifest.json";
inline constexpr const char* kDigestFile = "manifest.sha256";
inline constexpr const char* kTransformsFile = "transforms.json";
inline constexpr const char* kReportFile = "report.json";
inline constexpr std::size_t kChecksumBytes = std::size_t{4} << 20;

struct ManifestFile {
  std::string name;
  std::uint64_t bytes = 0;
  std::vector<std::string> checksums;  // XXH3-64 of every kChecksumBytes, as 16 hexadecimal digits.
};

struct ManifestSplit {
  std::uint64_t examples = 0;
  std::uint64_t width = 0;
  std::vector<bool> group_has_values;  // By group.
  bool weighted = false;               // Whether examples have weights.
};

struct DatasetManifest {
  DataSchema schema;
  std::array<ManifestSplit, kSplits> splits;
  std::vector<ManifestFile> files;
};

[[nodiscard]] std::vector<std::string> checksums_of(std::span<const std::byte> bytes,
                                                    std::uint32_t threads);
[[nodiscard]] std::string to_json(const DatasetManifest& manifest);
[[nodiscard]] Result<DatasetManifest> manifest_from_json(const std::string& json,
                                                         const std::string& path);
[[nodiscard]] std::string digest_of(const std::string& manifest_json);

inline constexpr std::array<const char*, kSplits> kSplitNames = {"train", "validation", "test"};

}  // namespace ballast

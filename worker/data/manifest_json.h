#pragma once

// What the manifests of prepared data sets, packed tables and folds have in common, as JSON.
// Reading throws a Json::exception where it is not what writing wrote.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "common/base/result.h"
#include "common/job/json_text.h"
#include "worker/data/manifest.h"

namespace ballast {

template <class Json>
[[nodiscard]] Json files_to_json(const std::vector<ManifestFile>& files) {
  Json json = Json::array();
  for (const ManifestFile& file : files) {
    json.push_back({{"name", file.name}, {"bytes", file.bytes}, {"checksums", file.checksums}});
  }
  return json;
}

template <class Json>
[[nodiscard]] std::vector<ManifestFile> files_from_json(const Json& json) {
  std::vector<ManifestFile> files;
  for (const Json& file : json) {
    files.push_back({.name = file.at("name").template get<std::string>(),
                     .bytes = whole_number<std::uint64_t>(file.at("bytes")),
                     .checksums = file.at("checksums").template get<std::vector<std::string>>()});
  }
  return files;
}

[[nodiscard]] inline Error other_version(const std::string& path, std::uint64_t expected,
                                         std::uint64_t seen) {
  return {ErrorCode::unsupported,
          fmt::format("{}: expected version {}, saw {}; delete the directory and run again", path,
                      expected, seen)};
}

[[nodiscard]] inline Error no_manifest(const std::string& path, std::string_view of,
                                       std::string_view what) {
  return {ErrorCode::corrupt,
          fmt::format("{}: expected a manifest of {}, saw something else ({}); delete the "
                      "directory and run again",
                      path, of, what)};
}

}  // namespace ballast

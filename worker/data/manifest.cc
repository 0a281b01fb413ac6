#include "worker/data/manifest.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "common/base/hash.h"
#include "common/base/sha256.h"
#include "common/job/json_text.h"
#include "worker/data/manifest_json.h"
#include "worker/data/parallel.h"

namespace ballast {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::uint32_t kManifestVersion = 1;

Json split_to_json(const ManifestSplit& split) {
  Json json{{"examples", split.examples},
            {"width", split.width},
            {"group_has_values", split.group_has_values}};
  if (split.weighted) json["weighted"] = true;
  return json;
}

ManifestSplit split_from_json(const Json& json) {
  return {.examples = whole_number<std::uint64_t>(json.at("examples")),
          .width = whole_number<std::uint64_t>(json.at("width")),
          .group_has_values = json.at("group_has_values").get<std::vector<bool>>(),
          .weighted = json.contains("weighted") && json.at("weighted").get<bool>()};
}

}  // namespace

std::vector<std::string> checksums_of(std::span<const std::byte> bytes, std::uint32_t threads) {
  std::vector<std::string> checksums((bytes.size() + kChecksumBytes - 1) / kChecksumBytes);
  parallel_for(checksums.size(), threads, [&](std::size_t i) {
    const std::size_t begin = i * kChecksumBytes;
    const std::size_t count = std::min(kChecksumBytes, bytes.size() - begin);
    checksums[i] = fmt::format("{:016x}", hash_bytes(bytes.subspan(begin, count)));
  });
  return checksums;
}

std::string to_json(const DatasetManifest& manifest) {
  Json json{{"version", kManifestVersion},
            {"schema",
             {{"dense", manifest.schema.dense},
              {"sparse_groups", manifest.schema.sparse_groups},
              {"classes", manifest.schema.classes}}}};
  for (std::size_t s = 0; s < kSplits; ++s) {
    json["splits"][kSplitNames[s]] = split_to_json(manifest.splits[s]);
  }
  json["files"] = files_to_json<Json>(manifest.files);
  return json_text(json, 1);
}

Result<DatasetManifest> manifest_from_json(const std::string& text, const std::string& path) try {
  const Json json = parse_json<Json>(text);
  if (const auto version = whole_number<std::uint32_t>(json.at("version"));
      version != kManifestVersion) {
    return other_version(path, kManifestVersion, version);
  }
  DatasetManifest manifest;
  json.at("schema").at("dense").get_to(manifest.schema.dense);
  json.at("schema").at("sparse_groups").get_to(manifest.schema.sparse_groups);
  json.at("schema").at("classes").get_to(manifest.schema.classes);
  for (std::size_t s = 0; s < kSplits; ++s) {
    manifest.splits[s] = split_from_json(json.at("splits").at(kSplitNames[s]));
  }
  manifest.files = files_from_json(json.at("files"));
  return manifest;
} catch (const nlohmann::json::exception& exception) {
  return no_manifest(path, "prepared data", exception.what());
}

std::string digest_of(const std::string& manifest_json) {
  Sha256 sha;
  sha.update(std::as_bytes(std::span(manifest_json.data(), manifest_json.size())));
  return sha.finish();
}

}  // namespace ballast

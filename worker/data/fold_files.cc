#include "worker/data/fold_files.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <span>
#include <string_view>
#include <utility>

#include "common/job/json_text.h"
#include "worker/data/cache_key.h"
#include "worker/data/file_store.h"
#include "worker/data/manifest_json.h"
#include "worker/data/mapped_files.h"

namespace ballast {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::uint32_t kFoldVersion = 1;
constexpr std::string_view kFoldKind = "fold";
constexpr const char* kTrainFile = "train.u32";
constexpr const char* kValidationFile = "validation.u32";

struct NamedBytes {
  const char* name;
  std::span<const std::byte> bytes;
};

std::vector<NamedBytes> files_of(const FoldRecord& fold) {
  return {{kTrainFile, std::as_bytes(std::span(fold.examples.train))},
          {kValidationFile, std::as_bytes(std::span(fold.examples.validation))},
          {kTransformsFile, std::as_bytes(std::span(fold.transforms_json))}};
}

FoldManifest manifest_of(const FoldRecord& fold) {
  FoldManifest manifest{.packed = fold.packed_digest,
                        .encoding = kPreparation,
                        .train = fold.examples.train.size(),
                        .validation = fold.examples.validation.size(),
                        .files = {}};
  for (const NamedBytes& file : files_of(fold)) {
    manifest.files.push_back(
        {.name = file.name, .bytes = file.bytes.size(), .checksums = checksums_of(file.bytes, 1)});
  }
  return manifest;
}

bool is_whole(const std::string& directory) { return read_fold(directory).has_value(); }

Status write_files(const FoldRecord& fold, const std::string& path) {
  FileStore store(path);
  for (const NamedBytes& file : files_of(fold)) {
    auto out = store.allocate(file.name, file.bytes.size());
    if (!out) return out.error();
    std::copy(file.bytes.begin(), file.bytes.end(), out->begin());
  }
  const std::string json = to_json(manifest_of(fold));
  Status status = write_file(path + "/" + kDigestFile, digest_of(json));
  if (status) status = write_file(path + "/" + kManifestFile, json);
  return status;
}

Result<std::vector<std::uint32_t>> numbers_of(const MappedFiles& files, const char* name,
                                              std::uint64_t count) {
  auto numbers = array_of<std::uint32_t>(files, name, count);
  if (!numbers) return numbers.error();
  return std::vector<std::uint32_t>(numbers->begin(), numbers->end());
}

}  // namespace

std::string to_json(const FoldManifest& manifest) {
  return json_text(Json{{"version", kFoldVersion},
                        {"kind", kFoldKind},
                        {"packed", manifest.packed},
                        {"encoding", manifest.encoding},
                        {"train", manifest.train},
                        {"validation", manifest.validation},
                        {"files", files_to_json<Json>(manifest.files)}},
                   1);
}

Result<FoldManifest> fold_manifest_from_json(const std::string& text, const std::string& path) try {
  const Json json = parse_shallow_json<Json>(text);
  if (const auto version = whole_number<std::uint32_t>(json.at("version"));
      version != kFoldVersion) {
    return other_version(path, kFoldVersion, version);
  }
  if (json.at("kind").get<std::string>() != kFoldKind) {
    return no_manifest(path, "a fold", "another kind");
  }
  return FoldManifest{.packed = json.at("packed").get<std::string>(),
                      .encoding = whole_number<std::uint64_t>(json.at("encoding")),
                      .train = whole_number<std::uint64_t>(json.at("train")),
                      .validation = whole_number<std::uint64_t>(json.at("validation")),
                      .files = files_from_json(json.at("files"))};
} catch (const nlohmann::json::exception& exception) {
  return no_manifest(path, "a fold", exception.what());
}

std::string digest_of(const FoldRecord& fold) { return digest_of(to_json(manifest_of(fold))); }

Result<WrittenFold> write_fold(const std::string& parent, const FoldRecord& fold) {
  WrittenFold written;
  written.digest = digest_of(fold);
  written.directory = parent + "/fold-" + written.digest.substr(0, 32);
  std::error_code ignored;  // What cannot be looked at cannot be used.
  if (std::filesystem::exists(written.directory, ignored) && is_whole(written.directory)) {
    return written;
  }
  auto temporary = TemporaryDirectory::create(parent);
  if (!temporary) return temporary.error();
  if (Status status = write_files(fold, (*temporary)->path()); !status) return status.error();
  if (Status status = (*temporary)->publish(written.directory, is_whole); !status) {
    return status.error();
  }
  return written;
}

Result<OpenedFold> read_fold(const std::string& directory) {
  auto text = read_manifest(directory);
  if (!text) return text.error();
  const std::string path = directory + "/" + kManifestFile;
  auto manifest = fold_manifest_from_json(text->text, path);
  if (!manifest) return manifest.error();
  if (manifest->encoding != kPreparation) {
    return other_version(path, kPreparation, manifest->encoding);
  }
  auto files = map_files(directory, manifest->files);
  if (!files) return files.error();
  auto train = numbers_of(**files, kTrainFile, manifest->train);
  if (!train) return train.error();
  auto validation = numbers_of(**files, kValidationFile, manifest->validation);
  if (!validation) return validation.error();
  auto transforms = file_of(**files, kTransformsFile);
  if (!transforms) return transforms.error();
  return OpenedFold{
      .fold = {.packed_digest = std::move(manifest->packed),
               .examples = {.train = *std::move(train), .validation = *std::move(validation)},
               .transforms_json = std::string(reinterpret_cast<const char*>(transforms->data()),
                                              transforms->size())},
      .digest = std::move(text->digest)};
}

}  // namespace ballast

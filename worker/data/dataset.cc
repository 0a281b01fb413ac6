#include "worker/data/dataset.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

#include "worker/data/encode.h"
#include "worker/data/file_store.h"
#include "worker/data/manifest.h"
#include "worker/data/packed.h"
#include "worker/data/source.h"

namespace ballast {

namespace {

Error damaged(const std::string& path, std::string_view what) {
  return {ErrorCode::corrupt,
          fmt::format("{}: {}; delete the directory and prepare the data again", path, what)};
}

// The mapped files of a directory, checked against its manifest.
struct MappedFiles {
  std::vector<Mapping> mappings;
  std::map<std::string, std::span<const std::byte>, std::less<>> by_name;
};

Result<std::shared_ptr<MappedFiles>> map_files(const std::string& directory,
                                               const DatasetManifest& manifest) {
  auto files = std::make_shared<MappedFiles>();
  for (const ManifestFile& file : manifest.files) {
    const std::string path = directory + "/" + file.name;
    auto mapping = Mapping::open(path);
    if (!mapping) return mapping.error();
    const auto bytes = mapping->bytes();
    if (bytes.size() != file.bytes) {
      return damaged(path, fmt::format("expected {} bytes as the manifest says, saw {}", file.bytes,
                                       bytes.size()));
    }
    const std::vector<std::string> checksums = checksums_of(bytes, 1);
    for (std::size_t i = 0; i < checksums.size() || i < file.checksums.size(); ++i) {
      if (i < checksums.size() && i < file.checksums.size() && checksums[i] == file.checksums[i]) {
        continue;
      }
      return damaged(path,
                     fmt::format("the bytes from {} do not fit their checksum in the manifest",
                                 i * kChecksumBytes));
    }
    files->by_name[file.name] = bytes;
    files->mappings.push_back(*std::move(mapping));
  }
  return files;
}

// The array of that name and exactly that many elements.
template <class T>
Result<std::span<const T>> array_of(const std::string& directory, const MappedFiles& files,
                                    const std::string& name, std::uint64_t count) {
  const auto found = files.by_name.find(name);
  const std::string path = directory + "/" + name;
  if (found == files.by_name.end()) return damaged(path, "the manifest does not list this file");
  if (found->second.size() / sizeof(T) != count || found->second.size() % sizeof(T) != 0) {
    return damaged(path, fmt::format("expected {} elements of {} bytes, saw {} bytes", count,
                                     sizeof(T), found->second.size()));
  }
  return std::span<const T>(reinterpret_cast<const T*>(found->second.data()), count);
}

// A split's place in a mapped directory.
struct SplitPlace {
  const std::string& directory;
  const MappedFiles& files;
  const ManifestSplit& listed;
  const char* name;
};

Result<PackedGroup> open_group(const SplitPlace& split, std::size_t group) {
  PackedGroup packed;
  const std::string name = offsets_array(split.name, group);
  auto offsets =
      array_of<std::uint64_t>(split.directory, split.files, name, split.listed.examples + 1);
  if (!offsets) return offsets.error();
  packed.offsets = *offsets;
  if (packed.offsets.front() != 0 ||
      !std::is_sorted(packed.offsets.begin(), packed.offsets.end())) {
    return damaged(split.directory + "/" + name,
                   "expected offsets that rise from zero, saw others");
  }
  const std::uint64_t count = packed.offsets.back();
  auto keys = array_of<Key>(split.directory, split.files, keys_array(split.name, group), count);
  if (!keys) return keys.error();
  packed.keys = *keys;
  if (split.listed.group_has_values[group]) {
    auto values =
        array_of<float>(split.directory, split.files, values_array(split.name, group), count);
    if (!values) return values.error();
    packed.values = *values;
  }
  return packed;
}

Result<PackedSplit> open_split(const std::string& directory, const MappedFiles& files,
                               const DatasetManifest& manifest, std::size_t s) {
  const ManifestSplit& listed = manifest.splits[s];
  PackedSplit split;
  split.examples = listed.examples;
  split.width = listed.width;
  if (split.examples == 0) return split;
  if (split.width != manifest.schema.dense.size() ||
      listed.group_has_values.size() != manifest.schema.sparse_groups.size()) {
    return damaged(directory, "the manifest's schema and its splits do not fit");
  }
  auto labels = array_of<float>(directory, files, labels_array(kSplitNames[s]), split.examples);
  if (!labels) return labels.error();
  split.labels = *labels;
  auto dense =
      array_of<float>(directory, files, dense_array(kSplitNames[s]), split.examples * split.width);
  if (!dense) return dense.error();
  split.dense = *dense;
  for (std::size_t g = 0; g < listed.group_has_values.size(); ++g) {
    auto group = open_group({directory, files, listed, kSplitNames[s]}, g);
    if (!group) return group.error();
    split.groups.push_back(*group);
  }
  return split;
}

}  // namespace

Result<std::unique_ptr<Dataset>> open_dataset(const std::string& directory) {
  const std::string path = directory + "/" + kManifestFile;
  auto json = read_source(path);
  if (!json) return json.error();
  const std::string text(json->text());
  std::string digest = digest_of(text);
  auto expected = read_source(directory + "/" + kDigestFile);
  if (!expected) return expected.error();
  if (expected->text() != digest) {
    return damaged(path, fmt::format("expected the digest {}, saw {}",
                                     expected->text().substr(0, 64), digest));
  }
  auto manifest = manifest_from_json(text, path);
  if (!manifest) return manifest.error();
  auto files = map_files(directory, *manifest);
  if (!files) return files.error();
  std::array<PackedSplit, kSplits> splits;
  for (std::size_t s = 0; s < kSplits; ++s) {
    auto split = open_split(directory, **files, *manifest, s);
    if (!split) return split.error();
    splits[s] = *std::move(split);
  }
  return std::unique_ptr<Dataset>(std::make_unique<PackedDataset>(
      std::move(manifest->schema), std::move(digest), std::move(splits), *std::move(files)));
}

}  // namespace ballast

#include "worker/data/dataset.h"

#include <algorithm>
#include <utility>

#include "worker/data/encode.h"
#include "worker/data/mapped_files.h"
#include "worker/data/packed.h"

namespace ballast {

namespace {

// A split's place in a mapped directory.
struct SplitPlace {
  const MappedFiles& files;
  const ManifestSplit& listed;
  const char* name;
};

Result<PackedGroup> open_group(const SplitPlace& split, std::size_t group) {
  PackedGroup packed;
  const std::string name = offsets_array(split.name, group);
  auto offsets = array_of<std::uint64_t>(split.files, name, split.listed.examples + 1);
  if (!offsets) return offsets.error();
  packed.offsets = *offsets;
  if (packed.offsets.front() != 0 ||
      !std::is_sorted(packed.offsets.begin(), packed.offsets.end())) {
    return damaged(split.files.directory + "/" + name,
                   "expected offsets that rise from zero, saw others");
  }
  const std::uint64_t count = packed.offsets.back();
  auto keys = array_of<Key>(split.files, keys_array(split.name, group), count);
  if (!keys) return keys.error();
  packed.keys = *keys;
  if (split.listed.group_has_values[group]) {
    auto values = array_of<float>(split.files, values_array(split.name, group), count);
    if (!values) return values.error();
    packed.values = *values;
  }
  return packed;
}

Result<PackedSplit> open_split(const MappedFiles& files, const DatasetManifest& manifest,
                               std::size_t s) {
  const ManifestSplit& listed = manifest.splits[s];
  PackedSplit split;
  split.examples = listed.examples;
  split.width = listed.width;
  if (split.examples == 0) return split;
  if (split.width != manifest.schema.dense.size() ||
      listed.group_has_values.size() != manifest.schema.sparse_groups.size()) {
    return damaged(files.directory, "the manifest's schema and its splits do not fit");
  }
  auto labels = array_of<float>(files, labels_array(kSplitNames[s]), split.examples);
  if (!labels) return labels.error();
  split.labels = *labels;
  if (listed.weighted) {
    const std::string name = weights_array(kSplitNames[s]);
    auto weights = array_of<double>(files, name, split.examples);
    if (!weights) return weights.error();
    split.weights = *weights;
    if (!are_weights(split.weights)) {
      return damaged(files.directory + "/" + name, "expected weights of 0 or more, saw others");
    }
  }
  auto dense = array_of<float>(files, dense_array(kSplitNames[s]), split.examples * split.width);
  if (!dense) return dense.error();
  split.dense = *dense;
  for (std::size_t g = 0; g < listed.group_has_values.size(); ++g) {
    auto group = open_group({files, listed, kSplitNames[s]}, g);
    if (!group) return group.error();
    split.groups.push_back(*group);
  }
  return split;
}

}  // namespace

Result<std::unique_ptr<Dataset>> open_dataset(const std::string& directory) {
  auto text = read_manifest(directory);
  if (!text) return text.error();
  auto manifest = manifest_from_json(text->text, directory + "/" + kManifestFile);
  if (!manifest) return manifest.error();
  auto files = map_files(directory, manifest->files);
  if (!files) return files.error();
  std::array<PackedSplit, kSplits> splits;
  for (std::size_t s = 0; s < kSplits; ++s) {
    auto split = open_split(**files, *manifest, s);
    if (!split) return split.error();
    splits[s] = *std::move(split);
  }
  return std::unique_ptr<Dataset>(std::make_unique<PackedDataset>(
      std::move(manifest->schema), std::move(text->digest), std::move(splits), *std::move(files)));
}

}  // namespace ballast

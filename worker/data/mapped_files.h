#pragma once

// A directory that a manifest describes, opened: files mapped, and all of it checked before anybody
// reads it. Prepared data sets, packed tables and folds are such directories.
//
// Immutable once opened; any number of threads may read.

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "worker/data/file_store.h"
#include "worker/data/manifest.h"

namespace ballast {

struct MappedFiles {
  std::string directory;
  std::vector<Mapping> mappings;
  std::map<std::string, std::span<const std::byte>, std::less<>> by_name;
};

// "PATH: WHAT; delete the directory and prepare the data again"
[[nodiscard]] Error damaged(const std::string& path, std::string_view what);

struct ManifestText {
  std::string text;
  std::string digest;
};

// The manifest of a directory, which fits the digest beside it.
[[nodiscard]] Result<ManifestText> read_manifest(const std::string& directory);

// Maps the files and compares sizes and checksums.
[[nodiscard]] Result<std::shared_ptr<const MappedFiles>> map_files(
    const std::string& directory, const std::vector<ManifestFile>& files);

// The bytes of a file that the manifest must list.
[[nodiscard]] Result<std::span<const std::byte>> file_of(const MappedFiles& files,
                                                         const std::string& name);

// A file as exactly that many elements.
template <class T>
[[nodiscard]] Result<std::span<const T>> array_of(const MappedFiles& files, const std::string& name,
                                                  std::uint64_t count);

// ---- implementation -----------------------------------------------------------------------------

[[nodiscard]] Error wrong_size(const MappedFiles& files, const std::string& name,
                               std::uint64_t count, std::size_t element_bytes, std::size_t bytes);

template <class T>
Result<std::span<const T>> array_of(const MappedFiles& files, const std::string& name,
                                    std::uint64_t count) {
  auto bytes = file_of(files, name);
  if (!bytes) return bytes.error();
  if (bytes->size() / sizeof(T) != count || bytes->size() % sizeof(T) != 0) {
    return wrong_size(files, name, count, sizeof(T), bytes->size());
  }
  return std::span<const T>(reinterpret_cast<const T*>(bytes->data()), count);
}

}  // namespace ballast

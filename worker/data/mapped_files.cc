#include "worker/data/mapped_files.h"

#include <fmt/format.h>

#include <utility>

#include "worker/data/source.h"

namespace ballast {

Error damaged(const std::string& path, std::string_view what) {
  return {ErrorCode::corrupt,
          fmt::format("{}: {}; delete the directory and prepare the data again", path, what)};
}

Result<ManifestText> read_manifest(const std::string& directory) {
  const std::string path = directory + "/" + kManifestFile;
  auto json = read_source(path);
  if (!json) return json.error();
  ManifestText manifest;
  manifest.text = json->text();
  manifest.digest = digest_of(manifest.text);
  auto expected = read_source(directory + "/" + kDigestFile);
  if (!expected) return expected.error();
  if (expected->text() != manifest.digest) {
    return damaged(path, fmt::format("expected the digest {}, saw {}",
                                     expected->text().substr(0, 64), manifest.digest));
  }
  return manifest;
}

Result<std::shared_ptr<const MappedFiles>> map_files(const std::string& directory,
                                                     const std::vector<ManifestFile>& listed) {
  auto files = std::make_shared<MappedFiles>();
  files->directory = directory;
  for (const ManifestFile& file : listed) {
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
  return std::shared_ptr<const MappedFiles>(std::move(files));
}

Result<std::span<const std::byte>> file_of(const MappedFiles& files, const std::string& name) {
  const auto found = files.by_name.find(name);
  if (found == files.by_name.end()) {
    return damaged(files.directory + "/" + name, "the manifest does not list this file");
  }
  return found->second;
}

Error wrong_size(const MappedFiles& files, const std::string& name, std::uint64_t count,
                 std::size_t element_bytes, std::size_t bytes) {
  return damaged(
      files.directory + "/" + name,
      fmt::format("expected {} elements of {} bytes, saw {} bytes", count, element_bytes, bytes));
}

}  // namespace ballast

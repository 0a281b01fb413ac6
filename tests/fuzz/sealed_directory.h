#pragma once

// Directories that a manifest describes, from inputs: the manifest, a byte 0, then the files, one
// behind the other: u8 length of a name, a name, u16 bytes, and the bytes. Checksums are computed
// here, since no mutation would get past one: where the manifest has "@NAME", the checksum of that
// file is put.

#include <map>
#include <string>
#include <string_view>

#include "common/base/check.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/scratch.h"
#include "worker/data/dataset.h"
#include "worker/data/manifest.h"

namespace ballast::fuzz {

inline void replace_all(std::string& text, const std::string& from, const std::string& to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at)) {
    text.replace(at, from.size(), to);
    at += to.size();
  }
}

// Returns the files by name, without the manifest.
inline std::map<std::string, std::string_view> put_sealed(Input input, const Scratch& directory) {
  std::map<std::string, std::string_view> files;
  std::string manifest(input.until('\0'));
  for (int file = 0; file < 32; ++file) {
    const std::string name(input.take(input.byte()));
    // Only plain names: the rest of the file system is not ours to write to.
    if (name.empty() || name.find_first_of(std::string_view("/\0", 2)) != std::string::npos ||
        name.starts_with('.') || name.starts_with("manifest")) {
      break;
    }
    const std::string_view content = input.take(input.word());
    directory.put(name, content);
    files[name] = content;
    const auto checksums = checksums_of(std::as_bytes(std::span(content)), 1);
    replace_all(manifest, "@" + name, checksums.empty() ? "" : checksums.front());
  }
  directory.put(kManifestFile, manifest);
  directory.put(kDigestFile, digest_of(manifest));
  return files;
}

// Reads everything; the sum keeps the compiler from leaving it out.
inline double sum_of(const Dataset& dataset) {
  double sum = 0.0;
  for (const Split split : {Split::train, Split::validation, Split::test}) {
    for (std::uint64_t example = 0; example < dataset.examples(split); ++example) {
      sum += static_cast<double>(dataset.label(split, example));
      const auto dense = dataset.dense(split, example);
      BALLAST_CHECK(dense.size() == dataset.schema().dense.size());
      for (const float number : dense) sum += static_cast<double>(number);
      for (std::uint32_t group = 0; group < dataset.schema().sparse_groups.size(); ++group) {
        const Bag bag = dataset.bag(split, example, group);
        BALLAST_CHECK(bag.values.empty() || bag.values.size() == bag.keys.size());
        for (const Key key : bag.keys) sum += static_cast<double>(key);
        for (const float number : bag.values) sum += static_cast<double>(number);
      }
    }
  }
  return sum;
}

}  // namespace ballast::fuzz

#pragma once

// Files of a prepared data set on their way to disk. They are written into a directory of their
// own beside the final one and renamed into place when complete, so nobody ever opens half a data
// set, and two processes preparing the same data do not meet.

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "worker/data/manifest.h"
#include "worker/data/packed.h"

namespace ballast {

// A memory-mapped file; unmapped with the object.
class Mapping {
 public:
  Mapping() = default;
  Mapping(std::byte* data, std::size_t size) : data_(data), size_(size) {}
  ~Mapping();
  Mapping(Mapping&& other) noexcept;
  Mapping& operator=(Mapping&&) = delete;

  // Creates a file of zeros, its blocks reserved so that a full disk is an error here and no signal
  // later, and maps it for writing.
  [[nodiscard]] static Result<Mapping> create(const std::string& path, std::size_t bytes);
  [[nodiscard]] static Result<Mapping> open(const std::string& path);

  [[nodiscard]] std::span<std::byte> bytes() const { return {data_, size_}; }

 private:
  std::byte* data_ = nullptr;  // Null for an empty file.
  std::size_t size_ = 0;
};

// A temporary directory that a lock marks as in use; it goes with the object unless published.
// What processes that died left behind is removed by the next one that makes a directory.
class TemporaryDirectory {
 public:
  // `parent` is created when missing.
  [[nodiscard]] static Result<std::unique_ptr<TemporaryDirectory>> create(
      const std::string& parent);
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }

  // Renames the directory to `final_path`. One that stands there already stays if `is_good` says
  // so, since it holds the same, and is replaced if not.
  [[nodiscard]] Status publish(const std::string& final_path,
                               const std::function<bool(const std::string&)>& is_good);

 private:
  TemporaryDirectory(std::string path, int descriptor)
      : path_(std::move(path)), descriptor_(descriptor) {}

  std::string path_;
  int descriptor_ = -1;  // Holds the lock.
};

class FileStore final : public ArrayStore {
 public:
  explicit FileStore(std::string directory) : directory_(std::move(directory)) {}

  [[nodiscard]] Result<std::span<std::byte>> allocate(const std::string& name,
                                                      std::size_t bytes) override;
  // Names, sizes and checksums of all arrays, in the order of allocation.
  [[nodiscard]] std::vector<ManifestFile> files(std::uint32_t threads) const;

 private:
  const std::string directory_;
  std::vector<std::string> names_;
  std::vector<Mapping> mappings_;
};

// Writes a small file whole. Durable when it returns.
[[nodiscard]] Status write_file(const std::string& path, std::string_view content);

}  // namespace ballast

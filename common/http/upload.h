#pragma once

// A request's body on its way into a file, with its SHA-256. The file lies under a temporary name
// and goes with this object, unless somebody keeps it.
//
// One thread at a time.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/base/sha256.h"
#include "common/storage/files.h"

namespace ballast::http {

class Upload {
 public:
  // Makes an empty file in `directory`, readable for its owner alone.
  [[nodiscard]] static Result<std::unique_ptr<Upload>> begin(const std::string& directory);
  ~Upload();
  Upload(const Upload&) = delete;
  Upload& operator=(const Upload&) = delete;

  [[nodiscard]] Status append(std::string_view bytes);
  // REQUIRES: once, after the last byte.
  void finish();

  // Makes the file durable and gives it its name, in a directory of the same file system. It may
  // wait long for the disk: on another thread than the server's. REQUIRES: finished; not kept
  // before.
  [[nodiscard]] Status keep_as(const std::string& path);

  [[nodiscard]] const std::string& path() const { return file_->path(); }
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
  // 64 hexadecimal digits. REQUIRES: finished.
  [[nodiscard]] const std::string& sha256() const { return sha256_; }

  // Removes what a process that died left in `directory`.
  [[nodiscard]] static Status remove_leftovers(const std::string& directory);

 private:
  explicit Upload(std::unique_ptr<OpenFile> file) : file_(std::move(file)) {}

  const std::unique_ptr<OpenFile> file_;
  Sha256 digest_;
  std::string sha256_;
  std::uint64_t bytes_ = 0;
  bool kept_ = false;
};

}  // namespace ballast::http

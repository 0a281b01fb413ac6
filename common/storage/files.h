#pragma once

// Files, as a program must treat them that may die between any two instructions: a file appears
// under its name whole and synced, or not at all. Every failure names the path and says what the
// operating system said.
//
// Stateless functions may be called from any thread; each object belongs to one thread.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace ballast {

[[nodiscard]] Result<std::string> read_file(const std::string& path);

// Replaces `path` by a temporary file beside it that was written, synced and renamed; syncs the
// directory. After a crash the old or the new bytes are there, never a mixture.
[[nodiscard]] Status write_file_atomically(const std::string& path, std::string_view bytes);

// Creates a synced file that was not there; Error{conflict} when it was. Of any number of
// processes that try, one succeeds (O_EXCL, which NFS keeps since version 3).
[[nodiscard]] Status create_file_exclusively(const std::string& path, std::string_view bytes);

// With those above it; those that it makes are there after a crash too.
[[nodiscard]] Status make_directories(const std::string& path);
// Whether files could be written into `path`, once make_directories has made what lacks of it.
// Writes nothing, so it promises nothing: for telling a mistake early.
[[nodiscard]] Status check_writable_directory(const std::string& path);
[[nodiscard]] Status fsync_file(const std::string& path);
[[nodiscard]] Status fsync_directory(const std::string& path);

[[nodiscard]] Status rename(const std::string& from, const std::string& to);
// Renames and syncs the directory of the new name. The file itself must have been synced before.
[[nodiscard]] Status rename_durably(const std::string& from, const std::string& to);

// A file that is not there is fine: it was to be gone.
[[nodiscard]] Status remove_file(const std::string& path);
// Removes a directory and all in it; one that is not there is fine.
[[nodiscard]] Status remove_directory(const std::string& path);

[[nodiscard]] bool path_exists(const std::string& path);
[[nodiscard]] Result<std::uint64_t> file_bytes(const std::string& path);
// Names of the regular files in a directory, sorted.
[[nodiscard]] Result<std::vector<std::string>> list_files(const std::string& directory);

// "a/b" and "c" make "a/b/c"; the directory of "a/b" is "a", of "b" it is ".".
[[nodiscard]] std::string join_path(std::string_view directory, std::string_view name);
[[nodiscard]] std::string directory_of(const std::string& path);

// An open file for writing. Closed by its destructor; only sync() makes bytes durable.
class OpenFile {
 public:
  // Creates an empty file beside `path` under a name that starts with ".tmp-" and that no other
  // process uses.
  [[nodiscard]] static Result<std::unique_ptr<OpenFile>> create_temporary(const std::string& path);
  // Creates `path`; Error{conflict} when it is there.
  [[nodiscard]] static Result<std::unique_ptr<OpenFile>> create_new(const std::string& path);
  // Opens an existing file for changes in place, or for appending to it.
  [[nodiscard]] static Result<std::unique_ptr<OpenFile>> open_existing(const std::string& path);
  ~OpenFile();
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  // All bytes or an error; short writes and interruptions are repeated inside.
  [[nodiscard]] Status append(std::string_view bytes);
  [[nodiscard]] Status write_at(std::uint64_t offset, std::span<const std::byte> bytes);
  [[nodiscard]] Status sync();
  // Whether what is written stays in the kernel's cache, as it does by default, or goes past it.
  // That takes memory, offset and length in whole pages, and a file system that can: where one
  // cannot, the cache is used after all.
  enum class Caching { kept, bypassed };
  void set_caching(Caching caching);
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  [[nodiscard]] bool is_direct() const;
  OpenFile(int descriptor, std::string path);
  // `shown` is what an error names.
  [[nodiscard]] static Result<std::unique_ptr<OpenFile>> open(const std::string& path, int flags,
                                                              const std::string& shown);

  const int descriptor_;
  const std::string path_;
  std::uint64_t end_ = 0;
};

// A file's bytes in memory, read-only, as they were when it was mapped. Files of ours are never
// changed in place, so they cannot shrink under the mapping.
class MappedFile {
 public:
  [[nodiscard]] static Result<std::shared_ptr<const MappedFile>> open(const std::string& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  // Page aligned.
  [[nodiscard]] std::span<const std::byte> bytes() const { return bytes_; }

 private:
  explicit MappedFile(std::span<const std::byte> bytes) : bytes_(bytes) {}
  std::span<const std::byte> bytes_;
};

// Held by one process at a time, and let go by the kernel when the process dies, however it dies.
class FileLock {
 public:
  // Error{conflict} when another process holds it. The file is created and stays.
  [[nodiscard]] static Result<std::unique_ptr<FileLock>> acquire(const std::string& path);
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  explicit FileLock(int descriptor) : descriptor_(descriptor) {}
  const int descriptor_;
};

}  // namespace ballast

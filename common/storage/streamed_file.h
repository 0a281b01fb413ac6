#pragma once

// A large file that is written once, from front to back: each byte passes through one buffer, where
// it is hashed while it is at hand, and goes to disk past the kernel's cache where the file system
// can. Nobody reads a checkpoint that was just written, and copying it into that cache costs more
// CPU than all else that is done with it; on two cores training would wait for that.
//
// The last bytes stay in memory until finish(), so that what only the whole tells can be written
// into them.
//
// One thread at a time.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <string>

#include "common/base/result.h"
#include "common/storage/content_hash.h"
#include "common/storage/files.h"

namespace ballast {

struct StreamedBytes {
  std::uint64_t bytes = 0;
  std::string checksum;  // content_hash.h, of all of them.
};

class StreamedFile {
 public:
  // What tail() holds at the least of a file that is as long.
  static constexpr std::size_t kTailBytes = std::size_t{64} << 10;

  // REQUIRES: the file is empty.
  explicit StreamedFile(std::unique_ptr<OpenFile> file);

  // An error is final: every later call has it too.
  [[nodiscard]] Status append(std::span<const std::byte> bytes);
  [[nodiscard]] const std::string& path() const { return file_->path(); }
  [[nodiscard]] std::uint64_t bytes() const { return written_ + used_; }

  // The last bytes, which may be changed, and where they begin. Valid until the next append().
  [[nodiscard]] std::span<std::byte> tail() { return {buffer_.get(), used_}; }
  [[nodiscard]] std::uint64_t tail_offset() const { return written_; }
  // Of the bytes before the tail, and of `hashed` bytes of the tail once they were given to it:
  // they are final then. REQUIRES: append() comes no more.
  [[nodiscard]] ContentHash& hash() { return hash_; }

  // Writes the tail and syncs the file's bytes. `hashed`: how many bytes of the tail hash() has
  // been given already. REQUIRES: called once, last.
  [[nodiscard]] Result<StreamedBytes> finish(std::size_t hashed);

 private:
  static constexpr std::size_t kPieceBytes = std::size_t{1} << 20;  // Of a write.
  static constexpr std::size_t kPage = 4096;
  struct Free {
    void operator()(std::byte* bytes) const { ::operator delete (bytes, std::align_val_t{kPage}); }
  };

  [[nodiscard]] Status write_piece();

  const std::unique_ptr<OpenFile> file_;
  const std::unique_ptr<std::byte, Free> buffer_;  // A piece and a tail.
  std::size_t used_ = 0;                           // Of the buffer.
  std::uint64_t written_ = 0;
  ContentHash hash_;
  Status status_;
};

}  // namespace ballast

#include "common/storage/streamed_file.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "common/base/check.h"

namespace ballast {

StreamedFile::StreamedFile(std::unique_ptr<OpenFile> file)
    : file_(std::move(file)),
      buffer_(static_cast<std::byte*>(
          ::operator new (kPieceBytes + kTailBytes, std::align_val_t{kPage}))) {}

Status StreamedFile::append(std::span<const std::byte> bytes) {
  while (status_ && !bytes.empty()) {
    if (used_ == kPieceBytes + kTailBytes) status_ = write_piece();
    const std::size_t count = std::min(bytes.size(), kPieceBytes + kTailBytes - used_);
    std::memcpy(buffer_.get() + used_, bytes.data(), count);
    used_ += count;
    bytes = bytes.subspan(count);
  }
  return status_;
}

Status StreamedFile::write_piece() {
  // A file that is less than a piece is not worth it.
  if (written_ == 0) file_->set_caching(OpenFile::Caching::bypassed);
  const std::span<const std::byte> piece(buffer_.get(), kPieceBytes);
  hash_.update(piece);
  if (Status done = file_->write_at(written_, piece); !done) return done;
  written_ += kPieceBytes;
  used_ -= kPieceBytes;
  std::memmove(buffer_.get(), buffer_.get() + kPieceBytes, used_);
  return {};
}

Result<StreamedBytes> StreamedFile::finish(std::size_t hashed) {
  if (!status_) return status_.error();
  BALLAST_CHECK(hashed <= used_);
  const std::span<const std::byte> rest = tail();
  hash_.update(rest.subspan(hashed));
  file_->set_caching(OpenFile::Caching::kept);  // It need not end with a page.
  if (Status done = file_->write_at(written_, rest); !done) return done.error();
  if (Status done = file_->sync(); !done) return done.error();
  return StreamedBytes{bytes(), hash_.digits()};
}

}  // namespace ballast

#include "common/storage/streamed_file.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>

#include "tests/unit/storage/support.h"

namespace ballast {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

std::string some_bytes(std::size_t count) {
  std::string text(count, '\0');
  std::uint32_t state = 1;
  for (char& c : text) c = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
  return text;
}

void write_and_compare(const std::string& directory, std::size_t count, std::size_t at_once) {
  const std::string path = join_path(directory, "file-" + std::to_string(count));
  std::string expected = some_bytes(count);
  StreamedFile file(need(OpenFile::create_new(path)));
  for (std::size_t at = 0; at < count; at += at_once) {
    need(file.append(bytes_of(std::string_view(expected).substr(at, at_once))));
  }
  ASSERT_EQ(file.bytes(), count);
  ASSERT_EQ(file.tail_offset() + file.tail().size(), count);
  ASSERT_GE(file.tail().size(), std::min(count, StreamedFile::kTailBytes));

  // Of the tail some are hashed ahead and the last are changed.
  const std::size_t hashed = file.tail().size() / 2;
  file.hash().update(file.tail().first(hashed));
  if (count > 0) {
    file.tail().back() = std::byte{'!'};
    expected.back() = '!';
  }
  const StreamedBytes written = need(file.finish(hashed));
  EXPECT_EQ(written.bytes, count);
  EXPECT_EQ(written.checksum, content_hash(bytes_of(expected)));
  EXPECT_TRUE(need(read_file(path)) == expected);
}

TEST(StreamedFile, HoldsWhatWasAppendedAndChangedInItsTail) {
  constexpr std::size_t kPiece = 1 << 20;
  constexpr std::size_t kFull = kPiece + StreamedFile::kTailBytes;
  const TemporaryDirectory directory;
  for (const std::size_t count :
       {std::size_t{0}, std::size_t{1}, kPiece, kFull - 1, kFull, kFull + 1, 3 * kPiece + 4097}) {
    SCOPED_TRACE(count);
    write_and_compare(directory.path(), count, 100'003);
  }
  write_and_compare(directory.path(), 5 * kPiece, 3 * kPiece);
}

TEST(StreamedFile, UsesTheCacheWhereNothingGoesPastIt) {
  const TemporaryDirectory directory;
  const auto file = need(OpenFile::create_new(directory.path("file")));
  file->set_caching(OpenFile::Caching::bypassed);
  const std::string text = some_bytes(10'001);  // No whole pages, from memory at any place.
  need(file->write_at(3, bytes_of(std::string_view(text).substr(1))));
  EXPECT_TRUE(need(read_file(file->path())).substr(3) == text.substr(1));
}

TEST(StreamedFile, AnErrorIsFinal) {
  const TemporaryDirectory directory;
  StreamedFile file(need(OpenFile::create_new(directory.path("file"))));
  const std::string text = some_bytes(2 << 20);
  {
    const FullDisk full;
    EXPECT_TRUE(fails(file.append(bytes_of(text)), ErrorCode::io, "cannot write"));
  }
  EXPECT_TRUE(fails(file.append(bytes_of("x")), ErrorCode::io, "cannot write"));
  EXPECT_TRUE(fails(file.finish(0), ErrorCode::io, "cannot write"));
}

}  // namespace
}  // namespace ballast

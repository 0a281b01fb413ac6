#include "common/storage/files.h"

#include <unistd.h>

#include <filesystem>

#include "common/storage/content_hash.h"
#include "tests/unit/storage/support.h"

namespace ballast {
namespace {

TEST(Files, AtomicWriteReplacesAndLeavesNothingBehind) {
  const TemporaryDirectory directory;
  const std::string path = directory.path("state");
  need(write_file_atomically(path, "old"));
  need(write_file_atomically(path, std::string(100'000, 'x')));
  EXPECT_EQ(need(read_file(path)), std::string(100'000, 'x'));
  EXPECT_EQ(need(list_files(directory.path())), std::vector<std::string>{"state"});
}

TEST(Files, AFailedAtomicWriteKeepsTheOldBytes) {
  const TemporaryDirectory directory;
  const std::string path = directory.path("state");
  need(make_directories(path));  // A directory cannot be replaced by a file.
  EXPECT_TRUE(fails(write_file_atomically(path, "new"), ErrorCode::io, path));
  EXPECT_TRUE(need(list_files(directory.path())).empty());
}

TEST(Files, OnlyOneCreatesExclusively) {
  const TemporaryDirectory directory;
  const std::string path = directory.path("claim");
  EXPECT_TRUE(ok(create_file_exclusively(path, "first")));
  EXPECT_TRUE(fails(create_file_exclusively(path, "second"), ErrorCode::conflict, path));
  EXPECT_EQ(need(read_file(path)), "first");
}

TEST(Files, MissingOnesAreNamed) {
  const TemporaryDirectory directory;
  const std::string path = directory.path("absent");
  EXPECT_TRUE(fails(read_file(path), ErrorCode::not_found, path));
  EXPECT_TRUE(fails(file_bytes(path), ErrorCode::not_found, path));
  EXPECT_TRUE(fails(list_files(path), ErrorCode::not_found, path));
  EXPECT_TRUE(fails(MappedFile::open(path), ErrorCode::not_found, path));
  EXPECT_TRUE(fails(rename_durably(path, directory.path("b")), ErrorCode::not_found, path));
  const Status put = write_file_atomically(path + "/a", "");
  EXPECT_TRUE(fails(put, ErrorCode::not_found, path + "/a: cannot create: "));
  EXPECT_TRUE(ok(remove_file(path)));
  EXPECT_TRUE(ok(remove_directory(path)));
  EXPECT_FALSE(path_exists(path));
}

TEST(Files, ToldEarlyWhereNothingCanBeWritten) {
  const TemporaryDirectory directory;
  const std::string file = directory.path("file");
  need(write_file_atomically(file, "x"));
  EXPECT_TRUE(ok(check_writable_directory(directory.path())));
  EXPECT_TRUE(ok(check_writable_directory(directory.path("a/b/c"))));
  EXPECT_FALSE(path_exists(directory.path("a")));
  EXPECT_TRUE(ok(check_writable_directory("a/b")));  // Below where we are.
  for (const std::string& path : {file, file + "/below", file + "/far/below"}) {
    SCOPED_TRACE(path);
    EXPECT_TRUE(fails(check_writable_directory(path), ErrorCode::invalid, file + " is a file"));
  }
  EXPECT_TRUE(fails(check_writable_directory(directory.path(std::string(300, 'x'))),
                    ErrorCode::invalid, "File name too long"));
  if (::geteuid() == 0) return;  // Root may write everywhere.
  EXPECT_TRUE(fails(check_writable_directory("/ballast"), ErrorCode::invalid,
                    "nothing can be made in /: Permission denied"));
}

TEST(Files, ListsFilesSortedWithoutDirectories) {
  const TemporaryDirectory directory;
  need(make_directories(directory.path("sub/deeper")));
  for (const char* name : {"b", "a", "c"}) need(write_file_atomically(directory.path(name), name));
  EXPECT_EQ(need(list_files(directory.path())), (std::vector<std::string>{"a", "b", "c"}));
  need(remove_directory(directory.path("sub")));
  EXPECT_FALSE(path_exists(directory.path("sub")));
}

TEST(Files, MakesDirectoriesWithThoseAboveThem) {
  const TemporaryDirectory directory;
  for (const char* made : {"a/b/c/", "a/b/c", "x/../y", "."}) {
    need(make_directories(directory.path(made)));
    EXPECT_TRUE(std::filesystem::is_directory(directory.path(made))) << made;
  }
  need(write_file_atomically(directory.path("file"), "bytes"));
  for (const char* refused : {"file", "file/below"}) {
    EXPECT_TRUE(fails(make_directories(directory.path(refused)), ErrorCode::io, refused));
  }
}

TEST(Files, ALockHasOneHolderAndEndsWithIt) {
  const TemporaryDirectory directory;
  const std::string path = directory.path("lock");
  auto held = need(FileLock::acquire(path));
  EXPECT_TRUE(fails(FileLock::acquire(path), ErrorCode::conflict, path));
  held.reset();
  EXPECT_TRUE(ok(FileLock::acquire(path)));
}

TEST(Files, MapsWhatWasWritten) {
  const TemporaryDirectory directory;
  need(write_file_atomically(directory.path("empty"), ""));
  EXPECT_TRUE(need(MappedFile::open(directory.path("empty")))->bytes().empty());
  EXPECT_TRUE(fails(MappedFile::open(directory.path()), ErrorCode::invalid, "regular file"));

  const auto file = need(OpenFile::create_temporary(directory.path("file")));
  need(file->append("hello "));
  need(file->append("world"));
  const std::string_view capital = "W";
  need(file->write_at(6, std::as_bytes(std::span(capital))));
  need(file->sync());
  EXPECT_TRUE(file->path().find("/.tmp-") != std::string::npos);
  const auto mapped = need(MappedFile::open(file->path()));
  EXPECT_EQ(std::string_view(reinterpret_cast<const char*>(mapped->bytes().data()), 11),
            "hello World");
}

TEST(Files, Paths) {
  EXPECT_EQ(join_path("a/", "b"), "a/b");
  EXPECT_EQ(join_path("a", "b"), "a/b");
  EXPECT_EQ(join_path("", "b"), "b");
  EXPECT_EQ(directory_of("a/b/c"), "a/b");
  EXPECT_EQ(directory_of("c"), ".");
  EXPECT_EQ(directory_of("/c"), "/");
}

TEST(ContentHash, IsXxh3OfTheBytesHoweverTheyCome) {
  const TemporaryDirectory directory;
  need(write_file_atomically(directory.path("file"), "hello world"));
  const std::string text = "hello world";
  const auto bytes = std::as_bytes(std::span(text));
  ContentHash pieces;
  pieces.update(bytes.first(4));
  pieces.update(bytes.subspan(4));
  // `printf 'hello world' | xxhsum -H128`
  EXPECT_EQ(content_hash(bytes), "df8d09e93f874900a99b8775cc15b6c7");
  EXPECT_EQ(pieces.digits(), content_hash(bytes));
  EXPECT_EQ(need(content_hash_of_file(directory.path("file"))), content_hash(bytes));
}

}  // namespace
}  // namespace ballast

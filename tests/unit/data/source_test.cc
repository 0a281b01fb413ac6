#include "worker/data/source.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <string>
#include <thread>
#include <vector>

#include "tests/unit/data/fixtures.h"
#include "tests/unit/data/packing.h"

namespace ballast {
namespace {

std::string long_text() {
  std::string text;
  for (int i = 0; i < 20000; ++i) text += std::to_string(i * 7919 % 1000003) + "\n";
  return text;
}

TEST(Unpack, KnowsPackedDataByItsFirstBytes) {
  const std::string text = long_text();
  struct Case {
    const char* name;
    std::string packed;
    std::string expected;
  };
  const Case cases[] = {
      {"plain", text, text},
      {"empty", "", ""},
      {"gzip", gzip(text), text},
      {"gzip of nothing", gzip(""), ""},
      {"gzip that packs very well", gzip(std::string(1000000, 'a')), std::string(1000000, 'a')},
      {"gzip members one after another", gzip("one,") + gzip(text) + gzip("three"),
       "one," + text + "three"},
      {"zstd", zstd(text), text},
      {"zstd of nothing", zstd(""), ""},
      {"zstd frames one after another", zstd("one,") + zstd(text), "one," + text},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const auto content = unpack("x.csv", Bytes::copy(c.packed));
    ASSERT_TRUE(content) << content.error().message;
    EXPECT_TRUE(content->text() == c.expected) << content->size();
  }
}

TEST(Unpack, SaysThatPackedDataIsTruncatedOrDamaged) {
  const std::string text = long_text();
  const std::string gz = gzip(text);
  const std::string zs = zstd(text);
  for (const std::size_t size : {std::size_t{5}, gz.size() / 2, gz.size() - 9, gz.size() - 1}) {
    SCOPED_TRACE(size);
    const auto content = unpack("x.csv.gz", Bytes::copy(gz.substr(0, size)));
    ASSERT_FALSE(content);
    EXPECT_EQ(content.error().code, ErrorCode::corrupt);
    EXPECT_EQ(content.error().message.substr(0, 45),
              "x.csv.gz: the gzip data ends in the middle, a");
  }
  for (const std::size_t size : {std::size_t{5}, zs.size() / 2, zs.size() - 1}) {
    SCOPED_TRACE(size);
    const auto content = unpack("x.csv.zst", Bytes::copy(zs.substr(0, size)));
    ASSERT_FALSE(content);
    EXPECT_EQ(content.error().message.substr(0, 45),
              "x.csv.zst: the zstd data ends in the middle, ");
  }
  std::string flipped = gz;
  flipped[flipped.size() - 6] = static_cast<char>(flipped[flipped.size() - 6] ^ 1);
  const auto content = unpack("x.csv.gz", Bytes::copy(flipped));
  ASSERT_FALSE(content);
  EXPECT_EQ(content.error().message,
            "x.csv.gz: the gzip data is damaged (incorrect data check); fetch the file again");
}

TEST(ResolvePaths, FindsFilesAndSortsWhatAPatternMatches) {
  const TestDirectory directory;
  for (const char* name :
       {"part-2.csv", "part-10.csv", "part-1.csv", "other.csv", "part-x[1].csv"}) {
    directory.write(name, "");
  }
  const std::string& at = directory.path();
  const auto paths = resolve_paths(
      {"other.csv", "part-?.csv", "part-x[1].csv", at + "/part-1*.csv"}, at, "data.train");
  ASSERT_TRUE(paths) << paths.error().message;
  EXPECT_EQ(*paths, (std::vector<std::string>{at + "/other.csv", at + "/part-1.csv",
                                              at + "/part-2.csv", at + "/part-x[1].csv",
                                              at + "/part-1.csv", at + "/part-10.csv"}));
}

TEST(ResolvePaths, APatternIsNoneInTheNameOfItsDirectory) {
  const TestDirectory directory;
  directory.write("my [1] *data?/part-1.csv", "");
  directory.write("my 1 data/part-2.csv", "");
  const std::string at = directory.path() + "/my [1] *data?";
  const auto paths = resolve_paths({"part-*.csv"}, at, "data.train");
  ASSERT_TRUE(paths) << paths.error().message;
  EXPECT_EQ(*paths, (std::vector<std::string>{at + "/part-1.csv"}));
}

TEST(ResolvePaths, SaysWhichFileIsNotThere) {
  const TestDirectory directory;
  const std::string& at = directory.path();
  const auto missing = resolve_paths({"no.csv"}, at, "data.test");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().message,
            "data.test: there is no file " + at +
                "/no.csv; check the path, which starts at the directory of the spec");
  const auto unmatched = resolve_paths({"no-*.csv"}, at, "data.train");
  ASSERT_FALSE(unmatched);
  EXPECT_EQ(unmatched.error().message,
            "data.train: no file matches " + at +
                "/no-*.csv; check the pattern, which starts at the directory of the spec");
  const auto folder = resolve_paths({"."}, at, "data.train");
  ASSERT_FALSE(folder);
  EXPECT_EQ(folder.error().code, ErrorCode::invalid);
  const auto typed = resolve_paths({at + "/no.csv"}, "", "input");
  ASSERT_FALSE(typed);
  EXPECT_EQ(typed.error().message, "input: there is no file " + at + "/no.csv; check the path");
}

TEST(ResolvePaths, SaysWhatKeepsAFileFromBeingLookedFor) {
  const TestDirectory directory;
  const auto paths =
      resolve_paths({std::string(300, 'x') + ".csv"}, directory.path(), "data.train");
  ASSERT_FALSE(paths);
  EXPECT_EQ(paths.error().code, ErrorCode::io);
  EXPECT_TRUE(paths.error().message.ends_with(
      "File name too long; check the path and the permissions of its directories"))
      << paths.error().message;
}

TEST(ReadSource, ReadsAPipeToItsEnd) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const std::string text = long_text();
  std::thread writer([&] {
    std::size_t done = 0;
    while (done < text.size()) {
      const ssize_t count = ::write(ends[1], text.data() + done, text.size() - done);
      if (count <= 0) break;
      done += static_cast<std::size_t>(count);
    }
    ::close(ends[1]);
  });
  const auto content = read_source("/dev/fd/" + std::to_string(ends[0]));
  ::close(ends[0]);
  writer.join();
  ASSERT_TRUE(content) << content.error().message;
  EXPECT_TRUE(content->text() == text) << content->size();
}

}  // namespace
}  // namespace ballast

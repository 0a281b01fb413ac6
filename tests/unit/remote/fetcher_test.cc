#include "common/remote/fetcher.h"

#include <gtest/gtest.h>

#include "tests/unit/remote/s3_server.h"
#include "tests/unit/storage/support.h"

namespace ballast {
namespace {

class FetcherTest : public testing::Test {
 protected:
  Fetcher fetcher(Environment environment = [](const std::string&) { return std::nullopt; }) {
    return Fetcher({.directory = directory_.path("fetched"),
                    .retry = {.attempts_max = 2,
                              .first_wait = std::chrono::milliseconds(1),
                              .longest_wait = std::chrono::milliseconds(2),
                              .tell = {}},
                    .progress = {},
                    .environment = std::move(environment),
                    .stall_timeout = std::chrono::seconds(1)});
  }
  std::string fetched(const std::string& address, const std::string& sha256 = "") {
    return need(read_file(need(fetcher().fetch(address, sha256))));
  }
  static Environment environment_of(const S3Server& server) {
    return [options = server.options()](const std::string& name) {
      return name == "AWS_ENDPOINT_URL" ? options.place.endpoint : options.environment(name);
    };
  }

  TemporaryDirectory directory_;
};

const Answer kOne{.headers = {{"ETag", "\"1\""}}, .body = "one"};
const Answer kTwo{.headers = {{"ETag", "\"2\""}}, .body = "two"};

TEST_F(FetcherTest, FetchesOnceAndAsksAgain) {
  const ScriptedServer server(Answers{kOne, {.status = 304}, kTwo});
  EXPECT_EQ(fetched(server.url("/a")), "one");
  EXPECT_EQ(fetched(server.url("/a")), "one");
  EXPECT_EQ(server.seen()[1].header("if-none-match"), "\"1\"");
  const std::string path = need(fetcher().fetch(server.url("/a")));
  EXPECT_EQ(need(read_file(path)), "two");
  // What was there before is gone: the file, its record and the lock remain.
  EXPECT_EQ(need(list_files(directory_of(path))).size(), 3U);
}

TEST_F(FetcherTest, ADamagedCopyIsFetchedAgain) {
  const ScriptedServer server(Answers{kOne});
  flip_bit(need(fetcher().fetch(server.url("/a"))), 1);
  EXPECT_EQ(fetched(server.url("/a")), "one");
  EXPECT_EQ(server.seen()[1].header("if-none-match"), "");
}

TEST_F(FetcherTest, ARecordThatIsDamagedIsNone) {
  const ScriptedServer server(Answers{kOne});
  const std::string record =
      join_path(directory_of(need(fetcher().fetch(server.url("/a")))), "file.json");
  const std::string text = need(read_file(record));
  Random random(7);
  for (int i = 0; i < 50; ++i) {
    overwrite(record, mutate(text, random));
    EXPECT_EQ(fetched(server.url("/a")), "one");
  }
}

TEST_F(FetcherTest, WithItsDigestKnownNoServerIsAsked) {
  const std::string digest = sha256_of(std::string_view("one"));
  const ScriptedServer server(Answers{kOne});
  EXPECT_EQ(fetched(server.url("/a"), digest), "one");
  EXPECT_EQ(fetched(server.url("/a"), digest), "one");
  EXPECT_EQ(server.seen().size(), 1U);
}

TEST_F(FetcherTest, AnotherDigestIsNotTaken) {
  const ScriptedServer server(Answers{kOne});
  const std::string digest = sha256_of(std::string_view("two"));
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(fails(fetcher().fetch(server.url("/a"), digest), ErrorCode::corrupt,
                      "expected SHA-256 " + digest));
  }
  EXPECT_EQ(fetched(server.url("/a")), "one");  // For who does not ask for a digest.
}

TEST_F(FetcherTest, AFileThatCannotBeFetchedIsNone) {
  const ScriptedServer server(Answers{kOne, {.status = 404}, {.status = 500}});
  EXPECT_EQ(fetched(server.url("/a")), "one");
  EXPECT_TRUE(fails(fetcher().fetch(server.url("/a")), ErrorCode::not_found));
  EXPECT_TRUE(fails(fetcher().fetch(server.url("/a")), ErrorCode::unavailable));
}

TEST_F(FetcherTest, WhatADeadProcessLeftIsRemoved) {
  const ScriptedServer server(Answers{kOne});
  const std::string left =
      join_path(directory_of(need(fetcher().fetch(server.url("/a")))), ".tmp-dead");
  overwrite(left, "half");
  EXPECT_EQ(fetched(server.url("/a")), "one");
  EXPECT_FALSE(path_exists(left));
}

TEST_F(FetcherTest, ASignedAddressIsKeptNowhere) {
  const ScriptedServer server(Answers{kOne});
  const std::string path = need(fetcher().fetch(server.url("/a?signature=secret")));
  const std::string record = need(read_file(join_path(directory_of(path), "file.json")));
  EXPECT_EQ(record.find("secret"), std::string::npos);
}

TEST_F(FetcherTest, FetchesFromS3AndExpandsPatterns) {
  S3Server server;
  for (const char* key :
       {"data/b.csv", "data/a.csv", "data/c.txt", "data/deep/d.csv", "data/e.csv/"}) {
    server.objects["bucket/" + std::string(key)] = {key, ""};
  }
  Fetcher s3 = fetcher(environment_of(server));
  EXPECT_EQ(need(s3.expand("s3://bucket/data/*.csv")),
            (std::vector<std::string>{"s3://bucket/data/a.csv", "s3://bucket/data/b.csv"}));
  EXPECT_EQ(need(s3.expand("s3://bucket/data/*/?.csv")),
            (std::vector<std::string>{"s3://bucket/data/deep/d.csv"}));
  EXPECT_EQ(need(s3.expand("s3://bucket/x.csv")), (std::vector<std::string>{"s3://bucket/x.csv"}));
  EXPECT_EQ(need(read_file(need(s3.fetch("s3://bucket/data/a.csv")))), "data/a.csv");
  EXPECT_TRUE(fails(s3.expand("s3://bucket/no*.csv"), ErrorCode::not_found, "no object matches"));
  EXPECT_TRUE(
      fails(s3.expand("s3://bucket/data/"), ErrorCode::invalid, "write s3://bucket/data/*"));
  EXPECT_TRUE(fails(s3.expand("s3://bucket"), ErrorCode::invalid, "write s3://bucket/*"));
}

TEST_F(FetcherTest, AnAddressIsItself) {
  EXPECT_EQ(need(fetcher().expand("https://h/a*.csv")),
            (std::vector<std::string>{"https://h/a*.csv"}));
  EXPECT_TRUE(fails(fetcher().expand("ftp://h/a"), ErrorCode::invalid, "scheme"));
}

}  // namespace
}  // namespace ballast

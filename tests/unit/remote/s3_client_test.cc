#include "common/remote/s3_client.h"

#include <gtest/gtest.h>

#include <atomic>

#include "tests/unit/remote/s3_server.h"
#include "tests/unit/storage/support.h"

namespace ballast {
namespace {

constexpr const char* kRefused =
    "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>";

class S3ClientTest : public testing::Test {
 protected:
  std::unique_ptr<S3Client> client() { return need(S3Client::create(server_.options())); }
  // How many requests of that method were seen whose path has `part`.
  std::size_t count(const std::string& method, const std::string& part = "") {
    std::size_t n = 0;
    for (const SeenRequest& request : server_.http().seen()) {
      if (request.method == method && request.path.find(part) != std::string::npos) ++n;
    }
    return n;
  }
  // Answers the first `times` requests of a method so.
  void answer_first(int times, const std::string& method, Answer answer) {
    server_.before = [=,
                      left = times](const SeenRequest& request) mutable -> std::optional<Answer> {
      if (request.method != method || left == 0) return std::nullopt;
      left -= 1;
      return answer;
    };
  }

  S3Server server_;
  TemporaryDirectory directory_;
};

TEST_F(S3ClientTest, PutsGetsAndRemoves) {
  const auto s3 = client();
  const S3Name name{"bucket", "a b/\xc3\xa4+&=.csv"};
  need(s3->put(name, "text"));
  EXPECT_EQ(server_.objects.at("bucket/a b/\xc3\xa4+&=.csv").bytes, "text");
  EXPECT_EQ(need(s3->get(name)), "text");
  EXPECT_EQ(need(s3->bytes_of(name)), 4U);
  need(s3->remove(name));
  need(s3->remove(name));  // One that is not there is fine.
  EXPECT_TRUE(fails(s3->get(name), ErrorCode::not_found, "no such object"));
}

TEST_F(S3ClientTest, ListsPageByPage) {
  const auto s3 = client();
  for (const char* key : {"p/1", "p/2", "p/3", "p/deep/4", "p/5", "q/6"}) {
    need(s3->put({"bucket", key}, key));
  }
  const auto keys = [&](S3Listing listing) {
    std::string text;
    for (const S3Entry& entry : need(s3->list("bucket", "p/", listing))) text += entry.key + " ";
    return text;
  };
  EXPECT_EQ(keys(S3Listing::flat), "p/1 p/2 p/3 p/5 ");
  EXPECT_EQ(keys(S3Listing::deep), "p/1 p/2 p/3 p/5 p/deep/4 ");
}

TEST_F(S3ClientTest, OneCreates) {
  const auto s3 = client();
  need(s3->create({"bucket", "timeline-1"}, "me"));
  EXPECT_TRUE(fails(s3->create({"bucket", "timeline-1"}, "you"), ErrorCode::conflict));
  EXPECT_EQ(need(s3->get({"bucket", "timeline-1"})), "me");
}

TEST_F(S3ClientTest, KnowsItsOwnObjectWhenTheAnswerWasLost) {
  server_.after = [done = false](const SeenRequest& request, Answer& answer) mutable {
    if (request.method == "PUT" && !done) answer.status = 500;
    done = true;
  };
  need(client()->create({"bucket", "timeline-1"}, "me"));
}

TEST_F(S3ClientTest, AServerThatIgnoresTheConditionIsRefused) {
  server_.knows_if_none_match = false;
  EXPECT_TRUE(fails(client()->create({"bucket", "timeline-1"}, "me"), ErrorCode::unsupported,
                    "ignores If-None-Match"));
}

TEST_F(S3ClientTest, ALargeFileGoesUpInParts) {
  S3Options options = server_.options();
  options.part_bytes = 1000;
  const auto s3 = need(S3Client::create(options));
  const std::string path = directory_.path("large");
  const std::string bytes = std::string(1000, 'a') + std::string(1000, 'b') + "c";
  overwrite(path, bytes);
  need(s3->put_file({"bucket", "large"}, path));
  EXPECT_EQ(server_.objects.at("bucket/large").bytes, bytes);
  EXPECT_TRUE(server_.uploads.empty());
  EXPECT_EQ(count("PUT", "partNumber"), 3U);
}

TEST_F(S3ClientTest, AnUploadThatFailedIsRemoved) {
  S3Options options = server_.options();
  options.part_bytes = 1000;
  const auto s3 = need(S3Client::create(options));
  const std::string path = directory_.path("large");
  overwrite(path, std::string(2500, 'a'));
  server_.before = [](const SeenRequest& request) -> std::optional<Answer> {
    if (request.path.find("partNumber=2") == std::string::npos) return std::nullopt;
    return Answer{.status = 403, .body = kRefused};
  };
  EXPECT_TRUE(fails(s3->put_file({"bucket", "large"}, path), ErrorCode::invalid, "AccessDenied"));
  EXPECT_TRUE(server_.uploads.empty());
  EXPECT_TRUE(server_.objects.empty());
}

// S3 says so once it has begun its answer: the status is 200.
TEST_F(S3ClientTest, AnErrorInsideOfASuccessIsAnError) {
  S3Options options = server_.options();
  options.part_bytes = 1000;
  const auto s3 = need(S3Client::create(options));
  const std::string path = directory_.path("large");
  overwrite(path, std::string(1500, 'a'));
  std::atomic<int> completions = 0;
  server_.before = [&](const SeenRequest& request) -> std::optional<Answer> {
    if (request.method != "POST" || request.path.find("uploadId") == std::string::npos) {
      return std::nullopt;
    }
    if (++completions > 1) return std::nullopt;
    return Answer{.body = "<Error><Code>InternalError</Code></Error>"};
  };
  need(s3->put_file({"bucket", "large"}, path));
  EXPECT_EQ(completions, 2);
  completions = -10;
  EXPECT_TRUE(fails(s3->put_file({"bucket", "large"}, path), ErrorCode::unavailable));
}

TEST_F(S3ClientTest, UploadsOfTheDeadAreRemoved) {
  server_.uploads["bucket/p/x.sst 7"] = {{1, "part"}};
  server_.uploads["bucket/q/x.sst 8"] = {{1, "part"}};
  need(client()->abort_uploads("bucket", "p/"));
  EXPECT_EQ(server_.uploads.size(), 1U);
  EXPECT_TRUE(server_.uploads.contains("bucket/q/x.sst 8"));
}

TEST_F(S3ClientTest, FetchesAFileAndGoesOnWhereItBrokeOff) {
  const auto s3 = client();
  const std::string bytes = std::string(500, 'a') + std::string(500, 'b');
  need(s3->put({"bucket", "data"}, bytes));
  server_.after = [done = false](const SeenRequest& request, Answer& answer) mutable {
    if (request.method == "GET" && !done) answer.end = Answer::End::cut;
    done = true;
  };
  const auto options = server_.options();
  const Downloaded done = need(s3->fetch({"bucket", "data"}, directory_.path("data"),
                                         {.retry = options.retry, .have = {}, .progress = {}}));
  EXPECT_EQ(need(read_file(done.path)), bytes);
  EXPECT_EQ(server_.http().seen().back().header("range"), "bytes=500-");
}

TEST_F(S3ClientTest, WhatMayPassIsTriedAgainAndNothingElse) {
  answer_first(2, "PUT", {.status = 503});
  need(client()->put({"bucket", "a"}, "x"));
  EXPECT_EQ(count("PUT"), 3U);
  answer_first(100, "PUT", {.status = 503});
  EXPECT_TRUE(fails(client()->put({"bucket", "a"}, "x"), ErrorCode::unavailable, "503"));
  EXPECT_EQ(count("PUT"), 6U);
  answer_first(100, "PUT", {.status = 403, .body = kRefused});
  EXPECT_TRUE(fails(client()->put({"bucket", "a"}, "x"), ErrorCode::invalid));
  EXPECT_EQ(count("PUT"), 7U);
}

TEST_F(S3ClientTest, SaysWhoWasRefusedAndNeverTheSecret) {
  answer_first(1, "GET", {.status = 403, .body = kRefused});
  const auto refused = client()->get({"bucket", "a"});
  EXPECT_TRUE(fails(refused, ErrorCode::invalid, "key AKIATEST of AWS_ACCESS_KEY_ID"));
  EXPECT_EQ(refused.error().message.find("a-secret"), std::string::npos);
}

TEST_F(S3ClientTest, SaysWhichRegionTheBucketIsIn) {
  answer_first(1, "GET", {.status = 301, .headers = {{"x-amz-bucket-region", "eu-north-1"}}});
  EXPECT_TRUE(
      fails(client()->get({"bucket", "a"}), ErrorCode::invalid, "set AWS_REGION=eu-north-1"));
}

TEST_F(S3ClientTest, SaysThatThereIsNoBucket) {
  EXPECT_TRUE(fails(client()->put({"bukket", "a"}, "x"), ErrorCode::not_found,
                    "there is no bucket bukket"));
}

TEST_F(S3ClientTest, AnswersThatAreNoXmlAreRefused) {
  for (const char* body :
       {"", "<html>", "<ListBucketResult><Contents><Key>a</Key></Contents></ListBucketResult>"}) {
    answer_first(1, "GET", {.body = body});
    EXPECT_TRUE(fails(client()->list("bucket", "", S3Listing::flat), ErrorCode::corrupt)) << body;
  }
}

// Every name below localhost is this machine, without asking anybody (RFC 6761).
TEST_F(S3ClientTest, PutsTheBucketWhereItIsAskedTo) {
  S3Options options = server_.options();
  const std::string url = server_.http().url();
  options.place.endpoint = "http://localhost" + url.substr(url.rfind(':'));
  options.place.addressing = S3Addressing::virtual_host;
  server_.before = [](const SeenRequest&) { return Answer{.body = "x"}; };
  const auto s3 = need(S3Client::create(options));
  EXPECT_EQ(need(s3->get({"name", "a key"})), "x");
  EXPECT_TRUE(server_.http().seen().back().header("host").starts_with("name.localhost:"));
  EXPECT_EQ(server_.http().seen().back().path, "/a%20key");
  // A certificate would not hold for a name with another dot.
  EXPECT_EQ(need(s3->get({"a.b", "key"})), "x");
  EXPECT_TRUE(server_.http().seen().back().header("host").starts_with("localhost:"));
  EXPECT_EQ(server_.http().seen().back().path, "/a.b/key");
}

}  // namespace
}  // namespace ballast

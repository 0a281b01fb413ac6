#include "common/remote/download.h"

#include <gtest/gtest.h>

#include "common/remote/http_client.h"
#include "common/remote/sigv4.h"
#include "tests/unit/remote/http_server.h"
#include "tests/unit/storage/support.h"

namespace ballast {
namespace {

class DownloadTest : public testing::Test {
 protected:
  Result<Downloaded> fetch(const ScriptedServer& server, Validator have = {}) {
    const std::string url = server.url("/file");
    const RemoteFile file{
        .shown = url,
        .request = [&](const std::vector<HttpHeader>& headers) -> Result<HttpRequest> {
          return HttpRequest{.method = "GET", .url = url, .headers = headers, .body = {}};
        },
        .explain = [&](const HttpResponse& response) { return explain_http(url, response); }};
    DownloadOptions options{.retry = {.attempts_max = 3,
                                      .first_wait = std::chrono::milliseconds(1),
                                      .longest_wait = std::chrono::milliseconds(5),
                                      .tell = [&](const std::string& s) { told_.push_back(s); }},
                            .have = std::move(have),
                            .progress = {}};
    auto done = download(*client_, file, directory_.path("file"), options);
    if (!done) {
      EXPECT_EQ(need(list_files(directory_.path())).size(), 0U) << "a piece was left";
    }
    return done;
  }
  static std::string content(const Downloaded& done) {
    std::string text = need(read_file(done.path));
    need(remove_file(done.path));
    return text;
  }

  const std::string kBody = std::string(100, 'a') + std::string(100, 'b');
  const std::map<std::string, std::string> kTag = {{"ETag", "\"one\""}};
  Answer rest() const {
    return {.status = 206,
            .headers = {{"ETag", "\"one\""}, {"Content-Range", "bytes 100-199/200"}},
            .body = kBody.substr(100)};
  }

  TemporaryDirectory directory_;
  std::unique_ptr<HttpClient> client_ =
      need(HttpClient::create({.stall_timeout = std::chrono::seconds(1)}));
  std::vector<std::string> told_;
};

TEST_F(DownloadTest, BringsAFileWithItsSizeAndDigest) {
  const ScriptedServer server(Answers{{.headers = kTag, .body = kBody}});
  const Downloaded done = need(fetch(server));
  EXPECT_EQ(content(done), kBody);
  EXPECT_EQ(done.bytes, 200U);
  EXPECT_EQ(done.sha256, sha256_of(std::string_view(kBody)));
  EXPECT_EQ(done.validator.etag, "\"one\"");
  EXPECT_TRUE(told_.empty());
}

TEST_F(DownloadTest, AnEmptyFileIsAFile) {
  const ScriptedServer server(Answers{{.body = ""}});
  EXPECT_EQ(content(need(fetch(server))), "");
}

TEST_F(DownloadTest, GoesOnWhereItBrokeOff) {
  const ScriptedServer server(
      Answers{{.headers = kTag, .body = kBody, .end = Answer::End::cut}, rest()});
  EXPECT_EQ(content(need(fetch(server))), kBody);
  ASSERT_EQ(server.seen().size(), 2U);
  EXPECT_EQ(server.seen()[1].header("range"), "bytes=100-");
  EXPECT_EQ(server.seen()[1].header("if-range"), "\"one\"");
  ASSERT_EQ(told_.size(), 1U);
  EXPECT_NE(told_[0].find("trying again (2 of 3)"), std::string::npos) << told_[0];
}

TEST_F(DownloadTest, BeginsAgainWhereTheFileIsAnotherOneNow) {
  const ScriptedServer server(Answers{{.headers = kTag, .body = kBody, .end = Answer::End::cut},
                                      {.headers = {{"ETag", "\"two\""}}, .body = "another"}});
  const Downloaded done = need(fetch(server));
  EXPECT_EQ(content(done), "another");
  EXPECT_EQ(done.sha256, sha256_of(std::string_view("another")));
}

TEST_F(DownloadTest, BeginsAgainWhereNothingSaysThatItIsTheSameFile) {
  const ScriptedServer server(
      Answers{{.headers = {{"ETag", "W/\"one\""}}, .body = kBody, .end = Answer::End::cut},
              {.body = kBody}});
  EXPECT_EQ(content(need(fetch(server))), kBody);
  EXPECT_EQ(server.seen()[1].header("range"), "");
}

TEST_F(DownloadTest, BeginsAgainWhenARangeIsRefused) {
  for (const int status : {412, 416}) {
    const ScriptedServer server(Answers{{.headers = kTag, .body = kBody, .end = Answer::End::cut},
                                        {.status = status},
                                        {.body = "another"}});
    EXPECT_EQ(content(need(fetch(server))), "another") << status;
    EXPECT_EQ(server.seen()[2].header("range"), "");
  }
}

TEST_F(DownloadTest, TakesNoOtherBytesThanItAskedFor) {
  Answer wrong = rest();
  wrong.headers["Content-Range"] = "bytes 90-199/200";
  const ScriptedServer server(
      Answers{{.headers = kTag, .body = kBody, .end = Answer::End::cut}, wrong});
  EXPECT_TRUE(fails(fetch(server), ErrorCode::corrupt, "does not keep to HTTP"));
}

TEST_F(DownloadTest, AStalledTransferEndsAndIsGoneOnWith) {
  const ScriptedServer server(
      Answers{{.headers = kTag, .body = kBody, .end = Answer::End::stall}, rest()});
  EXPECT_EQ(content(need(fetch(server))), kBody);
}

TEST_F(DownloadTest, FewerBytesThanWerePromisedAreNoFile) {
  const ScriptedServer server(Answers{{.body = kBody, .end = Answer::End::cut}});
  EXPECT_TRUE(fails(fetch(server), ErrorCode::unavailable));
  EXPECT_EQ(server.seen().size(), 3U);  // As many attempts as the policy has.
}

TEST_F(DownloadTest, WhatMayPassIsTriedAgain) {
  const ScriptedServer server(Answers{
      {.status = 500}, {.status = 503, .headers = {{"Retry-After", "0"}}}, {.body = kBody}});
  EXPECT_EQ(content(need(fetch(server))), kBody);
  EXPECT_EQ(told_.size(), 2U);
}

TEST_F(DownloadTest, WhatIsRefusedIsNotTriedAgain) {
  struct Case {
    int status;
    ErrorCode code;
    const char* words;
  };
  const Case cases[] = {
      {403, ErrorCode::invalid, "use an address that is signed"},
      {404, ErrorCode::not_found, "check the address"},
      {501, ErrorCode::invalid, "expected 200"},
  };
  for (const Case& c : cases) {
    const ScriptedServer server(Answers{{.status = c.status, .headers = {}, .body = "no"}});
    EXPECT_TRUE(fails(fetch(server), c.code, c.words)) << c.status;
    EXPECT_EQ(server.seen().size(), 1U) << c.status;
  }
}

TEST_F(DownloadTest, ACopyThatIsStillTheFileIsNotFetched) {
  const ScriptedServer server(Answers{{.status = 304}});
  const Downloaded done = need(fetch(server, {.etag = "\"one\"", .last_modified = ""}));
  EXPECT_TRUE(done.unchanged);
  EXPECT_EQ(server.seen()[0].header("if-none-match"), "\"one\"");
}

TEST_F(DownloadTest, RedirectsAreFollowedButNotForEver) {
  const ScriptedServer target(Answers{{.body = kBody}});
  const ScriptedServer once(
      Answers{{.status = 302, .headers = {{"Location", target.url("/x")}}, .body = "moved"}});
  EXPECT_EQ(content(need(fetch(once))), kBody);
  const ScriptedServer loop(Answers{{.status = 302, .headers = {{"Location", "/file"}}}});
  EXPECT_TRUE(fails(fetch(loop), ErrorCode::invalid, "redirects"));
  EXPECT_EQ(loop.seen().size(), 6U);
}

TEST_F(DownloadTest, AServerThatIsNotThereIsSaid) {
  std::string url;
  {
    const ScriptedServer gone(Answers{{.body = ""}});
    url = gone.url("/");
  }
  const auto response = client_->send({.method = "GET", .url = url, .headers = {}, .body = {}});
  EXPECT_TRUE(fails(response, ErrorCode::unavailable, "that the server runs"));
}

TEST_F(DownloadTest, ABodyWithoutEndIsNotKept) {
  const auto client = need(HttpClient::create({.body_max = 100}));
  const ScriptedServer server(Answers{{.body = kBody}});
  EXPECT_TRUE(
      fails(client->send({.method = "GET", .url = server.url("/"), .headers = {}, .body = {}}),
            ErrorCode::corrupt, "at most 100 bytes"));
}

TEST_F(DownloadTest, OtherSchemesAreNotSpoken) {
  EXPECT_TRUE(fails(
      client_->send({.method = "GET", .url = "file:///etc/hostname", .headers = {}, .body = {}}),
      ErrorCode::invalid));
}

}  // namespace
}  // namespace ballast

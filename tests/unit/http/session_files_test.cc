// Bodies into files, and answers from files.

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/unit/http/session_fixture.h"
#include "tests/unit/storage/support.h"

namespace ballast::http {
namespace {

std::string pattern(std::size_t bytes) {
  std::string text(bytes, '\0');
  for (std::size_t i = 0; i < bytes; ++i) text[i] = static_cast<char>('a' + (i * 7 + i / 251) % 26);
  return text;
}

std::string digest_of(std::string_view text) {
  Sha256 digest;
  digest.update(std::as_bytes(std::span(text)));
  return digest.finish();
}

struct Files {
  TemporaryDirectory directory;
  std::unique_ptr<Upload> kept;
  SessionSite site{{
      {.method = Method::put,
       .pattern = "/data",
       .handle =
           [this](Request request, Reply reply) {
             Response response;
             response.body =
                 std::to_string(request.upload->bytes()) + " " + request.upload->sha256();
             if (request.query.contains("keep")) kept = std::move(request.upload);
             std::move(reply).send(response);
           },
       .body = Body::file,
       .body_bytes_max = 1 << 20},
      {.method = Method::get,
       .pattern = "/file",
       .handle =
           [this](Request request, Reply reply) {
             FileResponse response{.path = directory.path("file")};
             if (request.query.contains("name")) response.name = request.query.at("name");
             if (request.query.contains("etag")) response.etag = request.query.at("etag");
             std::move(reply).send(response);
           }},
  }};
  Files() {
    site.site.uploads = directory.path("up");
    need(make_directories(site.site.uploads));
  }
  [[nodiscard]] std::size_t left() const {
    const std::filesystem::directory_iterator entries(directory.path("up"));
    return static_cast<std::size_t>(std::distance(begin(entries), end(entries)));
  }
};

std::string put(const std::string& body, const std::string& target = "/data") {
  return "PUT " + target +
         " HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}

TEST(Uploads, ReachAFileWithTheirDigest) {
  Files files;
  Client client(files.site);
  const std::string body = pattern(300'000);
  const std::string request = put(body, "/data?keep");
  std::string answer;
  for (std::size_t at = 0; at < request.size(); at += 7001) {
    answer += client.say(std::string_view(request).substr(at, 7001));
  }
  EXPECT_NE(answer.find("300000 " + digest_of(body)), std::string::npos) << answer;
  ASSERT_NE(files.kept, nullptr);
  EXPECT_EQ(need(read_file(files.kept->path())), body);
  struct stat status {};
  ASSERT_EQ(::stat(files.kept->path().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);

  need(files.kept->keep_as(files.directory.path("data")));
  files.kept.reset();
  EXPECT_EQ(need(read_file(files.directory.path("data"))), body);
  EXPECT_EQ(files.left(), 0U);
}

TEST(Uploads, GoWithWhatTheyWereFor) {
  Files files;
  {
    Client client(files.site);
    client.say(put(pattern(1000)));
    EXPECT_EQ(files.left(), 0U) << "the handler did not keep it";
    client.say(put(pattern(1000)).substr(0, 500));
    EXPECT_EQ(files.left(), 1U);
    client.end();
    EXPECT_TRUE(client.is_over());
    EXPECT_EQ(files.left(), 0U) << "cut off";
  }
  {
    Client slow(files.site);
    slow.say(put(pattern(1000)).substr(0, 500));
    slow.wait(std::chrono::seconds(31));
    EXPECT_EQ(files.left(), 0U) << "too slow";
  }
  {
    Client large(files.site);
    const std::string answer = large.say(
        "PUT /data HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n110000\r\n" +
        pattern(0x110000));
    EXPECT_NE(answer.find(" 413 "), std::string::npos);
    EXPECT_EQ(files.left(), 0U) << "too large";
  }
  {
    Client gone(files.site);
    gone.say(put(pattern(1000)).substr(0, 500));
  }
  EXPECT_EQ(files.left(), 0U) << "the connection broke";
  EXPECT_EQ(files.site.site.uploads_open, 0U);
}

TEST(Uploads, AreOnlySoManyAtOnce) {
  Files files;
  files.site.site.limits.uploads_max = 1;
  Client first(files.site);
  Client second(files.site);
  first.say(put(pattern(1000)).substr(0, 500));
  EXPECT_NE(second.say(put("abc")).find(" 503 "), std::string::npos);
  first.end();
  Client third(files.site);
  EXPECT_NE(third.say(put("abc")).find(" 200 "), std::string::npos);
}

TEST(Uploads, MoveTheirDeadlineAsTheyCome) {
  Files files;
  Client client(files.site);
  client.say(put(pattern(1 << 20)).substr(0, 1 << 19));
  client.wait(std::chrono::seconds(30) + std::chrono::seconds(31));
  EXPECT_FALSE(client.is_over()) << "half a mebibyte at 16 KiB/s takes 32 s";
  client.wait(std::chrono::seconds(3));
  EXPECT_TRUE(client.is_over());
}

TEST(Uploads, AFullDiskIsSaidAndLeavesNothing) {
  Files files;
  Client client(files.site);
  std::string answer;
  {
    const FullDisk full;
    answer = client.say(put(pattern(100'000)));
  }
  EXPECT_NE(answer.find(" 507 "), std::string::npos) << answer;
  EXPECT_EQ(answer.find(files.directory.path()), std::string::npos) << "our paths are ours";
  ASSERT_EQ(files.site.served.size(), 1U) << "nothing of the body was taken for a request";
  EXPECT_NE(files.site.served[0].trouble.find(files.directory.path()), std::string::npos);
  EXPECT_EQ(files.left(), 0U);
}

TEST(Uploads, WhatACrashLeftIsRemoved) {
  Files files;
  need(write_file_atomically(files.directory.path("up/.upload-0123"), "half"));
  need(write_file_atomically(files.directory.path("up/data"), "ours"));
  need(Upload::remove_leftovers(files.directory.path("up")));
  EXPECT_EQ(files.left(), 1U);
}

TEST(Downloads, AreWholeOrTheRangeAskedFor) {
  struct Case {
    const char* name;
    std::string fields;
    unsigned status;
    std::string part;
    std::size_t begin;
    std::size_t bytes;
  };
  constexpr std::size_t kBytes = 200'000;
  const Case cases[] = {
      {"all", "", 200, "Content-Length: 200000", 0, kBytes},
      {"a part", "Range: bytes=100-199999\r\n", 206, "Content-Range: bytes 100-199999/200000", 100,
       kBytes - 100},
      {"the end", "Range: bytes=-5\r\n", 206, "Content-Range: bytes 199995-199999/200000",
       kBytes - 5, 5},
      {"beyond", "Range: bytes=200000-\r\n", 416, "Content-Range: bytes */200000", 0, 0},
      {"of another content", "Range: bytes=5-\r\nIf-Range: \"old\"\r\n", 200,
       "Content-Length: 200000", 0, kBytes},
      {"of this content", "Range: bytes=5-\r\nIf-Range: \"v1\"\r\n", 206, "Content-Length: 199995",
       5, kBytes - 5},
      {"has it", "If-None-Match: \"v1\"\r\n", 304, "ETag: \"v1\"", 0, 0},
  };
  Files files;
  const std::string content = pattern(kBytes);
  need(write_file_atomically(files.directory.path("file"), content));
  Client client(files.site);
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const std::string answer =
        client.say("GET /file?etag=v1 HTTP/1.1\r\nHost: localhost\r\n" + c.fields + "\r\n");
    EXPECT_EQ(answer.substr(9, 3), std::to_string(c.status));
    EXPECT_NE(answer.find(c.part), std::string::npos) << answer.substr(0, 1000);
    if (c.status == 416) continue;
    EXPECT_EQ(answer.substr(answer.find("\r\n\r\n") + 4), content.substr(c.begin, c.bytes));
    const std::string head =
        client.say("HEAD /file?etag=v1 HTTP/1.1\r\nHost: localhost\r\n" + c.fields + "\r\n");
    EXPECT_NE(head.find(c.part), std::string::npos) << head;
    EXPECT_TRUE(head.ends_with("\r\n\r\n"));
  }
}

TEST(Downloads, EmptyMissingAndNamedOnes) {
  Files files;
  Client client(files.site);
  const std::string get = "GET /file?name=m%22o%0d%0adel%2fx HTTP/1.1\r\nHost: localhost\r\n\r\n";
  const std::string missing = client.say(get);
  EXPECT_NE(missing.find(" 404 "), std::string::npos);
  EXPECT_EQ(missing.find(files.directory.path()), std::string::npos);
  need(write_file_atomically(files.directory.path("file"), ""));
  const std::string empty = client.say(get);
  EXPECT_NE(empty.find("Content-Length: 0\r\n"), std::string::npos);
  EXPECT_NE(empty.find("Content-Disposition: attachment; filename=\"m_o  del_x\"\r\n"),
            std::string::npos)
      << empty;
  EXPECT_FALSE(client.is_over());
}

TEST(Downloads, AFileThatShrinksBreaksTheConnectionOff) {
  Files files;
  need(write_file_atomically(files.directory.path("file"), pattern(500'000)));
  Client client(files.site);
  client.stop_reading();
  client.say("GET /file HTTP/1.1\r\nHost: localhost\r\n\r\n");
  std::filesystem::resize_file(files.directory.path("file"), 100'000);
  std::size_t got = 0;
  while (true) {
    const std::string_view bytes = client.session().output(client.now);
    if (bytes.empty()) break;
    got += bytes.size();
    client.session().on_sent(client.now, bytes.size());
  }
  EXPECT_LT(got, 110'000U);
  EXPECT_TRUE(client.is_over());
  EXPECT_FALSE(client.session().closes_gently());
}

}  // namespace
}  // namespace ballast::http

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "common/http/tls.h"
#include "tests/unit/http/certificate.h"
#include "tests/unit/http/server_fixture.h"

namespace ballast::http {
namespace {

struct Certificate {
  TemporaryDirectory directory;
  std::string certificate = directory.path("certificate.pem");
  std::string key = directory.path("key.pem");
  Certificate() { write_certificate("first", certificate, key); }
  [[nodiscard]] HttpOptions options() const { return {.certificate = certificate, .key = key}; }
};

TEST(Tls, CarriesAnswersFilesAndEvents) {
  const Certificate files;
  TestServer test(files.options());
  EXPECT_TRUE(test.server->url().starts_with("https://"));
  const std::string content(3'000'000, 'c');
  need(write_file_atomically(test.directory.path("file"), content));
  RawClient client(test.port(), Under::tls);
  ASSERT_TRUE(client.is_connected());
  EXPECT_EQ(client.certificate(), "/CN=first");
  client.say(TestServer::get("/hello/a"));
  EXPECT_TRUE(client.answer().ends_with("hello a"));
  client.say(TestServer::get("/file"));
  EXPECT_TRUE(client.answer().ends_with(content));
  client.say("PUT /data HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3000000\r\n\r\n" + content);
  EXPECT_TRUE(client.answer().ends_with(need(sha256_of_file(test.directory.path("file")))));

  client.say(TestServer::get("/events"));
  EventStream stream = test.streams.take();
  client.head();
  EXPECT_TRUE(stream.send({.data = "x"}));
  EXPECT_EQ(client.until("\n\n"), "data: x\n\n");
  { const EventStream ended = std::move(stream); }
  EXPECT_TRUE(client.is_closed());
}

TEST(Tls, ARefusedBodyStillGetsItsAnswer) {
  const Certificate files;
  TestServer test(files.options());
  RawClient client(test.port(), Under::tls);
  client.say("PUT /hello/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900000\r\n\r\n" +
             std::string(500'000, 'x'));
  EXPECT_NE(client.rest().find("HTTP/1.1 405 "), std::string::npos);
}

TEST(Tls, NothingElseGetsIn) {
  const Certificate files;
  HttpOptions options = files.options();
  options.limits.head = std::chrono::milliseconds(50);
  TestServer test(options);
  RawClient clear(test.port());
  clear.say(TestServer::get("/hello/a"));
  EXPECT_EQ(clear.rest().find("HTTP"), std::string::npos);
  EXPECT_FALSE(RawClient(test.port(), Under::tls_1_1).is_connected());
  RawClient silent(test.port());  // Neither does a handshake that never comes stay.
  EXPECT_TRUE(silent.is_closed());
}

TEST(Tls, ReadsItsFilesAgain) {
  const Certificate files;
  TlsFiles tls = need(TlsFiles::open(files.certificate, files.key));
  const auto first = tls.context();
  need(tls.refresh());
  EXPECT_EQ(tls.context(), first);
  write_certificate("second", files.certificate, files.key);
  need(tls.refresh());
  EXPECT_NE(tls.context(), first);

  const auto second = tls.context();
  write_certificate("third", files.certificate, files.directory.path("other"));
  EXPECT_TRUE(fails(tls.refresh(), ErrorCode::invalid, "expected the key of"));
  EXPECT_TRUE(ok(tls.refresh())) << "one change, one complaint";
  EXPECT_EQ(tls.context(), second);

  ASSERT_EQ(::chmod(files.key.c_str(), 0604), 0);
  EXPECT_TRUE(fails(TlsFiles::open(files.certificate, files.key), ErrorCode::invalid, "chmod 600"));
}

TEST(Tls, ANewCertificateIsShownToNewClients) {
  const Certificate files;
  TestServer test(files.options());
  RawClient before(test.port(), Under::tls);
  EXPECT_EQ(before.certificate(), "/CN=first");
  write_certificate("second", files.certificate, files.key);
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  std::string seen;
  while (seen != "/CN=second" && std::chrono::steady_clock::now() < give_up) {
    seen = RawClient(test.port(), Under::tls).certificate();
  }
  EXPECT_EQ(seen, "/CN=second");
  before.say(TestServer::get("/hello/a"));
  EXPECT_TRUE(before.answer().ends_with("hello a"));
}

}  // namespace
}  // namespace ballast::http

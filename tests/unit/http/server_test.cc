#include "common/http/server.h"

#include <gtest/gtest.h>

#include <thread>

#include "tests/unit/http/certificate.h"
#include "tests/unit/http/server_fixture.h"

namespace ballast::http {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

std::string get(const std::string& target, const std::string& fields = "") {
  return TestServer::get(target, fields);
}

std::string status_line(const std::string& answer) { return answer.substr(0, answer.find("\r\n")); }

TEST(HttpServer, AnswersOverOneConnectionAndAFewPipelined) {
  TestServer test;
  EXPECT_EQ(test.server->url(), "http://127.0.0.1:" + std::to_string(test.port()));
  RawClient client(test.port());
  for (int i = 0; i < 3; ++i) {
    client.say(get("/hello/" + std::to_string(i)));
    EXPECT_TRUE(client.answer().ends_with("\r\n\r\nhello " + std::to_string(i)));
  }
  std::string many;
  for (int i = 0; i < 100; ++i) many += get("/hello/" + std::to_string(i));
  client.say(many);
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(client.answer().ends_with("\r\n\r\nhello " + std::to_string(i)));
  }
  client.say(get("/nowhere", "Connection: close\r\n"));
  EXPECT_EQ(status_line(client.answer()), "HTTP/1.1 404 Not Found");
  EXPECT_TRUE(client.is_closed());
}

TEST(HttpServer, AnswersFromAnotherThread) {
  TestServer test;
  RawClient client(test.port());
  client.say(get("/later"));
  std::thread other(
      [reply = test.later.take()]() mutable { std::move(reply).send(Response{.body = "late"}); });
  EXPECT_TRUE(client.answer().ends_with("\r\n\r\nlate"));
  other.join();

  client.say(get("/later"));
  { const Reply forgotten = test.later.take(); }
  EXPECT_EQ(status_line(client.answer()), "HTTP/1.1 500 Internal Server Error");
  client.say(get("/throws"));
  EXPECT_EQ(status_line(client.answer()), "HTTP/1.1 500 Internal Server Error");
}

TEST(HttpServer, TheAnswerToABodyThatIsNotReadArrives) {
  TestServer test;
  RawClient client(test.port());
  // More than fits into the buffers of both sides, so the server closes with bytes unread.
  client.say("PUT /hello/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900000000\r\n\r\n");
  EXPECT_EQ(status_line(client.head()), "HTTP/1.1 405 Method Not Allowed");
  const std::string piece(1 << 20, 'x');
  for (int i = 0; i < 8; ++i) client.say(piece);
  client.end();
  EXPECT_NE(client.rest().find("GET, HEAD"), std::string::npos);
}

TEST(HttpServer, UploadsAndDownloadsAreStreamed) {
  TestServer test;
  std::string content(5'000'000, '\0');
  for (std::size_t i = 0; i < content.size(); ++i) {
    content[i] = static_cast<char>(i * 31 + i / 255);
  }
  need(write_file_atomically(test.directory.path("file"), content));
  const std::string digest = need(sha256_of_file(test.directory.path("file")));
  RawClient client(test.port());
  client.say("PUT /data HTTP/1.1\r\nHost: localhost\r\nContent-Length: " +
             std::to_string(content.size()) + "\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(status_line(client.head()), "HTTP/1.1 100 Continue");
  client.say(content);
  EXPECT_TRUE(client.answer().ends_with("\r\n\r\n" + digest));

  client.say(get("/file"));
  EXPECT_TRUE(client.answer().ends_with(content));
  client.say(get("/file", "Range: bytes=4999990-\r\n"));
  EXPECT_TRUE(client.answer().ends_with("\r\n\r\n" + content.substr(4999990)));

  RawClient broken(test.port());
  broken.say("PUT /data HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000\r\n\r\nabc");
  broken.end();
  EXPECT_TRUE(broken.is_closed());
  for (int i = 0; i < 3; ++i) static_cast<void>(test.served.take());
  EXPECT_EQ(test.served.take().status, 499U);
  EXPECT_TRUE(std::filesystem::is_empty(test.directory.path("up")));
}

TEST(HttpServer, EventsReachTheirClientsAndAStuckOneIsDropped) {
  TestServer test;
  RawClient reads(test.port());
  reads.say(get("/events"));
  EventStream stream = test.streams.take();
  reads.head();
  for (int i = 0; i < 1000; ++i) {
    ASSERT_TRUE(stream.send({.id = std::to_string(i), .data = "x"}));
    ASSERT_EQ(reads.until("\n\n"), "id: " + std::to_string(i) + "\ndata: x\n\n");
  }

  RawClient stuck(test.port());
  stuck.say(get("/events"));
  EventStream ignored = test.streams.take();
  std::size_t bytes = 0;
  const std::string text = text_of({.data = std::string(100'000, 'x')});
  while (ignored.send_text(text)) {
    bytes += text.size();
    ASSERT_LT(bytes, std::size_t{1} << 30);
    // Neither queue of ours grows without an end; what the kernel takes is its own affair.
    std::this_thread::yield();
  }
  EXPECT_GT(bytes, std::size_t{1} << 19);
  EXPECT_EQ(test.served.take().route, "/events");
  EXPECT_TRUE(stream.send({.id = "last", .data = "y"})) << "others are not concerned";
  EXPECT_EQ(reads.until("\n\n"), "id: last\ndata: y\n\n");
}

TEST(HttpServer, TheClientThatGoesEndsItsStream) {
  TestServer test;
  std::optional<EventStream> stream;
  {
    RawClient client(test.port());
    client.say(get("/events"));
    stream = test.streams.take();
    client.head();
  }
  EXPECT_EQ(test.served.take().route, "/events");
  EXPECT_FALSE(stream->send({.data = "x"}));
}

TEST(HttpServer, ConnectionsAreOnlySoMany) {
  TestServer test({.limits = {.connections_max = 2}});
  RawClient first(test.port());
  RawClient second(test.port());
  for (RawClient* const client : {&first, &second}) {
    client->say(get("/hello/a"));
    client->answer();
  }
  RawClient third(test.port());
  EXPECT_EQ(status_line(third.head()), "HTTP/1.1 503 Service Unavailable");
  EXPECT_TRUE(third.is_closed());
  EXPECT_EQ(test.server->counters().connections, 2U);
  EXPECT_EQ(test.server->counters().accepted, 3U);
  EXPECT_EQ(test.server->counters().turned_away, 1U);

  first.say(get("/hello/a", "Connection: close\r\n"));
  EXPECT_FALSE(first.rest().empty());
  // It is gone when the server has seen that we have closed as well.
  std::string answer;
  first.end();
  while (answer.find(" 200 ") == std::string::npos) {
    RawClient again(test.port());
    again.say(get("/hello/a"));
    answer = again.answer();
  }
}

TEST(HttpServer, SlowClientsAreCutOff) {
  TestServer test({.limits = {.idle = milliseconds(50), .head = milliseconds(50)}});
  RawClient silent(test.port());
  EXPECT_TRUE(silent.is_closed());
  RawClient slow(test.port());
  slow.say("GET /hello/a HTTP/1.1\r\nHo");
  EXPECT_EQ(status_line(slow.answer()), "HTTP/1.1 408 Request Timeout");
  EXPECT_TRUE(slow.is_closed());
}

TEST(HttpServer, AsksForTokensAndReadsThemAgain) {
  TemporaryDirectory directory;
  const std::string path = directory.path("tokens");
  const NewToken before = need(make_token("ci", "submit", ""));
  const NewToken after = need(make_token("ci", "submit", ""));
  need(write_file_atomically(path, before.line));
  TestServer test({.tokens = path, .limits = {.requests_per_second = 1e6, .requests_burst = 1e6}});
  RawClient client(test.port());
  const auto ask = [&](const std::string& secret) {
    client.say(get("/hello/a", secret.empty() ? "" : "Authorization: Bearer " + secret + "\r\n"));
    return client.answer().substr(9, 3);
  };
  EXPECT_EQ(ask(""), "401");
  EXPECT_EQ(ask("nonsense"), "401");
  EXPECT_EQ(ask(before.secret), "200");
  EXPECT_EQ(ask(after.secret), "401");
  client.say(get("/open"));
  EXPECT_EQ(client.answer().substr(9, 3), "200");

  need(write_file_atomically(path, after.line));
  const auto give_up = std::chrono::steady_clock::now() + seconds(10);
  while (ask(after.secret) != "200" && std::chrono::steady_clock::now() < give_up) {
    std::this_thread::yield();
  }
  EXPECT_EQ(ask(after.secret), "200");
  EXPECT_EQ(ask(before.secret), "401");
}

TEST(HttpServer, StopsWhenWhatIsUnderWayIsDoneOrTheGraceIsOver) {
  TestServer test({.grace = seconds(20)});
  RawClient idle(test.port());
  idle.say(get("/hello/a"));
  idle.answer();
  RawClient busy(test.port());
  busy.say(get("/later"));
  Reply reply = test.later.take();
  std::thread stopper([&] { test.server->stop(); });
  EXPECT_TRUE(idle.is_closed());
  std::move(reply).send(Response{.body = "last"});
  EXPECT_TRUE(busy.answer().ends_with("last"));
  busy.end();
  stopper.join();
  EXPECT_FALSE(RawClient(test.port()).is_connected());
  test.server->stop();

  TestServer hasty({.grace = milliseconds(1)});
  RawClient waits(hasty.port());
  waits.say(get("/later"));
  Reply never = hasty.later.take();
  hasty.server->stop();
  EXPECT_TRUE(waits.is_closed());
  hasty.server.reset();
  std::move(never).send(Response{.body = "to nobody"});
}

TEST(HttpServer, TakesPostedCallsUntilItStops) {
  TestServer test;
  Handed<int> handed;
  test.server->post([&] { handed.give(7); });
  EXPECT_EQ(handed.take(), 7);
  test.server->stop();
  test.server->post([&] { ADD_FAILURE(); });
}

TEST(HttpServer, MistakesAreSaid) {
  TemporaryDirectory directory;
  const auto log = need(Log::open({.level = LogLevel::off}));
  const std::string certificate = directory.path("certificate");
  const std::string key = directory.path("key");
  write_certificate("test", certificate, key);
  need(write_file_atomically(directory.path("nonsense"), "nonsense\n"));
  TestServer taken;
  struct Case {
    const char* name;
    HttpOptions options;
    ErrorCode code;
    std::string words;
  };
  const std::string port = std::to_string(taken.port());
  const Case cases[] = {
      {"no address", {.listen = "9100"}, ErrorCode::invalid, "expected ADDRESS:PORT"},
      {"taken", {.listen = "127.0.0.1:" + port}, ErrorCode::conflict, "cannot listen at"},
      {"in the clear", {.listen = "0.0.0.0:0"}, ErrorCode::invalid, "without a certificate only"},
      {"without tokens",
       {.listen = "*:0", .certificate = certificate, .key = key},
       ErrorCode::invalid,
       "without tokens only"},
      {"half a certificate", {.certificate = certificate}, ErrorCode::invalid, "give both"},
      {"no certificate",
       {.certificate = directory.path("nonsense"), .key = key},
       ErrorCode::invalid,
       "expected certificates in PEM"},
      {"no key",
       {.certificate = certificate, .key = directory.path("none")},
       ErrorCode::not_found,
       "expected the key of a certificate"},
      {"no tokens", {.tokens = directory.path("none")}, ErrorCode::not_found, "none"},
      {"bad tokens", {.tokens = directory.path("nonsense")}, ErrorCode::invalid, "JSON object"},
  };
  for (Case c : cases) {
    SCOPED_TRACE(c.name);
    if (c.options.listen.empty()) c.options.listen = "127.0.0.1:0";
    const std::vector<Route> routes = {
        {.method = Method::get, .pattern = "/", .handle = [](Request, Reply) {}}};
    EXPECT_TRUE(fails(HttpServer::start(c.options, routes, *log, {"test"}), c.code, c.words));
  }
}

TEST(HttpServer, MayBeToldToBeReachedByEverybody) {
  TestServer test({.listen = "0.0.0.0:0", .insecure = true});
  RawClient client(test.port());
  client.say(get("/hello/a"));
  EXPECT_TRUE(client.answer().ends_with("hello a"));
}

}  // namespace
}  // namespace ballast::http

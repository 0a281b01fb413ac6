#include "common/http/session.h"

#include <gtest/gtest.h>

#include <regex>

#include "tests/unit/http/session_fixture.h"

namespace ballast::http {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

Response text(std::string body) { return {.type = "text/plain", .body = std::move(body)}; }

// What the API of a test has: enough to see each rule.
std::vector<Route> some_routes(std::vector<Reply>* kept = nullptr) {
  return {
      {.method = Method::get,
       .pattern = "/hello/{name}",
       .handle =
           [](Request request, Reply reply) {
             std::move(reply).send(text("hello " + request.parameter("name")));
           }},
      {.method = Method::post,
       .pattern = "/echo",
       .handle = [](Request request, Reply reply) { std::move(reply).send(text(request.body)); },
       .body = Body::memory,
       .body_bytes_max = 20},
      {.method = Method::remove,
       .pattern = "/echo",
       .handle = [](Request, Reply reply) { std::move(reply).send({.status = 204}); }},
      {.method = Method::get, .pattern = "/forgets", .handle = [](Request, Reply) {}},
      {.method = Method::get,
       .pattern = "/later",
       .handle =
           [kept](Request, Reply reply) {
             if (kept != nullptr) kept->push_back(std::move(reply));
           }},
      {.method = Method::get,
       .pattern = "/page",
       .handle =
           [](Request, Reply reply) {
             Response page = text("<p>");
             page.etag = "v1";
             page.fields = {{"Cache-Control", "no-cache"}, {"X-Evil", "a\r\nX-Injected: b"}};
             std::move(reply).send(std::move(page));
           }},
  };
}

unsigned status_of(const std::string& answer) {
  return answer.starts_with("HTTP/1.1 ") ? static_cast<unsigned>(std::stoi(answer.substr(9, 3)))
                                         : 0;
}

std::string body_of(const std::string& answer) {
  const std::size_t end = answer.find("\r\n\r\n");
  return end == std::string::npos ? "" : answer.substr(end + 4);
}

std::string get(const std::string& target, const std::string& fields = "") {
  return "GET " + target + " HTTP/1.1\r\nHost: localhost\r\n" + fields + "\r\n";
}

std::string post(const std::string& body, const std::string& fields = "") {
  return "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n" + fields + "\r\n" + body;
}

enum class Then { stays, closes };

TEST(Session, AnswersEachRequestAsItShould) {
  struct Case {
    const char* name;
    std::string request;
    unsigned status;
    std::string part;  // Of the answer.
    Then then;
  };
  const std::string big(30'000, 'x');
  const Case cases[] = {
      {"get", get("/hello/you"), 200, "hello you", Then::stays},
      {"head", "HEAD /hello/you HTTP/1.1\r\nHost: localhost\r\n\r\n", 200, "Content-Length: 9",
       Then::stays},
      {"no host", "GET /hello/you HTTP/1.1\r\n\r\n", 400, "one Host", Then::stays},
      {"two hosts", get("/hello/you", "Host: localhost\r\n"), 400, "one Host", Then::stays},
      {"HTTP/1.0", "GET /hello/you HTTP/1.0\r\nHost: localhost\r\n\r\n", 200, "Connection: close",
       Then::closes},
      {"HTTP/1.0 kept",
       "GET /hello/a HTTP/1.0\r\nHost: localhost\r\nConnection: keep-alive\r\n\r\n", 200,
       "Connection: keep-alive", Then::stays},
      {"to be closed", get("/hello/you", "Connection: close\r\n"), 200, "Connection: close",
       Then::closes},
      {"nothing there", get("/nowhere"), 404, "there is nothing at /nowhere", Then::stays},
      {"not so", "PUT /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc", 405,
       "Allow: POST, DELETE", Then::closes},
      {"unknown method", "BREW /echo HTTP/1.1\r\nHost: localhost\r\n\r\n", 405,
       "Allow: POST, DELETE", Then::stays},
      {"out of the directory", get("/hello/..%2f..%2fetc"), 400, "bad_request", Then::stays},
      {"no HTTP", "hello\r\n\r\n", 400, "bad_request", Then::closes},
      {"HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, "bad_request", Then::closes},
      {"TLS", std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11), 400, "bad_request",
       Then::closes},
      {"post", post("12345678901234567890"), 200, "\r\n\r\n12345678901234567890", Then::stays},
      {"post nothing", post(""), 200, "Content-Length: 0", Then::stays},
      {"post too much", post("123456789012345678901"), 413, "at most 20 bytes", Then::closes},
      {"post too much, to come",
       "POST /echo HTTP/1.1\r\nHost: localhost\r\n"
       "Content-Length: 999999999999\r\n\r\n",
       413, "at most 20 bytes", Then::closes},
      {"chunks",
       "POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
       "3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\nTrailer: t\r\n\r\n",
       200, "\r\n\r\nabcdefg", Then::stays},
      {"chunks, too much",
       "POST /echo HTTP/1.1\r\nHost: localhost\r\n"
       "Transfer-Encoding: chunked\r\n\r\nf\r\n123456789012345\r\nf\r\n123456789012345\r\n",
       413, "too_large", Then::closes},
      {"chunks, broken",
       "POST /echo HTTP/1.1\r\nHost: localhost\r\n"
       "Transfer-Encoding: chunked\r\n\r\nzz\r\n",
       400, "bad_request", Then::closes},
      {"two lengths",
       "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n"
       "Content-Length: 2\r\n\r\nab",
       400, "bad_request", Then::closes},
      {"length and chunks",
       "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n"
       "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
       400, "bad_request", Then::closes},
      {"another encoding",
       "POST /echo HTTP/1.1\r\nHost: localhost\r\n"
       "Transfer-Encoding: gzip\r\n\r\n",
       400, "Transfer-Encoding", Then::stays},
      {"negative", "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n", 400,
       "bad_request", Then::closes},
      {"a body where none belongs",
       "GET /hello/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nab", 413,
       "takes no body", Then::closes},
      {"no content", "DELETE /echo HTTP/1.1\r\nHost: localhost\r\n\r\n", 204, "No Content",
       Then::stays},
      {"waits for our word",
       "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n"
       "Expect: 100-continue\r\n\r\n",
       100, "Continue", Then::stays},
      {"our word is no",
       "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 200\r\n"
       "Expect: 100-continue\r\n\r\n",
       413, "too_large", Then::closes},
      {"expects something else", get("/hello/a", "Expect: miracles\r\n"), 417, "expectation",
       Then::stays},
      {"large field", get("/hello/a", "X-Large: " + big + "\r\n"), 431, "head_too_large",
       Then::closes},
      {"large target", get("/hello/" + big), 431, "head_too_large", Then::closes},
      {"another site", get("/hello/a", "Origin: http://evil.example\r\n"), 403, "cross_site",
       Then::stays},
      {"an answer that was forgotten", get("/forgets"), 500, "\"internal\"", Then::stays},
      {"has it", get("/page", "If-None-Match: \"v0\", W/\"v1\"\r\n"), 304, "ETag: \"v1\"",
       Then::stays},
      {"has another", get("/page", "If-None-Match: \"v0\"\r\n"), 200, "<p>", Then::stays},
      {"its own field", get("/page"), 200, "Cache-Control: no-cache", Then::stays},
      {"no other field of its kind", get("/page"), 200, "X-Evil: a  X-Injected: b", Then::stays},
      {"our id", get("/nowhere", "X-Request-Id: abc-1\r\n"), 404, "\"request_id\":\"abc-1\"",
       Then::stays},
      {"empty lines before", "\r\n\r\n" + get("/hello/a"), 200, "hello a", Then::stays},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    SessionSite site(some_routes());
    Client client(site);
    const std::string answer = client.say(c.request);
    EXPECT_EQ(status_of(answer), c.status) << answer;
    EXPECT_NE(answer.find(c.part), std::string::npos) << answer;
    EXPECT_EQ(client.is_over(), c.then == Then::closes);
    EXPECT_EQ(client.session().closes_gently(), c.then == Then::closes);

    // However its bytes are cut, the answer is the same; but for the id that we draw.
    SessionSite other_site(some_routes());
    Client slow(other_site);
    std::string slowly;
    for (const char byte : c.request) slowly += slow.say({&byte, 1});
    const auto without_id = [](std::string text) {
      return std::regex_replace(text, std::regex("[0-9a-f]{16}"), "ID");
    };
    EXPECT_EQ(without_id(slowly), without_id(answer));
  }
}

TEST(Session, EveryAnswerIsForOurPagesAlone) {
  SessionSite site(some_routes());
  Client client(site);
  for (const char* target : {"/hello/a", "/nowhere", "/forgets"}) {
    const std::string answer = client.say(get(target));
    EXPECT_NE(answer.find("Content-Security-Policy: default-src 'self'; "), std::string::npos);
    EXPECT_NE(answer.find("frame-ancestors 'none'"), std::string::npos);
    EXPECT_NE(answer.find("X-Content-Type-Options: nosniff\r\n"), std::string::npos);
    EXPECT_NE(answer.find("Referrer-Policy: no-referrer\r\n"), std::string::npos);
    EXPECT_NE(answer.find("Date: today\r\n"), std::string::npos);
    EXPECT_EQ(answer.find("Access-Control"), std::string::npos);
  }
}

TEST(Session, RequestIdsAreTheClientsIfTheyAreWellFormed) {
  const std::pair<std::string, bool> cases[] = {
      {"abc-1.2_X", true}, {std::string(64, 'a'), true}, {std::string(65, 'a'), false},
      {"a b", false},      {"<script>", false},          {"", false},
  };
  for (const auto& [id, is_taken] : cases) {
    SCOPED_TRACE(id);
    SessionSite site(some_routes());
    Client client(site);
    const std::string answer = client.say(get("/hello/a", "X-Request-Id: " + id + "\r\n"));
    std::smatch match;
    ASSERT_TRUE(std::regex_search(answer, match, std::regex("X-Request-Id: ([^\r]*)\r\n")));
    EXPECT_EQ(match[1] == id, is_taken);
    EXPECT_FALSE(match[1].str().empty());
    ASSERT_EQ(site.served.size(), 1U);
    EXPECT_EQ(site.served[0].request_id, match[1]);
  }
}

TEST(Session, RequestsInOnePieceAreAnsweredInTheirOrder) {
  std::vector<Reply> kept;
  SessionSite site(some_routes(&kept));
  Client client(site);
  std::string answers = client.say(get("/hello/1") + get("/later") + post("2") + get("/hello/3"));
  EXPECT_EQ(body_of(answers), "hello 1") << "what is behind the one that waits, waits";
  ASSERT_EQ(kept.size(), 1U);
  std::move(kept[0]).send(text("late"));
  answers = client.settle();
  const std::size_t late = answers.find("\r\n\r\nlate");
  const std::size_t second = answers.find("\r\n\r\n2");
  const std::size_t third = answers.find("\r\n\r\nhello 3");
  ASSERT_NE(third, std::string::npos) << answers;
  EXPECT_LT(late, second);
  EXPECT_LT(second, third);
  EXPECT_EQ(site.served.size(), 4U);
}

TEST(Session, AClientThatFloodsIsNotReadAnyFurther) {
  std::vector<Reply> kept;
  SessionSite site(some_routes(&kept));
  Client client(site);
  client.say(get("/later"));
  EXPECT_TRUE(client.session().wants_input()) << "it may go away, and we would like to know";
  for (int i = 0; i < 40 && client.session().wants_input(); ++i) client.say(std::string(8192, 'x'));
  EXPECT_FALSE(client.session().wants_input());
}

TEST(Session, WhoeverEndsHisSideIsStillAnswered) {
  std::vector<Reply> kept;
  SessionSite site(some_routes(&kept));
  Client client(site);
  client.say(get("/later"));
  EXPECT_EQ(client.end(), "");
  EXPECT_FALSE(client.is_over());
  std::move(kept[0]).send(text("late"));
  EXPECT_EQ(body_of(client.settle()), "late");
  EXPECT_TRUE(client.is_over());

  Client half(site);
  half.say("GET /hel");
  half.end();
  EXPECT_TRUE(half.is_over());
}

TEST(Session, SlowClientsLoseTheirConnection) {
  HttpLimits limits;
  struct Case {
    const char* name;
    std::string said;
    Duration patience;
    unsigned status;
  };
  const Case cases[] = {
      {"idle", "", limits.idle, 0},
      {"idle again", get("/hello/a"), limits.idle, 0},
      {"in the head", "GET /hello/a HTTP/1.1\r\nHo", limits.head, 408},
      {"in the body", "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nabc",
       limits.transfer, 408},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    SessionSite site(some_routes());
    Client client(site);
    client.say(c.said);
    EXPECT_EQ(client.wait(c.patience - milliseconds(1)), "");
    EXPECT_FALSE(client.is_over());
    EXPECT_EQ(status_of(client.wait(milliseconds(5))), c.status);
    EXPECT_TRUE(client.is_over());
  }
}

TEST(Session, OneByteNowAndThenDoesNotHelp) {
  SessionSite site(some_routes());
  Client client(site);
  const std::string request = get("/hello/a", "X: " + std::string(200, 'x') + "\r\n");
  std::string answer;
  for (std::size_t i = 0; i < request.size() && answer.empty(); ++i) {
    answer = client.say(request.substr(i, 1));
    answer += client.wait(milliseconds(200));
  }
  EXPECT_EQ(status_of(answer), 408U);
  EXPECT_EQ(client.now, Time{} + seconds(10));
}

TEST(Session, AnAnswerThatIsNotTakenEndsTheConnection) {
  SessionSite site(some_routes());
  Client client(site);
  client.stop_reading();
  client.say(get("/hello/a"));
  client.wait(seconds(30) - milliseconds(1));
  EXPECT_FALSE(client.is_over());
  client.wait(milliseconds(2));
  EXPECT_TRUE(client.is_over());
  EXPECT_FALSE(client.session().closes_gently());
  ASSERT_EQ(site.served.size(), 1U);
  EXPECT_EQ(site.served[0].status, 499U);
}

TEST(Session, AHandlerThatTakesTooLongIsAnsweredForAndThenIgnored) {
  std::vector<Reply> kept;
  SessionSite site(some_routes(&kept));
  Client client(site);
  client.say(get("/later"));
  EXPECT_EQ(client.wait(seconds(29)), "");
  EXPECT_EQ(status_of(client.wait(seconds(1))), 503U);
  std::move(kept[0]).send(text("too late"));
  EXPECT_EQ(client.settle(), "");
  EXPECT_EQ(body_of(client.say(get("/hello/a"))), "hello a") << "the connection goes on";
}

TEST(Session, RatesAreKeptAndSayWhenToComeBack) {
  GateOptions gate = SessionSite::local_gate();
  gate.rate = {.per_second = 0.5, .burst = 3};
  SessionSite site(some_routes(), gate);
  Client client(site);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(status_of(client.say(get("/hello/a"))), 200U);
  const std::string answer = client.say(get("/hello/a"));
  EXPECT_EQ(status_of(answer), 429U);
  EXPECT_NE(answer.find("Retry-After: 2\r\n"), std::string::npos);
  client.wait(seconds(2));
  EXPECT_EQ(status_of(client.say(get("/hello/a"))), 200U);
}

TEST(Session, StopsAfterTheRequestThatIsUnderWay) {
  std::vector<Reply> kept;
  SessionSite site(some_routes(&kept));
  Client idle(site);
  idle.say(get("/hello/a"));
  idle.stop();
  EXPECT_TRUE(idle.is_over());

  Client busy(site);
  busy.say(get("/later") + get("/hello/a"));
  busy.stop();
  EXPECT_FALSE(busy.is_over());
  std::move(kept[0]).send(text("last"));
  const std::string answer = busy.settle();
  EXPECT_EQ(body_of(answer), "last");
  EXPECT_NE(answer.find("Connection: close"), std::string::npos);
  EXPECT_TRUE(busy.is_over());
}

TEST(Session, SaysWhatWasServed) {
  SessionSite site(some_routes());
  Client client(site, "10.0.0.7");
  client.say(post("12345") + get("/nowhere?secret=1"));
  ASSERT_EQ(site.served.size(), 2U);
  EXPECT_EQ(site.served[0].route, "/echo");
  EXPECT_EQ(site.served[0].method, "POST");
  EXPECT_EQ(site.served[0].status, 200U);
  EXPECT_EQ(site.served[0].bytes_in, 5U);
  EXPECT_GT(site.served[0].bytes_out, 100U);
  EXPECT_EQ(site.served[0].peer, "10.0.0.7");
  EXPECT_EQ(site.served[1].route, "");
  EXPECT_EQ(site.served[1].status, 404U);
  EXPECT_EQ(site.served[1].target, "/nowhere");
}

}  // namespace
}  // namespace ballast::http

// Server-sent events.

#include <gtest/gtest.h>

#include "tests/unit/http/session_fixture.h"
#include "tests/unit/storage/support.h"

namespace ballast::http {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct Events {
  std::vector<EventStream> streams;
  std::string last_id;
  std::vector<Route> routes{
      {.method = Method::get, .pattern = "/events", .handle = [this](Request request, Reply reply) {
         last_id = request.last_event_id();
         streams.push_back(std::move(reply).begin_events());
       }}};
};

const std::string kAsk = "GET /events HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: 41\r\n";

TEST(EventText, CannotBeBrokenByWhatItSays) {
  EXPECT_EQ(text_of({.id = "7", .name = "step", .data = "{}"}), "id: 7\nevent: step\ndata: {}\n\n");
  EXPECT_EQ(text_of({.id = "7\n8", .name = "a\rb", .data = "x\r\n\ny"}),
            "id: 7 8\nevent: a b\ndata: x \ndata: \ndata: y\n\n");
}

TEST(Events, ReachTheClientInOrderUntilTheStreamEnds) {
  Events events;
  SessionSite site(events.routes);
  Client client(site);
  const std::string head = client.say(kAsk + "\r\n");
  EXPECT_EQ(events.last_id, "41");
  EXPECT_NE(head.find("Content-Type: text/event-stream\r\n"), std::string::npos);
  EXPECT_NE(head.find("Connection: close\r\n"), std::string::npos);
  EXPECT_EQ(head.find("Content-Length"), std::string::npos);
  ASSERT_EQ(events.streams.size(), 1U);
  EXPECT_TRUE(events.streams[0].send({.id = "42", .data = "a"}));
  EXPECT_TRUE(events.streams[0].send({.id = "43", .data = "b"}));
  EXPECT_EQ(client.settle(), "id: 42\ndata: a\n\nid: 43\ndata: b\n\n");
  events.streams.clear();
  client.settle();
  EXPECT_TRUE(client.is_over());
  EXPECT_TRUE(client.session().closes_gently());
  ASSERT_EQ(site.served.size(), 1U);
  EXPECT_EQ(site.served[0].status, 200U);
}

TEST(Events, AQuietStreamIsKeptAlive) {
  Events events;
  SessionSite site(events.routes);
  Client client(site);
  client.say(kAsk + "\r\n");
  EXPECT_EQ(client.wait(seconds(14)), "");
  EXPECT_EQ(client.wait(seconds(1)), ": still here\n\n");
  EXPECT_EQ(client.wait(seconds(15)), ": still here\n\n");
  EXPECT_FALSE(client.is_over());
}

TEST(Events, WhoeverDoesNotReadIsDropped) {
  Events events;
  SessionSite site(events.routes);
  Client client(site);
  client.say(kAsk + "\r\n");
  client.stop_reading();
  const Event event{.id = "1", .data = std::string(1000, 'x')};
  int sent = 0;
  while (events.streams[0].send(event)) {
    client.settle();
    ASSERT_LT(++sent, 2000);
  }
  EXPECT_GT(sent, 900);
  EXPECT_TRUE(client.is_over());
  EXPECT_FALSE(events.streams[0].is_open());
}

TEST(Events, WhatTheServerHasNotTakenYetIsBoundedToo) {
  Events events;
  SessionSite site(events.routes);
  Client client(site);
  client.say(kAsk + "\r\n");
  const Event event{.id = "1", .data = std::string(1000, 'x')};
  int sent = 0;
  while (events.streams[0].send(event)) ASSERT_LT(++sent, 2000);
  EXPECT_GT(sent, 900);
  client.settle();
  EXPECT_TRUE(client.is_over());
}

TEST(Events, AStuckClientIsDroppedAfterAWhile) {
  Events events;
  SessionSite site(events.routes);
  Client client(site);
  client.say(kAsk + "\r\n");
  client.stop_reading();
  EXPECT_TRUE(events.streams[0].send({.id = "1", .data = "x"}));
  client.settle();
  client.wait(seconds(15));
  client.wait(seconds(14));
  EXPECT_FALSE(client.is_over());
  client.wait(seconds(1));
  EXPECT_TRUE(client.is_over());
  EXPECT_FALSE(events.streams[0].send({.id = "2", .data = "y"}));
}

TEST(Events, EndWhenTheClientGoesOrTheServerStops) {
  for (const bool goes : {true, false}) {
    Events events;
    SessionSite site(events.routes);
    Client client(site);
    client.say(kAsk + "\r\n");
    if (goes) {
      client.end();
    } else {
      client.stop();
    }
    EXPECT_TRUE(client.is_over());
    EXPECT_FALSE(events.streams[0].send({.id = "2", .data = "y"}));
  }
}

TEST(Events, EndWhenTheTokenIsTakenAway) {
  const TemporaryDirectory directory;
  const NewToken token = need(make_token("eye", "view", ""));
  need(write_file_atomically(directory.path("tokens"), token.line));
  std::int64_t now = 1'700'000'000;
  GateOptions gate;
  gate.tokens = need(TokenFile::open(directory.path("tokens")));
  gate.unix_time = [&now] { return now; };
  Events events;
  SessionSite site(events.routes, std::move(gate));
  Client client(site);
  client.say(kAsk + "Authorization: Bearer " + token.secret + "\r\n\r\n");
  ASSERT_EQ(events.streams.size(), 1U);
  EXPECT_EQ(client.wait(seconds(15)), ": still here\n\n");
  need(write_file_atomically(directory.path("tokens"), "# nobody\n"));
  now += 1;
  EXPECT_EQ(client.wait(seconds(15)), "");
  EXPECT_TRUE(client.is_over());
}

TEST(Events, HeadIsToldWhatItWouldGet) {
  Events events;
  SessionSite site(events.routes);
  Client client(site);
  const std::string answer = client.say("HEAD /events HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_NE(answer.find("text/event-stream"), std::string::npos);
  EXPECT_TRUE(client.is_over());
  EXPECT_FALSE(events.streams[0].is_open());
}

}  // namespace
}  // namespace ballast::http

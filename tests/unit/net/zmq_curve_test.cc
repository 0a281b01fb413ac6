// Links with keys, over real sockets: who gets in, who does not, and what both are told.

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "common/net/keys.h"
#include "common/net/zmq_transport.h"
#include "tests/unit/net/net_fixture.h"

namespace ballast {
namespace {

constexpr MemberId kServer{1};
constexpr MemberId kWorker{0xfeedULL};
constexpr MemberId kOther{0xbeefULL};

// What `ballast keys` makes, and what each role reads of it.
struct Ring {
  KeyPair coordinator = *make_key_pair();
  KeyPair server = *make_key_pair();
  KeyPair worker = *make_key_pair();

  [[nodiscard]] LinkKeys of_coordinator() const {
    return {.role = KeyRole::coordinator,
            .own = coordinator,
            .admitted_keys = {server.public_key, worker.public_key}};
  }
  [[nodiscard]] LinkKeys of_server() const {
    return {.role = KeyRole::server,
            .own = server,
            .coordinator_keys = {coordinator.public_key},
            .admitted_keys = {worker.public_key}};
  }
  [[nodiscard]] LinkKeys of_worker() const {
    return {.role = KeyRole::worker,
            .own = worker,
            .coordinator_keys = {coordinator.public_key},
            .server_keys = {server.public_key}};
  }
};

// Each has a context of its own, as a process would.
struct Process {
  Process(MemberId self, std::optional<LinkKeys> keys, std::size_t frame_bytes_max = 1 << 30)
      : transport(make_zmq_transport(context, {.self = self,
                                               .keys = std::move(keys),
                                               .frame_bytes_max = frame_bytes_max,
                                               .linger = std::chrono::milliseconds(0),
                                               .reconnect_max = std::chrono::milliseconds(50)})) {}

  Transport* operator->() const { return transport.get(); }
  Transport& operator*() const { return *transport; }

  ZmqContext context;
  std::unique_ptr<Transport> transport;
};

struct Heard {
  std::vector<std::string> texts;
  std::vector<LinkRefused> refusals;

  [[nodiscard]] bool knows(Refusal reason) const {
    for (const LinkRefused& refusal : refusals) {
      if (refusal.reason == reason) return true;
    }
    return false;
  }
  [[nodiscard]] std::string all() const {
    std::string lines;
    for (const LinkRefused& refusal : refusals) lines += refusal.why + "\n";
    return lines;
  }
};

void take_events(Transport& transport, Heard& heard) {
  while (auto event = transport.next()) {
    if (auto* const delivery = std::get_if<Delivery>(&*event)) {
      heard.texts.emplace_back(delivery->frames.at(0).text());
    }
    if (auto* const refused = std::get_if<LinkRefused>(&*event)) {
      heard.refusals.push_back(std::move(*refused));
    }
  }
}

// Both serve their sockets, and the caller goes on sending, until `enough` holds. False: half a
// minute was not enough.
bool talk(Process& caller, MemberId target, Heard& at_caller, Process& listener, Heard& at_listener,
          const std::function<bool()>& enough) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (std::chrono::steady_clock::now() < deadline) {
    caller->send(target, {words("hello")});
    take_events(*caller, at_caller);
    take_events(*listener, at_listener);
    if (enough()) return true;
    pollfd watched[] = {{caller->descriptor(), POLLIN, 0}, {listener->descriptor(), POLLIN, 0}};
    ::poll(watched, 2, 10);
  }
  return false;
}

class LinkOver : public testing::TestWithParam<const char*> {
 protected:
  [[nodiscard]] std::string wish() const {
    return std::string(GetParam()) == "ipc" ? "ipc://" + directory_.path() + "/s" : GetParam();
  }
  // Somebody with the right key is served.
  static void expect_service(Process& listener, MemberId self, const std::string& endpoint,
                             const std::optional<LinkKeys>& keys) {
    Process caller(kOther, keys);
    ASSERT_TRUE(caller->connect(self, endpoint));
    Heard at_caller;
    Heard at_listener;
    ASSERT_TRUE(talk(caller, self, at_caller, listener, at_listener,
                     [&] { return !at_listener.texts.empty(); }))
        << at_caller.all() << at_listener.all();
    EXPECT_EQ(listener->send(kOther, {words("served")}), Sent::handed_over);
    EXPECT_EQ(text_of(await_delivery(*caller)), "served");
  }

  TemporaryDirectory directory_;
  Ring ring_;
};

TEST_P(LinkOver, TheRightKeysLetFramesOfEverySizeThroughBothWays) {
  constexpr std::size_t kFrameBytesMax = 5'000'000;
  Process server(kServer, ring_.of_server(), kFrameBytesMax);
  const auto endpoint = server->bind(wish());
  ASSERT_TRUE(endpoint) << endpoint.error().message;
  Process worker(kWorker, ring_.of_worker(), kFrameBytesMax);
  ASSERT_TRUE(worker->connect(kServer, *endpoint));
  std::uint64_t seed = 0;
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{33}, std::size_t{512},
                                 std::size_t{8000}, std::size_t{100'001}, kFrameBytesMax}) {
    SCOPED_TRACE(size);
    const std::vector<Bytes> frames = {pattern(24, ++seed), pattern(size, ++seed)};
    ASSERT_EQ(worker->send(kServer, frames), Sent::handed_over);
    const auto there = await_delivery(*server);
    ASSERT_TRUE(there);
    EXPECT_EQ(there->from, kWorker);
    ASSERT_EQ(server->send(kWorker, there->frames), Sent::handed_over);
    const auto back = await_delivery(*worker);
    ASSERT_TRUE(back);
    ASSERT_EQ(back->frames.size(), frames.size());
    for (std::size_t i = 0; i < frames.size(); ++i) {
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(back->frames[i].data()) % 8, 0U);
      EXPECT_TRUE(back->frames[i].text() == frames[i].text()) << "frame " << i << " differs";
    }
  }
  EXPECT_EQ(server->counters().refused + worker->counters().refused, 0U);
  // And the end of a connection is noticed as without keys.
  worker.transport.reset();
  EXPECT_EQ(await_closed(*server), kWorker);
}

TEST_P(LinkOver, WhoHasNotTheRightKeyStaysOutAndBothSidesSayWhy) {
  const Ring strangers;
  LinkKeys stranger = strangers.of_worker();
  stranger.server_keys = {ring_.server.public_key};
  stranger.coordinator_keys = {ring_.coordinator.public_key};
  LinkKeys misled = ring_.of_worker();
  misled.server_keys = {strangers.server.public_key};
  LinkKeys server_as_caller = ring_.of_server();
  server_as_caller.server_keys = {ring_.server.public_key};
  LinkKeys coordinator_as_caller = ring_.of_coordinator();
  coordinator_as_caller.coordinator_keys = {ring_.coordinator.public_key};
  struct Case {
    const char* name;
    MemberId listener;
    std::optional<LinkKeys> of_listener;
    std::optional<LinkKeys> of_caller;
    const char* caller_hears;
    std::optional<Refusal> listener_sees;  // Nothing: chance decides which side closes first.
    std::optional<LinkKeys> right;
  };
  const Case cases[] = {
      {"no key", kServer, ring_.of_server(), std::nullopt, "--keys", std::nullopt,
       ring_.of_worker()},
      {"a key where none is asked for", kServer, std::nullopt, ring_.of_worker(), "--keys",
       std::nullopt, std::nullopt},
      {"a stranger's key", kServer, ring_.of_server(), stranger,
       "it does not admit our key; expected the worker.public over there to belong to our "
       "worker.secret",
       Refusal::not_admitted, ring_.of_worker()},
      {"a server's key at a server", kServer, ring_.of_server(), server_as_caller,
       "it does not admit our key", Refusal::not_admitted, ring_.of_worker()},
      {"a stranger's key at the coordinator", kCoordinator, ring_.of_coordinator(), stranger,
       "it does not admit our key", Refusal::not_admitted, ring_.of_server()},
      {"the coordinator's own key", kCoordinator, ring_.of_coordinator(), coordinator_as_caller,
       "it does not admit our key", Refusal::not_admitted, ring_.of_worker()},
      {"a listener of another key", kServer, ring_.of_server(), misled,
       "our server.public to be its key", Refusal::wrong_secret, ring_.of_worker()},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    Process listener(c.listener, c.of_listener);
    const auto endpoint = listener->bind(wish());
    ASSERT_TRUE(endpoint) << endpoint.error().message;
    Heard at_caller;
    Heard at_listener;
    {
      Process caller(kWorker, c.of_caller);
      ASSERT_TRUE(caller->connect(c.listener, *endpoint));
      EXPECT_TRUE(talk(caller, c.listener, at_caller, listener, at_listener, [&] {
        return at_caller.refusals.size() >= 2 &&
               (!c.listener_sees || at_listener.knows(*c.listener_sees));
      })) << at_listener.all();
      EXPECT_NE(at_caller.all().find(c.caller_hears), std::string::npos) << at_caller.all();
      EXPECT_NE(at_caller.all().find(*endpoint), std::string::npos) << at_caller.all();
      EXPECT_EQ(at_caller.refusals.front().peer, c.listener);
    }
    for (const LinkRefused& refusal : at_listener.refusals) EXPECT_FALSE(refusal.peer);
    EXPECT_EQ(listener->counters().received, 0U);
    EXPECT_EQ(listener->counters().strangers, 0U);
    expect_service(listener, c.listener, *endpoint, c.right);
  }
}

TEST_P(LinkOver, AListenerThatComesBackIsFoundAgain) {
  std::optional<Process> server(std::in_place, kServer, ring_.of_server());
  const auto endpoint = (*server)->bind(wish());
  ASSERT_TRUE(endpoint) << endpoint.error().message;
  Process worker(kWorker, ring_.of_worker());
  ASSERT_TRUE(worker->connect(kServer, *endpoint));
  worker->send(kServer, {words("hello")});
  ASSERT_EQ(text_of(await_delivery(**server)), "hello");
  server.reset();
  ASSERT_EQ(await_closed(*worker), kServer);
  server.emplace(kServer, ring_.of_server());
  ASSERT_TRUE((*server)->bind(*endpoint));
  worker->send(kServer, {words("welcome back")});
  EXPECT_EQ(text_of(await_delivery(**server)), "welcome back");
  EXPECT_EQ(worker->counters().refused, 0U);
}

// ZeroMQ gives up for good on a handshake that was answered with no.
TEST_P(LinkOver, WhoWasTurnedAwayGetsInOnceTheKeysAreMended) {
  LinkKeys outdated = ring_.of_server();
  outdated.admitted_keys = {Ring().worker.public_key};
  std::optional<Process> server(std::in_place, kServer, outdated);
  const auto endpoint = (*server)->bind(wish());
  ASSERT_TRUE(endpoint) << endpoint.error().message;
  Process worker(kWorker, ring_.of_worker());
  ASSERT_TRUE(worker->connect(kServer, *endpoint));
  Heard at_worker;
  Heard at_server;
  ASSERT_TRUE(talk(worker, kServer, at_worker, *server, at_server,
                   [&] { return at_worker.knows(Refusal::not_admitted); }));
  EXPECT_TRUE(worker->connect(kServer, *endpoint)) << "repeating it changes nothing";
  server.reset();
  server.emplace(kServer, ring_.of_server());
  ASSERT_TRUE((*server)->bind(*endpoint));
  ASSERT_TRUE(talk(worker, kServer, at_worker, *server, at_server,
                   [&] { return !at_server.texts.empty(); }));
}

// The three steps by which keys change while everything runs (cli/key_directory.h).
TEST_P(LinkOver, ListenersAndCallersChangeTheirKeysOneAfterAnother) {
  const Ring next;
  const auto listed = [](const KeyPair& one, const KeyPair& other) {
    return one.public_key + "\n" + other.public_key + "\n";
  };
  const TemporaryDirectory files;  // Of the server.
  const auto write = [&](const std::string& name, const std::string& text) {
    const std::string path = files.path() + "/" + name;
    std::ofstream(path + ".new") << text;
    ASSERT_EQ(::chmod((path + ".new").c_str(), 0600), 0);
    std::filesystem::rename(path + ".new", path);
  };
  write("server.secret", ring_.server.secret_key);
  write("server.public", ring_.server.public_key);
  write("coordinator.public", ring_.coordinator.public_key);
  write("worker.public", ring_.worker.public_key);

  std::optional<Process> server(std::in_place, kServer, *load_keys(files.path(), KeyRole::server));
  const auto endpoint = (*server)->bind(wish());
  ASSERT_TRUE(endpoint) << endpoint.error().message;
  LinkKeys of_worker = ring_.of_worker();
  of_worker.server_keys.push_back(next.server.public_key);
  Process worker(kWorker, of_worker);
  ASSERT_TRUE(worker->connect(kServer, *endpoint));
  worker->send(kServer, {words("the old keys")});
  ASSERT_EQ(text_of(await_delivery(**server)), "the old keys");

  // A worker with the next key is let in by the server that runs once its file has it.
  write("worker.public", listed(ring_.worker, next.worker));
  LinkKeys of_next_worker = of_worker;
  of_next_worker.own = next.worker;
  {
    Process next_worker(kOther, of_next_worker);
    ASSERT_TRUE(next_worker->connect(kServer, *endpoint));
    next_worker->send(kServer, {words("the next key")});
    EXPECT_EQ(text_of(await_delivery(**server)), "the next key");
  }

  // The server comes back with its next key: who knows both finds it, and nobody complains.
  write("server.secret", next.server.secret_key);
  write("server.public", listed(ring_.server, next.server));
  server.reset();
  ASSERT_EQ(await_closed(*worker), kServer);
  server.emplace(kServer, *load_keys(files.path(), KeyRole::server));
  ASSERT_TRUE((*server)->bind(*endpoint));
  Heard at_worker;
  Heard at_server;
  ASSERT_TRUE(talk(worker, kServer, at_worker, *server, at_server,
                   [&] { return !at_server.texts.empty(); }))
      << at_worker.all() << at_server.all();
  EXPECT_TRUE(at_worker.refusals.empty()) << at_worker.all();

  // A file that cannot be read is said, and changes nothing.
  write("worker.public", "half a k");
  {
    Process next_worker(kOther, of_next_worker);
    ASSERT_TRUE(next_worker->connect(kServer, *endpoint));
    at_server = {};
    Heard at_next;
    ASSERT_TRUE(talk(next_worker, kServer, at_next, *server, at_server, [&] {
      return at_server.knows(Refusal::unreadable_keys);
    })) << at_next.all();
    EXPECT_NE(at_server.all().find("worker.public: expected a key"), std::string::npos)
        << at_server.all();
    next_worker->send(kServer, {words("in all the same")});
    std::string heard = text_of(await_delivery(**server));
    while (heard == "hello") heard = text_of(await_delivery(**server));
    EXPECT_EQ(heard, "in all the same");
  }

  // The old key is retired: who has it stays outside.
  write("worker.public", next.worker.public_key);
  Process late(MemberId{0xabcULL}, of_worker);
  ASSERT_TRUE(late->connect(kServer, *endpoint));
  Heard at_late;
  at_server = {};
  ASSERT_TRUE(talk(late, kServer, at_late, *server, at_server, [&] {
    return at_late.knows(Refusal::not_admitted);
  })) << at_late.all();
  EXPECT_TRUE(at_server.texts.empty());
}

INSTANTIATE_TEST_SUITE_P(Transports, LinkOver, testing::Values("ipc", "tcp://127.0.0.1:0"),
                         [](const auto& instance) {
                           const std::string name = instance.param;
                           return name.substr(0, name.find(':'));
                         });

// A plain TCP connection to where a transport listens.
class RawConnection {
 public:
  explicit RawConnection(const std::string& endpoint)
      : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port =
        htons(static_cast<std::uint16_t>(std::stoi(endpoint.substr(endpoint.rfind(':') + 1))));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  ~RawConnection() { ::close(socket_); }
  RawConnection(const RawConnection&) = delete;
  RawConnection& operator=(const RawConnection&) = delete;

  void send(std::string_view bytes) const {
    // The other side may hang up in the middle of it.
    [[maybe_unused]] const auto sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }
  void say(std::string_view bytes) const {
    send(bytes);
    ::shutdown(socket_, SHUT_WR);
  }
  // Until the other side hangs up.
  void hear_it_out() const {
    std::array<char, 4096> buffer{};
    while (::recv(socket_, buffer.data(), buffer.size(), 0) > 0) {
    }
  }

 private:
  const int socket_;
};

TEST(Curve, RawBytesOnThePortDoNoHarm) {
  const Ring ring;
  Process server(kServer, ring.of_server());
  const auto endpoint = server->bind("tcp://127.0.0.1:0");
  ASSERT_TRUE(endpoint);
  const std::string greeting =
      std::string("\xff\0\0\0\0\0\0\0\1\x7f\3\0CURVE", 17) + std::string(47, '\0');
  // A command that claims to be a HELLO, of the right size and of a wrong one.
  const std::string hello = std::string("\x04\xc8\x05HELLO\1\0", 10) + std::string(192, 'x');
  const std::string garbage[] = {"GET / HTTP/1.1\r\n\r\n",
                                 std::string(pattern(65536, 5).text()),
                                 greeting,
                                 greeting + hello,
                                 greeting + hello.substr(0, 40),
                                 greeting + std::string("\x04\x07\x05HELLO\1", 9),
                                 greeting + std::string(pattern(65536, 6).text())};
  std::uint64_t served = 0;
  for (const std::string& bytes : garbage) {
    const RawConnection raw(*endpoint);
    raw.say(bytes);
    Process worker(MemberId{100 + served}, ring.of_worker());
    ASSERT_TRUE(worker->connect(kServer, *endpoint));
    worker->send(kServer, {words("service?")});
    ASSERT_EQ(text_of(await_delivery(*server)), "service?");
    served += 1;
  }
  EXPECT_EQ(server->counters().received, served);
}

// Stands between a caller and a listener, and keeps what the caller says.
class Eavesdropper {
 public:
  explicit Eavesdropper(const std::string& endpoint)
      : endpoint_(endpoint), door_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::bind(door_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(door_, 1), 0);
    socklen_t size = sizeof address;
    EXPECT_EQ(::getsockname(door_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { pass_on(); });
  }
  ~Eavesdropper() { static_cast<void>(said()); }

  [[nodiscard]] std::string endpoint() const { return "tcp://127.0.0.1:" + std::to_string(port_); }
  // All that the caller said in its connection. It has hung up.
  [[nodiscard]] std::string said() {
    if (thread_.joinable()) thread_.join();
    return said_;
  }

 private:
  void pass_on() {
    const int caller = ::accept(door_, nullptr, nullptr);
    ::close(door_);
    const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port =
        htons(static_cast<std::uint16_t>(std::stoi(endpoint_.substr(endpoint_.rfind(':') + 1))));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(listener, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    std::array<char, 65536> buffer{};
    for (bool open = true; open;) {
      pollfd watched[] = {{caller, POLLIN, 0}, {listener, POLLIN, 0}};
      ::poll(watched, 2, -1);
      for (int i = 0; i < 2; ++i) {
        if (watched[i].revents == 0) continue;
        const ssize_t size = ::recv(watched[i].fd, buffer.data(), buffer.size(), 0);
        if (size <= 0) {
          open = false;
          break;
        }
        const auto bytes = static_cast<std::size_t>(size);
        if (i == 0) said_.append(buffer.data(), bytes);
        EXPECT_EQ(::send(watched[1 - i].fd, buffer.data(), bytes, MSG_NOSIGNAL), size);
      }
    }
    ::close(caller);
    ::close(listener);
  }

  const std::string endpoint_;
  const int door_;
  std::uint16_t port_ = 0;
  std::string said_;
  std::thread thread_;
};

TEST(Curve, WhatWasSaidOnceIsNotTakenAgain) {
  const Ring ring;
  Process server(kServer, ring.of_server());
  const auto endpoint = server->bind("tcp://127.0.0.1:0");
  ASSERT_TRUE(endpoint);
  Eavesdropper between(*endpoint);
  {
    Process worker(kWorker, ring.of_worker());
    ASSERT_TRUE(worker->connect(kServer, between.endpoint()));
    worker->send(kServer, {words("add this to the weights")});
    ASSERT_EQ(text_of(await_delivery(*server)), "add this to the weights");
  }
  const std::string said = between.said();
  ASSERT_GT(said.size(), 64U + 200U) << "a greeting, the handshake and the message";
  EXPECT_EQ(said.find("weights"), std::string::npos) << "it goes over the wire in the clear";

  std::thread replay([&] {
    const RawConnection again(*endpoint);
    again.say(said);
    again.hear_it_out();
  });
  Process worker(kOther, ring.of_worker());
  ASSERT_TRUE(worker->connect(kServer, *endpoint));
  worker->send(kServer, {words("and this")});
  EXPECT_EQ(text_of(await_delivery(*server)), "and this");
  replay.join();
  Heard after;
  take_events(*server, after);
  EXPECT_TRUE(after.texts.empty()) << after.texts.front();
  EXPECT_EQ(server->counters().received, 2U);
}

TEST(Curve, AnOversizedFrameOfSomebodyWithAKeyEndsItsConnectionAlone) {
  const Ring ring;
  Process server(kServer, ring.of_server(), 1 << 16);
  const auto endpoint = server->bind("tcp://127.0.0.1:0");
  ASSERT_TRUE(endpoint);
  Process good(kWorker, ring.of_worker());
  ASSERT_TRUE(good->connect(kServer, *endpoint));
  good->send(kServer, {words("here")});
  ASSERT_EQ(text_of(await_delivery(*server)), "here");
  Process greedy(kOther, ring.of_worker());
  ASSERT_TRUE(greedy->connect(kServer, *endpoint));
  greedy->send(kServer, {words("hello")});
  ASSERT_EQ(text_of(await_delivery(*server)), "hello");
  greedy->send(kServer, {pattern((1 << 16) + 1, 3)});
  ASSERT_EQ(await_closed(*greedy), kServer);
  good->send(kServer, {words("still here")});
  EXPECT_EQ(text_of(await_delivery(*server)), "still here");
  EXPECT_EQ(server->counters().received, 3U);
}

// Connections that begin a handshake and never end it.
TEST(Curve, SlowCallersHoldUpNobody) {
  const Ring ring;
  Process server(kServer, ring.of_server());
  const auto endpoint = server->bind("tcp://127.0.0.1:0");
  ASSERT_TRUE(endpoint);
  const std::string greeting =
      std::string("\xff\0\0\0\0\0\0\0\1\x7f\3\0CURVE", 17) + std::string(47, '\0');
  std::vector<std::unique_ptr<RawConnection>> slow;
  for (std::size_t i = 0; i < 64; ++i) {
    slow.push_back(std::make_unique<RawConnection>(*endpoint));
    slow.back()->send(greeting.substr(0, i));
  }
  Process worker(kWorker, ring.of_worker());
  ASSERT_TRUE(worker->connect(kServer, *endpoint));
  worker->send(kServer, {words("hello")});
  EXPECT_EQ(text_of(await_delivery(*server)), "hello");
}

// Readiness probes and port scanners do this all day.
TEST(Curve, LookingWhetherAPortIsOpenIsNoRefusal) {
  const Ring ring;
  Process server(kServer, ring.of_server());
  const auto endpoint = server->bind("tcp://127.0.0.1:0");
  ASSERT_TRUE(endpoint);
  for (int i = 0; i < 10; ++i) const RawConnection probe(*endpoint);
  Process worker(kWorker, ring.of_worker());
  ASSERT_TRUE(worker->connect(kServer, *endpoint));
  worker->send(kServer, {words("hello")});
  EXPECT_EQ(text_of(await_delivery(*server)), "hello");
  EXPECT_EQ(server->counters().refused, 0U);
}

TEST(Curve, KeysReachBeyondThisMachine) {
  Process server(kServer, Ring().of_server());
  const auto endpoint = server->bind("tcp://0.0.0.0:0");
  EXPECT_TRUE(endpoint) << endpoint.error().message;
}

TEST(Curve, OneListenerWithKeysPerContext) {
  const Ring ring;
  ZmqContext context;
  auto first = make_zmq_transport(context, {.self = kServer, .keys = ring.of_server()});
  ASSERT_TRUE(first->bind("tcp://127.0.0.1:0"));
  auto second = make_zmq_transport(context, {.self = kOther, .keys = ring.of_server()});
  const auto refused = second->bind("tcp://127.0.0.1:0");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::conflict);
  first.reset();
  EXPECT_TRUE(second->bind("tcp://127.0.0.1:0"));
}

TEST(Curve, AWorkerNeedsAKeyOfWhomItCalls) {
  Process coordinator(kCoordinator, Ring().of_coordinator());
  const Status called = coordinator->connect(kServer, "tcp://127.0.0.1:9");
  ASSERT_FALSE(called);
  EXPECT_EQ(called.error().code, ErrorCode::invalid);
}

}  // namespace
}  // namespace ballast

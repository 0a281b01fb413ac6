#include "common/net/zmq_transport.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zmq.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include "tests/unit/net/net_fixture.h"

namespace ballast {
namespace {

constexpr MemberId kServer{1};
constexpr MemberId kWorker{0xfeedULL};
constexpr MemberId kOther{0xbeefULL};

bool is_aligned(const Bytes& frame) {
  return reinterpret_cast<std::uintptr_t>(frame.data()) % 8 == 0;
}

// Every test of this class runs over each kind of endpoint.
class TransportOver : public testing::TestWithParam<const char*> {
 protected:
  std::string wish() const {
    return std::string(GetParam()) == "ipc" ? "ipc://" + directory_.path() + "/s" : GetParam();
  }
  [[nodiscard]] bool is_inproc() const {
    return std::string_view(GetParam()).starts_with("inproc");
  }
  std::unique_ptr<Transport> bound(MemberId self) {
    auto transport = make_zmq_transport(*context_, {.self = self});
    const auto endpoint = transport->bind(wish());
    EXPECT_TRUE(endpoint) << endpoint.error().message;
    if (endpoint) endpoint_ = *endpoint;
    return transport;
  }
  std::unique_ptr<Transport> connected(MemberId self, MemberId peer) {
    auto transport = make_zmq_transport(*context_, {.self = self});
    const Status status = transport->connect(peer, endpoint_);
    EXPECT_TRUE(status);
    return transport;
  }

  TemporaryDirectory directory_;
  std::optional<ZmqContext> context_{std::in_place};
  std::string endpoint_;
};

TEST_P(TransportOver, FramesOfEverySizeArriveAlignedBothWays) {
  auto server = bound(kServer);
  auto worker = connected(kWorker, kServer);
  const std::size_t sizes[] = {0,    1,    7,    8,     24,    33,     34,      64,     100,
                               511,  512,  513,  1000,  2000,  4096,   7999,    8000,   8191,
                               8192, 8193, 9000, 16384, 65536, 100001, 1 << 20, 5000000};
  std::uint64_t seed = 0;
  for (const std::size_t size : sizes) {
    SCOPED_TRACE(size);
    seed += 1;
    const std::vector<Bytes> frames = {pattern(16, seed), pattern(size, seed + 1),
                                       pattern(size / 3, seed + 2), pattern(40, seed + 3)};
    EXPECT_EQ(worker->send(kServer, frames), Sent::handed_over);
    const auto there = await_delivery(*server);
    ASSERT_TRUE(there);
    EXPECT_EQ(there->from, kWorker);
    EXPECT_EQ(server->send(kWorker, there->frames), Sent::handed_over);
    const auto back = await_delivery(*worker);
    ASSERT_TRUE(back);
    EXPECT_EQ(back->from, kServer);
    ASSERT_EQ(back->frames.size(), frames.size());
    for (std::size_t i = 0; i < frames.size(); ++i) {
      EXPECT_TRUE(is_aligned(there->frames[i]) && is_aligned(back->frames[i]));
      EXPECT_TRUE(back->frames[i].text() == frames[i].text()) << "frame " << i << " differs";
    }
  }
}

// In a burst, many messages share one receive buffer of ZeroMQ's and lie in it anywhere.
TEST_P(TransportOver, BurstsArriveInOrderAlignedAndWhole) {
  auto server = bound(kServer);
  auto worker = connected(kWorker, kServer);
  constexpr std::size_t kCount = 2000;
  for (std::size_t i = 0; i < kCount; ++i) worker->send(kServer, {pattern(64 + 4 * i, i)});
  for (std::size_t i = 0; i < kCount; ++i) {
    const auto delivery = await_delivery(*server);
    ASSERT_TRUE(delivery);
    ASSERT_TRUE(is_aligned(delivery->frames[0])) << i;
    ASSERT_TRUE(delivery->frames[0].text() == pattern(64 + 4 * i, i).text()) << i;
  }
  EXPECT_EQ(server->counters().received, kCount);
  EXPECT_EQ(worker->counters().sent_bytes, server->counters().received_bytes);
  if (!is_inproc()) {
    EXPECT_GT(server->counters().copied, 0U) << "the test lost its point";
  }
}

TEST_P(TransportOver, SharedMemoryIsReleasedWhenEverybodyIsDone) {
  auto server = bound(kServer);
  auto worker = connected(kWorker, kServer);
  auto owner = std::make_shared<const std::vector<float>>(100'000, 1.5F);
  const std::weak_ptr<const std::vector<float>> watched = owner;
  Bytes frame = Bytes::share(owner, std::span<const float>(*owner));
  const auto* const sent_from = frame.data();
  owner.reset();
  worker->send(kServer, {std::move(frame)});
  {
    const auto delivery = await_delivery(*server);
    ASSERT_TRUE(delivery);
    if (is_inproc()) {
      EXPECT_EQ(delivery->frames[0].data(), sent_from) << "it was copied";
    }
    EXPECT_EQ(delivery->frames[0].as<float>()[99'999], 1.5F);
  }
  worker.reset();
  server.reset();
  context_.reset();  // ZeroMQ's thread may have been the last to hold it.
  EXPECT_TRUE(watched.expired());
}

TEST_P(TransportOver, SendingToNobodyIsCountedAndHarmsNobody) {
  auto server = bound(kServer);
  auto worker = connected(kWorker, kServer);
  worker->send(kServer, {words("here")});
  ASSERT_EQ(text_of(await_delivery(*server)), "here");
  for (int i = 0; i < 3; ++i) EXPECT_EQ(server->send(kOther, {words("?"), words("?")}), Sent::lost);
  EXPECT_EQ(worker->send(kOther, {words("?")}), Sent::lost);
  EXPECT_EQ(server->counters().lost, 3U);
  EXPECT_EQ(worker->counters().lost, 1U);
  EXPECT_EQ(server->send(kWorker, {words("still here")}), Sent::handed_over);
  EXPECT_EQ(text_of(await_delivery(*worker)), "still here");
}

TEST_P(TransportOver, ConnectingTwiceChangesNothing) {
  auto server = bound(kServer);
  auto worker = connected(kWorker, kServer);
  worker->send(kServer, {words("one")});
  EXPECT_TRUE(worker->connect(kServer, endpoint_));
  worker->send(kServer, {words("two")});
  EXPECT_EQ(text_of(await_delivery(*server)), "one");
  EXPECT_EQ(text_of(await_delivery(*server)), "two");
}

TEST_P(TransportOver, PeersMayConnectBeforeAnybodyListens) {
  if (wish().starts_with("tcp")) GTEST_SKIP() << "a free port is not known beforehand";
  endpoint_ = wish();
  auto worker = connected(kWorker, kServer);
  worker->send(kServer, {words("early")});
  auto server = bound(kServer);
  EXPECT_EQ(text_of(await_delivery(*server)), "early");
}

TEST_P(TransportOver, OnePeerCannotStarveAnother) {
  auto one = bound(kServer);
  auto worker = connected(kWorker, kServer);
  const std::string first = endpoint_;
  auto two = make_zmq_transport(*context_, {.self = kOther});
  const auto second = two->bind(is_inproc() ? "inproc://two" : "tcp://127.0.0.1:0");
  ASSERT_TRUE(second);
  ASSERT_TRUE(worker->connect(kOther, *second));
  for (const MemberId peer : {kServer, kOther}) worker->send(peer, {words("begin")});
  ASSERT_TRUE(await_delivery(*one));
  ASSERT_TRUE(await_delivery(*two));
  for (int i = 0; i < 100; ++i) one->send(kWorker, {words("busy")});
  two->send(kWorker, {words("quiet")});
  std::vector<MemberId> order;
  for (int i = 0; i < 101; ++i) {
    const auto delivery = await_delivery(*worker);
    ASSERT_TRUE(delivery);
    order.push_back(delivery->from);
  }
  EXPECT_EQ(std::count(order.begin(), order.end(), kOther), 1);
}

INSTANTIATE_TEST_SUITE_P(Transports, TransportOver,
                         testing::Values("inproc://s", "ipc", "tcp://127.0.0.1:0"),
                         [](const auto& instance) {
                           const std::string name = instance.param;
                           return name.substr(0, name.find(':'));
                         });

// ---- connections that end -----------------------------------------------------------------------

// Those that can end: tcp and ipc.
class ConnectionOver : public TransportOver {};

class Child {
 public:
  Child(const std::string& endpoint, MemberId self) {
    std::string program = BALLAST_TRANSPORT_PEER;
    std::string target = endpoint;
    std::string member = std::to_string(index(self));
    char* const arguments[] = {program.data(), target.data(), member.data(), nullptr};
    int ends[2];
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    input_ = ends[1];
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[0], STDIN_FILENO);
    EXPECT_EQ(::posix_spawn(&process_, program.c_str(), &actions, nullptr, arguments, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    ::close(ends[0]);
  }
  ~Child() {
    ::close(input_);
    ::waitpid(process_, nullptr, 0);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  void kill() const { ::kill(process_, SIGKILL); }

 private:
  pid_t process_ = -1;
  int input_ = -1;
};

TEST_P(ConnectionOver, AKilledProcessIsNoticedAtOnce) {
  auto server = bound(kCoordinator);
  const Child other(endpoint_, kOther);
  const Child worker(endpoint_, kWorker);
  for (int i = 0; i < 2; ++i) ASSERT_EQ(text_of(await_delivery(*server)), "alive");
  worker.kill();
  EXPECT_EQ(await_closed(*server), kWorker);
  EXPECT_EQ(server->send(kOther, {words("you live")}), Sent::handed_over);
}

TEST_P(ConnectionOver, AListenerThatGoesIsNoticedByThoseWhoConnected) {
  auto server = bound(kServer);
  auto worker = connected(kWorker, kServer);
  worker->send(kServer, {words("hello")});
  ASSERT_EQ(text_of(await_delivery(*server)), "hello");
  server.reset();
  EXPECT_EQ(await_closed(*worker), kServer);

  // The same member, back at the same place: the connection comes back by itself.
  auto again = make_zmq_transport(*context_, {.self = kServer});
  ASSERT_TRUE(again->bind(endpoint_));
  worker->send(kServer, {words("welcome back")});
  EXPECT_EQ(text_of(await_delivery(*again)), "welcome back");
}

// The kernel gives the same few descriptors to one connection after another.
TEST_P(ConnectionOver, EachOfManyShortLivedPeersIsReportedOnceByItsOwnName) {
  auto server = bound(kServer);
  for (std::uint64_t i = 1; i <= 40; ++i) {
    const MemberId self{1000 + i};
    auto worker = connected(self, kServer);
    worker->send(kServer, {words("hello")});
    if (i % 2 == 0) {
      ASSERT_EQ(text_of(await_delivery(*server)), "hello");
      worker.reset();
      ASSERT_EQ(await_closed(*server), self);
    } else {  // Gone before anybody looked.
      worker.reset();
      const auto delivery = await_delivery(*server);
      ASSERT_TRUE(delivery);
      ASSERT_EQ(delivery->from, self);
      ASSERT_EQ(await_closed(*server), self);
    }
  }
}

TEST_P(ConnectionOver, AReconnectingMemberReplacesItsOldConnection) {
  auto server = bound(kServer);
  // The old life of the connection would try again after a long while only.
  auto old = make_zmq_transport(*context_, {.self = kWorker,
                                            .reconnect = std::chrono::hours(1),
                                            .reconnect_max = std::chrono::hours(1)});
  ASSERT_TRUE(old->connect(kServer, endpoint_));
  old->send(kServer, {words("old")});
  ASSERT_EQ(text_of(await_delivery(*server)), "old");
  auto fresh = connected(kWorker, kServer);
  fresh->send(kServer, {words("new")});
  ASSERT_EQ(text_of(await_delivery(*server)), "new");
  EXPECT_EQ(server->send(kWorker, {words("to the new one")}), Sent::handed_over);
  EXPECT_EQ(text_of(await_delivery(*fresh)), "to the new one");
}

// Servers come and go for as long as a worker lives, each life with an id of its own.
TEST_P(ConnectionOver, WhoIsNotNeededAnyMoreCostsNothing) {
  auto server = bound(kServer);
  auto worker = make_zmq_transport(*context_, {.self = kWorker});
  const auto descriptors = [] {
    return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {});
  };
  std::ptrdiff_t before = 0;
  for (std::uint64_t life = 100; life < 200; ++life) {
    ASSERT_TRUE(worker->connect(MemberId{life}, endpoint_));
    worker->send(MemberId{life}, {words("nobody reads this")});
    worker->disconnect(MemberId{life});
    EXPECT_EQ(worker->send(MemberId{life}, {words("?")}), Sent::lost);
    if (life == 110) before = descriptors();
  }
  // ZeroMQ closes them by and by, and the server may still accept some that are closed already.
  const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  std::ptrdiff_t after = descriptors();
  while (after > before && std::chrono::steady_clock::now() < patience) {
    std::this_thread::yield();
    after = descriptors();
  }
  EXPECT_LE(after, before);
  worker->disconnect(kOther);

  ASSERT_TRUE(worker->connect(kServer, endpoint_));
  worker->disconnect(kServer);
  ASSERT_TRUE(worker->connect(kServer, endpoint_));
  worker->send(kServer, {words("again")});
  EXPECT_EQ(text_of(await_delivery(*server)), "again");
}

// A worker knows the dead life of a server and its next life, at one endpoint. Its two connections
// must not fight for one name, and the next life must not read the dead one's mail.
TEST_P(ConnectionOver, ANewLifeAtTheSameEndpointIsAnotherMember) {
  auto first_life = bound(kServer);
  auto worker = make_zmq_transport(*context_, {.self = kWorker, .linger = {}});
  ASSERT_TRUE(worker->connect(kServer, endpoint_));
  worker->send(kServer, {words("hello")});
  ASSERT_EQ(text_of(await_delivery(*first_life)), "hello");
  first_life.reset();
  ASSERT_EQ(await_closed(*worker), kServer);

  auto second_life = make_zmq_transport(*context_, {.self = kOther});
  ASSERT_TRUE(second_life->bind(endpoint_));
  ASSERT_TRUE(worker->connect(kOther, endpoint_));
  for (int i = 0; i < 100; ++i) {
    worker->send(kServer, {words("for the dead")});
    worker->send(kOther, {words("for the living")});
    ASSERT_EQ(text_of(await_delivery(*second_life)), "for the living");
    ASSERT_EQ(second_life->send(kWorker, {words("yes")}), Sent::handed_over) << i;
    const auto answer = await_delivery(*worker);
    ASSERT_EQ(text_of(answer), "yes");
    ASSERT_EQ(answer->from, kOther);
  }
}

TEST_P(ConnectionOver, TheLastMessagesLeaveBeforeTheProcessDoes) {
  auto server = bound(kServer);
  constexpr int kCount = 30;
  std::thread leaving([this] {
    ZmqContext context;
    auto worker = make_zmq_transport(context, {.self = kWorker});
    ASSERT_TRUE(worker->connect(kServer, endpoint_));
    for (std::uint64_t i = 0; i < kCount; ++i) worker->send(kServer, {pattern(1 << 18, i)});
  });
  for (std::uint64_t i = 0; i < kCount; ++i) {
    const auto delivery = await_delivery(*server);
    ASSERT_TRUE(delivery);
    ASSERT_TRUE(delivery->frames[0].text() == pattern(1 << 18, i).text());
  }
  leaving.join();
}

INSTANTIATE_TEST_SUITE_P(Transports, ConnectionOver, testing::Values("ipc", "tcp://127.0.0.1:0"),
                         [](const auto& instance) {
                           const std::string name = instance.param;
                           return name.substr(0, name.find(':'));
                         });

// ---- peers that are none ------------------------------------------------------------------------

class ZmqTransportTest : public testing::Test {
 protected:
  std::string bind_tcp() { return *server_->bind("tcp://127.0.0.1:0"); }
  // The server still hears and answers.
  void expect_service(const std::string& endpoint) {
    auto worker = make_zmq_transport(context_, {.self = kWorker});
    ASSERT_TRUE(worker->connect(kServer, endpoint));
    worker->send(kServer, {words("service?")});
    ASSERT_EQ(text_of(await_delivery(*server_)), "service?");
    server_->send(kWorker, {words("yes")});
    EXPECT_EQ(text_of(await_delivery(*worker)), "yes");
  }

  TemporaryDirectory directory_;
  ZmqContext context_;
  std::unique_ptr<Transport> server_ = make_zmq_transport(context_, {.self = kServer});
};

// A ZeroMQ socket that is not one of ours.
class RawDealer {
 public:
  RawDealer(const ZmqContext& context, const std::string& endpoint, const std::string& id)
      : socket_(zmq_socket(context.handle(), ZMQ_DEALER)) {
    if (!id.empty()) zmq_setsockopt(socket_, ZMQ_ROUTING_ID, id.data(), id.size());
    EXPECT_EQ(zmq_connect(socket_, endpoint.c_str()), 0);
  }
  ~RawDealer() { zmq_close(socket_); }
  RawDealer(const RawDealer&) = delete;
  RawDealer& operator=(const RawDealer&) = delete;

  void send(const std::vector<std::string>& parts) {
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const int flags = i + 1 < parts.size() ? ZMQ_SNDMORE : 0;
      EXPECT_GE(zmq_send(socket_, parts[i].data(), parts[i].size(), flags), 0);
    }
  }

 private:
  void* socket_;
};

TEST_F(ZmqTransportTest, StrangersAreCountedAndNotHeard) {
  const std::string endpoint = bind_tcp();
  const std::string for_another = std::string("B") + std::string(16, '\x7f');
  const std::uint64_t ends[] = {index(kCoordinator), index(kServer)};  // It never calls.
  const std::string as_coordinator =
      "B" + std::string(reinterpret_cast<const char*>(ends), sizeof ends);
  const std::string ids[] = {"",
                             "x",
                             "Bshort",
                             std::string("B") + std::string(20, 'x'),
                             std::string("C") + std::string(16, 'x'),
                             for_another,
                             as_coordinator};
  std::uint64_t expected = 0;
  for (const std::string& id : ids) {
    RawDealer stranger(context_, endpoint, id);
    stranger.send({"garbage"});
    stranger.send({"", "more", std::string(100'000, 'x'), ""});
    expected += 2;
    while (server_->counters().strangers < expected) {
      ASSERT_FALSE(server_->next()) << "a stranger was heard";
      if (server_->counters().strangers == expected) break;
      pollfd watched{server_->descriptor(), POLLIN, 0};
      ASSERT_EQ(::poll(&watched, 1, 30'000), 1);
    }
  }
  EXPECT_EQ(server_->counters().received, 0U);
  expect_service(endpoint);
}

TEST_F(ZmqTransportTest, OddButValidMessagesOfAMemberArriveAsTheyAre) {
  const std::string endpoint = bind_tcp();
  std::string id = "B";
  for (const std::uint64_t number : {index(kOther), index(kServer)}) {
    id.append(reinterpret_cast<const char*>(&number), sizeof number);
  }
  RawDealer member(context_, endpoint, id);
  member.send({"", "", ""});
  const auto delivery = await_delivery(*server_);
  ASSERT_TRUE(delivery);
  EXPECT_EQ(delivery->from, kOther);
  EXPECT_EQ(delivery->frames.size(), 3U);
}

TEST_F(ZmqTransportTest, RawBytesOnThePortDoNoHarm) {
  const std::string endpoint = bind_tcp();
  const auto port = static_cast<std::uint16_t>(std::stoi(endpoint.substr(endpoint.rfind(':') + 1)));
  const std::string greeting =
      std::string("\xff\0\0\0\0\0\0\0\1\x7f\3\0NULL", 16) + std::string(48, '\0');
  const std::string garbage[] = {"",
                                 "GET / HTTP/1.1\r\n\r\n",
                                 std::string(100'000, '\xff'),
                                 std::string(pattern(65536, 5).text()),
                                 greeting,
                                 greeting + std::string(pattern(65536, 6).text())};
  for (const std::string& bytes : garbage) {
    const int raw = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ASSERT_EQ(::connect(raw, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    // The other side may hang up in the middle of it.
    [[maybe_unused]] const auto sent = ::send(raw, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    ::shutdown(raw, SHUT_WR);
    expect_service(endpoint);
    ::close(raw);
  }
}

TEST_F(ZmqTransportTest, AFrameThatIsTooLargeEndsItsConnectionAndNothingElse) {
  auto small = make_zmq_transport(context_, {.self = kServer, .frame_bytes_max = 100'000});
  const auto endpoint = small->bind("tcp://127.0.0.1:0");
  ASSERT_TRUE(endpoint);
  auto worker = make_zmq_transport(context_, {.self = kWorker});
  ASSERT_TRUE(worker->connect(kServer, *endpoint));
  worker->send(kServer, {words("hello")});
  ASSERT_EQ(text_of(await_delivery(*small)), "hello");
  worker->send(kServer, {pattern(100'001, 1)});
  EXPECT_EQ(await_closed(*small), kWorker);
  EXPECT_EQ(await_closed(*worker), kServer);
  auto other = make_zmq_transport(context_, {.self = kOther});
  ASSERT_TRUE(other->connect(kServer, *endpoint));
  other->send(kServer, {pattern(100'000, 1)});
  const auto delivery = await_delivery(*small);
  ASSERT_TRUE(delivery);
  EXPECT_EQ(delivery->from, kOther);
}

TEST_F(ZmqTransportTest, MessagesOfTooManyFramesAreCutOff) {
  auto strict = make_zmq_transport(context_, {.self = kServer, .frames_max = 3});
  ASSERT_TRUE(strict->bind("inproc://strict"));
  auto worker = make_zmq_transport(context_, {.self = kWorker});
  ASSERT_TRUE(worker->connect(kServer, "inproc://strict"));
  worker->send(kServer, std::vector<Bytes>(50, words("x")));
  const auto delivery = await_delivery(*strict);
  ASSERT_TRUE(delivery);
  EXPECT_EQ(delivery->frames.size(), 3U);
}

TEST_F(ZmqTransportTest, AFullQueueLosesMessagesInsteadOfBlocking) {
  auto worker =
      make_zmq_transport(context_, {.self = kWorker, .queue_messages_max = 10, .linger = {}});
  // Nobody will ever listen there.
  ASSERT_TRUE(worker->connect(kServer, "ipc://" + directory_.path() + "/nobody"));
  for (int i = 0; i < 10; ++i) EXPECT_EQ(worker->send(kServer, {words("x")}), Sent::handed_over);
  EXPECT_EQ(worker->send(kServer, {words("x"), words("y")}), Sent::lost);
  EXPECT_EQ(worker->counters().lost, 1U);
}

// ---- mistakes -----------------------------------------------------------------------------------

TEST_F(ZmqTransportTest, SaysWhatIsWrongWithAnEndpoint) {
  struct Case {
    std::string endpoint;
    ErrorCode code;
    const char* complaint;
  };
  auto first = make_zmq_transport(context_, {.self = kOther});
  const auto taken_tcp = first->bind("tcp://127.0.0.1:0");
  const auto taken_ipc = first->bind("ipc://" + directory_.path() + "/taken");
  const auto taken_inproc = first->bind("inproc://taken");
  ASSERT_TRUE(taken_tcp && taken_ipc && taken_inproc);
  const Case cases[] = {
      {*taken_tcp, ErrorCode::conflict, "already listens"},
      {*taken_ipc, ErrorCode::conflict, "already listens"},
      {*taken_inproc, ErrorCode::conflict, "already listens"},
      {"tcp://0.0.0.0:0", ErrorCode::invalid, "--insecure"},
      {"tcp://127.0.0.1", ErrorCode::invalid, "HOST:PORT"},
      {"ipc:///nonexistent-directory/socket", ErrorCode::io, "/nonexistent-directory/socket"},
      {"ipc://" + std::string(200, 'x'), ErrorCode::invalid, "shorter directory"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.endpoint);
    const auto result = server_->bind(c.endpoint);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, c.code) << result.error().message;
    EXPECT_NE(result.error().message.find(c.complaint), std::string::npos)
        << result.error().message;
  }
  EXPECT_FALSE(server_->connect(kOther, "tcp://10.0.0.1:5000"));
  EXPECT_FALSE(server_->connect(kOther, "nonsense"));
  expect_service(bind_tcp());  // And the failures left it fit for service.
}

TEST_F(ZmqTransportTest, TakesOverThePathOfAListenerThatDied) {
  const std::string path = directory_.path() + "/left";
  const int dead = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(dead, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ::close(dead);  // As after SIGKILL: the file stays.
  const auto endpoint = server_->bind("ipc://" + path);
  ASSERT_TRUE(endpoint) << endpoint.error().message;
  expect_service(*endpoint);
}

TEST_F(ZmqTransportTest, ReachesEverywhereOnlyWhenAllowed) {
  auto open = make_zmq_transport(context_, {.self = kServer, .reach = Reach::anywhere});
  const auto endpoint = open->bind("tcp://0.0.0.0:0");
  ASSERT_TRUE(endpoint) << endpoint.error().message;
  EXPECT_NE(endpoint->substr(endpoint->rfind(':')), ":0");
}

}  // namespace
}  // namespace ballast

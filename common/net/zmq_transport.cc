#include "common/net/zmq_transport.h"

#include <sys/epoll.h>
#include <unistd.h>
#include <zmq.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <deque>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "common/base/check.h"
#include "common/net/unix_socket.h"

// ThreadSanitizer cannot see into libzmq. A message that goes in on one thread and comes out on
// another is ordered by its pipe; these two lines say so.
#if defined(__SANITIZE_THREAD__)
extern "C" void __tsan_acquire(void* address);
extern "C" void __tsan_release(void* address);
#else
static void __tsan_acquire(void*) {}
static void __tsan_release(void*) {}
#endif

namespace ballast {
namespace {

// ---- routing ids --------------------------------------------------------------------------------

// 'B', the member that opened the connection, the member it is meant for. (An id may not begin with
// a zero byte: ZeroMQ makes up those for peers that have none.)
using RoutingId = std::array<char, 17>;

RoutingId routing_id(MemberId opener, MemberId target) {
  RoutingId id{'B'};
  const std::uint64_t numbers[2] = {index(opener), index(target)};
  std::memcpy(id.data() + 1, numbers, sizeof numbers);
  return id;
}

std::optional<std::pair<MemberId, MemberId>> opener_and_target(std::span<const std::byte> id) {
  if (id.size() != std::tuple_size_v<RoutingId> || id[0] != std::byte{'B'}) return std::nullopt;
  std::uint64_t numbers[2];
  std::memcpy(numbers, id.data() + 1, sizeof numbers);
  return std::pair{MemberId{numbers[0]}, MemberId{numbers[1]}};
}

// ---- frames -------------------------------------------------------------------------------------

// Below this size a copy is cheaper than sharing (two allocations and an atomic count), and a
// received frame would keep ZeroMQ's whole receive buffer alive.
constexpr std::size_t kCopyBytesMax = 512;

struct ReceivedFrame {
  ReceivedFrame() { zmq_msg_init(&message); }
  ~ReceivedFrame() { zmq_msg_close(&message); }
  ReceivedFrame(const ReceivedFrame&) = delete;
  ReceivedFrame& operator=(const ReceivedFrame&) = delete;

  [[nodiscard]] std::span<const std::byte> span() {
    return {static_cast<const std::byte*>(zmq_msg_data(&message)), zmq_msg_size(&message)};
  }

  zmq_msg_t message;
};

Bytes copy_aligned(std::span<const std::byte> bytes) {
  std::shared_ptr<std::uint64_t[]> words =
      std::make_shared_for_overwrite<std::uint64_t[]>((bytes.size() + 7) / 8);
  std::memcpy(words.get(), bytes.data(), bytes.size());
  auto* const begin = reinterpret_cast<const std::byte*>(words.get());
  return Bytes(std::move(words), {begin, bytes.size()});
}

void drop_owner(void*, void* hint) {
  __tsan_acquire(hint);
  delete static_cast<std::shared_ptr<const void>*>(hint);
}

// A ZeroMQ message that shares the frame's memory, or holds a copy of a small one.
void init_message(zmq_msg_t* message, const Bytes& frame) {
  if (frame.size() <= kCopyBytesMax) {
    BALLAST_CHECK(zmq_msg_init_size(message, frame.size()) == 0);
    if (frame.size() != 0) std::memcpy(zmq_msg_data(message), frame.data(), frame.size());
  } else {
    auto* const owner = new std::shared_ptr<const void>(frame.owner());
    void* const memory = const_cast<std::byte*>(frame.data());  // Readers of frames are const.
    BALLAST_CHECK(zmq_msg_init_data(message, memory, frame.size(), drop_owner, owner) == 0);
    __tsan_release(owner);
  }
  __tsan_release(zmq_msg_data(message));
}

int send_part(void* socket, zmq_msg_t* message, int flags) {
  int result;
  do {
    result = zmq_msg_send(message, socket, flags | ZMQ_DONTWAIT);
  } while (result < 0 && errno == EINTR);
  return result;
}

bool send_routing_id(void* socket, const RoutingId& id) {
  int result;
  do {
    result = zmq_send(socket, id.data(), id.size(), ZMQ_SNDMORE | ZMQ_DONTWAIT);
  } while (result < 0 && errno == EINTR);
  return result >= 0;
}

int receive_part(void* socket, zmq_msg_t* message) {
  int result;
  do {
    result = zmq_msg_recv(message, socket, ZMQ_DONTWAIT);
  } while (result < 0 && errno == EINTR);
  if (result >= 0) __tsan_acquire(zmq_msg_data(message));
  return result;
}

// ---- sockets ------------------------------------------------------------------------------------

void set_option(void* socket, int option, int value) {
  BALLAST_CHECK(zmq_setsockopt(socket, option, &value, sizeof value) == 0);
}

int descriptor_of(void* socket) {
  int descriptor = -1;
  std::size_t size = sizeof descriptor;
  BALLAST_CHECK(zmq_getsockopt(socket, ZMQ_FD, &descriptor, &size) == 0);
  return descriptor;
}

// A ZeroMQ socket in the epoll set. Its descriptor announces a change once; `ready` remembers that
// until a receive found nothing, and is set by every call that may have swallowed the announcement.
class Watched {
 public:
  Watched(void* socket, int epoll) : socket_(socket), epoll_(epoll) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = this;
    BALLAST_CHECK(epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor_of(socket_), &event) == 0);
  }
  ~Watched() {
    epoll_ctl(epoll_, EPOLL_CTL_DEL, descriptor_of(socket_), nullptr);
    zmq_close(socket_);
  }
  Watched(const Watched&) = delete;
  Watched& operator=(const Watched&) = delete;

  [[nodiscard]] void* socket() const { return socket_; }

  bool ready = true;

 private:
  void* const socket_;
  const int epoll_;
};

struct MonitorEvent {
  std::uint16_t kind = 0;
  int descriptor = -1;
};

// A data socket and the monitor that tells of its connections.
struct Channel {
  std::string endpoint;          // DEALER: as it was asked for.
  std::optional<MemberId> peer;  // DEALER: whom it leads to.
  std::unique_ptr<Watched> monitor;
  std::unique_ptr<Watched> data;

  Channel() = default;
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;
  ~Channel() {
    if (monitor) zmq_socket_monitor(data->socket(), nullptr, 0);
  }
};

class ZmqTransport final : public Transport {
 public:
  ZmqTransport(ZmqContext& context, const TransportOptions& options)
      : context_(context), options_(options), epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    BALLAST_CHECK(epoll_ >= 0);
  }
  ~ZmqTransport() override {
    router_.reset();
    dealers_.clear();
    ::close(epoll_);
  }

  Result<std::string> bind(const std::string& endpoint) override;
  Status connect(MemberId peer, const std::string& endpoint) override;
  Sent send(MemberId to, std::vector<Bytes> frames) override;
  std::optional<TransportEvent> next() override;
  int descriptor() const override { return epoll_; }
  const TransportCounters& counters() const override { return counters_; }

 private:
  Result<std::unique_ptr<Channel>> open(int type, const Endpoint& endpoint);
  Status monitor(Channel& channel);
  Status make_router(const Endpoint& endpoint);
  [[nodiscard]] bool poll_descriptors();
  std::optional<TransportEvent> receive(Channel& channel);
  std::optional<MemberId> sender_of(std::span<const std::byte> id) const;
  void drain_monitor(Channel& channel);
  void connection_changed(Channel& channel, const MonitorEvent& event);
  void heard_from(MemberId peer, int descriptor);
  Bytes to_bytes(std::shared_ptr<ReceivedFrame> frame);

  ZmqContext& context_;
  const TransportOptions options_;
  const int epoll_;
  std::unique_ptr<Channel> router_;
  std::map<MemberId, std::unique_ptr<Channel>> dealers_;
  MemberId cursor_{};  // The dealer that was served last, so that one cannot starve the others.

  // Connections that the ROUTER accepted, by descriptor; the member is known once it has spoken.
  std::map<int, std::optional<MemberId>> accepted_;
  std::map<MemberId, int> latest_;  // The descriptor a member was last heard on.

  std::deque<PeerClosed> closed_;  // Not yet reported.
  TransportCounters counters_;
};

// ---- opening ------------------------------------------------------------------------------------

Error cannot(const char* what, const Endpoint& endpoint, int error) {
  const ErrorCode code = error == EADDRINUSE ? ErrorCode::conflict
                         : error == EADDRNOTAVAIL || error == ENODEV || error == EINVAL
                             ? ErrorCode::invalid
                             : ErrorCode::io;
  std::string why = zmq_strerror(error);
  if (error == EADDRINUSE) {
    why = "somebody already listens there; take another one or stop the process that has it";
  } else if (error == EADDRNOTAVAIL || error == ENODEV) {
    why = "this machine has no such address; take one of its own, or * for all of them";
  }
  return {code, std::string("cannot ") + what + " " + endpoint.text() + ": " + why};
}

Result<std::unique_ptr<Channel>> ZmqTransport::open(int type, const Endpoint& endpoint) {
  void* const socket = zmq_socket(context_.handle(), type);
  if (socket == nullptr) return cannot("open a socket for", endpoint, errno);
  set_option(socket, ZMQ_LINGER, static_cast<int>(options_.linger.count()));
  set_option(socket, ZMQ_SNDHWM, options_.queue_messages_max);
  set_option(socket, ZMQ_RCVHWM, options_.queue_messages_max);
  set_option(socket, ZMQ_IPV6, endpoint.is_ipv6() ? 1 : 0);
  set_option(socket, ZMQ_RECONNECT_IVL, static_cast<int>(options_.reconnect.count()));
  set_option(socket, ZMQ_RECONNECT_IVL_MAX, static_cast<int>(options_.reconnect_max.count()));
  const auto frame_bytes_max = static_cast<std::int64_t>(options_.frame_bytes_max);
  BALLAST_CHECK(zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &frame_bytes_max, sizeof frame_bytes_max) ==
                0);
  auto channel = std::make_unique<Channel>();
  channel->data = std::make_unique<Watched>(socket, epoll_);
  return channel;
}

Status ZmqTransport::monitor(Channel& channel) {
  if (channel.monitor) return {};
  const std::string name = "inproc://ballast-monitor/" + std::to_string(context_.fresh_number());
  void* const pair = zmq_socket(context_.handle(), ZMQ_PAIR);
  if (pair == nullptr ||
      zmq_socket_monitor(channel.data->socket(), name.c_str(),
                         ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_DISCONNECTED) != 0 ||
      zmq_connect(pair, name.c_str()) != 0) {
    const std::string why = zmq_strerror(errno);
    if (pair != nullptr) zmq_close(pair);
    return Error{ErrorCode::io, "cannot watch a socket's connections: " + why};
  }
  set_option(pair, ZMQ_LINGER, 0);
  channel.monitor = std::make_unique<Watched>(pair, epoll_);
  return {};
}

Status ZmqTransport::make_router(const Endpoint& endpoint) {
  auto opened = open(ZMQ_ROUTER, endpoint);
  if (!opened) return opened.error();
  set_option((*opened)->data->socket(), ZMQ_ROUTER_MANDATORY, 1);
  set_option((*opened)->data->socket(), ZMQ_ROUTER_HANDOVER, 1);
  router_ = std::move(*opened);
  return {};
}

Result<std::string> ZmqTransport::bind(const std::string& text) {
  const auto endpoint = parse_endpoint(text, EndpointUse::bind, options_.reach);
  if (!endpoint) return endpoint.error();
  if (!router_) {
    if (const Status made = make_router(*endpoint); !made) return made.error();
  }
  if (endpoint->scheme != Scheme::inproc) {
    if (const Status watched = monitor(*router_); !watched) return watched.error();
  }
  if (endpoint->scheme == Scheme::ipc && somebody_listens_at(endpoint->path)) {
    return cannot("listen on", *endpoint, EADDRINUSE);
  }
  void* const socket = router_->data->socket();
  router_->data->ready = true;
  if (zmq_bind(socket, endpoint->text().c_str()) != 0) return cannot("listen on", *endpoint, errno);

  std::array<char, 512> actual{};
  std::size_t size = actual.size();
  BALLAST_CHECK(zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, actual.data(), &size) == 0);
  return std::string(actual.data());
}

Status ZmqTransport::connect(MemberId peer, const std::string& text) {
  if (const auto known = dealers_.find(peer); known != dealers_.end()) {
    if (known->second->endpoint == text) return {};
  }
  const auto endpoint = parse_endpoint(text, EndpointUse::connect, options_.reach);
  if (!endpoint) return endpoint.error();
  auto opened = open(ZMQ_DEALER, *endpoint);
  if (!opened) return opened.error();
  Channel& channel = **opened;
  void* const socket = channel.data->socket();
  const RoutingId id = routing_id(options_.self, peer);
  BALLAST_CHECK(zmq_setsockopt(socket, ZMQ_ROUTING_ID, id.data(), id.size()) == 0);
  if (endpoint->scheme != Scheme::inproc) {
    if (const Status watched = monitor(channel); !watched) return watched.error();
  }
  if (zmq_connect(socket, endpoint->text().c_str()) != 0) {
    return cannot("connect to", *endpoint, errno);
  }
  channel.endpoint = text;
  channel.peer = peer;
  dealers_.insert_or_assign(peer, std::move(*opened));
  return {};
}

// ---- sending ------------------------------------------------------------------------------------

Sent ZmqTransport::send(MemberId to, std::vector<Bytes> frames) {
  BALLAST_CHECK(!frames.empty());
  const auto dealer = dealers_.find(to);
  Channel* const channel = dealer != dealers_.end() ? dealer->second.get() : router_.get();
  if (channel == nullptr) {
    counters_.lost += 1;
    return Sent::lost;
  }
  void* const socket = channel->data->socket();
  channel->data->ready = true;

  bool sent = true;
  if (!channel->peer) {
    sent = send_routing_id(socket, routing_id(to, options_.self));
    if (!sent) {  // EHOSTUNREACH, or EAGAIN when the peer's queue is full.
      counters_.lost += 1;
      return Sent::lost;
    }
  }
  for (std::size_t i = 0; i < frames.size(); ++i) {
    zmq_msg_t message;
    init_message(&message, frames[i]);
    sent &= send_part(socket, &message, i + 1 < frames.size() ? ZMQ_SNDMORE : 0) >= 0;
    zmq_msg_close(&message);
    // A DEALER whose queue is full refuses the first part. If the connection fails at a later one,
    // the rest must follow all the same: the socket drops parts up to the last.
    if (!sent && i == 0) break;
    counters_.sent_bytes += frames[i].size();
  }
  (sent ? counters_.sent : counters_.lost) += 1;
  return sent ? Sent::handed_over : Sent::lost;
}

// ---- receiving ----------------------------------------------------------------------------------

std::optional<TransportEvent> ZmqTransport::next() {
  do {
    if (!closed_.empty()) {
      const PeerClosed event = closed_.front();
      closed_.pop_front();
      return event;
    }
    if (router_ && router_->data->ready) {
      if (auto event = receive(*router_)) return event;
    }
    // Everyone after the cursor, then everyone up to it.
    auto dealer = dealers_.upper_bound(cursor_);
    for (std::size_t i = 0; i < dealers_.size(); ++i, ++dealer) {
      if (dealer == dealers_.end()) dealer = dealers_.begin();
      if (!dealer->second->data->ready) continue;
      cursor_ = dealer->first;
      if (auto event = receive(*dealer->second)) return event;
    }
    // After the messages: what a peer said before it died comes before its death.
    if (router_ && router_->monitor && router_->monitor->ready) drain_monitor(*router_);
    for (auto& [peer, channel] : dealers_) {
      if (channel->monitor && channel->monitor->ready) drain_monitor(*channel);
    }
  } while (!closed_.empty() || poll_descriptors());
  return std::nullopt;
}

bool ZmqTransport::poll_descriptors() {
  std::array<epoll_event, 64> events;
  const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), 0);
  for (int i = 0; i < count; ++i) {
    static_cast<Watched*>(events[static_cast<std::size_t>(i)].data.ptr)->ready = true;
  }
  return count > 0;
}

std::optional<TransportEvent> ZmqTransport::receive(Channel& channel) {
  void* const socket = channel.data->socket();
  while (true) {
    std::optional<MemberId> from = channel.peer;
    bool has_more = true;
    if (!channel.peer) {
      ReceivedFrame id;
      if (receive_part(socket, &id.message) < 0) break;
      from = sender_of(id.span());
      has_more = zmq_msg_more(&id.message) != 0;
    }
    Delivery delivery;
    int descriptor = -1;
    while (has_more) {
      auto frame = std::make_shared<ReceivedFrame>();
      if (receive_part(socket, &frame->message) < 0) {
        has_more = false;
        break;
      }
      has_more = zmq_msg_more(&frame->message) != 0;
      if (!channel.peer && delivery.frames.empty()) {
        descriptor = zmq_msg_get(&frame->message, ZMQ_SRCFD);
      }
      if (delivery.frames.size() < options_.frames_max) {
        delivery.frames.push_back(to_bytes(std::move(frame)));
      }
    }
    if (delivery.frames.empty() && channel.peer) break;  // Nothing there.
    if (!from || delivery.frames.empty()) {
      counters_.strangers += 1;
      continue;
    }
    delivery.from = *from;
    counters_.received += 1;
    if (descriptor >= 0) heard_from(*from, descriptor);
    return delivery;
  }
  channel.data->ready = false;
  return std::nullopt;
}

std::optional<MemberId> ZmqTransport::sender_of(std::span<const std::byte> id) const {
  const auto ends = opener_and_target(id);
  if (!ends || ends->second != options_.self) return std::nullopt;
  return ends->first;
}

Bytes ZmqTransport::to_bytes(std::shared_ptr<ReceivedFrame> frame) {
  const auto bytes = frame->span();
  counters_.received_bytes += bytes.size();
  const bool is_aligned = reinterpret_cast<std::uintptr_t>(bytes.data()) % 8 == 0;
  if (is_aligned && bytes.size() > kCopyBytesMax) return Bytes(std::move(frame), bytes);
  if (!is_aligned) counters_.copied += 1;
  return copy_aligned(bytes);
}

// ---- connections --------------------------------------------------------------------------------

// The kernel reuses descriptors. Before one is given out again, the end of its former connection is
// in the monitor's queue; so reading that queue whenever a descriptor speaks for another member
// keeps this table exact.
void ZmqTransport::heard_from(MemberId peer, int descriptor) {
  auto connection = accepted_.find(descriptor);
  if (connection == accepted_.end() || (connection->second && *connection->second != peer)) {
    drain_monitor(*router_);
    connection = accepted_.find(descriptor);
  }
  if (connection == accepted_.end()) {  // It spoke and is gone already.
    closed_.push_back(PeerClosed{peer});
    return;
  }
  connection->second = peer;
  latest_[peer] = descriptor;
}

void ZmqTransport::drain_monitor(Channel& channel) {
  if (!channel.monitor) return;
  void* const socket = channel.monitor->socket();
  while (true) {
    ReceivedFrame head;
    if (receive_part(socket, &head.message) < 0) break;
    MonitorEvent event;
    if (head.span().size() >= 6) {
      std::memcpy(&event.kind, head.span().data(), 2);
      std::memcpy(&event.descriptor, head.span().data() + 2, 4);
    }
    for (bool more = zmq_msg_more(&head.message) != 0; more;) {
      ReceivedFrame address;
      more = receive_part(socket, &address.message) >= 0 && zmq_msg_more(&address.message) != 0;
    }
    connection_changed(channel, event);
  }
  channel.monitor->ready = false;
}

void ZmqTransport::connection_changed(Channel& channel, const MonitorEvent& event) {
  if (event.kind == ZMQ_EVENT_ACCEPTED) {
    accepted_[event.descriptor] = std::nullopt;
    return;
  }
  if (event.kind != ZMQ_EVENT_DISCONNECTED) return;
  if (channel.peer) {
    closed_.push_back(PeerClosed{*channel.peer});
    return;
  }
  const auto connection = accepted_.find(event.descriptor);
  if (connection == accepted_.end()) return;
  const std::optional<MemberId> peer = connection->second;
  accepted_.erase(connection);
  if (!peer) return;
  const auto latest = latest_.find(*peer);
  if (latest == latest_.end() || latest->second != event.descriptor) return;  // It is back already.
  latest_.erase(latest);
  closed_.push_back(PeerClosed{*peer});
}

}  // namespace

// ---- outside ------------------------------------------------------------------------------------

ZmqContext::ZmqContext(int io_threads) : handle_(zmq_ctx_new()) {
  BALLAST_CHECK(handle_ != nullptr);
  zmq_ctx_set(handle_, ZMQ_IO_THREADS, io_threads);
  zmq_ctx_set(handle_, ZMQ_MAX_SOCKETS, zmq_ctx_get(handle_, ZMQ_SOCKET_LIMIT));
}

ZmqContext::~ZmqContext() {
  while (zmq_ctx_term(handle_) != 0 && errno == EINTR) {
  }
}

std::unique_ptr<Transport> make_zmq_transport(ZmqContext& context,
                                              const TransportOptions& options) {
  return std::make_unique<ZmqTransport>(context, options);
}

}  // namespace ballast

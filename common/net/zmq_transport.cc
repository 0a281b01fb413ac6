#include "common/net/zmq_transport.h"

#include <sys/epoll.h>
#include <unistd.h>
#include <zmq.h>

#include <array>
#include <cerrno>
#include <deque>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "common/base/check.h"
#include "common/net/routing_id.h"
#include "common/net/unix_socket.h"
#include "common/net/zmq_frame.h"
#include "common/net/zmq_socket.h"

namespace ballast {
namespace {

// A data socket and the monitor that tells of its connections.
struct Channel {
  std::string endpoint;          // DEALER: as it was asked for.
  std::optional<MemberId> peer;  // DEALER: whom it leads to.
  std::unique_ptr<Watched> data;
  std::unique_ptr<Monitor> monitor;
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
  void connection_changed(Channel& channel, const LinkEvent& event);
  void heard_from(MemberId peer, int descriptor);

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
  auto opened = Monitor::open(context_, *channel.data, epoll_);
  if (!opened) return opened.error();
  channel.monitor = std::move(*opened);
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
  const RoutingId id = routing_id({.opener = options_.self, .target = peer});
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

  if (!channel->peer) {
    const RoutingId id = routing_id({.opener = to, .target = options_.self});
    if (!send_text(socket, {id.data(), id.size()}, Part::middle)) {
      counters_.lost += 1;  // EHOSTUNREACH, or EAGAIN when the peer's queue is full.
      return Sent::lost;
    }
  }
  bool sent = true;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    sent &= send_frame(socket, frames[i], i + 1 < frames.size() ? Part::middle : Part::last);
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
    if (router_ && router_->monitor && router_->monitor->ready()) drain_monitor(*router_);
    for (auto& [peer, channel] : dealers_) {
      if (channel->monitor && channel->monitor->ready()) drain_monitor(*channel);
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
      if (!id.receive(socket)) break;
      from = sender_of(id.bytes());
      has_more = id.has_more();
    }
    Delivery delivery;
    int descriptor = -1;
    while (has_more) {
      auto frame = std::make_shared<ReceivedFrame>();
      if (!frame->receive(socket)) break;
      has_more = frame->has_more();
      if (!channel.peer && delivery.frames.empty()) descriptor = frame->descriptor();
      if (delivery.frames.size() >= options_.frames_max) continue;
      counters_.received_bytes += frame->bytes().size();
      if (!frame->is_aligned()) counters_.copied += 1;
      delivery.frames.push_back(to_bytes(std::move(frame)));
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
  const auto ends = ends_of(id);
  if (!ends || ends->target != options_.self) return std::nullopt;
  return ends->opener;
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
  while (const auto event = channel.monitor->next()) connection_changed(channel, *event);
}

void ZmqTransport::connection_changed(Channel& channel, const LinkEvent& event) {
  if (event.kind == LinkEvent::Kind::accepted) {
    accepted_[event.descriptor] = std::nullopt;
    return;
  }
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

std::unique_ptr<Transport> make_zmq_transport(ZmqContext& context,
                                              const TransportOptions& options) {
  return std::make_unique<ZmqTransport>(context, options);
}

}  // namespace ballast

#include "common/net/zmq_transport.h"

#include <sys/epoll.h>
#include <unistd.h>
#include <zmq.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <deque>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "common/base/check.h"
#include "common/net/routing_id.h"
#include "common/net/unix_socket.h"
#include "common/net/zmq_curve.h"
#include "common/net/zmq_frame.h"
#include "common/net/zmq_socket.h"

namespace ballast {
namespace {

// A data socket and the monitor that tells of its connections.
struct Channel {
  std::string endpoint;          // DEALER: as it was asked for.
  std::optional<MemberId> peer;  // DEALER: whom it leads to.
  bool is_established = false;   // DEALER
  bool is_refused = false;       // DEALER: to be taken away.
  int failures = 0;              // DEALER: handshakes without success, in a row.
  std::size_t key = 0;  // DEALER: which of the listener's keys is tried, of all it may have.
  std::unique_ptr<Watched> data;
  std::unique_ptr<Monitor> monitor;
};

// Handshakes that fail without a reason before it is taken for one: a listener that dies in the
// middle of one does the same. A caller with a wrong key of the listener's sees nothing else.
constexpr int kFailuresMax = 3;

class ZmqTransport final : public Transport {
 public:
  ZmqTransport(ZmqContext& context, const TransportOptions& options)
      : context_(context), options_(options), epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    BALLAST_CHECK(epoll_ >= 0);
    if (options_.keys) ring_.emplace(*options_.keys);
  }
  ~ZmqTransport() override {
    router_.reset();
    admission_.reset();
    dealers_.clear();
    ::close(epoll_);
  }

  Result<std::string> bind(const std::string& endpoint) override;
  Status connect(MemberId peer, const std::string& endpoint) override;
  void disconnect(MemberId peer) override;
  Sent send(MemberId to, std::vector<Bytes> frames) override;
  std::optional<TransportEvent> next() override;
  int descriptor() const override { return epoll_; }
  const TransportCounters& counters() const override { return counters_; }

 private:
  Result<std::unique_ptr<Channel>> open(int type, const Endpoint& endpoint);
  Status monitor(Channel& channel, Monitor::Of side);
  Status make_router(const Endpoint& endpoint);
  Status open_dealer(MemberId peer, const std::string& endpoint, std::size_t key = 0);
  [[nodiscard]] Reach reach() const { return ring_ ? Reach::anywhere : options_.reach; }
  [[nodiscard]] const LinkKeys* keys() const { return ring_ ? &ring_->keys() : nullptr; }
  // Those that `peer` may have, if it listens.
  [[nodiscard]] const std::vector<std::string>& keys_of(MemberId peer) const {
    return peer == kCoordinator ? ring_->keys().coordinator_keys : ring_->keys().server_keys;
  }
  void refresh_keys();
  [[nodiscard]] bool poll_descriptors();
  std::optional<TransportEvent> receive(Channel& channel);
  std::optional<MemberId> sender_of(std::span<const std::byte> id) const;
  void drain_monitor(Channel& channel);
  void dealer_changed(Channel& channel, const LinkEvent& event);
  void router_changed(const LinkEvent& event);
  void connection_closed(int descriptor);
  void refuse(Channel& dealer, Refusal why);
  void turn_away(Refusal why, const std::string& whom);
  [[nodiscard]] bool try_refused_again(MemberId peer);
  void remove_refused();
  void heard_from(MemberId peer, int descriptor);

  ZmqContext& context_;
  const TransportOptions options_;
  const int epoll_;
  std::optional<KeyRing> ring_;
  std::unique_ptr<Admission> admission_;  // Made before the router, gone after it.
  std::unique_ptr<Channel> router_;
  std::map<MemberId, std::unique_ptr<Channel>> dealers_;
  struct Refused {
    std::string endpoint;
    std::size_t key;  // To be tried next.
    std::chrono::steady_clock::time_point next_try;
  };
  std::map<MemberId, Refused> refused_;  // Peers that have no dealer for now.
  MemberId cursor_{};  // The dealer that was served last, so that one cannot starve the others.

  // Connections that the ROUTER accepted, by descriptor; the member is known once it has spoken.
  std::map<int, std::optional<MemberId>> accepted_;
  std::map<MemberId, int> latest_;  // The descriptor a member was last heard on.

  std::deque<TransportEvent> events_;  // Not yet reported.
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
  } else if (error == ENOENT && endpoint.scheme == Scheme::ipc) {
    const std::size_t slash = endpoint.path.find_last_of('/');
    why = endpoint.path.substr(0, slash) + " is no directory; make it first";
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
  const auto frame_bytes_max =
      static_cast<std::int64_t>(options_.frame_bytes_max) + (ring_ ? kCurveFrameBytes : 0);
  BALLAST_CHECK(zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &frame_bytes_max, sizeof frame_bytes_max) ==
                0);
  auto channel = std::make_unique<Channel>();
  channel->data = std::make_unique<Watched>(socket, epoll_);
  return channel;
}

Status ZmqTransport::monitor(Channel& channel, Monitor::Of side) {
  if (channel.monitor) return {};
  auto opened = Monitor::open(context_, *channel.data, side, epoll_);
  if (!opened) return opened.error();
  channel.monitor = std::move(*opened);
  return {};
}

Status ZmqTransport::make_router(const Endpoint& endpoint) {
  if (ring_ && !admission_) {
    auto admission = Admission::open(context_, ring_->keys(), epoll_);
    if (!admission) return admission.error();
    admission_ = std::move(*admission);
  }
  auto opened = open(ZMQ_ROUTER, endpoint);
  if (!opened) return opened.error();
  set_option((*opened)->data->socket(), ZMQ_ROUTER_MANDATORY, 1);
  set_option((*opened)->data->socket(), ZMQ_ROUTER_HANDOVER, 1);
  if (ring_) make_curve_listener((*opened)->data->socket(), ring_->keys());
  router_ = std::move(*opened);
  return {};
}

Result<std::string> ZmqTransport::bind(const std::string& text) {
  const auto endpoint = parse_endpoint(text, EndpointUse::bind, reach());
  if (!endpoint) return endpoint.error();
  if (!router_) {
    if (const Status made = make_router(*endpoint); !made) return made.error();
  }
  if (endpoint->scheme != Scheme::inproc) {
    if (const Status watched = monitor(*router_, Monitor::Of::listener); !watched)
      return watched.error();
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
  if (const auto known = refused_.find(peer); known != refused_.end()) {
    if (known->second.endpoint == text) return {};
  }
  return open_dealer(peer, text);
}

void ZmqTransport::disconnect(MemberId peer) {
  refused_.erase(peer);
  const auto dealer = dealers_.find(peer);
  if (dealer == dealers_.end()) return;
  set_option(dealer->second->data->socket(), ZMQ_LINGER, 0);
  dealers_.erase(dealer);
}

Status ZmqTransport::open_dealer(MemberId peer, const std::string& text, std::size_t key) {
  const auto endpoint = parse_endpoint(text, EndpointUse::connect, reach());
  if (!endpoint) return endpoint.error();
  auto opened = open(ZMQ_DEALER, *endpoint);
  if (!opened) return opened.error();
  Channel& channel = **opened;
  void* const socket = channel.data->socket();
  const RoutingId id = routing_id({.opener = options_.self, .target = peer});
  BALLAST_CHECK(zmq_setsockopt(socket, ZMQ_ROUTING_ID, id.data(), id.size()) == 0);
  if (ring_ && endpoint->scheme != Scheme::inproc) {
    const std::vector<std::string>& known = keys_of(peer);
    if (known.empty()) {
      return Error{ErrorCode::invalid, "cannot connect to " + text + ": a " +
                                           name_of(ring_->keys().role) +
                                           " has no key of anybody there"};
    }
    channel.key = key % known.size();
    make_curve_caller(socket, ring_->keys(), known[channel.key]);
  }
  if (endpoint->scheme != Scheme::inproc) {
    if (const Status watched = monitor(channel, Monitor::Of::caller); !watched)
      return watched.error();
  }
  if (zmq_connect(socket, endpoint->text().c_str()) != 0) {
    return cannot("connect to", *endpoint, errno);
  }
  channel.endpoint = text;
  channel.peer = peer;
  dealers_.insert_or_assign(peer, std::move(*opened));
  refused_.erase(peer);
  return {};
}

// ---- sending ------------------------------------------------------------------------------------

Sent ZmqTransport::send(MemberId to, std::vector<Bytes> frames) {
  BALLAST_CHECK(!frames.empty());
  if (refused_.contains(to) && !try_refused_again(to)) {
    counters_.lost += 1;
    return Sent::lost;
  }
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
    if (!events_.empty()) {
      TransportEvent event = std::move(events_.front());
      events_.pop_front();
      return event;
    }
    while (admission_ && admission_->ready()) {
      refresh_keys();
      if (const auto address = admission_->next()) {
        turn_away(Refusal::not_admitted, " from " + *address);
      }
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
    remove_refused();
  } while (!events_.empty() || poll_descriptors());
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
  // The coordinator calls nobody (keys.h), so this is somebody else under its name: with keys a
  // worker, whose key says nothing of its id.
  if (ends->opener == kCoordinator) return std::nullopt;
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
    events_.push_back(PeerClosed{peer});
    return;
  }
  connection->second = peer;
  latest_[peer] = descriptor;
}

void ZmqTransport::drain_monitor(Channel& channel) {
  if (!channel.monitor) return;
  while (const auto event = channel.monitor->next()) {
    if (channel.peer) {
      dealer_changed(channel, *event);
    } else {
      router_changed(*event);
    }
  }
}

void ZmqTransport::router_changed(const LinkEvent& event) {
  switch (event.kind) {
    case LinkEvent::Kind::accepted:
      accepted_[event.descriptor] = std::nullopt;
      break;
    case LinkEvent::Kind::closed:
      connection_closed(event.descriptor);
      break;
    case LinkEvent::Kind::refused:
      turn_away(event.refusal, "");
      break;
    case LinkEvent::Kind::established:
    case LinkEvent::Kind::failed:
      break;
  }
}

void ZmqTransport::connection_closed(int descriptor) {
  const auto connection = accepted_.find(descriptor);
  if (connection == accepted_.end()) return;
  const std::optional<MemberId> peer = connection->second;
  accepted_.erase(connection);
  if (!peer) return;
  const auto latest = latest_.find(*peer);
  if (latest == latest_.end() || latest->second != descriptor) return;  // It is back already.
  latest_.erase(latest);
  events_.push_back(PeerClosed{*peer});
}

void ZmqTransport::turn_away(Refusal why, const std::string& whom) {
  counters_.refused += 1;
  events_.push_back(LinkRefused{
      std::nullopt, why, "turned away a connection" + whom + ": " + refused_caller(why, keys())});
}

void ZmqTransport::dealer_changed(Channel& channel, const LinkEvent& event) {
  switch (event.kind) {
    case LinkEvent::Kind::established:
      channel.is_established = true;
      channel.failures = 0;
      break;
    case LinkEvent::Kind::closed:
      if (std::exchange(channel.is_established, false)) {
        events_.push_back(PeerClosed{*channel.peer});
      }
      break;
    case LinkEvent::Kind::refused:
      refuse(channel, event.refusal);
      break;
    case LinkEvent::Kind::failed:
      channel.failures += 1;
      if (channel.failures == kFailuresMax) refuse(channel, Refusal::ended_without_word);
      break;
    case LinkEvent::Kind::accepted:
      break;
  }
}

// ---- refusals -----------------------------------------------------------------------------------

// Also where ZeroMQ would try again by itself: it would do so some thirty times a second. While the
// listener may have another of the keys that we know, that one is tried first, and nothing is said.
void ZmqTransport::refuse(Channel& dealer, Refusal why) {
  if (std::exchange(dealer.is_refused, true)) return;
  if (ring_ && (why == Refusal::ended_without_word || why == Refusal::wrong_secret)) {
    dealer.key += 1;
    if (dealer.key < keys_of(*dealer.peer).size()) return;
  }
  counters_.refused += 1;
  events_.push_back(LinkRefused{dealer.peer, why,
                                refused_by_listener(why, *dealer.peer, dealer.endpoint, keys())});
}

void ZmqTransport::remove_refused() {
  for (auto dealer = dealers_.begin(); dealer != dealers_.end();) {
    if (!dealer->second->is_refused) {
      ++dealer;
      continue;
    }
    const Channel& channel = *dealer->second;
    const bool more = channel.key > 0 && channel.key < keys_of(*channel.peer).size();
    const auto pause = more ? std::chrono::milliseconds(0) : options_.reconnect_max;
    refused_[dealer->first] = {channel.endpoint, channel.key,
                               std::chrono::steady_clock::now() + pause};
    set_option(dealer->second->data->socket(), ZMQ_LINGER, 0);  // It would go on trying.
    dealer = dealers_.erase(dealer);
  }
}

bool ZmqTransport::try_refused_again(MemberId peer) {
  Refused& refused = refused_.at(peer);
  const auto now = std::chrono::steady_clock::now();
  if (now < refused.next_try) return false;
  refused.next_try = now + options_.reconnect_max;
  refresh_keys();
  const std::string endpoint = refused.endpoint;
  return open_dealer(peer, endpoint, refused.key).has_value();
}

// Before anybody is judged by them, and before a refused link is tried again.
void ZmqTransport::refresh_keys() {
  if (!ring_) return;
  const auto changed = ring_->refresh();
  if (!changed) {
    events_.push_back(LinkRefused{std::nullopt, Refusal::unreadable_keys,
                                  "the keys have changed and are not taken: " +
                                      changed.error().message + "; goes on with those it has"});
    return;
  }
  if (*changed && admission_) BALLAST_CHECK(admission_->admit(ring_->keys()));
}

}  // namespace

std::unique_ptr<Transport> make_zmq_transport(ZmqContext& context,
                                              const TransportOptions& options) {
  return std::make_unique<ZmqTransport>(context, options);
}

}  // namespace ballast

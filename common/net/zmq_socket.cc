#include "common/net/zmq_socket.h"

#include <sys/epoll.h>
#include <zmq.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>

#include "common/base/check.h"
#include "common/net/zmq_frame.h"

namespace ballast {
namespace {

int descriptor_of(void* socket) {
  int descriptor = -1;
  std::size_t size = sizeof descriptor;
  BALLAST_CHECK(zmq_getsockopt(socket, ZMQ_FD, &descriptor, &size) == 0);
  return descriptor;
}

Refusal refusal_of(std::uint32_t protocol_error) {
  switch (protocol_error) {
    case ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH:
      return Refusal::keys_on_one_side;
    case ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC:
      return Refusal::wrong_secret;
    default:
      return Refusal::another_protocol;
  }
}

// Who is turned away for the key alone is told of by Admission, with the address.
constexpr int kListenerEvents =
    ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL;
constexpr int kCallerEvents = ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_SUCCEEDED |
                              ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL |
                              ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH;

// The first frame of an event: its kind, then a number that depends on it.
std::optional<LinkEvent> parse_event(std::span<const std::byte> frame) {
  std::uint16_t kind = 0;
  std::uint32_t value = 0;
  if (frame.size() < sizeof kind + sizeof value) return std::nullopt;
  std::memcpy(&kind, frame.data(), sizeof kind);
  std::memcpy(&value, frame.data() + sizeof kind, sizeof value);
  switch (kind) {
    case ZMQ_EVENT_ACCEPTED:
      return LinkEvent{.kind = LinkEvent::Kind::accepted, .descriptor = static_cast<int>(value)};
    case ZMQ_EVENT_DISCONNECTED:
      return LinkEvent{.kind = LinkEvent::Kind::closed, .descriptor = static_cast<int>(value)};
    case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
      return LinkEvent{.kind = LinkEvent::Kind::established};
    case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
      return LinkEvent{.kind = LinkEvent::Kind::failed};
    case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
      return LinkEvent{.kind = LinkEvent::Kind::refused, .refusal = Refusal::not_admitted};
    case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
      return LinkEvent{.kind = LinkEvent::Kind::refused, .refusal = refusal_of(value)};
    default:
      return std::nullopt;
  }
}

}  // namespace

void set_option(void* socket, int option, int value) {
  BALLAST_CHECK(zmq_setsockopt(socket, option, &value, sizeof value) == 0);
}

Watched::Watched(void* socket, int epoll) : socket_(socket), epoll_(epoll) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = this;
  BALLAST_CHECK(epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor_of(socket_), &event) == 0);
}

Watched::~Watched() {
  epoll_ctl(epoll_, EPOLL_CTL_DEL, descriptor_of(socket_), nullptr);
  zmq_close(socket_);
}

Result<std::unique_ptr<Monitor>> Monitor::open(ZmqContext& context, const Watched& watched, Of side,
                                               int epoll) {
  const std::string name = "inproc://ballast-monitor/" + std::to_string(context.fresh_number());
  void* const pair = zmq_socket(context.handle(), ZMQ_PAIR);
  if (pair == nullptr ||
      zmq_socket_monitor(watched.socket(), name.c_str(),
                         side == Of::listener ? kListenerEvents : kCallerEvents) != 0 ||
      zmq_connect(pair, name.c_str()) != 0) {
    const std::string why = zmq_strerror(errno);
    if (pair != nullptr) zmq_close(pair);
    return Error{ErrorCode::io, "cannot watch a socket's connections: " + why};
  }
  set_option(pair, ZMQ_LINGER, 0);
  return std::unique_ptr<Monitor>(new Monitor(watched.socket(), pair, epoll));
}

Monitor::~Monitor() { zmq_socket_monitor(observed_, nullptr, 0); }

std::optional<LinkEvent> Monitor::next() {
  while (true) {
    ReceivedFrame head;
    if (!head.receive(events_.socket())) break;
    for (bool more = head.has_more(); more;) {  // The endpoint.
      ReceivedFrame rest;
      more = rest.receive(events_.socket()) && rest.has_more();
    }
    if (const auto event = parse_event(head.bytes())) return event;
  }
  events_.ready = false;
  return std::nullopt;
}

}  // namespace ballast

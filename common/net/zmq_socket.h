#pragma once

// ZeroMQ sockets as members of an epoll set, and the monitors that tell of their connections.

#include <memory>
#include <optional>

#include "common/base/result.h"
#include "common/net/link_refusal.h"
#include "common/net/zmq_context.h"

namespace ballast {

void set_option(void* socket, int option, int value);

// A ZeroMQ socket in the epoll set; closes it. Its descriptor announces a change once; `ready`
// remembers that until a receive found nothing, and is set by every call that may have swallowed
// the announcement.
class Watched {
 public:
  // The event's data points to this object.
  Watched(void* socket, int epoll);
  ~Watched();
  Watched(const Watched&) = delete;
  Watched& operator=(const Watched&) = delete;

  [[nodiscard]] void* socket() const { return socket_; }

  bool ready = true;

 private:
  void* const socket_;
  const int epoll_;
};

struct LinkEvent {
  enum class Kind {
    accepted,     // By a listener, before the handshake.
    established,  // The handshake is done: messages may pass.
    refused,      // The handshake failed for a reason, and a caller's socket will not try again.
    failed,       // It failed without one; a caller's socket tries again.
    closed,       // Follows each of the others in the end.
  };
  Kind kind{};
  int descriptor = -1;  // accepted, closed: the connection's. The kernel uses a closed one's again.
  Refusal refusal{};    // refused
};

// What happens to the connections of one socket, which outlives it. Listeners see no `established`
// and no `failed`: whoever looks whether a port is open makes one of these.
class Monitor {
 public:
  enum class Of { listener, caller };

  [[nodiscard]] static Result<std::unique_ptr<Monitor>> open(ZmqContext& context,
                                                             const Watched& watched, Of side,
                                                             int epoll);
  ~Monitor();
  Monitor(const Monitor&) = delete;
  Monitor& operator=(const Monitor&) = delete;

  [[nodiscard]] bool ready() const { return events_.ready; }
  // Nothing if nothing happened, and then the monitor is not ready any more.
  [[nodiscard]] std::optional<LinkEvent> next();

 private:
  Monitor(void* observed, void* events, int epoll) : observed_(observed), events_(events, epoll) {}

  void* const observed_;
  Watched events_;
};

}  // namespace ballast

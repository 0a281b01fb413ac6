#pragma once

// Keys on ZeroMQ's sockets, and who is let in by them.

#include <memory>
#include <optional>
#include <set>
#include <string>

#include "common/base/result.h"
#include "common/net/keys.h"
#include "common/net/zmq_context.h"
#include "common/net/zmq_socket.h"

namespace ballast {

// What encryption adds to a frame on the wire (CurveZMQ's MESSAGE command: its name, a nonce, the
// box's tag and flags).
inline constexpr std::int64_t kCurveFrameBytes = 8 + 8 + 16 + 1;

// Before it binds. Whoever connects is asked for a key, and an Admission must be there to judge it.
void make_curve_listener(void* socket, const LinkKeys& keys);
// Before it connects.
void make_curve_caller(void* socket, const LinkKeys& keys, const std::string& listener_key);

// Judges the key of whoever connects to a listener with keys, in any socket of the context: ZeroMQ
// asks here before it lets a message in (ZAP, ZeroMQ RFC 27). Without it ZeroMQ would let everybody
// in that has some key, so it is made before the listener binds and goes after it.
class Admission {
 public:
  // conflict: the context has one.
  [[nodiscard]] static Result<std::unique_ptr<Admission>> open(ZmqContext& context,
                                                               const LinkKeys& keys, int epoll);
  // From now on these are let in. Connections that stand already stay.
  [[nodiscard]] Status admit(const LinkKeys& keys);
  ~Admission();
  Admission(const Admission&) = delete;
  Admission& operator=(const Admission&) = delete;

  [[nodiscard]] bool ready() const { return requests_.ready; }
  // Answers all that ask, up to the first that is turned away; returns its address. Nothing if all
  // were answered, and then it is not ready any more.
  [[nodiscard]] std::optional<std::string> next();

 private:
  Admission(void* requests, int epoll) : requests_(requests, epoll) {}

  Watched requests_;
  std::set<KeyBytes> admitted_;
};

}  // namespace ballast

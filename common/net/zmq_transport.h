#pragma once

// The transport over ZeroMQ: tcp:// between machines, ipc:// between processes of one, inproc://
// between threads of one process.
//
// A member that listens has one ROUTER, a member that connects one DEALER per peer. A connection
// names both ends: its routing id is a letter, the member that opened it and the member it is meant
// for. So a process that takes over a dead member's endpoint does not read the dead one's mail, and
// a reconnecting member replaces its own old connection (ROUTER_HANDOVER) but never another's.
//
// A closed connection is noticed at once on tcp and ipc, through socket monitors; inproc has none
// and needs none. A false alarm is possible (see PeerClosed); heartbeats are the net below.
//
// With keys, every tcp and ipc connection is encrypted and both ends must prove who they are
// (keys.h); inproc stays within the process. Without keys, only endpoints of this machine are
// allowed unless reach says otherwise.
//
// A handshake that fails for good makes ZeroMQ give the connection up. We do not: keys get mended
// and listeners replaced, and an attacker on the way can feign a refusal. The next send to that
// peer tries anew, after a pause.

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>

#include "common/base/ids.h"
#include "common/net/endpoint.h"
#include "common/net/keys.h"
#include "common/net/transport.h"
#include "common/net/zmq_context.h"

namespace ballast {

struct TransportOptions {
  MemberId self{};
  std::optional<LinkKeys> keys{};  // At most one transport of a context may listen with keys.
  Reach reach = Reach::loopback;   // Without keys.
  std::size_t frame_bytes_max = std::size_t{1} << 30;   // A larger frame closes its connection.
  std::size_t frames_max = (std::size_t{1} << 16) + 1;  // Of one message; the rest is cut off.
  int queue_messages_max = 100'000;         // Per peer and direction; then sends are lost.
  std::chrono::milliseconds linger{2000};   // How long the last messages may take to leave.
  std::chrono::milliseconds reconnect{20};  // First pause before trying again ...
  std::chrono::milliseconds reconnect_max{
      1000};  // ... doubled up to this; the pause after a refusal.
};

[[nodiscard]] std::unique_ptr<Transport> make_zmq_transport(ZmqContext& context,
                                                            const TransportOptions& options);

}  // namespace ballast

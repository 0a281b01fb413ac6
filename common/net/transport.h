#pragma once

// What carries frames between members. A host owns one transport and talks to it from its own
// thread only; zmq_transport.h makes the real one, tests bring their own.
//
// Delivery is a hope, not a promise: a message arrives once, or not at all, and messages of one
// pair of members keep their order while a connection lasts. Everything above this line repeats
// itself until it is answered.

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/ids.h"
#include "common/base/result.h"
#include "common/net/link_refusal.h"

namespace ballast {

// A message from another member. Every frame starts at an 8-byte aligned address.
struct Delivery {
  MemberId from{};
  std::vector<Bytes> frames;
};
// The connection with this member closed, or seems to have: it may be back already.
struct PeerClosed {
  MemberId peer{};
};
// A connection did not come about for want of the right keys, or of a peer that speaks as we do.
// Both sides go on: the one that connects tries again.
struct LinkRefused {
  std::optional<MemberId> peer;  // Whom we connect to; nothing: somebody who connected to us.
  Refusal reason{};
  std::string why;  // A sentence for people.
};
using TransportEvent = std::variant<Delivery, PeerClosed, LinkRefused>;

enum class Sent {
  handed_over,  // Under way, for all we can know.
  lost,         // Nobody there, or its queue is full.
};

struct TransportCounters {
  std::uint64_t sent = 0;
  std::uint64_t received = 0;
  std::uint64_t sent_bytes = 0;
  std::uint64_t received_bytes = 0;
  std::uint64_t lost = 0;       // Sends that found nobody or a full queue.
  std::uint64_t strangers = 0;  // Messages from no member, or for another life of this one.
  std::uint64_t refused = 0;    // Connections that did not come about, see LinkRefused.
  std::uint64_t copied = 0;     // Frames that came misaligned and were copied.
};

class Transport {
 public:
  virtual ~Transport() = default;

  // Lets other members reach us. Returns the endpoint as they should name it: port 0 or "*" has
  // become a number. conflict: somebody else listens there; invalid: no such endpoint.
  [[nodiscard]] virtual Result<std::string> bind(const std::string& endpoint) = 0;

  // Makes `peer` reachable. Repeating it changes nothing; another endpoint replaces the first one.
  // The peer need not be there yet.
  [[nodiscard]] virtual Status connect(MemberId peer, const std::string& endpoint) = 0;

  // Undoes connect(), and drops what has not left yet. A peer that never was one is fine.
  virtual void disconnect(MemberId peer) = 0;

  // To a member that we connected to or that wrote to us before. Never blocks.
  virtual Sent send(MemberId to, std::vector<Bytes> frames) = 0;

  // The next thing that happened, nothing if nothing did. Never blocks.
  [[nodiscard]] virtual std::optional<TransportEvent> next() = 0;

  // Readable when next() may have something to say. After a readable descriptor or a send, call
  // next() until it is empty before waiting again: what a send notices on the way is not announced
  // a second time.
  [[nodiscard]] virtual int descriptor() const = 0;

  [[nodiscard]] virtual const TransportCounters& counters() const = 0;
};

}  // namespace ballast

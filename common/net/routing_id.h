#pragma once

// The names by which ZeroMQ tells connections apart: a letter, the member that opened the
// connection, the member it is meant for. zmq_transport.h says what that is good for.

#include <array>
#include <cstddef>
#include <optional>
#include <span>

#include "common/base/ids.h"

namespace ballast {

using RoutingId = std::array<char, 17>;

struct ConnectionEnds {
  MemberId opener{};
  MemberId target{};
};

[[nodiscard]] RoutingId routing_id(const ConnectionEnds& ends);
// Nothing: no member of ours made it.
[[nodiscard]] std::optional<ConnectionEnds> ends_of(std::span<const std::byte> id);

}  // namespace ballast

#include "common/net/routing_id.h"

#include <cstdint>
#include <cstring>
#include <tuple>

namespace ballast {

RoutingId routing_id(const ConnectionEnds& ends) {
  RoutingId id{'B'};  // Not zero: ZeroMQ makes up ids with that for peers that have none.
  const std::uint64_t numbers[2] = {index(ends.opener), index(ends.target)};
  std::memcpy(id.data() + 1, numbers, sizeof numbers);
  return id;
}

std::optional<ConnectionEnds> ends_of(std::span<const std::byte> id) {
  if (id.size() != std::tuple_size_v<RoutingId> || id[0] != std::byte{'B'}) return std::nullopt;
  std::uint64_t numbers[2];
  std::memcpy(numbers, id.data() + 1, sizeof numbers);
  return ConnectionEnds{MemberId{numbers[0]}, MemberId{numbers[1]}};
}

}  // namespace ballast

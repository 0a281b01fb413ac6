#pragma once

// Who keeps which partition: pure functions from the servers that are there to owners and replicas.
// Nothing here touches a bit of the model; it decides only where the work is done.

#include <cstdint>
#include <optional>
#include <vector>

#include "common/base/ids.h"

namespace ballast {

// The copies of each partition. A partition's replicas are distinct and never its owner.
struct Placement {
  std::vector<MemberId> owners;
  std::vector<std::vector<MemberId>> replicas;

  friend bool operator==(const Placement&, const Placement&) = default;
};

// Everything anew, in balance: for the start of a timeline.
// REQUIRES: servers are distinct, at least one.
[[nodiscard]] Placement place(std::uint32_t partitions, const std::vector<MemberId>& servers,
                              std::uint32_t replicas);

// One round towards balance from a placement whose copies are all in step: first missing replicas
// are added, then surplus copies dropped and owners evened out, then copies moved from the server
// that has most to the one that has fewest, by adding them where they go. At most `additions_max`
// copies are added, since training waits for them. Nothing: it is as good as it gets.
//
// Copies on servers that are not in `servers` (they want to leave) are replaced, then dropped.
// REQUIRES: servers are distinct, at least one.
[[nodiscard]] std::optional<Placement> improve(const Placement& now,
                                               const std::vector<MemberId>& servers,
                                               std::uint32_t replicas, std::uint32_t additions_max);

// Without this server, its partitions owned by one of their replicas. Nothing: one has none.
[[nodiscard]] std::optional<Placement> without(const Placement& now, MemberId lost);

}  // namespace ballast

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

// What a partition weighs against the others, in any unit: what its owner does for it at each step,
// and what each copy takes of memory.
struct Weight {
  double load = 1.0;
  double size = 1.0;
};

// What is to be evened out.
struct Balance {
  std::vector<Weight> weights;  // By partition; empty: all weigh the same.
  // Nothing moves for less, as a part of the unevenness of a fleet that is even: weights that are
  // measured are never quite the same, and each move makes training wait for a copy.
  double gain_min = 0.0;
};

// One round towards balance from a placement whose copies are all in step: first missing replicas
// are added, then surplus copies dropped and owners evened out, then copies moved by adding them
// where they go. At most `additions_max` copies are added, since training waits for them. Nothing:
// it is as good as it gets.
//
// How uneven a placement is, is the sum over servers of the square of what they own, by load, and
// a quarter of that of what they keep, by size. Every whole move makes it less, so a hot partition
// goes where little is going on, and moves come to an end.
//
// Copies on servers that are not in `servers` (they want to leave) are replaced, then dropped.
// REQUIRES: servers are distinct, at least one.
[[nodiscard]] std::optional<Placement> improve(const Placement& now,
                                               const std::vector<MemberId>& servers,
                                               std::uint32_t replicas, std::uint32_t additions_max,
                                               const Balance& balance = {});

// Without this server, its partitions owned by one of their replicas. Nothing: one has none.
[[nodiscard]] std::optional<Placement> without(const Placement& now, MemberId lost);

}  // namespace ballast

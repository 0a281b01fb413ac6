#pragma once

// Arithmetic on leaves and nodes of the fixed tree.

#include <cstdint>
#include <vector>

#include "common/base/ids.h"

namespace ballast {

// The maximal aligned nodes that make up a range of leaves, from left to right.
[[nodiscard]] std::vector<Node> nodes_of(LeafRange range);

// Cuts the leaves into contiguous, nearly equal ranges, one per worker; some are empty where there
// are more workers than leaves.
[[nodiscard]] std::vector<LeafRange> assign_leaves(std::uint32_t leaves, std::uint32_t workers);

// ... of each run of consecutive leaves among these. REQUIRES: they are sorted and unique.
[[nodiscard]] std::vector<Node> nodes_of(const std::vector<Leaf>& leaves);

}  // namespace ballast

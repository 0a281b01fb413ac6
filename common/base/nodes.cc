#include "common/base/nodes.h"

#include <bit>

namespace ballast {

std::vector<Node> nodes_of(LeafRange range) {
  std::vector<Node> nodes;
  Leaf begin = range.begin;
  while (begin < range.end) {
    // The largest node that starts here and fits.
    std::uint32_t level = begin == 0 ? 31U : static_cast<std::uint32_t>(std::countr_zero(begin));
    while ((std::uint64_t{1} << level) > range.end - begin) --level;
    nodes.push_back({level, begin >> level});
    begin += 1U << level;
  }
  return nodes;
}

std::vector<LeafRange> assign_leaves(std::uint32_t leaves, std::uint32_t workers) {
  std::vector<LeafRange> ranges;
  for (std::uint64_t i = 0; i < workers; ++i) {
    ranges.push_back(
        {static_cast<Leaf>(i * leaves / workers), static_cast<Leaf>((i + 1) * leaves / workers)});
  }
  return ranges;
}

std::vector<Node> nodes_of(const std::vector<Leaf>& leaves) {
  std::vector<Node> nodes;
  for (auto first = leaves.begin(); first != leaves.end();) {
    auto last = first;
    while (last + 1 != leaves.end() && *(last + 1) == *last + 1) ++last;
    const std::vector<Node> run = nodes_of(LeafRange{*first, *last + 1});
    nodes.insert(nodes.end(), run.begin(), run.end());
    first = last + 1;
  }
  return nodes;
}

}  // namespace ballast

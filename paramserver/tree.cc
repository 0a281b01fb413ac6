#include "paramserver/tree.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "common/base/check.h"
#include "common/base/nodes.h"

namespace ballast {

ReductionTree::ReductionTree(const std::vector<TableSpec>& tables, std::uint32_t leaves)
    : tables_(tables), root_{static_cast<std::uint32_t>(std::countr_zero(leaves)), 0} {
  BALLAST_CHECK(std::has_single_bit(leaves));
}

Offer ReductionTree::offer(Node node, Contribution contribution) {
  BALLAST_CHECK(root_.covers(node));
  for (const auto& [there, value] : nodes_) {
    if (there == node) {
      return same_bits(value, contribution) ? Offer::covered : Offer::diverged;
    }
    if (there.covers(node)) return Offer::covered;
  }
  std::erase_if(nodes_, [&](const auto& entry) {
    if (!node.covers(entry.first)) return false;
    bytes_ -= entry.second.bytes();
    return true;
  });

  while (node != root_) {
    const auto sibling = nodes_.find(node.sibling());
    if (sibling == nodes_.end()) break;
    contribution = node.is_left() ? add(tables_, contribution, sibling->second)
                                  : add(tables_, sibling->second, contribution);
    bytes_ -= sibling->second.bytes();
    nodes_.erase(sibling);
    node = node.parent();
  }
  bytes_ += contribution.bytes();
  nodes_.emplace(node, std::move(contribution));
  return Offer::counted;
}

bool ReductionTree::covers(Node node) const {
  return std::any_of(nodes_.begin(), nodes_.end(),
                     [&](const auto& entry) { return entry.first.covers(node); });
}

Leaf ReductionTree::first_missing() const {
  // Siblings have become their parent, so no two nodes from the left on share a level and the
  // prefix that is there is found in as many rounds as there are levels.
  Leaf next = 0;
  for (auto node = nodes_.begin(); node != nodes_.end();) {
    if (node->first.begin() == next) {
      next = node->first.end();
      node = nodes_.begin();
    } else {
      ++node;
    }
  }
  return next;
}

const Contribution& ReductionTree::sum() const {
  BALLAST_CHECK(complete());
  return nodes_.begin()->second;
}

std::vector<Node> ReductionTree::missing() const {
  std::map<Leaf, Leaf> present;  // begin -> end, in order of leaves
  for (const auto& [node, value] : nodes_) present.emplace(node.begin(), node.end());

  std::vector<Node> missing;
  Leaf next = 0;
  const auto add_gap = [&](Leaf end) {
    const std::vector<Node> gap = nodes_of(LeafRange{next, end});
    missing.insert(missing.end(), gap.begin(), gap.end());
  };
  for (const auto& [begin, end] : present) {
    add_gap(begin);
    next = end;
  }
  add_gap(root_.end());
  return missing;
}

}  // namespace ballast

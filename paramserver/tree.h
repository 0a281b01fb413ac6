#pragma once

// The reduction tree of one partition for one step: contributions come in any order, from any
// worker, any number of times; the sum is always the same fixed binary tree over the leaves.
//
// Aligned nodes are nested or disjoint. The tree keeps a set of disjoint nodes: one that is covered
// by what is there is dropped, one that covers others replaces them (they are equal by rule 1 of
// design.md, section 2), and two siblings become their parent at once, left plus right.

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "common/base/ids.h"
#include "paramserver/contribution.h"

namespace ballast {

enum class Offer {
  counted,   // It is in the sum now, or waits for its sibling.
  covered,   // What is there says it already.
  diverged,  // The same node is there with other bits (R6).
};

class ReductionTree {
 public:
  // REQUIRES: leaves is a power of two; tables outlive the tree.
  ReductionTree(const std::vector<TableSpec>& tables, std::uint32_t leaves);

  // REQUIRES: node lies within the leaves.
  Offer offer(Node node, Contribution contribution);

  [[nodiscard]] bool complete() const {
    return nodes_.size() == 1 && nodes_.begin()->first == root_;
  }
  // REQUIRES: complete().
  [[nodiscard]] const Contribution& sum() const;
  // The maximal nodes that are still lacking, from left to right.
  [[nodiscard]] std::vector<Node> missing() const;
  // The leftmost leaf that is lacking; the number of leaves when complete.
  [[nodiscard]] Leaf first_missing() const;
  [[nodiscard]] bool covers(Node node) const;
  [[nodiscard]] std::size_t bytes() const { return bytes_; }  // Of what is kept.
  // Forgets everything: the next step begins.
  void reset() {
    nodes_.clear();
    bytes_ = 0;
  }

 private:
  const std::vector<TableSpec>& tables_;
  const Node root_;
  std::map<Node, Contribution> nodes_;  // Disjoint, never both siblings.
  std::size_t bytes_ = 0;               // The sum over nodes_.
};

}  // namespace ballast

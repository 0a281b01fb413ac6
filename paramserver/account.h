#pragma once

// What one partition has counted, in a run whose microbatches are counted one by one (bounded,
// async): the clock of each leaf, which is how many of its microbatches are in the weights. They
// come strictly in sequence: the microbatch of step t is counted when the clock is t - 1, once. An
// earlier one is a repeat, a later one comes too early; whatever is retried, dealt anew or computed
// twice, the weights hold every microbatch up to the clock, and none after it.
//
//   clocks   3 3 4 2     floor 2, counted 12
//   leaf 3, step 3  ->   counted: 3 3 4 3, floor 3
//   leaf 3, step 3  ->   a repeat: nothing changes
//   leaf 1, step 5  ->   too early: nothing changes, its worker keeps it
//
// An empty contribution is counted like any other (R1). The account is kept with the weights, in
// the same snapshot: whoever has the one has the other (storage/record.h).
//
// One thread owns it.

#include <cstdint>
#include <span>
#include <vector>

#include "common/base/ids.h"

namespace ballast {

class Account {
 public:
  // All clocks at 0.
  explicit Account(std::uint32_t leaves) : clocks_(leaves), at_floor_(leaves) {}

  [[nodiscard]] std::uint32_t leaves() const { return static_cast<std::uint32_t>(clocks_.size()); }
  // REQUIRES: leaf < leaves().
  [[nodiscard]] Step clock(Leaf leaf) const { return clocks_[leaf]; }
  [[nodiscard]] std::span<const Step> clocks() const { return clocks_; }
  // The lowest clock.
  [[nodiscard]] Step floor() const { return floor_; }
  // Of all leaves.
  [[nodiscard]] std::uint64_t counted() const { return counted_; }

  // Whether this is the microbatch to be counted next. REQUIRES: leaf < leaves().
  [[nodiscard]] bool expects(Leaf leaf, Step step) const { return clocks_[leaf] + 1 == step; }
  // REQUIRES: expects(leaf, step).
  void count(Leaf leaf, Step step);
  // To what a snapshot says. REQUIRES: leaf < leaves(), clock is above the leaf's.
  void raise(Leaf leaf, Step clock);

 private:
  std::vector<Step> clocks_;  // By leaf.
  Step floor_ = 0;
  std::uint32_t at_floor_ = 0;  // How many leaves' clocks are.
  std::uint64_t counted_ = 0;
};

}  // namespace ballast

#pragma once

// Which examples a leaf of a step sees: a function of (seed, examples, batch, leaves, step) alone.
// One seeded permutation per epoch; step s of the epoch takes its batch-long slice; leaf i takes
// slice i of that, leaf_examples long. The last batch of an epoch may be short: its last leaves
// are then short or empty.
//
// Not thread-safe: keeps the permutation of the current epoch.

#include <cstdint>
#include <span>
#include <vector>

#include "common/base/ids.h"
#include "common/job/run.h"

namespace ballast {

class Sharding {
 public:
  explicit Sharding(const RunConfig& run);

  // The examples of a leaf, in order; at most run.leaf_examples. Valid until the next call.
  // REQUIRES: 1 <= step <= run.steps, leaf < run.leaves.
  [[nodiscard]] std::span<const std::uint32_t> examples_of_leaf(Step step, Leaf leaf);

 private:
  std::uint64_t seed_;
  std::uint64_t examples_;
  std::uint64_t batch_;
  std::uint64_t leaf_examples_;
  std::uint64_t steps_per_epoch_;
  bool shuffle_;
  std::uint64_t epoch_ = ~std::uint64_t{0};
  std::vector<std::uint32_t> order_;
};

}  // namespace ballast

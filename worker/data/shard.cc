#include "worker/data/shard.h"

#include <algorithm>
#include <numeric>

#include "common/base/check.h"
#include "common/base/philox.h"

namespace ballast {

Sharding::Sharding(const RunConfig& run)
    : seed_(run.seed),
      examples_(run.train_examples),
      batch_(run.batch),
      leaf_examples_(run.leaf_examples),
      steps_per_epoch_(run.steps_per_epoch),
      shuffle_(run.training.shuffle) {}

std::span<const std::uint32_t> Sharding::examples_of_leaf(Step step, Leaf leaf) {
  BALLAST_CHECK(step >= 1);
  const std::uint64_t epoch = (step - 1) / steps_per_epoch_;
  if (epoch != epoch_) {
    if (shuffle_) {
      order_ =
          permutation(static_cast<std::uint32_t>(examples_), seed_, Purpose::permutation, epoch);
    } else {
      order_.resize(examples_);
      std::iota(order_.begin(), order_.end(), 0U);
    }
    epoch_ = epoch;
  }
  const std::uint64_t batch_begin = ((step - 1) % steps_per_epoch_) * batch_;
  const std::uint64_t batch_end = std::min(examples_, batch_begin + batch_);
  const std::uint64_t begin = std::min(batch_end, batch_begin + leaf * leaf_examples_);
  const std::uint64_t end = std::min(batch_end, begin + leaf_examples_);
  return std::span(order_).subspan(begin, end - begin);
}

}  // namespace ballast

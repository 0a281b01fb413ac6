#pragma once

// The weights of one version as one group of leaves needs them, put together from what the servers
// send. Written by the machine while values arrive; immutable afterwards, read by computing
// threads.

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "common/job/run.h"
#include "common/math/aligned.h"
#include "worker/model/model.h"

namespace ballast {

class WeightStore {
 public:
  // Room for all dense tables (or none of them) and for these sparse rows.
  enum class Dense { wanted, unwanted };
  WeightStore(std::shared_ptr<const RunConfig> run, std::shared_ptr<const KeySets> keys,
              Dense dense);

  // False: the sizes do not fit; nothing was written.
  [[nodiscard]] bool put_block(TableId table, std::uint32_t block, std::span<const float> values);
  // values: one row per place.
  [[nodiscard]] bool put_rows(TableId table, std::span<const std::uint32_t> places,
                              std::span<const float> values);
  // Whether every dense block has been put.
  [[nodiscard]] bool dense_complete() const { return blocks_left_ == 0; }

  [[nodiscard]] Weights view() const;

 private:
  const std::shared_ptr<const RunConfig> run_;  // A job may outlive the run that it was made for.
  std::shared_ptr<const KeySets> keys_;
  std::vector<AlignedVector<float>> tables_;     // By table id.
  std::vector<std::vector<bool>> blocks_there_;  // By table id; dense only.
  std::uint32_t blocks_left_ = 0;
};

}  // namespace ballast

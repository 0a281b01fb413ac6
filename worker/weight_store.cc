#include "worker/weight_store.h"

#include <algorithm>
#include <utility>

namespace ballast {

WeightStore::WeightStore(std::shared_ptr<const RunConfig> run, std::shared_ptr<const KeySets> keys,
                         Dense dense)
    : run_(std::move(run)),
      keys_(std::move(keys)),
      tables_(run_->tables.size()),
      blocks_there_(run_->tables.size()) {
  for (std::size_t i = 0; i < run_->tables.size(); ++i) {
    const TableSpec& table = run_->tables[i];
    if (table.kind == TableKind::sparse) {
      tables_[i].resize((*keys_)[i].size() * floats_of(table));
    } else if (dense == Dense::wanted) {
      tables_[i].resize(floats_of(table));
      blocks_there_[i].resize(blocks_of(table));
      blocks_left_ += blocks_of(table);
    }
  }
}

bool WeightStore::put_block(TableId table, std::uint32_t block, std::span<const float> values) {
  const std::size_t i = index(table);
  if (i >= tables_.size() || block >= blocks_there_[i].size()) return false;
  if (values.size() != floats_of_block(run_->tables[i], block)) return false;
  std::copy(values.begin(), values.end(),
            tables_[i].begin() + static_cast<std::ptrdiff_t>(std::size_t{block} * kBlockFloats));
  if (!blocks_there_[i][block]) --blocks_left_;
  blocks_there_[i][block] = true;
  return true;
}

bool WeightStore::put_rows(TableId table, std::span<const std::uint32_t> places,
                           std::span<const float> values) {
  const std::size_t i = index(table);
  if (i >= tables_.size() || run_->tables[i].kind != TableKind::sparse) return false;
  const std::size_t width = floats_of(run_->tables[i]);
  if (values.size() != places.size() * width) return false;
  for (std::size_t row = 0; row < places.size(); ++row) {
    std::copy_n(values.data() + row * width, width, tables_[i].data() + places[row] * width);
  }
  return true;
}

Weights WeightStore::view() const {
  Weights weights;
  weights.tables.resize(tables_.size());
  for (std::size_t i = 0; i < tables_.size(); ++i) {
    weights.tables[i].values = tables_[i];
    if (run_->tables[i].kind == TableKind::sparse) weights.tables[i].keys = (*keys_)[i];
  }
  return weights;
}

}  // namespace ballast

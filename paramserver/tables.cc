#include "paramserver/tables.h"

#include <algorithm>
#include <utility>

#include "common/base/check.h"
#include "common/base/hash.h"
#include "paramserver/optimizer.h"

namespace ballast {

// ---- sparse -------------------------------------------------------------------------------------

SparseTable::SparseTable(const TableSpec& table, std::uint32_t slots_per_weight)
    : width_(static_cast<std::uint32_t>(floats_of(table))),
      stride_(width_ * (1 + slots_per_weight)),
      index_(64, kNone) {}

std::uint32_t SparseTable::find(Key key) const {
  const std::size_t mask = index_.size() - 1;
  for (std::size_t i = mix(key) & mask;; i = (i + 1) & mask) {
    const std::uint32_t row = index_[i];
    if (row == kNone) return kNone;
    if (slabs_[row / kSlabRows]->keys[row % kSlabRows] == key) return row;
  }
}

std::uint32_t SparseTable::insert(Key key) {
  if ((std::size_t{size_} + 1) * 2 > index_.size()) grow();
  const std::uint32_t row = size_++;
  BALLAST_CHECK(row != kNone);
  if (row / kSlabRows == slabs_.size()) {
    auto slab = std::make_shared<Slab>();
    slab->rows.resize(std::size_t{kSlabRows} * stride_);
    slab->keys.resize(kSlabRows);
    slab->versions.resize(kSlabRows);
    slabs_.push_back(std::move(slab));
  }
  // A snapshot never looks at rows past its size, but copying a slab would race with this write.
  auto& slab = slabs_[row / kSlabRows];
  if (slab.use_count() > 1) slab = std::make_shared<Slab>(*slab);
  slab->keys[row % kSlabRows] = key;

  const std::size_t mask = index_.size() - 1;
  std::size_t i = mix(key) & mask;
  while (index_[i] != kNone) i = (i + 1) & mask;
  index_[i] = row;
  return row;
}

void SparseTable::grow() {
  std::vector<std::uint32_t> index(index_.size() * 2, kNone);
  const std::size_t mask = index.size() - 1;
  for (std::uint32_t row = 0; row < size_; ++row) {
    std::size_t i = mix(slabs_[row / kSlabRows]->keys[row % kSlabRows]) & mask;
    while (index[i] != kNone) i = (i + 1) & mask;
    index[i] = row;
  }
  index_ = std::move(index);
}

std::span<const float> SparseTable::weights(std::uint32_t row) const {
  const float* first = slabs_[row / kSlabRows]->rows.data();
  return {first + std::size_t{row % kSlabRows} * stride_, width_};
}

std::span<float> SparseTable::mutable_row(std::uint32_t row, Step version) {
  auto& slab = slabs_[row / kSlabRows];
  if (slab.use_count() > 1) slab = std::make_shared<Slab>(*slab);
  slab->versions[row % kSlabRows] = version;
  return {slab->rows.data() + std::size_t{row % kSlabRows} * stride_, stride_};
}

// ---- the partition's tables ---------------------------------------------------------------------

Tables::Tables(const RunConfig& run, PartitionId partition)
    : run_(run), partition_(partition), slots_(slots(run.optimizer)) {
  for (const TableSpec& table : run.tables) {
    if (table.kind == TableKind::sparse) {
      sparse_.emplace(std::piecewise_construct, std::forward_as_tuple(table.id),
                      std::forward_as_tuple(table, slots_));
      continue;
    }
    for (std::uint32_t block = 0; block < blocks_of(table); ++block) {
      if (partition_of(table.id, block, run.partitions) != partition) continue;
      const std::uint32_t floats = floats_of_block(table, block);
      std::vector<float> weights(floats);
      initialize(table, run.seed, block, weights);
      std::vector<float> state;
      for (std::uint32_t slot = 0; slot < slots_; ++slot) {
        state.insert(state.end(), floats, initial_slot(run.optimizer, slot));
      }
      dense_.push_back({table.id, block, 0, Bytes::own(std::move(weights)),
                        std::make_shared<std::vector<float>>(std::move(state))});
    }
  }
}

bool Tables::load(TableId table_id, Key key, Step version, std::span<const float> floats) {
  if (index(table_id) >= run_.tables.size() ||
      partition_of(table_id, key, run_.partitions) != partition_) {
    return false;
  }
  const TableSpec& table = run_.tables[index(table_id)];
  if (table.kind == TableKind::dense) {
    DenseBlock* block =
        key < blocks_of(table) ? find_dense(table_id, static_cast<std::uint32_t>(key)) : nullptr;
    const std::size_t width = block == nullptr ? 0 : block->weights.size() / sizeof(float);
    if (block == nullptr || floats.size() != width * (1 + slots_)) return false;
    block->version = version;
    const auto weights = floats.first(width);
    block->weights = Bytes::own(std::vector<float>(weights.begin(), weights.end()));
    block->slots->assign(floats.begin() + static_cast<std::ptrdiff_t>(width), floats.end());
    return true;
  }
  SparseTable& rows = sparse(table_id);
  if (floats.size() != std::size_t{rows.width()} * (1 + slots_) ||
      rows.find(key) != SparseTable::kNone) {
    return false;
  }
  const auto row = rows.mutable_row(rows.insert(key), version);
  std::copy(floats.begin(), floats.end(), row.begin());
  return true;
}

DenseBlock* Tables::find_dense(TableId table, std::uint32_t block) {
  const auto found = std::lower_bound(
      dense_.begin(), dense_.end(), std::pair(table, block),
      [](const DenseBlock& a, const auto& b) { return std::pair(a.table, a.block) < b; });
  if (found == dense_.end() || found->table != table || found->block != block) return nullptr;
  return &*found;
}

SparseTable& Tables::sparse(TableId table) {
  const auto found = sparse_.find(table);
  BALLAST_CHECK(found != sparse_.end());
  return found->second;
}

void Tables::read_row(TableId table, Key key, std::span<float> out) const {
  const auto found = sparse_.find(table);
  BALLAST_CHECK(found != sparse_.end());
  const std::uint32_t row = found->second.find(key);
  if (row == SparseTable::kNone) {
    initialize(run_.tables[index(table)], run_.seed, key, out);
    return;
  }
  const auto weights = found->second.weights(row);
  std::copy(weights.begin(), weights.end(), out.begin());
}

// ---- snapshot -----------------------------------------------------------------------------------

Snapshot Tables::snapshot(Step version) const {
  Snapshot snapshot;
  snapshot.partition_ = partition_;
  snapshot.version_ = version;
  snapshot.dense_ = dense_;
  for (const auto& [id, table] : sparse_) {
    snapshot.sparse_.push_back(
        {id, table.width(), table.width() * (1 + slots_), table.size(), table.slabs()});
  }
  return snapshot;
}

void Snapshot::for_each_since(Step since, const std::function<void(const RowView&)>& visit) const {
  BALLAST_CHECK(since != 0);
  visit_if(since, visit);
}

Snapshot::Extent Snapshot::extent_since(Step since) const {
  BALLAST_CHECK(since != 0);
  return extent_if(since);
}

Snapshot::Extent Snapshot::extent_if(Step since) const {
  Extent extent;
  for (const DenseBlock& block : dense_) {
    if (since != 0 && block.version <= since) continue;
    extent.records += 1;
    extent.floats += block.weights.size() / sizeof(float) + block.slots->size();
  }
  for (const Sparse& table : sparse_) {
    std::uint64_t rows = table.size;
    if (since != 0) {
      rows = 0;
      for (std::uint32_t row = 0; row < table.size; ++row) {
        const SparseTable::Slab& slab = *table.slabs[row / SparseTable::kSlabRows];
        rows += slab.versions[row % SparseTable::kSlabRows] > since ? 1 : 0;
      }
    }
    extent.records += rows;
    extent.floats += rows * table.stride;
  }
  return extent;
}

void Snapshot::visit_if(Step since, const std::function<void(const RowView&)>& visit) const {
  auto dense = dense_.begin();
  const auto visit_dense_before = [&](TableId table) {
    for (; dense != dense_.end() && dense->table < table; ++dense) {
      if (since != 0 && dense->version <= since) continue;
      visit(
          {dense->table, dense->block, dense->version, dense->weights.as<float>(), *dense->slots});
    }
  };
  for (const Sparse& table : sparse_) {
    visit_dense_before(table.table);
    std::vector<std::pair<Key, std::uint32_t>> order;
    if (since == 0) order.reserve(table.size);
    for (std::uint32_t row = 0; row < table.size; ++row) {
      const SparseTable::Slab& slab = *table.slabs[row / SparseTable::kSlabRows];
      const std::uint32_t at = row % SparseTable::kSlabRows;
      if (since == 0 || slab.versions[at] > since) order.emplace_back(slab.keys[at], row);
    }
    std::sort(order.begin(), order.end());
    for (const auto& [key, row] : order) {
      const SparseTable::Slab& slab = *table.slabs[row / SparseTable::kSlabRows];
      const std::uint32_t at = row % SparseTable::kSlabRows;
      const std::span<const float> values(slab.rows.data() + std::size_t{at} * table.stride,
                                          table.stride);
      visit({table.table, key, slab.versions[at], values.first(table.width),
             values.subspan(table.width)});
    }
  }
  visit_dense_before(TableId{~std::uint32_t{0}});
}

}  // namespace ballast

#include "paramserver/tables.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "common/base/check.h"
#include "common/base/hash.h"
#include "paramserver/optimizer.h"

namespace ballast {

// ---- sparse -------------------------------------------------------------------------------------

namespace {

// 8 rows of 16 weights and as many slots. Smaller ones make snapshots dearer, which copy a pointer
// for each; larger ones the steps after a cut, which copy one for each row they touch.
constexpr std::uint32_t kSlabBytes = 1024;

std::uint32_t slab_shift_of(std::uint32_t stride) {
  const std::uint32_t rows = kSlabBytes / (stride * static_cast<std::uint32_t>(sizeof(float)));
  return static_cast<std::uint32_t>(std::bit_width(std::clamp(rows, 1U, 128U))) - 1;
}

// Whether others have a share too. If not, what they did with theirs is over: use_count() alone
// does not order it before what we do next, but letting go of a share does.
bool is_shared(std::shared_ptr<float[]> probe) { return probe.use_count() > 2; }

}  // namespace

SparseTable::SparseTable(const TableSpec& table, std::uint32_t slots_per_weight)
    : width_(static_cast<std::uint32_t>(floats_of(table))),
      stride_(width_ * (1 + slots_per_weight)),
      slab_shift_(slab_shift_of(stride_)),
      index_(64, kNone),
      readers_(std::make_shared<Readers>(slab_bytes())) {}

// Once false, no thread looks at anything of ours until the next view is made.
bool SparseTable::is_read() const { return readers_->count.load(std::memory_order_acquire) != 0; }

std::uint32_t SparseTable::find(Key key) const {
  const std::size_t mask = index_.size() - 1;
  for (std::size_t i = mix(key) & mask;; i = (i + 1) & mask) {
    const std::uint32_t row = index_[i];
    if (row == kNone) return kNone;
    if (key_of(row) == key) return row;
  }
}

std::uint32_t SparseTable::insert(Key key) {
  if ((std::size_t{size_} + 1) * 2 > index_.size()) grow();
  const std::uint32_t row = size_++;
  BALLAST_CHECK(row != kNone);
  if (row >> slab_shift_ == slabs_.size()) slabs_.push_back(new_slab());
  if (row >> kKeyShift == keys_.size()) keys_.push_back(std::make_shared<Key[]>(1U << kKeyShift));
  // A view never looks at rows past its size.
  keys_[row >> kKeyShift][row & ((1U << kKeyShift) - 1)] = key;

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
    std::size_t i = mix(key_of(row)) & mask;
    while (index[i] != kNone) i = (i + 1) & mask;
    index[i] = row;
  }
  index_ = std::move(index);
}

std::size_t SparseTable::slab_bytes() const {
  return sizeof(Slab) +
         (sizeof(Step) + std::size_t{stride_} * sizeof(float)) * (std::size_t{1} << slab_shift_);
}

SparseTable::Slab* SparseTable::new_slab() {
  Slab* slab = ::new (readers_->slabs.take()) Slab;
  slab->newest = 0;
  slab->made = views_;
  std::fill_n(slab->versions(), std::size_t{1} << slab_shift_, Step{0});
  return slab;
}

SparseTable::Slab& SparseTable::own(std::uint32_t slab) {
  Slab*& mine = slabs_[slab];
  if (mine->made == views_) return *mine;
  if (is_read()) {
    Slab* copy = ::new (readers_->slabs.take()) Slab;
    std::memcpy(static_cast<void*>(copy), mine, slab_bytes());
    replaced_.push_back(std::exchange(mine, copy));
  } else {
    // A few at a time: nobody should wait for all of it.
    for (int i = 0; i < 16 && !replaced_.empty(); ++i) {
      readers_->slabs.give(replaced_.back());
      replaced_.pop_back();
    }
  }
  mine->made = views_;
  return *mine;
}

std::span<const float> SparseTable::weights(std::uint32_t row) const {
  const std::uint32_t rows = 1U << slab_shift_;
  const float* first = slabs_[row >> slab_shift_]->floats(rows);
  return {first + std::size_t{row & (rows - 1)} * stride_, width_};
}

std::span<float> SparseTable::mutable_row(std::uint32_t row, Step version) {
  const std::uint32_t rows = 1U << slab_shift_;
  Slab& slab = own(row >> slab_shift_);
  slab.newest = std::max(slab.newest, version);
  slab.versions()[row & (rows - 1)] = version;
  return {slab.floats(rows) + std::size_t{row & (rows - 1)} * stride_, stride_};
}

SparseTable::View SparseTable::view() {
  ++views_;
  return {.width = width_,
          .stride = stride_,
          .size = size_,
          .slab_shift = slab_shift_,
          .slabs = {slabs_.begin(), slabs_.end()},
          .keys = {keys_.begin(), keys_.end()},
          .reading = std::make_shared<const Reading>(readers_)};
}

// ---- dense --------------------------------------------------------------------------------------

FloatArrays::FloatArrays(std::size_t floats)
    : floats_(floats),
      pool_(floats == 0 ? nullptr : std::make_shared<PiecePool>(floats * sizeof(float))) {}

std::shared_ptr<float[]> FloatArrays::make(std::size_t floats) const {
  BALLAST_CHECK(floats <= floats_);
  if (floats == 0) return nullptr;
  if (floats * 2 <= floats_) return std::make_shared_for_overwrite<float[]>(floats);
  auto* const piece = static_cast<float*>(pool_->take());
  return std::shared_ptr<float[]>(piece, [pool = pool_](float* array) { pool->give(array); });
}

void FloatArrays::touch_ahead(std::size_t arrays) const {
  if (pool_) pool_->touch_ahead(arrays * floats_ * sizeof(float));
}

std::shared_ptr<float[]> Tables::next_weights(const DenseBlock& block) const {
  return weights_.make(block.weights.size() / sizeof(float));
}

void Tables::own_state(DenseBlock& block) const {
  if (block.slot_floats == 0 || !is_shared(block.slots)) return;
  auto copy = states_.make(block.slot_floats);
  std::copy_n(block.slots.get(), block.slot_floats, copy.get());
  block.slots = std::move(copy);
}

// ---- the partition's tables ---------------------------------------------------------------------

Tables::Tables(const RunConfig& run, PartitionId partition)
    : run_(run),
      partition_(partition),
      slots_(slots(run.optimizer)),
      account_(is_relaxed(run) ? run.leaves : 0),
      weights_(kBlockFloats),
      states_(std::size_t{kBlockFloats} * slots_) {
  for (const TableSpec& table : run.tables) {
    if (table.kind == TableKind::sparse) {
      sparse_.emplace(std::piecewise_construct, std::forward_as_tuple(table.id),
                      std::forward_as_tuple(table, slots_));
      continue;
    }
    for (std::uint32_t block = 0; block < blocks_of(table); ++block) {
      if (partition_of(table.id, block, run.partitions) != partition) continue;
      const std::uint32_t floats = floats_of_block(table, block);
      auto weights = weights_.make(floats);
      const std::span<float> all(weights.get(), floats);
      initialize(table, run.seed, block, all);
      auto state = states_.make(std::size_t{floats} * slots_);
      for (std::uint32_t slot = 0; slot < slots_; ++slot) {
        std::fill_n(state.get() + std::size_t{floats} * slot, floats,
                    initial_slot(run.optimizer, slot));
      }
      dense_.push_back({table.id, block, 0, Bytes::share<float>(std::move(weights), all),
                        std::move(state), std::size_t{floats} * slots_});
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
    auto weights = next_weights(*block);
    const std::span<float> all(weights.get(), width);
    std::copy_n(floats.begin(), width, all.begin());
    block->weights = Bytes::share<float>(std::move(weights), all);
    own_state(*block);
    std::copy_n(floats.begin() + static_cast<std::ptrdiff_t>(width), block->slot_floats,
                block->slots.get());
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

bool Tables::load_clock(Leaf leaf, Step clock) {
  if (leaf >= account_.leaves() || clock > run_.steps || account_.clock(leaf) != 0) return false;
  if (clock > 0) account_.raise(leaf, clock);
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

std::uint64_t Tables::bytes() const {
  std::uint64_t bytes = 0;
  for (const DenseBlock& block : dense_) bytes += block.weights.size() * (1 + slots_);
  for (const auto& [id, table] : sparse_) bytes += table.bytes();
  return bytes;
}

// ---- snapshot -----------------------------------------------------------------------------------

Snapshot Tables::snapshot(Step version) {
  Snapshot snapshot;
  snapshot.partition_ = partition_;
  snapshot.version_ = version;
  snapshot.clocks_.assign(account_.clocks().begin(), account_.clocks().end());
  snapshot.dense_ = dense_;
  snapshot.weights_ = weights_;
  snapshot.states_ = states_;
  for (auto& [id, table] : sparse_) snapshot.sparse_.push_back({id, table.view()});
  return snapshot;
}

void Tables::set_aside() {
  weights_.touch_ahead(dense_.size());
  states_.touch_ahead(dense_.size());
  for (auto& [id, table] : sparse_) table.touch_ahead();
}

void Snapshot::set_aside() {
  for (const Sparse& table : sparse_) {
    PiecePool& slabs = table.rows.reading->slabs();
    slabs.touch_ahead(SparseTable::bytes_ahead(slabs));
  }
  weights_.touch_ahead(dense_.size());
  for (DenseBlock& block : dense_) {
    if (block.slot_floats == 0 || !is_shared(block.slots)) continue;  // Training was faster.
    auto copy = states_.make(block.slot_floats);
    std::copy_n(block.slots.get(), block.slot_floats, copy.get());
    block.slots = std::move(copy);
  }
}

void Snapshot::for_each_since(Step since, const std::function<void(const RowView&)>& visit) const {
  BALLAST_CHECK(since != 0);
  visit_if(since, visit);
}

Snapshot::Extent Snapshot::extent_since(Step since) const {
  BALLAST_CHECK(since != 0);
  return extent_if(since);
}

// `look` is called with each row that changed after `since`, 0 for every one: its slab and its
// place there and in the table.
template <class Look>
void Snapshot::each_row(const SparseTable::View& rows, Step since, Look look) {
  const std::uint32_t slab_rows = 1U << rows.slab_shift;
  for (std::uint32_t first = 0; first < rows.size; first += slab_rows) {
    const SparseTable::Slab& slab = *rows.slabs[first >> rows.slab_shift];
    if (since != 0 && slab.newest <= since) continue;
    const std::uint32_t count = std::min(slab_rows, rows.size - first);
    for (std::uint32_t at = 0; at < count; ++at) {
      if (since == 0 || slab.versions()[at] > since) look(first + at);
    }
  }
}

Snapshot::Extent Snapshot::extent_if(Step since) const {
  Extent extent;
  for (const DenseBlock& block : dense_) {
    if (since != 0 && block.version <= since) continue;
    extent.records += 1;
    extent.floats += block.weights.size() / sizeof(float) + block.slot_floats;
  }
  for (const Sparse& table : sparse_) {
    std::uint64_t rows = table.rows.size;
    if (since != 0) {
      rows = 0;
      each_row(table.rows, since, [&](std::uint32_t) { ++rows; });
    }
    extent.records += rows;
    extent.floats += rows * table.rows.stride;
  }
  return extent;
}

void Snapshot::visit_if(Step since, const std::function<void(const RowView&)>& visit) const {
  auto dense = dense_.begin();
  const auto visit_dense_before = [&](TableId table) {
    for (; dense != dense_.end() && dense->table < table; ++dense) {
      if (since != 0 && dense->version <= since) continue;
      visit(
          {dense->table, dense->block, dense->version, dense->weights.as<float>(), dense->state()});
    }
  };
  for (const Sparse& table : sparse_) {
    visit_dense_before(table.table);
    visit_rows(table, since, visit);
  }
  visit_dense_before(TableId{~std::uint32_t{0}});
}

void Snapshot::visit_rows(const Sparse& table, Step since,
                          const std::function<void(const RowView&)>& visit) {
  const SparseTable::View& rows = table.rows;
  const std::uint32_t slab_rows = 1U << rows.slab_shift;
  std::vector<std::pair<Key, std::uint32_t>> order;
  if (since == 0) order.reserve(rows.size);
  each_row(rows, since, [&](std::uint32_t row) {
    constexpr std::uint32_t kKeyMask = (1U << SparseTable::kKeyShift) - 1;
    order.emplace_back(rows.keys[row >> SparseTable::kKeyShift][row & kKeyMask], row);
  });
  std::sort(order.begin(), order.end());
  for (const auto& [key, row] : order) {
    const SparseTable::Slab& slab = *rows.slabs[row >> rows.slab_shift];
    const std::uint32_t at = row & (slab_rows - 1);
    const std::span<const float> floats(slab.floats(slab_rows) + std::size_t{at} * rows.stride,
                                        rows.stride);
    visit({table.table, key, slab.versions()[at], floats.first(rows.width),
           floats.subspan(rows.width)});
  }
}

}  // namespace ballast

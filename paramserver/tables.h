#pragma once

// The rows and blocks of every table that one partition owns, in memory, each with its optimizer
// state. Rows live in slabs behind a flat open-addressing index; dense blocks beside them.
//
// Readers elsewhere (a pull being sent, a snapshot being written) hold shares of what they read:
// a dense update writes a new buffer, a slab or state that somebody still holds is copied before it
// changes. So a snapshot costs pointers, and training goes on while it is written.
//
// One thread owns a Tables; a Snapshot may be read by another.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/ids.h"
#include "common/job/run.h"
#include "common/job/tables.h"

namespace ballast {

// One row or block: weights, then optimizer slots.
struct RowView {
  TableId table{};
  Key key = 0;       // Sparse: the key. Dense: the block.
  Step version = 0;  // The step that last changed it.
  std::span<const float> weights;
  std::span<const float> slots;
};

struct DenseBlock {
  TableId table{};
  std::uint32_t block = 0;
  Step version = 0;
  Bytes weights;  // f32; replaced, never written.
  std::shared_ptr<std::vector<float>> slots;
};

class SparseTable {
 public:
  static constexpr std::uint32_t kSlabRows = 512;

  struct Slab {
    std::vector<float> rows;  // kSlabRows * stride: weights, then slots
    std::vector<Key> keys;
    std::vector<Step> versions;
  };

  SparseTable(const TableSpec& table, std::uint32_t slots_per_weight);

  [[nodiscard]] std::uint32_t width() const { return width_; }
  [[nodiscard]] std::uint32_t size() const { return size_; }

  static constexpr std::uint32_t kNone = ~std::uint32_t{0};
  [[nodiscard]] std::uint32_t find(Key key) const;
  // REQUIRES: key is not there. The row is uninitialized.
  std::uint32_t insert(Key key);

  [[nodiscard]] std::span<const float> weights(std::uint32_t row) const;
  // Weights, then slots, for writing at `version`; copies the slab if a snapshot holds it.
  [[nodiscard]] std::span<float> mutable_row(std::uint32_t row, Step version);

  [[nodiscard]] const std::vector<std::shared_ptr<Slab>>& slabs() const { return slabs_; }

 private:
  void grow();

  const std::uint32_t width_;
  const std::uint32_t stride_;
  std::uint32_t size_ = 0;
  std::vector<std::shared_ptr<Slab>> slabs_;
  std::vector<std::uint32_t> index_;  // kNone or a row; a power of two long, linear probing
};

// A partition at one version: shares, not copies.
class Snapshot {
 public:
  [[nodiscard]] PartitionId partition() const { return partition_; }
  [[nodiscard]] Step version() const { return version_; }
  // Calls `visit` for every record in order of (table, key). Sorts sparse keys: not cheap.
  void for_each(const std::function<void(const RowView&)>& visit) const { visit_if(0, visit); }
  // For those alone that changed after step `since`. REQUIRES: since is not 0.
  void for_each_since(Step since, const std::function<void(const RowView&)>& visit) const;

  // How much the records are that changed after a step, and all of them.
  struct Extent {
    std::uint64_t records = 0;
    std::uint64_t floats = 0;
  };
  [[nodiscard]] Extent extent() const { return extent_if(0); }
  [[nodiscard]] Extent extent_since(Step since) const;

 private:
  friend class Tables;
  struct Sparse {
    TableId table{};
    std::uint32_t width = 0;
    std::uint32_t stride = 0;
    std::uint32_t size = 0;
    std::vector<std::shared_ptr<SparseTable::Slab>> slabs;
  };

  // `since` 0 means all, those too that no step has changed.
  void visit_if(Step since, const std::function<void(const RowView&)>& visit) const;
  [[nodiscard]] Extent extent_if(Step since) const;

  PartitionId partition_{};
  Step version_ = 0;
  std::vector<DenseBlock> dense_;
  std::vector<Sparse> sparse_;
};

class Tables {
 public:
  // All dense blocks at their initial values, no sparse rows. REQUIRES: run outlives this.
  Tables(const RunConfig& run, PartitionId partition);

  // Replaces a block or adds a row as a snapshot had it: `floats` are weights, then slots. False:
  // it does not belong here or has the wrong size.
  [[nodiscard]] bool load(TableId table, Key key, Step version, std::span<const float> floats);

  // Sorted by (table, block).
  [[nodiscard]] const std::vector<DenseBlock>& dense() const { return dense_; }
  [[nodiscard]] DenseBlock* find_dense(TableId table, std::uint32_t block);
  // REQUIRES: the table is sparse.
  [[nodiscard]] SparseTable& sparse(TableId table);

  // The row of a key, or what it would start from (R2: pulling stores nothing).
  void read_row(TableId table, Key key, std::span<float> out) const;

  [[nodiscard]] Snapshot snapshot(Step version) const;
  [[nodiscard]] PartitionId partition() const { return partition_; }

 private:
  const RunConfig& run_;
  const PartitionId partition_;
  const std::uint32_t slots_;
  std::vector<DenseBlock> dense_;
  std::map<TableId, SparseTable> sparse_;
};

}  // namespace ballast

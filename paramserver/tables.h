#pragma once

// The rows and blocks of every table that one partition owns, in memory, each with its optimizer
// state, and the account of what is in them where microbatches are counted one by one. Rows live in
// slabs behind a flat open-addressing index; dense blocks beside them.
//
// Readers elsewhere (a pull being sent, a snapshot being written) hold shares of what they read:
// a dense update writes a new buffer, a slab or state that somebody still reads is copied before it
// changes. So a snapshot costs pointers, and training goes on while it is written. Rows, blocks and
// their copies are in pools (piece_pool.h), whose pages whoever writes a snapshot can see to ahead
// of training (Snapshot::set_aside).
//
// One thread owns a Tables; a Snapshot may be read by another.

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/ids.h"
#include "common/base/piece_pool.h"
#include "common/job/run.h"
#include "common/job/tables.h"
#include "paramserver/account.h"

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
  std::shared_ptr<float[]> slots;
  std::size_t slot_floats = 0;

  [[nodiscard]] std::span<float> state() { return {slots.get(), slot_floats}; }
  [[nodiscard]] std::span<const float> state() const { return {slots.get(), slot_floats}; }
};

// Arrays of floats that pass from hand to hand: a block's weights from step to step, its state when
// it is copied. Full blocks' are pieces of a pool; small tensors are not worth one.
class FloatArrays {
 public:
  // `floats`: of a full block; 0: there are none.
  explicit FloatArrays(std::size_t floats);
  // Uninitialized. Any thread; it may be let go in any other, and after this is gone.
  [[nodiscard]] std::shared_ptr<float[]> make(std::size_t floats) const;
  // See PiecePool: the pages for `arrays` of full blocks.
  void touch_ahead(std::size_t arrays) const;

 private:
  std::size_t floats_;
  std::shared_ptr<PiecePool> pool_;
};

class SparseTable {
 public:
  // Some rows of a table: versions, then weights and slots row by row, in one piece of memory. It
  // is what is copied when a row changes while a snapshot reads it, so it is small: random rows of
  // a large table are each in a slab of their own.
  class Slab {
   public:
    [[nodiscard]] const Step* versions() const { return reinterpret_cast<const Step*>(this + 1); }
    [[nodiscard]] Step* versions() { return reinterpret_cast<Step*>(this + 1); }
    [[nodiscard]] const float* floats(std::uint32_t rows) const {
      return reinterpret_cast<const float*>(versions() + rows);
    }
    [[nodiscard]] float* floats(std::uint32_t rows) {
      return reinterpret_cast<float*>(versions() + rows);
    }

    Step newest;         // Of its rows' versions.
    std::uint64_t made;  // How many views there had been: they read what it is a copy of.
  };

  // What a table and its views share: how many of them there are, and the memory of the slabs,
  // which lasts as long as any of them.
  struct Readers {
    explicit Readers(std::size_t slab_bytes) : slabs(slab_bytes) {}
    std::atomic<std::uint32_t> count{0};
    PiecePool slabs;
  };
  class Reading {
   public:
    explicit Reading(std::shared_ptr<Readers> readers) : readers_(std::move(readers)) {
      readers_->count.fetch_add(1, std::memory_order_relaxed);
    }
    ~Reading() { readers_->count.fetch_sub(1, std::memory_order_release); }
    Reading(const Reading&) = delete;
    Reading& operator=(const Reading&) = delete;
    [[nodiscard]] PiecePool& slabs() const { return readers_->slabs; }

   private:
    const std::shared_ptr<Readers> readers_;
  };

  // All rows at one moment, for any thread. Costs a pointer for each slab.
  struct View {
    std::uint32_t width = 0;
    std::uint32_t stride = 0;
    std::uint32_t size = 0;
    std::uint32_t slab_shift = 0;
    std::vector<const Slab*> slabs;
    std::vector<std::shared_ptr<const Key[]>> keys;
    std::shared_ptr<const Reading> reading;
  };

  SparseTable(const TableSpec& table, std::uint32_t slots_per_weight);
  SparseTable(const SparseTable&) = delete;
  SparseTable& operator=(const SparseTable&) = delete;

  [[nodiscard]] std::uint32_t width() const { return width_; }
  [[nodiscard]] std::uint32_t size() const { return size_; }
  [[nodiscard]] std::uint64_t bytes() const {
    return std::uint64_t{size_} * (sizeof(Key) + stride_ * sizeof(float));
  }

  static constexpr std::uint32_t kNone = ~std::uint32_t{0};
  [[nodiscard]] std::uint32_t find(Key key) const;
  // REQUIRES: key is not there. The row is uninitialized.
  std::uint32_t insert(Key key);

  [[nodiscard]] std::span<const float> weights(std::uint32_t row) const;
  // Weights, then slots, for writing at `version`; copies the slab if a view reads it.
  [[nodiscard]] std::span<float> mutable_row(std::uint32_t row, Step version);

  [[nodiscard]] View view();

  // Of copies of slabs, what is seen to before they are needed: a sixteenth of what all of them
  // take. A step that changes more of a table than that pays for what is beyond it.
  [[nodiscard]] static std::size_t bytes_ahead(const PiecePool& slabs) {
    return slabs.bytes() / 16;
  }
  void touch_ahead() { readers_->slabs.touch_ahead(bytes_ahead(readers_->slabs)); }

  // Keys never change, so views share them: they are never copied.
  static constexpr std::uint32_t kKeyShift = 12;  // Of a piece: 1 << kKeyShift.

 private:
  [[nodiscard]] Key key_of(std::uint32_t row) const {
    return keys_[row >> kKeyShift][row & ((1U << kKeyShift) - 1)];
  }
  [[nodiscard]] std::size_t slab_bytes() const;
  [[nodiscard]] Slab* new_slab();
  // The slab, replaced by a copy if a view reads it.
  [[nodiscard]] Slab& own(std::uint32_t slab);
  [[nodiscard]] bool is_read() const;
  void grow();

  const std::uint32_t width_;
  const std::uint32_t stride_;
  const std::uint32_t slab_shift_;  // Rows of a slab: 1 << slab_shift_.
  std::uint32_t size_ = 0;
  std::vector<Slab*> slabs_;
  std::vector<std::shared_ptr<Key[]>> keys_;
  std::vector<std::uint32_t> index_;  // kNone or a row; a power of two long, linear probing
  std::uint64_t views_ = 0;           // Ever made.
  const std::shared_ptr<Readers> readers_;
  std::vector<Slab*> replaced_;  // Views may read them as long as there is any.
};

// A partition at one version: shares, not copies.
class Snapshot {
 public:
  [[nodiscard]] PartitionId partition() const { return partition_; }
  [[nodiscard]] Step version() const { return version_; }
  // Does what training would otherwise do when it goes on, and has not done yet: finds the pages
  // for the copies it will make, and copies the state of dense blocks, all of which change at every
  // step. It is another thread's work then, if it comes in time. Takes memory for as much as the
  // dense blocks with their state have, and a sixteenth of the rows; it is kept for the next time.
  void set_aside();

  // By leaf; empty in synchronous runs.
  [[nodiscard]] const std::vector<Step>& clocks() const { return clocks_; }
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
    SparseTable::View rows;
  };

  // `since` 0 means all, those too that no step has changed.
  void visit_if(Step since, const std::function<void(const RowView&)>& visit) const;
  static void visit_rows(const Sparse& table, Step since,
                         const std::function<void(const RowView&)>& visit);
  template <class Look>
  static void each_row(const SparseTable::View& rows, Step since, Look look);
  [[nodiscard]] Extent extent_if(Step since) const;

  PartitionId partition_{};
  Step version_ = 0;
  std::vector<Step> clocks_;
  std::vector<DenseBlock> dense_;
  FloatArrays weights_{0};
  FloatArrays states_{0};
  std::vector<Sparse> sparse_;
};

class Tables {
 public:
  // All dense blocks at their initial values, no sparse rows. REQUIRES: run outlives this.
  Tables(const RunConfig& run, PartitionId partition);

  // Replaces a block or adds a row as a snapshot had it: `floats` are weights, then slots. False:
  // it does not belong here or has the wrong size.
  [[nodiscard]] bool load(TableId table, Key key, Step version, std::span<const float> floats);

  // The clock of a leaf as a snapshot had it. False: this run counts no such leaf.
  [[nodiscard]] bool load_clock(Leaf leaf, Step clock);

  // Has no leaves in synchronous runs.
  [[nodiscard]] const Account& account() const { return account_; }
  [[nodiscard]] Account& account() { return account_; }

  // Sorted by (table, block).
  [[nodiscard]] const std::vector<DenseBlock>& dense() const { return dense_; }
  [[nodiscard]] DenseBlock* find_dense(TableId table, std::uint32_t block);
  // The block's arrays for the next version: where its weights go, uninitialized, and its state,
  // a copy of it if somebody reads it. REQUIRES: the block is of this.
  [[nodiscard]] std::shared_ptr<float[]> next_weights(const DenseBlock& block) const;
  void own_state(DenseBlock& block) const;
  // REQUIRES: the table is sparse.
  [[nodiscard]] SparseTable& sparse(TableId table);

  // The row of a key, or what it would start from (R2: pulling stores nothing).
  void read_row(TableId table, Key key, std::span<float> out) const;

  [[nodiscard]] Snapshot snapshot(Step version);
  // Finds the pages that the first snapshot will make necessary, which takes a while: for a thread
  // that nobody waits for yet. As much memory as Snapshot::set_aside says.
  void set_aside();
  [[nodiscard]] PartitionId partition() const { return partition_; }
  [[nodiscard]] std::uint64_t bytes() const;  // Of weights, slots and keys.

 private:
  const RunConfig& run_;
  const PartitionId partition_;
  const std::uint32_t slots_;
  Account account_;
  std::vector<DenseBlock> dense_;
  FloatArrays weights_;  // Of blocks.
  FloatArrays states_;
  std::map<TableId, SparseTable> sparse_;
};

}  // namespace ballast

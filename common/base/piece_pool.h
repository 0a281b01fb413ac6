#pragma once

// Memory in pieces of one size that come and go, as the copies do that a checkpoint makes
// necessary. What is given back is kept for the next who takes, so that the kernel is asked for a
// page once: first touches are dear, most of all on virtual machines, where the host may have to
// find the page too. Large pools ask for huge pages, which make a first touch several times cheaper
// and rows in random places faster to reach; where the kernel has none, small ones do.
//
// Any number of threads may use a pool at once, and none waits for another: no lock is taken.
// Memory goes back to the kernel with the pool.

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace ballast {

class PiecePool {
 public:
  // Pieces of `bytes`, each at the start of a cache line.
  explicit PiecePool(std::size_t bytes);
  // REQUIRES: nobody uses a piece any more.
  ~PiecePool();
  PiecePool(const PiecePool&) = delete;
  PiecePool& operator=(const PiecePool&) = delete;

  // Uninitialized. Throws std::bad_alloc where there is no memory, as `new` does.
  [[nodiscard]] void* take();
  // REQUIRES: the piece came from take() of this pool.
  void give(void* piece);

  // Has the kernel find the pages for the next `bytes` of pieces that have never been taken, in
  // this thread's time instead of that of those who take them. A kernel that cannot (Linux before
  // 5.14), or has no memory left, leaves it as it was.
  void touch_ahead(std::size_t bytes);

  // Of pieces that have ever been taken.
  [[nodiscard]] std::size_t bytes() const {
    return std::size_t{used_.load(std::memory_order_relaxed)} * stride_;
  }

 private:
  // Behind each piece.
  struct Tag {
    std::uint32_t index;                // Of the piece; the same for ever.
    std::atomic<std::uint32_t> next{};  // In the stack of free pieces: an index plus 1; 0 ends it.
  };
  struct Place {
    std::uint32_t chunk;
    std::uint32_t piece;  // Of the chunk.
  };

  [[nodiscard]] Tag& tag_of(void* piece) const;
  [[nodiscard]] void* piece_at(std::uint32_t index) const;
  [[nodiscard]] Place place_of(std::uint32_t index) const;
  [[nodiscard]] std::size_t chunk_bytes(std::uint32_t chunk) const;
  // Made when it is first needed.
  [[nodiscard]] std::byte* chunk_at(std::uint32_t chunk);

  // Each chunk holds twice the pieces of the one before, so that a small pool is small and a large
  // one has few; what has not been taken of it is address space, not memory.
  static constexpr std::uint32_t kChunks = 32;

  const std::size_t bytes_;
  const std::size_t stride_;
  const std::uint32_t first_;  // Pieces of the first chunk.
  std::array<std::atomic<std::byte*>, kChunks> chunks_{};
  std::atomic<std::uint32_t> used_{0};     // Pieces that have ever been taken.
  std::atomic<std::uint32_t> touched_{0};  // Pieces whose pages touch_ahead() has seen to.
  // The stack of free pieces: its top in the lower half, as in Tag, and how often it was changed in
  // the upper, so that a top that went and came back is not taken for one that stayed.
  std::atomic<std::uint64_t> free_{0};
};

}  // namespace ballast

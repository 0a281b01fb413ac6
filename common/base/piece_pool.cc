#include "common/base/piece_pool.h"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <new>

#include "common/base/check.h"

namespace ballast {
namespace {

constexpr std::size_t kLine = 64;
constexpr std::size_t kHugePage = std::size_t{2} << 20;
constexpr std::size_t kFirstChunkBytes = 8192;

std::size_t up(std::size_t bytes, std::size_t to) { return (bytes + to - 1) / to * to; }

// At the start of a huge page, and one where the kernel likes.
std::byte* map(std::size_t bytes) {
  const std::size_t mapped = up(bytes, kHugePage) + kHugePage;
  void* const got =
      ::mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (got == MAP_FAILED) throw std::bad_alloc();
  auto* const begin = static_cast<std::byte*>(got);
  const std::size_t before = up(reinterpret_cast<std::uintptr_t>(begin), kHugePage) -
                             reinterpret_cast<std::uintptr_t>(begin);
  // Neither can fail in a way that matters: the rest is then mapped and never used, the pages are
  // small.
  if (before > 0) static_cast<void>(::munmap(begin, before));
  std::byte* const chunk = begin + before;
  static_cast<void>(::munmap(chunk + up(bytes, kHugePage), kHugePage - before));
  static_cast<void>(::madvise(chunk, up(bytes, kHugePage), MADV_HUGEPAGE));
  return chunk;
}

// Small chunks are the C++ library's: a mapping of its own for each would run out of mappings.
std::byte* make_chunk(std::size_t bytes) {
  if (bytes >= kHugePage) return map(bytes);
  return static_cast<std::byte*>(::operator new (bytes, std::align_val_t{kLine}));
}

void free_chunk(std::byte* chunk, std::size_t bytes) {
  if (bytes >= kHugePage) {
    static_cast<void>(::munmap(chunk, up(bytes, kHugePage)));
  } else {
    ::operator delete (chunk, std::align_val_t{kLine});
  }
}

constexpr std::uint64_t kChange = std::uint64_t{1} << 32;

std::uint64_t changed(std::uint64_t before, std::uint32_t top) {
  return ((before & ~(kChange - 1)) + kChange) | top;
}

}  // namespace

PiecePool::PiecePool(std::size_t bytes)
    : bytes_(up(bytes, alignof(Tag))),
      stride_(up(bytes_ + sizeof(Tag), kLine)),
      first_(static_cast<std::uint32_t>(std::max<std::size_t>(1, kFirstChunkBytes / stride_))) {
  BALLAST_CHECK(bytes > 0);
}

PiecePool::~PiecePool() {
  for (std::uint32_t chunk = 0; chunk < kChunks; ++chunk) {
    std::byte* const begin = chunks_[chunk].load(std::memory_order_acquire);
    if (begin != nullptr) free_chunk(begin, chunk_bytes(chunk));
  }
}

// ---- places -------------------------------------------------------------------------------------

PiecePool::Tag& PiecePool::tag_of(void* piece) const {
  return *std::launder(reinterpret_cast<Tag*>(static_cast<std::byte*>(piece) + bytes_));
}

// Chunk k begins with piece first (2^k - 1).
PiecePool::Place PiecePool::place_of(std::uint32_t index) const {
  const auto chunk = static_cast<std::uint32_t>(std::bit_width(index / first_ + 1) - 1);
  return {chunk, index - first_ * ((1U << chunk) - 1)};
}

std::size_t PiecePool::chunk_bytes(std::uint32_t chunk) const {
  return (std::size_t{first_} << chunk) * stride_;
}

void* PiecePool::piece_at(std::uint32_t index) const {
  const Place place = place_of(index);
  return chunks_[place.chunk].load(std::memory_order_acquire) + place.piece * stride_;
}

std::byte* PiecePool::chunk_at(std::uint32_t chunk) {
  BALLAST_CHECK(chunk < kChunks);
  std::byte* there = chunks_[chunk].load(std::memory_order_acquire);
  if (there != nullptr) return there;
  std::byte* const made = make_chunk(chunk_bytes(chunk));
  if (chunks_[chunk].compare_exchange_strong(there, made, std::memory_order_acq_rel)) return made;
  free_chunk(made, chunk_bytes(chunk));  // Another thread was faster.
  return there;
}

// ---- taking and giving --------------------------------------------------------------------------

void* PiecePool::take() {
  std::uint64_t top = free_.load(std::memory_order_acquire);
  while (const auto index = static_cast<std::uint32_t>(top)) {
    void* const piece = piece_at(index - 1);
    // Another may have taken it by now; then this is not what follows, and the exchange fails.
    const std::uint32_t next = tag_of(piece).next.load(std::memory_order_relaxed);
    if (free_.compare_exchange_weak(top, changed(top, next), std::memory_order_acquire)) {
      return piece;
    }
  }
  const std::uint32_t index = used_.fetch_add(1, std::memory_order_relaxed);
  BALLAST_CHECK(index + 1 != 0);
  const Place place = place_of(index);
  std::byte* const piece = chunk_at(place.chunk) + place.piece * stride_;
  ::new (piece + bytes_) Tag{index};
  return piece;
}

void PiecePool::give(void* piece) {
  Tag& tag = tag_of(piece);
  std::uint64_t top = free_.load(std::memory_order_relaxed);
  do {
    tag.next.store(static_cast<std::uint32_t>(top), std::memory_order_relaxed);
  } while (!free_.compare_exchange_weak(top, changed(top, tag.index + 1), std::memory_order_release,
                                        std::memory_order_relaxed));
}

void PiecePool::touch_ahead(std::size_t bytes) {
  const std::uint32_t used = used_.load(std::memory_order_relaxed);
  const auto end = used + static_cast<std::uint32_t>(bytes / stride_);
  std::uint32_t index = std::max(used, touched_.load(std::memory_order_relaxed));
  while (index < end) {
    const Place place = place_of(index);
    const std::uint32_t pieces = first_ << place.chunk;
    const std::uint32_t until = std::min(pieces, place.piece + (end - index));
    index += until - place.piece;
    if (chunk_bytes(place.chunk) < kHugePage) continue;
    std::byte* const chunk = chunk_at(place.chunk);
#ifdef MADV_POPULATE_WRITE
    // A huge page at a time, so that nobody who maps or unmaps memory waits for more than one.
    for (std::size_t at = place.piece * stride_ / kHugePage * kHugePage; at < until * stride_;
         at += kHugePage) {
      if (::madvise(chunk + at, kHugePage, MADV_POPULATE_WRITE) != 0) return;
    }
#else
    static_cast<void>(chunk);
#endif
  }
  touched_.store(end, std::memory_order_relaxed);
}

}  // namespace ballast

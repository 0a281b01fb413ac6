#pragma once

// The payload of a message: the bulk arrays behind its header. Packing decides which arrays share a
// frame, unpacking is the place where offsets and lengths that came from a peer are checked.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "common/base/bytes.h"

namespace ballast::wire {

// Where an array lies: `offset` in the payload frame `frame`. All zeros when it is empty.
struct Place {
  std::uint32_t frame = 0;
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
};

inline constexpr std::size_t kArrayAlignment = 8;

// From this size on an array is a frame of its own, shared and not copied. A copy in cache costs
// less than a frame below it.
inline constexpr std::size_t kOwnFrameBytesMin = std::size_t{32} << 10;
// Beyond so many frames of their own they are gathered too: a receiver takes 2^16 frames of a
// message (Limits), and a dense table of 4 GiB has as many blocks.
inline constexpr std::size_t kOwnFramesMax = std::size_t{1} << 15;
// Small arrays are gathered into frames up to about this size; larger ones would each be mapped
// anew by the receiver's allocator (measured: 4 MiB move at 4.7 GB/s, 40 MB at 1.4).
inline constexpr std::size_t kGatheredBytesMax = std::size_t{1} << 20;

class PayloadPacker {
 public:
  // Reserves room for the array. Its bytes are read by finish() and must live until then.
  [[nodiscard]] Place place(const Bytes& array);
  // The frames, in order. The packer is empty afterwards.
  [[nodiscard]] std::vector<Bytes> finish();

 private:
  struct Frame {
    std::uint64_t bytes = 0;
    std::vector<Bytes> arrays;  // One that is shared, or several to gather.
  };
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};

  [[nodiscard]] static Bytes gather(const Frame& frame);

  std::vector<Frame> frames_;
  std::uint32_t open_ = kNone;  // The frame that small arrays go to.
};

// Whether `place` lies wholly inside the frames at an aligned offset.
[[nodiscard]] bool is_inside(const Place& place, std::span<const Bytes> frames);

// REQUIRES: is_inside(place, frames).
[[nodiscard]] Bytes view(const Place& place, std::span<const Bytes> frames);

}  // namespace ballast::wire

#include "common/wire/payload.h"

#include <cstring>
#include <memory>
#include <utility>

#include "common/base/check.h"

namespace ballast::wire {
namespace {

constexpr std::uint64_t aligned(std::uint64_t bytes) {
  return (bytes + kArrayAlignment - 1) / kArrayAlignment * kArrayAlignment;
}

}  // namespace

Place PayloadPacker::place(const Bytes& array) {
  if (array.size() == 0) return {};
  if (array.size() >= kOwnFrameBytesMin && frames_.size() < kOwnFramesMax) {
    frames_.push_back({.bytes = array.size(), .arrays = {array}});
    return {static_cast<std::uint32_t>(frames_.size() - 1), 0, array.size()};
  }
  if (open_ == kNone || frames_[open_].bytes + array.size() > kGatheredBytesMax) {
    open_ = static_cast<std::uint32_t>(frames_.size());
    frames_.emplace_back();
  }
  Frame& frame = frames_[open_];
  const Place place{open_, frame.bytes, array.size()};
  frame.bytes += aligned(array.size());
  frame.arrays.push_back(array);
  return place;
}

std::vector<Bytes> PayloadPacker::finish() {
  std::vector<Bytes> frames;
  frames.reserve(frames_.size() + 1);  // One more for the header that joins them.
  for (const Frame& frame : frames_) {
    frames.push_back(frame.arrays.size() == 1 ? frame.arrays.front() : gather(frame));
  }
  frames_.clear();
  open_ = kNone;
  return frames;
}

Bytes PayloadPacker::gather(const Frame& frame) {
  // 64-bit words, so that the frame is aligned for whatever is in it, and no zeroing beforehand.
  std::shared_ptr<std::uint64_t[]> words =
      std::make_shared_for_overwrite<std::uint64_t[]>(frame.bytes / sizeof(std::uint64_t));
  auto* const begin = reinterpret_cast<std::byte*>(words.get());
  std::byte* out = begin;
  for (const Bytes& array : frame.arrays) {
    std::memcpy(out, array.data(), array.size());
    const std::uint64_t room = aligned(array.size());
    std::memset(out + array.size(), 0, room - array.size());
    out += room;
  }
  BALLAST_CHECK(out == begin + frame.bytes);
  return Bytes(std::move(words), {begin, frame.bytes});
}

bool is_inside(const Place& place, std::span<const Bytes> frames) {
  if (place.bytes == 0) return place.frame == 0 && place.offset == 0;
  if (place.frame >= frames.size() || place.offset % kArrayAlignment != 0) return false;
  const std::uint64_t size = frames[place.frame].size();
  return place.offset <= size && place.bytes <= size - place.offset;
}

Bytes view(const Place& place, std::span<const Bytes> frames) {
  BALLAST_CHECK(is_inside(place, frames));
  if (place.bytes == 0) return {};
  const Bytes& frame = frames[place.frame];
  return Bytes(frame.owner(), frame.span().subspan(place.offset, place.bytes));
}

}  // namespace ballast::wire

#pragma once

// Messages to frames and back. The format is specified in ballast.capnp.
//
// encode() copies no large array: each becomes a frame of its own that shares the sender's memory;
// small ones are gathered. decode() copies none at all: every array it returns is a view into a
// frame and keeps it alive. Frames are never trusted: whatever is wrong with them comes back as an
// Error (corrupt: drop it; unsupported: a newer peer said something we do not know), checked
// against the header and the limits before a byte is used.
//
// Pure and reentrant.

#include <cstddef>
#include <span>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/result.h"
#include "common/wire/messages.h"

namespace ballast::wire {

// What a peer may make us hold. The defaults are far above what any role sends.
struct Limits {
  std::size_t header_bytes_max = std::size_t{16} << 20;
  std::size_t payload_frames_max = std::size_t{1} << 16;
  std::size_t payload_bytes_max = std::size_t{8} << 30;
  std::size_t items_max = std::size_t{1} << 20;       // Of any list in a header.
  std::size_t text_bytes_max = std::size_t{8} << 20;  // Of any string in a header.
};

// The first frame is the header; the transport sends them as one message.
[[nodiscard]] std::vector<Bytes> encode(const Message& message);

// Frames must start at 8-byte aligned addresses; one that does not is an Error too.
[[nodiscard]] Result<Message> decode(std::span<const Bytes> frames, const Limits& limits = {});

}  // namespace ballast::wire

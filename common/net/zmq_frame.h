#pragma once

// One part of a message on its way between our memory and ZeroMQ's. Large parts are shared, small
// ones copied. Nothing here blocks.

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

#include "common/base/bytes.h"

namespace ballast {

enum class Part { middle, last };

// False: the socket refuses it (nobody there, or a full queue).
[[nodiscard]] bool send_frame(void* socket, const Bytes& frame, Part part);
[[nodiscard]] bool send_text(void* socket, std::string_view text, Part part);

class ReceivedFrame {
 public:
  ReceivedFrame();
  ~ReceivedFrame();
  ReceivedFrame(const ReceivedFrame&) = delete;
  ReceivedFrame& operator=(const ReceivedFrame&) = delete;

  // False: nothing there.
  [[nodiscard]] bool receive(void* socket);

  [[nodiscard]] std::span<const std::byte> bytes() const;
  [[nodiscard]] std::string_view text() const;
  [[nodiscard]] bool is_aligned() const;
  [[nodiscard]] bool has_more() const;
  // Of the connection it came by; -1 where there is none.
  [[nodiscard]] int descriptor() const;

 private:
  // A zmq_msg_t, whose header stays in zmq_*.cc.
  alignas(8) mutable std::array<std::byte, 64> message_;
};

// Aligned to 8 bytes: the frame itself where that may be, else a copy.
[[nodiscard]] Bytes to_bytes(std::shared_ptr<const ReceivedFrame> frame);

}  // namespace ballast

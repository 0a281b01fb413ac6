#include "common/net/zmq_frame.h"

#include <zmq.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <utility>

#include "common/base/check.h"

#if defined(__SANITIZE_THREAD__)
extern "C" void __tsan_acquire(void* address);
extern "C" void __tsan_release(void* address);
#endif

namespace ballast {
namespace {

// ThreadSanitizer cannot see into libzmq. A message that goes in on one thread and comes out on
// another is ordered by its pipe; these two say so.
#if defined(__SANITIZE_THREAD__)
void acquire(void* address) { __tsan_acquire(address); }
void release(void* address) { __tsan_release(address); }
#else
void acquire(void*) {}
void release(void*) {}
#endif

// Below this size a copy is cheaper than sharing (two allocations and an atomic count), and a
// received frame would keep ZeroMQ's whole receive buffer alive.
constexpr std::size_t kCopyBytesMax = 512;

static_assert(sizeof(zmq_msg_t) == 64 && alignof(zmq_msg_t) <= 8);

zmq_msg_t* as_message(std::array<std::byte, 64>& storage) {
  return reinterpret_cast<zmq_msg_t*>(storage.data());
}

Bytes copy_aligned(std::span<const std::byte> bytes) {
  std::shared_ptr<std::uint64_t[]> words =
      std::make_shared_for_overwrite<std::uint64_t[]>((bytes.size() + 7) / 8);
  std::memcpy(words.get(), bytes.data(), bytes.size());
  auto* const begin = reinterpret_cast<const std::byte*>(words.get());
  return Bytes(std::move(words), {begin, bytes.size()});
}

void drop_owner(void*, void* hint) {
  acquire(hint);
  delete static_cast<std::shared_ptr<const void>*>(hint);
}

// A ZeroMQ message that shares the frame's memory, or holds a copy of a small one.
void init_message(zmq_msg_t* message, const Bytes& frame) {
  if (frame.size() <= kCopyBytesMax) {
    BALLAST_CHECK(zmq_msg_init_size(message, frame.size()) == 0);
    if (frame.size() != 0) std::memcpy(zmq_msg_data(message), frame.data(), frame.size());
  } else {
    auto* const owner = new std::shared_ptr<const void>(frame.owner());
    void* const memory = const_cast<std::byte*>(frame.data());  // Readers of frames are const.
    BALLAST_CHECK(zmq_msg_init_data(message, memory, frame.size(), drop_owner, owner) == 0);
    release(owner);
  }
  release(zmq_msg_data(message));
}

int flags_of(Part part) { return ZMQ_DONTWAIT | (part == Part::middle ? ZMQ_SNDMORE : 0); }

}  // namespace

bool send_frame(void* socket, const Bytes& frame, Part part) {
  zmq_msg_t message;
  init_message(&message, frame);
  int result;
  do {
    result = zmq_msg_send(&message, socket, flags_of(part));
  } while (result < 0 && errno == EINTR);
  zmq_msg_close(&message);
  return result >= 0;
}

bool send_text(void* socket, std::string_view text, Part part) {
  int result;
  do {
    result = zmq_send(socket, text.data(), text.size(), flags_of(part));
  } while (result < 0 && errno == EINTR);
  return result >= 0;
}

ReceivedFrame::ReceivedFrame() { zmq_msg_init(as_message(message_)); }
ReceivedFrame::~ReceivedFrame() { zmq_msg_close(as_message(message_)); }

bool ReceivedFrame::receive(void* socket) {
  int result;
  do {
    result = zmq_msg_recv(as_message(message_), socket, ZMQ_DONTWAIT);
  } while (result < 0 && errno == EINTR);
  if (result >= 0) acquire(zmq_msg_data(as_message(message_)));
  return result >= 0;
}

std::span<const std::byte> ReceivedFrame::bytes() const {
  zmq_msg_t* const message = as_message(message_);
  return {static_cast<const std::byte*>(zmq_msg_data(message)), zmq_msg_size(message)};
}

std::string_view ReceivedFrame::text() const {
  return {reinterpret_cast<const char*>(bytes().data()), bytes().size()};
}

bool ReceivedFrame::is_aligned() const {
  return reinterpret_cast<std::uintptr_t>(bytes().data()) % 8 == 0;
}

bool ReceivedFrame::has_more() const { return zmq_msg_more(as_message(message_)) != 0; }

int ReceivedFrame::descriptor() const { return zmq_msg_get(as_message(message_), ZMQ_SRCFD); }

Bytes to_bytes(std::shared_ptr<const ReceivedFrame> frame) {
  const auto bytes = frame->bytes();
  if (!frame->is_aligned() || bytes.size() <= kCopyBytesMax) return copy_aligned(bytes);
  return Bytes(std::move(frame), bytes);
}

}  // namespace ballast

#pragma once

// ZeroMQ's threads and its namespace of inproc endpoints: one per process, or one per embedded
// cluster. Outlives its transports.

#include <atomic>
#include <cstdint>

namespace ballast {

class ZmqContext {
 public:
  // inproc needs no I/O thread; tcp and ipc need one.
  explicit ZmqContext(int io_threads = 1);
  // Waits until what its transports sent is gone, or their linger is over.
  ~ZmqContext();
  ZmqContext(const ZmqContext&) = delete;
  ZmqContext& operator=(const ZmqContext&) = delete;

  [[nodiscard]] void* handle() const { return handle_; }
  // For names that must be unique in the context. Any thread.
  [[nodiscard]] std::uint64_t fresh_number() { return numbers_.fetch_add(1); }

 private:
  void* handle_;
  std::atomic<std::uint64_t> numbers_{0};
};

}  // namespace ballast

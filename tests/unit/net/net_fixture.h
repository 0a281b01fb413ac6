#pragma once

// What the transport's tests share: a directory with a short name (a Unix socket's path has 107
// bytes) that goes away, frames, and waiting for a transport.

#include <poll.h>
#include <stdlib.h>

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/hash.h"
#include "common/net/transport.h"

namespace ballast {

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    char name[] = "/tmp/ballast-XXXXXX";
    path_ = ::mkdtemp(name);
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// The next event; nothing if none comes within 30 seconds, when none will come any more.
[[nodiscard]] inline std::optional<TransportEvent> await_event(Transport& transport) {
  while (true) {
    if (auto event = transport.next()) return event;
    pollfd watched{transport.descriptor(), POLLIN, 0};
    if (::poll(&watched, 1, 30'000) != 1) return std::nullopt;
  }
}

inline Bytes pattern(std::size_t size, std::uint64_t seed) {
  std::vector<std::byte> bytes(size);
  for (std::size_t i = 0; i < size; ++i)
    bytes[i] = static_cast<std::byte>(mix(i / 64, seed) >> i % 56);
  return Bytes::own(std::move(bytes));
}

inline Bytes words(std::string_view text) { return Bytes::copy(text); }

[[nodiscard]] inline std::optional<Delivery> await_delivery(Transport& transport) {
  while (auto event = await_event(transport)) {
    if (auto* const delivery = std::get_if<Delivery>(&*event)) return std::move(*delivery);
  }
  return std::nullopt;
}

[[nodiscard]] inline std::optional<MemberId> await_closed(Transport& transport) {
  while (auto event = await_event(transport)) {
    if (auto* const closed = std::get_if<PeerClosed>(&*event)) return closed->peer;
  }
  return std::nullopt;
}

inline std::string text_of(const std::optional<Delivery>& delivery) {
  return delivery ? std::string(delivery->frames.at(0).text()) : "nothing";
}

}  // namespace ballast

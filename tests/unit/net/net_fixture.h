#pragma once

// What the transport's tests share: a directory with a short name (a Unix socket's path has 107
// bytes) that goes away, and waiting for a transport.

#include <poll.h>
#include <stdlib.h>

#include <filesystem>
#include <optional>
#include <string>

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

}  // namespace ballast

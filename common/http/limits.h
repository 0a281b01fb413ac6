#pragma once

// What a server of HTTP grants one client, and all of them together. README.md says what happens to
// whoever asks for more.

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "common/base/time.h"

namespace ballast::http {

struct HttpLimits {
  std::size_t head_bytes_max = std::size_t{16} << 10;
  std::size_t connections_max = 512;
  std::size_t uploads_max = 8;                         // At once.
  std::size_t event_bytes_max = std::size_t{1} << 20;  // That wait for one client.
  Duration idle = std::chrono::seconds(60);            // Between two requests.
  Duration head = std::chrono::seconds(10);            // From its first byte to its last.
  // A body, and an answer: so long, and as much longer as it moves at this rate or faster.
  Duration transfer = std::chrono::seconds(30);
  std::uint64_t bytes_per_second_min = std::uint64_t{16} << 10;
  Duration handler = std::chrono::seconds(30);
  Duration linger = std::chrono::seconds(2);       // For a client to take the last answer.
  Duration keep_alive = std::chrono::seconds(15);  // Between comments in a quiet stream of events.
  double requests_per_second = 50;                 // Of one token, or of one address without.
  double requests_burst = 200;
};

}  // namespace ballast::http

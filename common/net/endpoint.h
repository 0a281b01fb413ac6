#pragma once

// Endpoints as users write them, checked before ZeroMQ sees them, so that a mistake gets a sentence
// and not an errno.

#include <string>
#include <string_view>

#include "common/base/result.h"

namespace ballast {

enum class Scheme { tcp, ipc, inproc };
enum class EndpointUse { bind, connect };
// Without keys everybody who reaches an endpoint may speak: `loopback` keeps them on this machine.
enum class Reach { loopback, anywhere };

struct Endpoint {
  Scheme scheme = Scheme::tcp;
  std::string host;  // tcp: without brackets, "*" for any
  std::string port;  // tcp: a number, or "*"
  std::string path;  // ipc, inproc: what follows the scheme

  // As ZeroMQ wants it.
  [[nodiscard]] std::string text() const;
  [[nodiscard]] bool is_ipv6() const { return host.find(':') != std::string::npos; }
};

// The longest path that fits into a Unix socket's address.
inline constexpr std::size_t kIpcPathBytesMax = 107;

[[nodiscard]] Result<Endpoint> parse_endpoint(std::string_view text, EndpointUse use, Reach reach);

}  // namespace ballast

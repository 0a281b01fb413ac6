#pragma once

// Where a server may listen. Pure.

#include <cstdint>
#include <string>

#include "common/base/result.h"

namespace ballast::http {

struct ListenAddress {
  std::string address;  // Numeric, without brackets
  std::uint16_t port = 0;
  bool is_ipv6 = false;
  bool is_loopback = false;
};

// "127.0.0.1:9100", "[::1]:0", "localhost:80", "*:443" (all, IPv4 and IPv6).
[[nodiscard]] Result<ListenAddress> parse_listen_address(const std::string& text);

}  // namespace ballast::http

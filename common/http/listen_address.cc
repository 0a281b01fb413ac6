#include "common/http/listen_address.h"

#include <arpa/inet.h>

#include <charconv>
#include <string_view>

namespace ballast::http {
namespace {

Error invalid(const std::string& text, const std::string& what) {
  return {ErrorCode::invalid, "address '" + text + "': " + what};
}

bool has_family(int family, const std::string& address) {
  in6_addr parsed{};
  return ::inet_pton(family, address.c_str(), &parsed) == 1;
}

}  // namespace

Result<ListenAddress> parse_listen_address(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos || colon == 0) {
    return invalid(text, "expected ADDRESS:PORT, such as 127.0.0.1:9100");
  }
  const std::string_view port = std::string_view(text).substr(colon + 1);
  ListenAddress listen;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), listen.port);
  if (error != std::errc{} || end != port.data() + port.size()) {
    return invalid(text, "'" + std::string(port) + "' is no port; expected 0 (any) to 65535");
  }
  std::string host = text.substr(0, colon);
  const bool has_brackets = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (has_brackets) host = host.substr(1, host.size() - 2);
  if (host == "*") host = "::";
  if (host == "localhost") host = "127.0.0.1";
  listen.is_ipv6 = has_family(AF_INET6, host);
  if (listen.is_ipv6 && host != "::" && !has_brackets) {
    return invalid(text, "write an IPv6 address in brackets, as in [::1]:9100");
  }
  if (!listen.is_ipv6 && !has_family(AF_INET, host)) {
    return invalid(text, "'" + host +
                             "' is no address of this machine; expected one such as "
                             "127.0.0.1 or [::1], or * for all");
  }
  listen.address = host;
  listen.is_loopback = host == "::1" || host.starts_with("127.");
  return listen;
}

}  // namespace ballast::http

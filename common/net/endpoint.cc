#include "common/net/endpoint.h"

#include <charconv>
#include <cstdint>
#include <utility>

namespace ballast {
namespace {

Error invalid(std::string_view text, const std::string& what) {
  return {ErrorCode::invalid, "endpoint '" + std::string(text) + "': " + what};
}

bool is_port(std::string_view port, EndpointUse use) {
  if (port == "*") return use == EndpointUse::bind;
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (error != std::errc{} || end != port.data() + port.size() || number > 65535) return false;
  return number != 0 || use == EndpointUse::bind;
}

bool is_loopback(std::string_view host) {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

Result<Endpoint> parse_tcp(std::string_view text, std::string_view rest, EndpointUse use,
                           Reach reach) {
  const std::size_t colon = rest.rfind(':');
  if (colon == std::string_view::npos || colon == 0) {
    return invalid(text, "expected tcp://HOST:PORT");
  }
  std::string_view host = rest.substr(0, colon);
  const std::string_view port = rest.substr(colon + 1);
  if (!is_port(port, use)) {
    return invalid(
        text, "'" + std::string(port) + "' is no port; expected " +
                  (use == EndpointUse::bind ? "0 to 65535, or * for any free one" : "1 to 65535"));
  }
  if (host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return invalid(text, "write an IPv6 address in brackets, as in tcp://[::1]:5000");
  }
  if (host.empty()) return invalid(text, "the host is missing; expected tcp://HOST:PORT");
  if (host == "*" && use == EndpointUse::connect) {
    return invalid(text, "* is no host to connect to; write its name or address");
  }
  if (reach == Reach::loopback && !is_loopback(host)) {
    return invalid(
        text,
        "without keys only this machine may be reached (127.0.0.1, ipc:// or inproc://); "
        "give --keys DIR, or --insecure if everybody on the network may talk to it");
  }
  Endpoint endpoint;
  endpoint.scheme = Scheme::tcp;
  // ZeroMQ binds to addresses and interfaces, not to names.
  endpoint.host = host == "localhost" && use == EndpointUse::bind ? "127.0.0.1" : std::string(host);
  endpoint.port = port;
  return endpoint;
}

}  // namespace

std::string Endpoint::text() const {
  switch (scheme) {
    case Scheme::ipc:
      return "ipc://" + path;
    case Scheme::inproc:
      return "inproc://" + path;
    case Scheme::tcp:
      break;
  }
  return "tcp://" + (is_ipv6() ? "[" + host + "]" : host) + ":" + port;
}

Result<Endpoint> parse_endpoint(std::string_view text, EndpointUse use, Reach reach) {
  const std::size_t mark = text.find("://");
  const std::string_view scheme = mark == std::string_view::npos ? "" : text.substr(0, mark);
  const std::string_view rest = mark == std::string_view::npos ? "" : text.substr(mark + 3);
  if (scheme == "tcp") return parse_tcp(text, rest, use, reach);
  if (scheme != "ipc" && scheme != "inproc") {
    return invalid(text, "expected tcp://HOST:PORT, ipc://PATH or inproc://NAME");
  }
  if (rest.empty()) return invalid(text, "nothing follows the ://");

  Endpoint endpoint;
  endpoint.scheme = scheme == "ipc" ? Scheme::ipc : Scheme::inproc;
  endpoint.path = rest;
  if (endpoint.scheme == Scheme::ipc && rest.size() > kIpcPathBytesMax) {
    return invalid(text, "the path has " + std::to_string(rest.size()) +
                             " bytes and a socket's may have " + std::to_string(kIpcPathBytesMax) +
                             "; use a shorter directory");
  }
  if (endpoint.scheme == Scheme::ipc && rest == "*" && use == EndpointUse::connect) {
    return invalid(text, "* is no path to connect to");
  }
  return endpoint;
}

}  // namespace ballast

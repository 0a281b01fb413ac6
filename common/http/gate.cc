#include "common/http/gate.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace ballast::http {
namespace {

// An IPv6 client has a network of 2^64 addresses for itself.
std::string rate_name(const std::string& peer) {
  if (peer.find(':') == std::string::npos || peer.starts_with("::ffff:")) return peer;
  std::size_t end = 0;
  for (int groups = 0; groups < 4 && end != std::string::npos; ++groups) {
    end = peer.find(':', end == 0 ? 0 : end + 1);
  }
  return peer.substr(0, end);
}

std::string_view without_port(std::string_view host) {
  const std::size_t colon = host.rfind(':');
  const std::size_t bracket = host.rfind(']');
  if (colon == std::string_view::npos) return host;
  if (bracket != std::string_view::npos && bracket > colon) return host;
  return host.substr(0, colon);
}

bool is_this_machine(std::string_view host) {
  host = without_port(host);
  return same_ignoring_case(host, "localhost") || host.starts_with("127.") || host == "[::1]";
}

// The credentials of `Authorization: Bearer ...`.
std::string_view bearer_of(const Request& request) {
  constexpr std::string_view kScheme = "Bearer ";
  std::string_view value = request.field("Authorization");
  if (!same_ignoring_case(value.substr(0, kScheme.size()), kScheme)) return {};
  value.remove_prefix(kScheme.size());
  while (value.starts_with(' ')) value.remove_prefix(1);
  return value;
}

Denial unauthorized(const std::string& why, std::string challenge) {
  return {.status = 401,
          .code = "unauthorized",
          .message = why,
          .fields = {{"WWW-Authenticate", std::move(challenge)}}};
}

}  // namespace

Gate::Gate(GateOptions options) : options_(std::move(options)), rate_(options_.rate) {}

std::variant<Caller, Denial> Gate::admit(const Request& request, std::optional<Access> needed,
                                         Time now) {
  if (auto denial = check_site(request)) return *std::move(denial);
  auto identified = identify(request, needed.value_or(Access::view));
  const Caller* const caller = std::get_if<Caller>(&identified);
  const bool is_known = caller != nullptr && !caller->name.empty();
  // Whoever guesses tokens does so at the rate of his address.
  const std::string name =
      is_known ? "token " + caller->name : "address " + rate_name(request.peer);
  if (auto denial = check_rate(name, now)) return *std::move(denial);
  return identified;
}

bool Gate::holds(const Caller& caller) {
  refresh();
  return caller.name.empty() || !options_.tokens ||
         options_.tokens->holds(caller, options_.unix_time());
}

std::optional<Denial> Gate::check_site(const Request& request) const {
  const std::string_view host = request.field("Host");
  const std::string_view origin = request.field("Origin");
  const std::size_t mark = origin.find("://");
  const bool is_own =
      mark != std::string_view::npos && same_ignoring_case(origin.substr(mark + 3), host);
  if (!origin.empty() && !is_own) {
    return Denial{403, "cross_site", "a page of another site may not ask here; open ours", {}};
  }
  if (!options_.tokens && options_.is_local && !is_this_machine(host)) {
    return Denial{403,
                  "cross_site",
                  "without tokens only this machine is served: expected localhost, 127.0.0.1 or "
                  "[::1] in Host",
                  {}};
  }
  return std::nullopt;
}

std::variant<Caller, Denial> Gate::identify(const Request& request, Access needed) {
  if (!options_.tokens) return Caller{.name = {}, .access = Access::admin, .digest = {}};
  if (needed == Access::open) return Caller{};
  refresh();
  const std::string_view secret = bearer_of(request);
  if (secret.empty()) {
    return unauthorized("expected a token: Authorization: Bearer TOKEN",
                        "Bearer realm=\"ballast\"");
  }
  auto caller = options_.tokens->find(secret, options_.unix_time());
  if (!caller) {
    return unauthorized(caller.error().message + "; ask whoever runs this for another one",
                        "Bearer realm=\"ballast\", error=\"invalid_token\"");
  }
  if (caller->access >= needed) return *std::move(caller);
  return Denial{403,
                "forbidden",
                "this takes a token of role " + std::string(name_of(needed)) + ", that of " +
                    caller->name + " has role " + std::string(name_of(caller->access)),
                {}};
}

std::optional<Denial> Gate::check_rate(const std::string& name, Time now) {
  const Duration wait = rate_.take(name, now);
  if (wait == Duration::zero()) return std::nullopt;
  const std::string seconds = std::to_string(std::chrono::ceil<std::chrono::seconds>(wait).count());
  return Denial{429,
                "too_many_requests",
                "asked too often; come back in " + seconds + " s",
                {{"Retry-After", seconds}}};
}

// Once a second at most: a look at the file is cheap, and is not free.
void Gate::refresh() {
  const std::int64_t now = options_.unix_time();
  if (!options_.tokens || now == refreshed_) return;
  refreshed_ = now;
  const Status refreshed = options_.tokens->refresh();
  if (!refreshed && options_.report) {
    options_.report(refreshed.error().message + "; the tokens from before stay in force");
  }
}

}  // namespace ballast::http

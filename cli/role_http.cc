#include "cli/role_http.h"

#include <chrono>
#include <utility>

#include "cli/version.h"
#include "common/observe/process.h"

namespace ballast {
namespace {

Time now() { return std::chrono::steady_clock::now(); }

}  // namespace

// What only the server knows, as it is when somebody looks.
void show_connections(MetricRegistry& metrics, const http::HttpServer& server) {
  Gauge& open = metrics.gauge("ballast_http_connections", "Connections of HTTP clients.");
  Counter& accepted = metrics.counter("ballast_http_connections_total", "All that there were.");
  Counter& turned_away =
      metrics.counter("ballast_http_turned_away_connections_total", "For want of room.");
  metrics.before_text([&server, &open, &accepted, &turned_away] {
    const http::HttpCounters counters = server.counters();
    open.set(static_cast<double>(counters.connections));
    accepted.reach(static_cast<double>(counters.accepted));
    turned_away.reach(static_cast<double>(counters.turned_away));
  });
}

void add_role_http(CLI::App& verb, HttpFlags& flags) {
  CLI::Option* const listen =
      verb.add_option("--http", flags.listen,
                      "Show /metrics, /healthz and /readyz at this ADDRESS:PORT, such as "
                      "127.0.0.1:9100");
  CLI::Option* const certificate =
      verb.add_option("--http-certificate", flags.certificate,
                      "Speak HTTPS, with the certificate in this file (PEM, with its chain); read "
                      "again when it changes")
          ->needs(listen);
  verb.add_option("--http-key", flags.key, "The key of the certificate (PEM)")->needs(certificate);
  verb.add_option("--http-tokens", flags.tokens,
                  "Ask for a token that this file has (JSON lines); read again when it changes")
      ->needs(listen);
  verb.add_flag("--http-insecure", flags.insecure,
                "Allow --http beyond this machine without a certificate or without tokens: "
                "everybody on the network may read along")
      ->needs(listen);
  verb.add_option(kMetricsOption, flags.relay)->group("");  // Services and agents give it.
}

http::HttpOptions http_options(const HttpFlags& flags) {
  return {.listen = flags.listen,
          .certificate = flags.certificate,
          .key = flags.key,
          .tokens = flags.tokens,
          .insecure = flags.insecure};
}

Status check_role_http(const HttpFlags& flags, const LogSource& source, Log& log) {
  if (flags.listen.empty()) return {};
  const RoleHttp unseen(now(), log, source);
  const auto server = http::HttpServer::start(
      http_options(flags), http::monitoring_routes(unseen.metrics, unseen.pulse, {.now = now}), log,
      source);
  if (!server) return Error{server.error().code, "--http " + server.error().message};
  (*server)->stop();
  return {};
}

void RoleHttp::pass_on() {
  const Status said = relay->say(metrics.text());
  if (said) return;
  log.write(LogLevel::warning, source, said.error().message + "; it shows them no more");
  relay.reset();
}

Result<std::unique_ptr<RoleHttp>> open_role_http(const HttpFlags& flags, const LogSource& source,
                                                 Log& log, const std::string& not_ready) {
  auto http = std::make_unique<RoleHttp>(now(), log, source);
  show_process(http->metrics, source.role, kVersion);
  if (flags.relay >= 0) {
    auto relay = MetricRelay::open(flags.relay);
    if (!relay) return relay.error();
    http->relay = *std::move(relay);
  }
  if (flags.listen.empty()) return http;
  http::HttpOptions options = http_options(flags);
  options.on_served = http::count_requests(http->metrics);
  auto server = http::HttpServer::start(
      std::move(options),
      http::monitoring_routes(http->metrics, http->pulse, {.not_ready = not_ready, .now = now}),
      log, source);
  if (!server) {
    return Error{server.error().code, "--http " + server.error().message};
  }
  http->server = *std::move(server);
  show_connections(http->metrics, *http->server);
  log.write(LogLevel::info, source, "shows metrics at " + http->server->url() + "/metrics");
  return http;
}

}  // namespace ballast

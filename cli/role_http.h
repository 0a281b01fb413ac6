#pragma once

// What a role shows over HTTP: /metrics, /healthz and /readyz, where --http says. A role counts all
// the same if nobody looks.

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <utility>

#include "common/base/result.h"
#include "common/http/monitoring.h"
#include "common/http/server.h"
#include "common/observe/log.h"
#include "common/observe/metric_relay.h"
#include "common/observe/metrics.h"

namespace ballast {

struct HttpFlags {
  std::string listen;  // Empty: nothing is shown.
  std::string certificate;
  std::string key;
  std::string tokens;
  bool insecure = false;
  int relay = -1;  // Where the process that started us takes what we show; -1: nowhere.
};

// --http and what belongs to it.
void add_role_http(CLI::App& verb, HttpFlags& flags);

// As the server takes them.
[[nodiscard]] http::HttpOptions http_options(const HttpFlags& flags);

struct RoleHttp {
  RoleHttp(Time now, Log& l, LogSource s) : log(l), source(std::move(s)), pulse(now) {}

  // To the process that started this one. REQUIRES: it looks.
  void pass_on();

  Log& log;
  const LogSource source;

  MetricRegistry metrics;
  http::Pulse pulse;
  std::unique_ptr<MetricRelay> relay;        // Null: whoever started us does not look.
  std::unique_ptr<http::HttpServer> server;  // Null: nobody looks. Last: it goes first.
};

// Whether it can be shown there, before anything else is begun; nothing is shown yet.
[[nodiscard]] Status check_role_http(const HttpFlags& flags, const LogSource& source, Log& log);

// The routes of monitoring. `not_ready` says for people what it waits for. `log` outlives it.
[[nodiscard]] Result<std::unique_ptr<RoleHttp>> open_role_http(
    const HttpFlags& flags, const LogSource& source, Log& log,
    const std::string& not_ready = "it has not heard of its coordinator lately");
// What a server of HTTP knows of its connections. It outlives the texts of `metrics`.
void show_connections(MetricRegistry& metrics, const http::HttpServer& server);

}  // namespace ballast

#pragma once

// What a role shows over HTTP: /metrics, /healthz and /readyz, where --http says. A role counts all
// the same if nobody looks.

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "common/base/result.h"
#include "common/http/monitoring.h"
#include "common/http/server.h"
#include "common/observe/log.h"
#include "common/observe/metrics.h"

namespace ballast {

struct HttpFlags {
  std::string listen;  // Empty: nothing is shown.
  std::string certificate;
  std::string key;
  std::string tokens;
  bool insecure = false;
};

// --http and what belongs to it.
void add_role_http(CLI::App& verb, HttpFlags& flags);

// As the server takes them.
[[nodiscard]] http::HttpOptions http_options(const HttpFlags& flags);

struct RoleHttp {
  explicit RoleHttp(Time now) : pulse(now) {}

  MetricRegistry metrics;
  http::Pulse pulse;
  std::unique_ptr<http::HttpServer> server;  // Null: nobody looks. Last: it goes first.
};

// The routes of monitoring. `log` outlives it.
[[nodiscard]] Result<std::unique_ptr<RoleHttp>> open_role_http(const HttpFlags& flags,
                                                               const LogSource& source, Log& log);

}  // namespace ballast

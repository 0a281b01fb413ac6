#include "common/http/monitoring.h"

#include <chrono>
#include <utility>

#include "common/http/reply.h"

namespace ballast::http {
namespace {

const char* const kRequestsHelp = "Requests answered, or given up by their client (499).";
const char* const kTookHelp = "From the first byte of a request to the last of its answer.";

Response all_well() { return {.body = "{\"status\": \"ok\"}\n"}; }

}  // namespace

std::vector<Route> monitoring_routes(const MetricRegistry& metrics, const Pulse& pulse,
                                     MonitoringOptions options) {
  std::vector<Route> routes;
  routes.push_back({.method = Method::get,
                    .pattern = "/metrics",
                    .access = Access::view,
                    .handle = [&metrics](Request, Reply reply) {
                      std::move(reply).send(Response{.type = kMetricsType, .body = metrics.text()});
                    }});
  routes.push_back(
      {.method = Method::get,
       .pattern = "/healthz",
       .access = Access::open,
       .handle = [&pulse, turn_max = options.turn_max, now = options.now](Request, Reply reply) {
         const Duration since = pulse.since_turn(now());
         if (since <= turn_max) return std::move(reply).send(all_well());
         std::move(reply).fail(
             503, "unavailable",
             "the loop of this process has not turned for " +
                 std::to_string(std::chrono::duration_cast<std::chrono::seconds>(since).count()) +
                 " s; restart it");
       }});
  routes.push_back({.method = Method::get,
                    .pattern = "/readyz",
                    .access = Access::open,
                    .handle = [&pulse, why = options.not_ready](Request, Reply reply) {
                      if (pulse.ready()) return std::move(reply).send(all_well());
                      std::move(reply).fail(503, "unavailable", "not ready: " + why);
                    }});
  return routes;
}

// Only what the server itself knows becomes a label: clients could else fill our memory with names.
std::function<void(const Served&)> count_requests(MetricRegistry& metrics) {
  return [&metrics](const Served& served) {
    metrics
        .counter("ballast_http_requests_total", kRequestsHelp,
                 {{"route", served.route},
                  {"method", served.method},
                  {"status", std::to_string(served.status)}})
        .add();
    if (!served.streamed) {
      metrics.histogram("ballast_http_request_seconds", kTookHelp, {{"route", served.route}})
          .observe(std::chrono::duration<double>(served.took).count());
    }
    metrics.counter("ballast_http_received_bytes_total", "Of bodies of requests.")
        .add(static_cast<double>(served.bytes_in));
    metrics.counter("ballast_http_sent_bytes_total", "Of answers.")
        .add(static_cast<double>(served.bytes_out));
  };
}

}  // namespace ballast::http

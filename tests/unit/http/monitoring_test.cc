#include "common/http/monitoring.h"

#include <gtest/gtest.h>

#include "tests/unit/http/session_fixture.h"

namespace ballast::http {
namespace {

using std::chrono::seconds;

TEST(Monitoring, SaysWhetherTheLoopTurnsAndIsReady) {
  MetricRegistry metrics;
  metrics.gauge("ballast_runs", "Runs.").set(2);
  Time now = Time{} + seconds(1000);
  Pulse pulse(now);
  SessionSite site(monitoring_routes(metrics, pulse, {.now = [&now] { return now; }}));
  site.site.on_served = count_requests(metrics);
  Client client(site);
  const auto get = [&](const std::string& path) {
    return client.say("GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
  };
  EXPECT_TRUE(get("/healthz").starts_with("HTTP/1.1 200 "));
  EXPECT_TRUE(get("/readyz").starts_with("HTTP/1.1 503 "));
  pulse.is_ready();
  EXPECT_TRUE(get("/readyz").starts_with("HTTP/1.1 200 "));
  now += seconds(30);
  EXPECT_TRUE(get("/healthz").starts_with("HTTP/1.1 200 "));
  now += seconds(1);
  const std::string stuck = get("/healthz");
  EXPECT_TRUE(stuck.starts_with("HTTP/1.1 503 "));
  EXPECT_NE(stuck.find("has not turned for 31 s"), std::string::npos);
  pulse.turned(now);
  EXPECT_TRUE(get("/healthz").starts_with("HTTP/1.1 200 "));
  pulse.is_not_ready();
  EXPECT_TRUE(get("/readyz").starts_with("HTTP/1.1 503 "));

  get("/nowhere/a");
  get("/nowhere/b");
  const std::string shown = get("/metrics");
  EXPECT_NE(shown.find("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"),
            std::string::npos);
  for (const char* line :
       {"ballast_runs 2\n",
        "ballast_http_requests_total{method=\"GET\",route=\"/healthz\",status=\"200\"} 3\n",
        "ballast_http_requests_total{method=\"GET\",route=\"/healthz\",status=\"503\"} 1\n",
        "ballast_http_requests_total{method=\"GET\",route=\"\",status=\"404\"} 2\n",
        "ballast_http_request_seconds_count{route=\"/readyz\"} 3\n"}) {
    EXPECT_NE(shown.find(line), std::string::npos) << line << shown;
  }
}

}  // namespace
}  // namespace ballast::http

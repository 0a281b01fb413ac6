#pragma once

// What every role serves to monitors, beside whatever else it serves: /metrics, /healthz (its loop
// turns) and /readyz (it can do its work). And what is counted of the requests themselves.

#include <atomic>
#include <functional>
#include <string>
#include <vector>

#include "common/base/time.h"
#include "common/http/router.h"
#include "common/http/session.h"
#include "common/observe/metrics.h"

namespace ballast::http {

// A loop's sign of life, left by its thread and looked at by the server's.
class Pulse {
 public:
  explicit Pulse(Time now) : turned_(now.time_since_epoch().count()) {}

  void turned(Time now) { turned_ = now.time_since_epoch().count(); }
  // Empty: it is ready; else what it waits for, for people.
  void is_ready() { ready_ = true; }
  void is_not_ready() { ready_ = false; }

  [[nodiscard]] Duration since_turn(Time now) const { return now - Time(Duration(turned_.load())); }
  [[nodiscard]] bool ready() const { return ready_; }

 private:
  std::atomic<Duration::rep> turned_;
  std::atomic<bool> ready_{false};
};

struct MonitoringOptions {
  Duration turn_max = std::chrono::seconds(30);  // A loop that has not turned for longer is stuck.
  std::string not_ready = "it has not heard of its coordinator lately";  // For people.
  std::function<Time()> now;
};

// Everything given by reference outlives the server.
[[nodiscard]] std::vector<Route> monitoring_routes(const MetricRegistry& metrics,
                                                   const Pulse& pulse, MonitoringOptions options);

// For HttpOptions::on_served: counts by route, method and status, and tallies durations.
[[nodiscard]] std::function<void(const Served&)> count_requests(MetricRegistry& metrics);

}  // namespace ballast::http

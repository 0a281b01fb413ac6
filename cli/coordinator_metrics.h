#pragma once

// What a coordinator counts of the runs of its job, as it is shown. Of all runs together, as in
// member_metrics.h.

#include <array>

#include "cli/member_metrics.h"
#include "coordinator/counters.h"
#include "coordinator/fleet.h"

namespace ballast {

class CoordinatorMetrics : private RoleMetrics {
 public:
  explicit CoordinatorMetrics(RoleHttp& http);

  // For the machines of all runs.
  [[nodiscard]] CoordinatorCounters& counters() { return counters_; }
  void after_step(const Fleet& fleet, const HostCounters& host, const TransportCounters& transport);

 private:
  struct Members {
    Gauge& serving;
    Gauge& idle;
    Gauge& leaving;
  };
  [[nodiscard]] static Members members_of(MetricRegistry& metrics, const char* role);
  static void show(const Members& members, const MemberCounts& counts);
  void show_counters();
  void show_gauges(const FleetGauges& gauges);

  CoordinatorCounters counters_;
  Counter& steps_;
  Counter& examples_;
  Histogram& step_;
  Histogram& round_trip_;
  Histogram& evaluation_;
  Histogram& checkpoint_;
  Counter& abandoned_;
  Counter& rollbacks_;
  Counter& takeovers_;
  Counter& promotions_;
  Counter& assists_;
  Counter& lost_servers_;
  Counter& lost_workers_;
  Gauge& active_;
  Gauge& ended_;
  Gauge& failed_;
  Gauge& reached_;
  Gauge& wanted_;
  Gauge& leaves_;
  Gauge& leaves_waiting_;
  Gauge& resting_;
  Gauge& copies_in_step_;
  Gauge& copies_behind_;
  Gauge& copies_missing_;
  Gauge& open_checkpoints_;
  Gauge& checkpoint_age_;
  std::array<Gauge*, kWaitNames.size()> waiting_{};
  const Members servers_;
  const Members workers_;
};

}  // namespace ballast

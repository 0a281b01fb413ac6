#pragma once

// What a host and its transport count, shown to Prometheus; of every role alike.
//
// show() is for the host's thread.

#include "common/net/transport.h"
#include "common/observe/metrics.h"

namespace ballast {

struct HostCounters;

class HostMetrics {
 public:
  explicit HostMetrics(MetricRegistry& metrics);

  void show(const HostCounters& host, const TransportCounters& transport);

 private:
  Counter& steps_;
  Counter& malformed_;
  Counter& unconnected_;
  Counter& jobs_;
  Gauge& jobs_waiting_;
  Counter& sent_;
  Counter& received_;
  Counter& sent_bytes_;
  Counter& received_bytes_;
  Counter& lost_;
  Counter& strangers_;
  Counter& refused_;
};

}  // namespace ballast

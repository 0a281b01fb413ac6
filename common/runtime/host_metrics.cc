#include "common/runtime/host_metrics.h"

#include "common/runtime/host.h"

namespace ballast {

HostMetrics::HostMetrics(MetricRegistry& metrics)
    : steps_(metrics.counter("ballast_host_steps_total",
                             "Inputs of the machine: messages, outcomes, alarms.")),
      malformed_(metrics.counter("ballast_malformed_messages_total",
                                 "Messages that could not be read, and were dropped.")),
      unconnected_(metrics.counter("ballast_unmade_connections_total",
                                   "Connections to other members that could not be made.")),
      jobs_(metrics.counter("ballast_jobs_done_total", "Jobs that the machine's threads did.")),
      jobs_waiting_(
          metrics.gauge("ballast_jobs_waiting", "Jobs that wait for a thread, or are worked on.")),
      sent_(metrics.counter("ballast_sent_messages_total", "Messages to other members.")),
      received_(metrics.counter("ballast_received_messages_total", "Messages of other members.")),
      sent_bytes_(metrics.counter("ballast_sent_bytes_total", "Of messages to other members.")),
      received_bytes_(
          metrics.counter("ballast_received_bytes_total", "Of messages of other members.")),
      lost_(metrics.counter("ballast_lost_messages_total",
                            "Messages that found nobody or a full queue; they are repeated.")),
      strangers_(metrics.counter("ballast_stranger_messages_total",
                                 "Messages dropped: of no member, or for another life of this "
                                 "one.")),
      refused_(metrics.counter("ballast_refused_links_total",
                               "Links that did not come about for want of the right keys.")) {}

void HostMetrics::show(const HostCounters& host, const TransportCounters& transport) {
  const auto number = [](std::uint64_t count) { return static_cast<double>(count); };
  steps_.reach(number(host.steps));
  malformed_.reach(number(host.malformed));
  unconnected_.reach(number(host.unconnected));
  jobs_.reach(number(host.jobs_done));
  jobs_waiting_.set(number(host.jobs_given - host.jobs_done));
  sent_.reach(number(transport.sent));
  received_.reach(number(transport.received));
  sent_bytes_.reach(number(transport.sent_bytes));
  received_bytes_.reach(number(transport.received_bytes));
  lost_.reach(number(transport.lost));
  strangers_.reach(number(transport.strangers));
  refused_.reach(number(transport.refused));
}

}  // namespace ballast

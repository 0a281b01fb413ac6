#include "cli/coordinator_metrics.h"

#include <chrono>

namespace ballast {
namespace {

constexpr const char* kRecoveries = "ballast_coordinator_recoveries_total";
constexpr const char* kRecoveriesHelp =
    "How runs went on after a loss: from the checkpoint, or from what the servers hold.";
constexpr const char* kLost = "ballast_coordinator_lost_members_total";
constexpr const char* kLostHelp = "Members that went without a goodbye.";
constexpr const char* kRuns = "ballast_coordinator_runs";
constexpr const char* kRunsHelp = "Runs of the job, by state, since this coordinator began.";
constexpr const char* kCopies = "ballast_coordinator_copies";
constexpr const char* kCopiesHelp = "Copies of partitions, owners' included, by state.";
constexpr const char* kMembers = "ballast_coordinator_members";
constexpr const char* kMembersHelp = "Members of the job, by role and state.";

double number(std::uint64_t count) { return static_cast<double>(count); }
double in_seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

}  // namespace

CoordinatorMetrics::CoordinatorMetrics(RoleHttp& http)
    : RoleMetrics(http),
      steps_(http.metrics.counter("ballast_coordinator_steps_total", "Steps committed.")),
      examples_(http.metrics.counter("ballast_coordinator_examples_total", "Examples in them.")),
      step_(http.metrics.histogram("ballast_coordinator_step_seconds",
                                   "From one commit to the next.")),
      round_trip_(http.metrics.histogram(
          "ballast_coordinator_round_trip_seconds",
          "From a commit until a server had prepared the step after it, for each server.")),
      evaluation_(http.metrics.histogram("ballast_coordinator_evaluation_seconds",
                                         "Of evaluations, which training waits for.")),
      checkpoint_(http.metrics.histogram("ballast_coordinator_checkpoint_seconds",
                                         "From the commit that is kept until it was durable.")),
      abandoned_(http.metrics.counter("ballast_coordinator_abandoned_checkpoints_total",
                                      "Checkpoints that were begun and not kept.")),
      rollbacks_(http.metrics.counter(kRecoveries, kRecoveriesHelp, {{"from", "checkpoint"}})),
      takeovers_(http.metrics.counter(kRecoveries, kRecoveriesHelp, {{"from", "servers"}})),
      promotions_(http.metrics.counter("ballast_coordinator_promoted_partitions_total",
                                       "Partitions whose replica became their owner.")),
      assists_(http.metrics.counter("ballast_coordinator_assisted_leaves_total",
                                    "Leaves of late workers that others computed too.")),
      lost_servers_(http.metrics.counter(kLost, kLostHelp, {{"role", "server"}})),
      lost_workers_(http.metrics.counter(kLost, kLostHelp, {{"role", "worker"}})),
      active_(http.metrics.gauge(kRuns, kRunsHelp, {{"state", "active"}})),
      ended_(http.metrics.gauge(kRuns, kRunsHelp, {{"state", "ended"}})),
      failed_(http.metrics.gauge(kRuns, kRunsHelp, {{"state", "failed"}})),
      reached_(http.metrics.gauge("ballast_coordinator_step", "Step that active runs are at.")),
      wanted_(http.metrics.gauge("ballast_coordinator_last_step", "Step that they end with.")),
      leaves_(http.metrics.gauge("ballast_coordinator_leaves",
                                 "Leaves of a step: so many can be computed at once.")),
      leaves_waiting_(http.metrics.gauge("ballast_coordinator_leaves_waiting",
                                         "Of them, those of runs that have no worker.")),
      resting_(http.metrics.gauge("ballast_coordinator_resting_workers",
                                  "Workers that get no leaves for a while, being late.")),
      copies_in_step_(http.metrics.gauge(kCopies, kCopiesHelp, {{"state", "in_step"}})),
      copies_behind_(http.metrics.gauge(kCopies, kCopiesHelp, {{"state", "behind"}})),
      copies_missing_(http.metrics.gauge(kCopies, kCopiesHelp, {{"state", "missing"}})),
      open_checkpoints_(http.metrics.gauge("ballast_coordinator_open_checkpoints",
                                           "Checkpoints that are being written.")),
      checkpoint_age_(http.metrics.gauge(
          "ballast_coordinator_checkpoint_age_seconds",
          "Of the latest complete checkpoint; without one, how long it trains.")),
      servers_(members_of(http.metrics, "server")),
      workers_(members_of(http.metrics, "worker")) {
  for (std::size_t i = 1; i < kWaitNames.size(); ++i) {
    waiting_[i] = &http.metrics.gauge("ballast_coordinator_waiting_seconds",
                                      "Since when a run has not gone on, by what it waits for.",
                                      {{"for", kWaitNames[i]}});
  }
}

CoordinatorMetrics::Members CoordinatorMetrics::members_of(MetricRegistry& metrics,
                                                           const char* role) {
  const auto gauge = [&](const char* state) -> Gauge& {
    return metrics.gauge(kMembers, kMembersHelp, {{"role", role}, {"state", state}});
  };
  return {.serving = gauge("serving"), .idle = gauge("idle"), .leaving = gauge("leaving")};
}

void CoordinatorMetrics::show(const Members& members, const MemberCounts& counts) {
  members.serving.set(number(counts.serving));
  members.idle.set(number(counts.idle));
  members.leaving.set(number(counts.leaving));
}

void CoordinatorMetrics::after_step(const Fleet& fleet, const HostCounters& host,
                                    const TransportCounters& transport) {
  if (!turned(fleet.term() != 0, host, transport)) return;
  show_counters();
  show_gauges(fleet.gauges());
  pass_on();
}

void CoordinatorMetrics::show_counters() {
  steps_.reach(number(counters_.steps));
  examples_.reach(number(counters_.examples));
  step_.reach(counters_.step);
  round_trip_.reach(counters_.round_trip);
  evaluation_.reach(counters_.evaluation);
  checkpoint_.reach(counters_.checkpoint);
  abandoned_.reach(number(counters_.checkpoints_abandoned));
  rollbacks_.reach(number(counters_.rollbacks));
  takeovers_.reach(number(counters_.takeovers));
  promotions_.reach(number(counters_.promotions));
  assists_.reach(number(counters_.assists));
  lost_servers_.reach(number(counters_.lost_servers));
  lost_workers_.reach(number(counters_.lost_workers));
}

void CoordinatorMetrics::show_gauges(const FleetGauges& gauges) {
  active_.set(number(gauges.active));
  ended_.set(number(gauges.ended));
  failed_.set(number(gauges.failed));
  const RunGauges& runs = gauges.runs;
  reached_.set(number(runs.step));
  wanted_.set(number(runs.steps));
  leaves_.set(number(runs.leaves));
  leaves_waiting_.set(number(runs.leaves_waiting));
  resting_.set(number(runs.resting_workers));
  copies_in_step_.set(number(runs.copies_in_step));
  copies_behind_.set(number(runs.copies_behind));
  copies_missing_.set(number(runs.copies_missing));
  open_checkpoints_.set(number(runs.open_checkpoints));
  checkpoint_age_.set(in_seconds(runs.checkpoint_age));
  for (std::size_t i = 1; i < kWaitNames.size(); ++i) {
    waiting_[i]->set(in_seconds(gauges.waiting[i]));
  }
  show(servers_, gauges.servers);
  show(workers_, gauges.workers);
}

}  // namespace ballast

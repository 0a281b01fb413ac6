#include "cli/member_metrics.h"

#include <chrono>

#include "common/runtime/host.h"

namespace ballast {
namespace {

constexpr Duration kShowEvery = std::chrono::milliseconds(200);
constexpr Duration kPassEvery = std::chrono::seconds(1);  // A text, and not numbers alone.
// A coordinator answers every second; twice its own patience is no blink.
constexpr Duration kSilence = std::chrono::seconds(10);

double number(std::uint64_t count) { return static_cast<double>(count); }

constexpr const char* kContributions = "ballast_server_contributions_total";
constexpr const char* kContributionsHelp =
    "Gradients of nodes for partitions: counted, repeated (nothing new), or dropped for want of "
    "room and asked for later.";

}  // namespace

// ---- all ----------------------------------------------------------------------------------------

bool RoleMetrics::turned(bool is_ready, const HostCounters& host,
                         const TransportCounters& transport) {
  now_ = std::chrono::steady_clock::now();
  http_.pulse.turned(now_);
  if (is_ready) {
    http_.pulse.is_ready();
  } else {
    http_.pulse.is_not_ready();
  }
  if (now_ < next_) return false;
  next_ = now_ + kShowEvery;
  host_.show(host, transport);
  return true;
}

void RoleMetrics::pass_on() {
  if (!http_.relay || now_ < next_passed_) return;
  next_passed_ = now_ + kPassEvery;
  http_.pass_on();
}

MemberMetrics::MemberMetrics(RoleHttp& http)
    : RoleMetrics(http),
      runs_(http.metrics.gauge("ballast_runs", "Runs that this process has a part in.")),
      is_heard_(http.metrics.gauge("ballast_coordinator_heard",
                                   "1: the coordinator answered within the last 10 s.")) {}

bool MemberMetrics::turned(bool is_heard, std::size_t runs, const HostCounters& host,
                           const TransportCounters& transport) {
  if (!RoleMetrics::turned(is_heard, host, transport)) return false;
  runs_.set(number(runs));
  is_heard_.set(is_heard ? 1 : 0);
  return true;
}

void AgentMetrics::after_step(const Agent& agent, const HostCounters& host,
                              const TransportCounters& transport) {
  static_cast<void>(turned(agent.is_heard(kSilence), agent.members(), host, transport));
}

// ---- servers ------------------------------------------------------------------------------------

ServerMetrics::ServerMetrics(RoleHttp& http)
    : MemberMetrics(http),
      steps_(http.metrics.counter("ballast_server_steps_total", "Steps applied.")),
      pulls_(http.metrics.counter("ballast_server_pulls_total", "Pulls answered with values.")),
      pulls_refused_(http.metrics.counter("ballast_server_refused_pulls_total",
                                          "Pulls dropped since too many waited; they come again.")),
      counted_(http.metrics.counter(kContributions, kContributionsHelp, {{"taken", "counted"}})),
      repeated_(http.metrics.counter(kContributions, kContributionsHelp, {{"taken", "repeated"}})),
      dropped_(http.metrics.counter(kContributions, kContributionsHelp, {{"taken", "dropped"}})),
      pull_wait_(http.metrics.histogram("ballast_server_pull_wait_seconds",
                                        "From a pull until its version was there.")),
      reduce_(http.metrics.histogram(
          "ballast_server_reduce_seconds",
          "From a step's first contribution until all partitions were prepared.")),
      step_(http.metrics.histogram("ballast_server_step_seconds",
                                   "From one version of the model to the next.")),
      partitions_(http.metrics.gauge("ballast_server_partitions", "Here, copies included.")),
      parked_(http.metrics.gauge("ballast_server_waiting_pulls", "Pulls that wait.")),
      buffered_(http.metrics.gauge("ballast_server_buffered_bytes",
                                   "Of gradients on their way down the trees.")),
      cuts_(http.metrics.gauge("ballast_server_open_cuts", "Checkpoints being written.")),
      tables_(http.metrics.gauge("ballast_server_table_bytes", "Weights, slots and keys.")),
      home_(home_of(http.metrics)) {}

ServerMetrics::Home ServerMetrics::home_of(MetricRegistry& metrics) {
  constexpr const char* kMemory = "ballast_rocksdb_memory_bytes";
  constexpr const char* kMemoryHelp = "Memory of RocksDB, by use, as of its last job.";
  return {
      .written = metrics.counter("ballast_rocksdb_written_bytes_total", "Put into RocksDB."),
      .flushed = metrics.counter("ballast_rocksdb_flushed_bytes_total", "From memory into files."),
      .compacted =
          metrics.counter("ballast_rocksdb_compacted_bytes_total", "From files into others."),
      .cache = metrics.gauge(kMemory, kMemoryHelp, {{"use", "block_cache"}}),
      .memtables = metrics.gauge(kMemory, kMemoryHelp, {{"use", "memtables"}}),
      .indexes = metrics.gauge(kMemory, kMemoryHelp, {{"use", "indexes"}}),
      .file_bytes = metrics.gauge("ballast_rocksdb_file_bytes", "Of its files on disk."),
      .files = metrics.gauge("ballast_rocksdb_files", "On disk."),
      .pending = metrics.gauge("ballast_rocksdb_compactions_pending", "Stores that wait for one."),
      .pending_bytes =
          metrics.gauge("ballast_rocksdb_pending_compaction_bytes", "To be rewritten, estimated."),
      .running = metrics.gauge("ballast_rocksdb_compactions_running", "Under way.")};
}

void ServerMetrics::after_step(const Crew<Server>& crew, const HostCounters& host,
                               const TransportCounters& transport) {
  const std::vector<RunId> runs = crew.runs();
  if (!turned(crew.is_heard(kSilence), runs.size(), host, transport)) return;
  steps_.reach(number(counters_.steps));
  pulls_.reach(number(counters_.pulls));
  pulls_refused_.reach(number(counters_.pulls_refused));
  counted_.reach(number(counters_.contributions));
  repeated_.reach(number(counters_.contributions_repeated));
  dropped_.reach(number(counters_.contributions_dropped));
  pull_wait_.reach(counters_.pull_wait);
  reduce_.reach(counters_.reduce);
  step_.reach(counters_.step);
  ServerGauges sum;
  for (const RunId run : runs) {
    const ServerGauges gauges = crew.machine(run).gauges();
    sum.partitions += gauges.partitions;
    sum.parked_pulls += gauges.parked_pulls;
    sum.buffered_bytes += gauges.buffered_bytes;
    sum.open_cuts += gauges.open_cuts;
    sum.table_bytes += gauges.table_bytes;
  }
  partitions_.set(number(sum.partitions));
  parked_.set(number(sum.parked_pulls));
  buffered_.set(number(sum.buffered_bytes));
  cuts_.set(number(sum.open_cuts));
  tables_.set(number(sum.table_bytes));
  pass_on();
}

// Of counts since a store was opened what is new is added: a store that was opened again begins at
// nothing. What runs have that are over goes with their figures.
void ServerMetrics::show_home(RunId run, const KvFigures& figures) {
  const std::lock_guard lock(mutex_);
  const KvFigures before = std::exchange(homes_[run], figures);
  const auto add = [](Counter& counter, std::uint64_t now, std::uint64_t then) {
    counter.add(number(now >= then ? now - then : now));
  };
  add(home_.written, figures.written_bytes, before.written_bytes);
  add(home_.flushed, figures.flushed_bytes, before.flushed_bytes);
  add(home_.compacted, figures.compacted_bytes, before.compacted_bytes);
  KvFigures sum;
  for (const auto& [other, one] : homes_) {
    sum.cache_bytes += one.cache_bytes;
    sum.memtable_bytes += one.memtable_bytes;
    sum.index_bytes += one.index_bytes;
    sum.file_bytes += one.file_bytes;
    sum.files += one.files;
    sum.compactions_pending += one.compactions_pending;
    sum.compaction_bytes_pending += one.compaction_bytes_pending;
    sum.compactions_running += one.compactions_running;
  }
  home_.cache.set(number(sum.cache_bytes));
  home_.memtables.set(number(sum.memtable_bytes));
  home_.indexes.set(number(sum.index_bytes));
  home_.file_bytes.set(number(sum.file_bytes));
  home_.files.set(number(sum.files));
  home_.pending.set(number(sum.compactions_pending));
  home_.pending_bytes.set(number(sum.compaction_bytes_pending));
  home_.running.set(number(sum.compactions_running));
}

// ---- workers ------------------------------------------------------------------------------------

WorkerMetrics::WorkerMetrics(RoleHttp& http)
    : MemberMetrics(http),
      steps_(http.metrics.counter("ballast_worker_steps_total", "Parts of steps pushed.")),
      leaves_(http.metrics.counter("ballast_worker_leaves_total", "Leaves computed and pushed.")),
      examples_(http.metrics.counter("ballast_worker_examples_total", "Examples in them.")),
      batches_(
          http.metrics.counter("ballast_worker_evaluation_batches_total", "Batches evaluated.")),
      repeated_(http.metrics.counter("ballast_worker_repeated_pulls_total",
                                     "Pulls said again to a server that had not answered.")),
      pull_(http.metrics.histogram(
          "ballast_worker_pull_seconds",
          "From asking the servers until all have answered, their wait for the version included.")),
      compute_(http.metrics.histogram("ballast_worker_compute_seconds",
                                      "From the last answer until the gradients are added up.")),
      push_(http.metrics.histogram(
          "ballast_worker_push_seconds",
          "From a push until every server has been seen to have applied its step.")),
      groups_(http.metrics.gauge("ballast_worker_groups", "Groups of leaves under way.")),
      pulling_(
          http.metrics.gauge("ballast_worker_pulling_groups", "Of them, waiting for servers.")),
      retained_(http.metrics.gauge("ballast_worker_retained_steps",
                                   "Steps whose pushes are kept until they are applied.")) {}

void WorkerMetrics::after_step(const Crew<Worker>& crew, const HostCounters& host,
                               const TransportCounters& transport) {
  const std::vector<RunId> runs = crew.runs();
  if (!turned(crew.is_heard(kSilence), runs.size(), host, transport)) return;
  steps_.reach(number(counters_.steps));
  leaves_.reach(number(counters_.leaves));
  examples_.reach(number(counters_.examples));
  batches_.reach(number(counters_.batches));
  repeated_.reach(number(counters_.pulls_repeated));
  pull_.reach(counters_.pull);
  compute_.reach(counters_.compute);
  push_.reach(counters_.push);
  WorkerGauges sum;
  for (const RunId run : runs) {
    const WorkerGauges gauges = crew.machine(run).gauges();
    sum.groups += gauges.groups;
    sum.pulling += gauges.pulling;
    sum.retained_steps += gauges.retained_steps;
  }
  groups_.set(number(sum.groups));
  pulling_.set(number(sum.pulling));
  retained_.set(number(sum.retained_steps));
  pass_on();
}

}  // namespace ballast

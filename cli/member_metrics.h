#pragma once

// What members count, as it is shown. Machines keep plain numbers; after a step of the
// host, and a few times a second at most, they are copied here. Of all runs of the process
// together: a search has thousands, too many to be told apart in Prometheus.

#include <map>
#include <mutex>

#include "cli/role_http.h"
#include "common/runtime/agent.h"
#include "common/runtime/crew.h"
#include "common/runtime/host_metrics.h"
#include "common/storage/kv_store.h"
#include "paramserver/server.h"
#include "worker/trainer.h"

namespace ballast {

struct HostCounters;

// What all roles have. The host's thread.
class RoleMetrics {
 public:
  explicit RoleMetrics(RoleHttp& http) : http_(http), host_(http.metrics) {}

 protected:
  // Whether it is time to show again; then pass_on() comes last.
  [[nodiscard]] bool turned(bool is_ready, const HostCounters& host,
                            const TransportCounters& transport);
  // To the process that started this one, if it looks, and not more often than need be.
  void pass_on();

 private:
  RoleHttp& http_;
  HostMetrics host_;
  Time now_{};
  Time next_{};
  Time next_passed_{};
};

class MemberMetrics : protected RoleMetrics {
 public:
  explicit MemberMetrics(RoleHttp& http);

 protected:
  // As above.
  [[nodiscard]] bool turned(bool is_heard, std::size_t runs, const HostCounters& host,
                            const TransportCounters& transport);

 private:
  Gauge& runs_;
  Gauge& is_heard_;
};

class AgentMetrics : private MemberMetrics {
 public:
  explicit AgentMetrics(RoleHttp& http) : MemberMetrics(http) {}

  void after_step(const Agent& agent, const HostCounters& host, const TransportCounters& transport);
};

class ServerMetrics : private MemberMetrics {
 public:
  explicit ServerMetrics(RoleHttp& http);

  // For the machines of all runs.
  [[nodiscard]] ServerCounters& counters() { return counters_; }
  void after_step(const Crew<Server>& crew, const HostCounters& host,
                  const TransportCounters& transport);
  // What a run keeps on disk. Any thread.
  void show_home(RunId run, const KvFigures& figures);

 private:
  struct Home {
    Counter& written;
    Counter& flushed;
    Counter& compacted;
    Gauge& cache;
    Gauge& memtables;
    Gauge& indexes;
    Gauge& file_bytes;
    Gauge& files;
    Gauge& pending;
    Gauge& pending_bytes;
    Gauge& running;
  };
  [[nodiscard]] static Home home_of(MetricRegistry& metrics);

  ServerCounters counters_;
  Counter& steps_;
  Counter& pulls_;
  Counter& pulls_refused_;
  Counter& counted_;
  Counter& repeated_;
  Counter& dropped_;
  Histogram& pull_wait_;
  Histogram& reduce_;
  Histogram& step_;
  Gauge& partitions_;
  Gauge& parked_;
  Gauge& buffered_;
  Gauge& cuts_;
  Gauge& tables_;
  const Home home_;

  std::mutex mutex_;
  std::map<RunId, KvFigures> homes_;  // Guarded by mutex_.
};

class WorkerMetrics : private MemberMetrics {
 public:
  explicit WorkerMetrics(RoleHttp& http);

  [[nodiscard]] WorkerCounters& counters() { return counters_; }
  void after_step(const Crew<Worker>& crew, const HostCounters& host,
                  const TransportCounters& transport);

 private:
  WorkerCounters counters_;
  Counter& steps_;
  Counter& leaves_;
  Counter& examples_;
  Counter& batches_;
  Counter& repeated_;
  Histogram& pull_;
  Histogram& compute_;
  Histogram& push_;
  Gauge& groups_;
  Gauge& pulling_;
  Gauge& retained_;
};

}  // namespace ballast

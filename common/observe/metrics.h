#pragma once

// What a process shows to Prometheus. Names follow its conventions: ballast_ in front, base units,
// _total for what only grows, _seconds, _bytes.
//
//   MetricRegistry metrics;
//   Counter& steps = metrics.counter("ballast_server_steps_total", "Steps applied.");
//   steps.add();
//
// Look a metric up once and keep the reference, which lives as long as the registry; changing one
// is an atomic operation or a short lock. Thread-safe.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/base/tally.h"
#include "common/observe/exposition.h"

namespace prometheus {
class Counter;
class Gauge;
class Histogram;
}  // namespace prometheus

namespace ballast {

class Counter {
 public:
  explicit Counter(prometheus::Counter& inside) : inside_(inside) {}
  void add(double amount = 1);
  // For what somebody else counts: to a total that is higher than before; a lower one changes
  // nothing. One thread at a time.
  void reach(double total);

 private:
  prometheus::Counter& inside_;
};

class Gauge {
 public:
  explicit Gauge(prometheus::Gauge& inside) : inside_(inside) {}
  void set(double value);

 private:
  prometheus::Gauge& inside_;
};

class Histogram {
 public:
  explicit Histogram(prometheus::Histogram& inside) : inside_(inside) {}
  void observe(double value);
  // For durations that a machine tallies, of a histogram with the bounds of a DurationTally: takes
  // over what has been added since. One thread at a time.
  void reach(const DurationTally& tally);

 private:
  prometheus::Histogram& inside_;
  DurationTally reached_;
};

class MetricRegistry {
 public:
  using Labels = MetricLabels;

  MetricRegistry();
  ~MetricRegistry();
  MetricRegistry(const MetricRegistry&) = delete;
  MetricRegistry& operator=(const MetricRegistry&) = delete;

  // The same name and labels give the same metric. REQUIRES: a name is of one kind.
  [[nodiscard]] Counter& counter(const std::string& name, const std::string& help,
                                 const Labels& labels = {});
  [[nodiscard]] Gauge& gauge(const std::string& name, const std::string& help,
                             const Labels& labels = {});
  // Of durations in seconds, with the bounds of a DurationTally.
  [[nodiscard]] Histogram& histogram(const std::string& name, const std::string& help,
                                     const Labels& labels = {});

  // Called by each text() before it looks: for what is cheaper to read than to keep. It may not
  // call this registry.
  void before_text(std::function<void()> update);

  // What other processes show is shown too: called by each text(), after what before_text() named.
  // Whatever is not given any more is gone. It may not call this registry.
  void also(std::function<std::vector<ShownText>()> others);

  // Everything, in Prometheus' text format.
  [[nodiscard]] std::string text() const;

 private:
  struct Inside;
  const std::unique_ptr<Inside> inside_;
};

// What Prometheus expects text() to be called.
inline constexpr const char* kMetricsType = "text/plain; version=0.0.4; charset=utf-8";

}  // namespace ballast

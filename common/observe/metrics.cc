#include "common/observe/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <map>
#include <mutex>
#include <utility>

namespace ballast {
namespace {

std::vector<double> bounds() {
  return {DurationTally::kBounds.begin(), DurationTally::kBounds.end()};
}

}  // namespace

void Counter::add(double amount) { inside_.Increment(amount); }

void Counter::reach(double total) {
  const double more = total - inside_.Value();
  if (more > 0) inside_.Increment(more);
}

void Gauge::set(double value) { inside_.Set(value); }

void Histogram::observe(double value) { inside_.Observe(value); }

void Histogram::reach(const DurationTally& tally) {
  std::vector<double> more(tally.counts().size());
  bool is_more = false;
  for (std::size_t i = 0; i < more.size(); ++i) {
    more[i] = static_cast<double>(tally.counts()[i] - reached_.counts()[i]);
    is_more |= more[i] > 0;
  }
  if (!is_more) return;
  inside_.ObserveMultiple(more, tally.seconds() - reached_.seconds());
  reached_ = tally;
}

struct MetricRegistry::Inside {
  using Key = std::pair<std::string, Labels>;

  prometheus::Registry registry;
  mutable std::mutex mutex;  // Guards the rest.
  std::map<Key, Counter> counters;
  std::map<Key, Gauge> gauges;
  std::map<Key, Histogram> histograms;
  std::vector<std::function<void()>> updates;
  std::vector<std::function<std::vector<ShownText>()>> others;
};

MetricRegistry::MetricRegistry() : inside_(std::make_unique<Inside>()) {}
MetricRegistry::~MetricRegistry() = default;

Counter& MetricRegistry::counter(const std::string& name, const std::string& help,
                                 const Labels& labels) {
  const std::lock_guard lock(inside_->mutex);
  auto found = inside_->counters.find({name, labels});
  if (found == inside_->counters.end()) {
    auto& family = prometheus::BuildCounter().Name(name).Help(help).Register(inside_->registry);
    found = inside_->counters.try_emplace({name, labels}, family.Add(labels)).first;
  }
  return found->second;
}

Gauge& MetricRegistry::gauge(const std::string& name, const std::string& help,
                             const Labels& labels) {
  const std::lock_guard lock(inside_->mutex);
  auto found = inside_->gauges.find({name, labels});
  if (found == inside_->gauges.end()) {
    auto& family = prometheus::BuildGauge().Name(name).Help(help).Register(inside_->registry);
    found = inside_->gauges.try_emplace({name, labels}, family.Add(labels)).first;
  }
  return found->second;
}

Histogram& MetricRegistry::histogram(const std::string& name, const std::string& help,
                                     const Labels& labels) {
  const std::lock_guard lock(inside_->mutex);
  auto found = inside_->histograms.find({name, labels});
  if (found == inside_->histograms.end()) {
    auto& family = prometheus::BuildHistogram().Name(name).Help(help).Register(inside_->registry);
    found = inside_->histograms.try_emplace({name, labels}, family.Add(labels, bounds())).first;
  }
  return found->second;
}

void MetricRegistry::before_text(std::function<void()> update) {
  const std::lock_guard lock(inside_->mutex);
  inside_->updates.push_back(std::move(update));
}

void MetricRegistry::also(std::function<std::vector<ShownText>()> others) {
  const std::lock_guard lock(inside_->mutex);
  inside_->others.push_back(std::move(others));
}

std::string MetricRegistry::text() const {
  std::vector<ShownText> more;
  {
    const std::lock_guard lock(inside_->mutex);
    for (const auto& update : inside_->updates) update();
    for (const auto& others : inside_->others) {
      for (ShownText& shown : others()) more.push_back(std::move(shown));
    }
  }
  std::string own = prometheus::TextSerializer().Serialize(inside_->registry.Collect());
  if (more.empty()) return own;
  Exposition all;
  all.add(own);
  for (const ShownText& shown : more) all.add(shown.text, shown.labels);
  return all.text();
}

}  // namespace ballast

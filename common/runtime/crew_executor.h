#pragma once

// Where a crew's jobs run: for each life of a run a site, which the threads of the process share,
// and on each thread an executor of its own. A CloseRun lets both go.

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <utility>
#include <variant>

#include "common/runtime/crew.h"

namespace ballast {

// What jobs of a process's runs need beside each other: one site per life of a run.
// Any thread.
template <class Site>
class Sites {
 public:
  using Key = std::pair<RunId, std::uint64_t>;
  using Make = std::function<std::shared_ptr<Site>(RunId run)>;
  // What a run that is over has left on disk.
  using Remove = std::function<void(RunId run)>;
  explicit Sites(Make make, Remove remove = {})
      : make_(std::move(make)), remove_(std::move(remove)) {}

  // Null: that life is closed.
  std::shared_ptr<Site> get(Key key) {
    const std::lock_guard lock(mutex_);
    if (closed_.contains(key)) return nullptr;
    std::shared_ptr<Site>& site = sites_[key];
    if (!site) site = make_(key.first);
    return site;
  }
  // What still runs of it ends with what it holds.
  void close(Key key, bool is_over) {
    const std::lock_guard lock(mutex_);
    sites_.erase(key);
    closed_.insert(key);
    if (is_over && remove_) remove_(key.first);
  }
  [[nodiscard]] bool is_closed(Key key) const {
    const std::lock_guard lock(mutex_);
    return closed_.contains(key);
  }

 private:
  const Make make_;
  const Remove remove_;
  mutable std::mutex mutex_;  // Guards both.
  std::map<Key, std::shared_ptr<Site>> sites_;
  std::set<Key> closed_;
};

// A thread of a crew's pool: an executor for each life of a run that it had to do with.
template <class Machine, class Executor, class Site>
class CrewExecutor {
 public:
  using Job = typename Crew<Machine>::Job;
  using Outcome = typename Crew<Machine>::Outcome;

  explicit CrewExecutor(Sites<Site>& sites) : sites_(sites) {}

  Outcome operator()(Job&& job) {
    const typename Sites<Site>::Key key{job.run, job.life};
    auto* const work = std::get_if<typename Machine::Job>(&job.work);
    if (work == nullptr) {
      executors_.erase(key);
      sites_.close(key, std::get<CloseRun>(job.work).is_over);
    }
    std::erase_if(executors_, [&](const auto& entry) { return sites_.is_closed(entry.first); });
    if (work == nullptr) return {job.run, job.life, RunClosed{}};
    auto entry = executors_.find(key);
    if (entry == executors_.end()) {
      auto site = sites_.get(key);
      // Another thread was quicker with what came behind.
      if (!site) return {job.run, job.life, RunClosed{}};
      auto executor = std::make_unique<Executor>(*site);
      entry = executors_.emplace(key, Entry{std::move(site), std::move(executor)}).first;
    }
    return {job.run, job.life, (*entry->second.executor)(std::move(*work))};
  }

 private:
  struct Entry {
    std::shared_ptr<Site> site;
    std::unique_ptr<Executor> executor;
  };
  Sites<Site>& sites_;
  std::map<typename Sites<Site>::Key, Entry> executors_;
};

}  // namespace ballast

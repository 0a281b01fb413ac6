#include "coordinator/service/board.h"

#include <utility>

namespace ballast {

SharedJob ServiceView::job(JobId id) const {
  const auto found = jobs.find(id);
  return found == jobs.end() ? nullptr : found->second;
}

void ServiceBoard::update(const Service& service) {
  std::vector<std::shared_ptr<JobProbe>> gone;  // They end when nobody holds the lock.
  const bool is_new = service.revision() != std::exchange(shown_, service.revision());
  std::shared_ptr<ServiceView> view;
  if (is_new) {
    view = std::make_shared<ServiceView>(
        ServiceView{service.jobs(), service.agents(), service.failures(), service.counters()});
  }
  const std::lock_guard lock(mutex_);
  turned_ = std::chrono::steady_clock::now();
  if (!is_new) return;
  view_ = view;
  for (auto entry = probes_.begin(); entry != probes_.end();) {
    const auto& [job, life] = entry->first;
    const SharedJob now = view->job(job);
    if (now != nullptr && now->life == life && is_under_way(now->state)) {
      ++entry;
    } else {
      gone.push_back(std::move(entry->second));
      entry = probes_.erase(entry);
    }
  }
  for (const auto& [id, job] : view->jobs) {
    if (!is_under_way(job->state)) continue;
    std::shared_ptr<JobProbe>& probe = probes_[{id, job->life}];
    if (!probe) probe = make_probe_(job->slot);
  }
}

std::shared_ptr<const ServiceView> ServiceBoard::view() const {
  const std::lock_guard lock(mutex_);
  return view_;
}

std::optional<JobReport> ServiceBoard::report(JobId job) const {
  std::shared_ptr<JobProbe> probe;
  {
    const std::lock_guard lock(mutex_);
    const auto found = probes_.lower_bound({job, 0});
    if (found == probes_.end() || found->first.first != job) return std::nullopt;
    probe = found->second;
  }
  return probe->latest();
}

std::vector<JobId> ServiceBoard::asked() const {
  const std::lock_guard lock(mutex_);
  std::vector<JobId> jobs;
  for (const auto& [job, probe] : probes_) jobs.push_back(job.first);
  return jobs;
}

std::chrono::steady_clock::duration ServiceBoard::quiet_for() const {
  const std::lock_guard lock(mutex_);
  return std::chrono::steady_clock::now() - turned_;
}

}  // namespace ballast

#pragma once

// What a service shows, for threads that are not its own: published after each step that changed
// something, and never changed afterwards.

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "coordinator/service/probe.h"
#include "coordinator/service/service.h"

namespace ballast {

struct ServiceView {
  std::map<JobId, SharedJob> jobs;
  std::vector<AgentView> agents;
  std::map<JobId, std::uint32_t> failures;  // As Service::failures().
  ServiceCounters counters;

  // Null: there is none.
  [[nodiscard]] SharedJob job(JobId id) const;
};

class ServiceBoard {
 public:
  using MakeProbe = std::function<std::unique_ptr<JobProbe>(std::uint32_t slot)>;
  explicit ServiceBoard(MakeProbe make_probe) : make_probe_(std::move(make_probe)) {}

  // The service's thread.
  void update(const Service& service);

  // Any thread.
  [[nodiscard]] std::shared_ptr<const ServiceView> view() const;
  // What a job's coordinator said last; nothing: none runs, or it has not answered yet.
  [[nodiscard]] std::optional<JobReport> report(JobId job) const;
  // The jobs whose coordinators are asked.
  [[nodiscard]] std::vector<JobId> asked() const;
  // How long ago the service's thread was here; it is woken every second.
  [[nodiscard]] std::chrono::steady_clock::duration quiet_for() const;

 private:
  const MakeProbe make_probe_;
  std::uint64_t shown_ = 0;  // The revision of view_; the service's thread.
  mutable std::mutex mutex_;
  std::shared_ptr<const ServiceView> view_ =
      std::make_shared<const ServiceView>();                                     // As all below.
  std::map<std::pair<JobId, std::uint64_t>, std::shared_ptr<JobProbe>> probes_;  // By job and life.
  std::chrono::steady_clock::time_point turned_ = std::chrono::steady_clock::now();
};

}  // namespace ballast

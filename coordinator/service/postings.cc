#include "coordinator/service/postings.h"

#include <algorithm>
#include <cstddef>
#include <tuple>

namespace ballast {
namespace {

// One round after another, each job one more, until there are no workers or no wishes left.
std::map<JobId, std::size_t> shares(std::size_t workers, const std::vector<JobShare>& jobs) {
  std::map<JobId, std::size_t> share;
  for (bool gave = true; gave && workers > 0;) {
    gave = false;
    for (const JobShare& job : jobs) {
      std::size_t& has = share[job.job];
      if (workers == 0 || (job.workers_max != 0 && has >= job.workers_max)) continue;
      ++has;
      --workers;
      gave = true;
    }
  }
  return share;
}

}  // namespace

std::map<MemberId, JobId> post_workers(const std::map<MemberId, std::optional<JobId>>& workers,
                                       const std::vector<JobShare>& jobs, const Barred& barred) {
  std::map<JobId, std::size_t> open = shares(workers.size(), jobs);
  std::map<MemberId, JobId> posted;
  const auto post = [&](MemberId worker, JobId job) {
    const auto share = open.find(job);
    if (share == open.end() || share->second == 0 || barred.contains({worker, job})) return false;
    --share->second;
    posted[worker] = job;
    return true;
  };
  for (const auto& [worker, job] : workers) {
    if (job) static_cast<void>(post(worker, *job));
  }
  for (const auto& [worker, _] : workers) {
    if (posted.contains(worker)) continue;
    for (const JobShare& job : jobs) {
      if (post(worker, job.job)) break;
    }
  }
  return posted;
}

std::map<MemberId, std::vector<JobId>> post_servers(
    const std::map<MemberId, std::vector<JobId>>& servers, const std::vector<JobShare>& jobs,
    const Barred& barred) {
  std::map<MemberId, std::vector<JobId>> posted;
  for (const auto& [server, _] : servers) posted[server];
  for (const JobShare& job : jobs) {
    std::vector<std::tuple<bool, std::size_t, MemberId>> candidates;  // The best first.
    for (const auto& [server, serves] : servers) {
      if (barred.contains({server, job.job})) continue;
      const bool is_new = std::find(serves.begin(), serves.end(), job.job) == serves.end();
      candidates.emplace_back(is_new, posted.at(server).size(), server);
    }
    std::sort(candidates.begin(), candidates.end());
    const std::size_t count = job.servers_max == 0
                                  ? candidates.size()
                                  : std::min<std::size_t>(job.servers_max, candidates.size());
    for (std::size_t i = 0; i < count; ++i) {
      posted.at(std::get<MemberId>(candidates[i])).push_back(job.job);
    }
  }
  for (auto& [server, serves] : posted) std::sort(serves.begin(), serves.end());
  return posted;
}

}  // namespace ballast

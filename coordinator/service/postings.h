#pragma once

// Which members serve which jobs. Pure: README.md beside this file, V4.

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "common/base/ids.h"

namespace ballast {

struct JobShare {
  JobId job{};
  std::uint32_t workers_max = 0;  // 0: any number
  std::uint32_t servers_max = 0;  // 0: all
};

// Pairs that do not go together: the member has refused to serve the job.
using Barred = std::set<std::pair<MemberId, JobId>>;

// One job each. Every job gets a worker before one gets two, the first ones first. `workers` says
// whom each serves now; jobs that are not among `jobs` are over.
[[nodiscard]] std::map<MemberId, JobId> post_workers(
    const std::map<MemberId, std::optional<JobId>>& workers, const std::vector<JobShare>& jobs,
    const Barred& barred);

// Of a job that takes fewer than there are: those that serve it now, then those with the fewest
// jobs. What each is to serve, ascending.
[[nodiscard]] std::map<MemberId, std::vector<JobId>> post_servers(
    const std::map<MemberId, std::vector<JobId>>& servers, const std::vector<JobShare>& jobs,
    const Barred& barred);

}  // namespace ballast

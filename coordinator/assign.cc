#include "coordinator/assign.h"

#include <algorithm>

namespace ballast {

std::map<MemberId, RunId> assign_workers(const std::map<MemberId, std::optional<RunId>>& workers,
                                         const std::vector<RunId>& runs) {
  std::map<MemberId, RunId> assigned;
  if (runs.empty()) return assigned;
  const std::size_t even = workers.size() / runs.size();
  std::map<RunId, std::size_t> open;  // Places that each run still has.
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const bool has_more = even == 0 || i < workers.size() % runs.size();
    open[runs[i]] = even + (has_more ? 1 : 0);
  }
  for (const auto& [worker, serves] : workers) {
    if (!serves) continue;
    const auto place = open.find(*serves);
    if (place == open.end() || place->second == 0) continue;
    place->second -= 1;
    assigned[worker] = *serves;
  }
  auto run = runs.begin();
  for (const auto& [worker, serves] : workers) {
    if (assigned.contains(worker)) continue;
    run = std::find_if(run, runs.end(), [&](RunId id) { return open[id] > 0; });
    open[*run] -= 1;
    assigned[worker] = *run;
  }
  return assigned;
}

}  // namespace ballast

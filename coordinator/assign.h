#pragma once

// Which worker serves which run: a worker computes for one run at a time, and moving it changes no
// bit. Pure.

#include <map>
#include <optional>
#include <set>
#include <vector>

#include "common/base/ids.h"

namespace ballast {

// Shares that differ by one at most, the larger ones with the runs that come first; whoever serves
// a run stays there as far as its share allows. With fewer workers than runs some runs wait.
// `workers` says whom each serves now, if anybody; runs that are not among `runs` are over.
[[nodiscard]] std::map<MemberId, RunId> assign_workers(
    const std::map<MemberId, std::optional<RunId>>& workers, const std::vector<RunId>& runs);

}  // namespace ballast

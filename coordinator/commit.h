#pragma once

// R7: commit(t) as a pure function of commit(t-1), the figures of prepared(t) and, where the
// validation split was evaluated at t-1, the metric that early stop watches. Whoever has these can
// compute it again and gets the same bits.

#include <optional>
#include <span>

#include "common/job/commit.h"
#include "common/job/run.h"
#include "common/wire/messages.h"

namespace ballast {

struct PreparedStep {
  Figures figures;
  std::span<const wire::PreparedPartition> partitions;  // By partition number, all of them.
};

// The commit of step previous.step + 1. `watched` is the early-stop metric at previous.step, if it
// was due there. The flags that users and clocks may add (cut) are left false, except at the last
// step, whose version is always kept.
[[nodiscard]] Commit next_commit(const RunConfig& run, const Commit& previous,
                                 const PreparedStep& prepared, std::optional<double> watched);

// A kept commit as what a run goes on from: the last of a leg that ended earlier (RunConfig::until)
// is not the last any more, unless training was stopped early there.
[[nodiscard]] Commit resumed(const RunConfig& run, const Commit& kept);

// R3: whether something in the step is not finite, so that it is skipped or the run stops.
[[nodiscard]] bool is_finite(const PreparedStep& prepared);

// Whether the mean loss of the step is above what the spec calls diverged.
[[nodiscard]] bool has_diverged(const RunConfig& run, const PreparedStep& prepared);

}  // namespace ballast

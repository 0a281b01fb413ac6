#pragma once

// What a server with DurabilityMode::step writes down and finds again; step_log.h does it.

#include <map>
#include <optional>
#include <set>
#include <vector>

#include "common/wire/messages.h"
#include "paramserver/partition.h"

namespace ballast {

// Copies as a server that came back finds them.
struct RecoveredCopies {
  Timeline timeline = 0;
  std::vector<Commit> commits;  // The last is applied, everywhere.
  std::map<PartitionId, Partition> partitions;
  Step promised = 0;  // The step whose gradients they have, if any.
  wire::Plan plan;    // The latest that was logged; number 0: none.
  std::set<MemberId> formers;
};

// One record of the log: the commit of the step before, and the gradients of the step.
struct LoggedStep {
  Timeline timeline = 0;
  Commit previous;
  std::optional<wire::Plan> plan;  // If it is another than was logged last.
  wire::Push push;                 // The roots of all copies.
};

// One record more, as it was logged. False: it does not follow, and nothing is changed.
[[nodiscard]] bool replay(const RunConfig& run, const Commit& previous, const wire::Push& push,
                          RecoveredCopies& copies);

}  // namespace ballast

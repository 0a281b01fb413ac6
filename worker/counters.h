#pragma once

// What a worker's machines count of their work, for whoever drives them to show. One of these for
// all runs of a process: a run that ends takes no count with it. It decides nothing.
//
// The machines' thread.

#include <cstdint>

#include "common/base/tally.h"

namespace ballast {

struct WorkerCounters {
  std::uint64_t steps = 0;           // That it pushed a part of.
  std::uint64_t leaves = 0;          // Computed and pushed.
  std::uint64_t examples = 0;        // In them.
  std::uint64_t batches = 0;         // Of evaluations.
  std::uint64_t pulls_repeated = 0;  // To a server that had not answered in time.
  DurationTally
      pull;  // From asking until every server has answered: with the wait for the version.
  DurationTally compute;  // From the last answer until the gradients are added up.
  DurationTally push;     // From a push until every server has applied its step.
};

}  // namespace ballast

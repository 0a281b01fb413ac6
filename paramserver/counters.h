#pragma once

// What a server's machines count of their work, for whoever drives them to show. One of these for
// all runs of a process: a run that ends takes no count with it. It decides nothing.
//
// The machines' thread.

#include <cstdint>

#include "common/base/tally.h"

namespace ballast {

struct ServerCounters {
  std::uint64_t steps = 0;          // Applied; relaxed runs have contributions only.
  std::uint64_t pulls = 0;          // Answered with values.
  std::uint64_t pulls_refused = 0;  // Too many waited already; asked again by their workers.
  std::uint64_t contributions = 0;  // Of a node to a partition, that counted.
  std::uint64_t contributions_repeated = 0;  // ... that brought nothing new.
  std::uint64_t contributions_dropped = 0;   // ... that there was no room for (R11).
  DurationTally pull_wait;                   // From a pull's arrival until it could be answered.
  DurationTally reduce;  // From a step's first contribution until all partitions are prepared.
  DurationTally step;    // From one version to the next.
};

}  // namespace ballast

#pragma once

// What the coordinators of runs count of their work, and how they stand, for whoever drives them to
// show. One CoordinatorCounters for all runs of a process: a run that ends takes no count with it.
// It decides nothing.
//
// The machines' thread.

#include <array>
#include <cstddef>
#include <cstdint>

#include "common/base/ids.h"
#include "common/base/tally.h"
#include "common/base/time.h"

namespace ballast {

struct CoordinatorCounters {
  std::uint64_t steps = 0;     // Committed; those that are done again after a rollback, again.
  std::uint64_t examples = 0;  // In them.
  DurationTally step;          // From one commit to the next, evaluations between them included.
  DurationTally round_trip;    // From a commit until a server has prepared the step after it.
  DurationTally evaluation;
  DurationTally checkpoint;  // From the commit that is kept until it is durable.
  std::uint64_t checkpoints_abandoned = 0;
  std::uint64_t rollbacks = 0;     // To a checkpoint, since a last copy was lost.
  std::uint64_t takeovers = 0;     // From what the servers hold: no step was lost.
  std::uint64_t promotions = 0;    // Partitions whose replica became their owner.
  std::uint64_t assists = 0;       // Leaves that others computed in somebody's stead.
  std::uint64_t lost_servers = 0;  // Without a goodbye, ...
  std::uint64_t lost_workers = 0;
};

// What a run cannot go on without, by name: the sentence for people is RunStatus::waiting.
enum class Wait : std::uint8_t {
  nothing,
  store,        // A claim, a manifest, or the model.
  members,      // To join, or to come back.
  restoring,    // Servers, from a checkpoint.
  workers,      // There is none.
  servers,      // To prepare the step, which workers may hold up.
  evaluation,   // Workers, of the version that is evaluated.
  checkpoints,  // Servers, of one that must be kept before the run goes on.
  history,      // Lines that are not written yet.
};
inline constexpr std::array<const char*, 9> kWaitNames = {"nothing",    "store",       "members",
                                                          "restoring",  "workers",     "servers",
                                                          "evaluation", "checkpoints", "history"};

struct RunGauges {
  Step step = 0;  // Committed.
  Step steps = 0;
  std::uint64_t leaves = 0;          // Of a step: so many can be computed at once.
  std::uint64_t leaves_waiting = 0;  // Those of runs that have no worker.
  std::uint64_t resting_workers = 0;
  std::uint64_t copies_in_step = 0;  // Of partitions, owners' included.
  std::uint64_t copies_behind = 0;   // That are being made, or brought up to the latest version.
  std::uint64_t copies_missing = 0;  // That the spec asks for, and no server is there for.
  std::uint64_t open_checkpoints = 0;
  Duration checkpoint_age{};  // So much training would be lost with the last copies.
  Wait wait = Wait::nothing;
  Duration waiting{};  // Since when it has not gone on.
};

struct MemberCounts {
  std::uint64_t serving = 0;
  std::uint64_t idle = 0;  // Without a run.
  std::uint64_t leaving = 0;
};

// Of a job: sums over the runs under way; ages and waits are those of the run that is worst off.
struct FleetGauges {
  RunGauges runs;
  std::array<Duration, kWaitNames.size()> waiting{};  // By Wait.
  std::uint64_t active = 0;
  std::uint64_t ended = 0;
  std::uint64_t failed = 0;  // Of these.
  MemberCounts servers;
  MemberCounts workers;
};

}  // namespace ballast

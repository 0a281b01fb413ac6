#pragma once

// What one seed draws: the job, the cluster, how bad its network and disks are, and the faults that
// people and machines bring until everything calms down.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "tests/simulation/job.h"
#include "tests/simulation/network.h"
#include "tests/simulation/sample_job.h"

namespace ballast::simulation {

enum class FaultKind {
  kill_worker,
  kill_server,
  kill_coordinator,
  kill_all,
  break_connection,
  split,               // The network falls into two sides.
  pause,               // A member stands still, and hears everything afterwards.
  slow,                // A member takes many times longer for everything.
  jump,                // A clock, ahead.
  second_coordinator,  // While the first one lives.
  damage,              // Of a checkpoint: found out by a checksum.
  full_disk,           // For a while nothing can be written.
  kill_several,        // At once.
  stop_worker,         // Asked to leave: it says goodbye.
  stop_server,
  stop_coordinator,  // Ctrl-C: a clean stop with a checkpoint, and a resume.
  join_worker,
  join_server,
};
inline constexpr std::uint64_t kFaultKinds = 18;

struct DrawnRun {
  std::uint64_t shape = 0;
  RunConfig config;  // The shape's, with its own checkpoints and this cluster's heartbeats.
};

struct Scenario {
  std::uint64_t seed = 0;
  JobPlan job;
  std::vector<DrawnRun> runs;  // All that there may be: runs 1, 2, ...

  std::uint32_t workers = 1;
  std::uint32_t servers = 1;
  unsigned threads_max = 1;  // Of a worker.
  bool uses_codec = false;

  NetworkOptions network;
  double disk_fault_rate = 0.0;
  double drift = 0.0;  // How far the rate of a clock may be from 1.
  Duration load_max{};
  Duration compute_max{};
  Duration disk_max{};

  Duration retry_min{};
  Duration retry_max{};
  std::uint64_t parked_max = 0;            // Each server draws its own up to this.
  std::size_t buffered_bytes_max = 0;      // Each server's (R11).
  Duration return_within{};                // The coordinator's wait for servers to come back.
  std::uint32_t additions_max = 1;         // The coordinator's.
  std::uint32_t chain_files_max = 1;       // The coordinator's.
  std::uint64_t log_steps_max = 1;         // Each server's, until it keeps another base.
  std::uint64_t evaluation_group_max = 0;  // Each worker draws its own up to this.
  Duration loud{};
  Duration begin_within{};
  Duration store_retry{};
  Duration late_min{};  // Until servers call workers late.
  std::uint32_t late_factor = 1;
  Duration assist_again{};
  std::uint32_t late_steps_max = 1;
  Duration rest_min{};
  Duration balance_every{};
  double balance_gain_min = 0.0;
  Duration stop_within{};
  Duration beat{};           // Each member's, to the coordinator of the job, ...
  Duration fleet_silence{};  // ... and how long that waits for one.
  bool runs_wait = false;    // For all members that were announced, not for one worker each.

  Duration calm_after{};         // No fault, loss or duplicate from here on; training must end.
  Duration fault_every{};        // On average; zero: none.
  double bursts = 0.0;           // How often the next fault follows at once.
  std::uint32_t fault_mask = 0;  // By FaultKind.
  Duration pause_max{};
  Duration split_max{};
  Duration restart_max{};
};

// `config_of` a shape.
[[nodiscard]] Scenario draw_scenario(
    std::uint64_t seed, const std::function<const RunConfig&(std::uint64_t shape)>& config_of);
[[nodiscard]] std::string describe(const Scenario& scenario);

}  // namespace ballast::simulation

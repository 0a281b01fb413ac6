#pragma once

// The checkpoint store and the output directory of a simulated cluster, in memory: what survives
// every process. Executors are what a server and a coordinator would run their jobs on; each
// process has its own, as it has its own thread for them, and all share one store.
//
// A file holds a partition, or what changed of it since a step; it is named by its content, so two
// servers that write the same partition at the same version write the same file; removing one
// removes it for both. Jobs may fail as disks do: declared, by an Error that begins with kInjected.

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "coordinator/coordinator.h"
#include "paramserver/server.h"
#include "tests/simulation/plain_loop.h"
#include "tests/simulation/prng.h"

namespace ballast::simulation {

inline constexpr const char* kInjected = "simulated disk: ";

struct StoredModel {
  std::uint64_t digest = 0;  // Of all rows, as PlainRun::digest.
  Commit commit;
};

struct SimulatedStore {
  std::map<std::string, Rows> files;
  std::set<Timeline> claimed;
  std::map<std::pair<Timeline, Step>, Checkpoint> manifests;
  std::vector<std::string> history;
  std::optional<StoredModel> model;

  double fault_rate = 0.0;  // Of jobs that write.
};

class SimulatedServerDisk {
 public:
  SimulatedServerDisk(SimulatedStore& store, Prng& prng) : store_(store), prng_(prng) {}
  [[nodiscard]] ServerOutcome operator()(ServerJob&& job);

 private:
  [[nodiscard]] ServerRestored restore(const ServerRestore& job) const;
  [[nodiscard]] ServerCutDone cut(const ServerCut& job);
  [[nodiscard]] wire::SnapshotFile write(const PartitionCut& cut, CutScope scope);

  SimulatedStore& store_;
  Prng& prng_;
};

class SimulatedCoordinatorStore {
 public:
  SimulatedCoordinatorStore(SimulatedStore& store, Prng& prng, const RunConfig& run)
      : store_(store), prng_(prng), run_(run) {}
  [[nodiscard]] CoordinatorOutcome operator()(CoordinatorJob&& job);

 private:
  [[nodiscard]] TimelineClaimed claim(const ClaimTimeline& job);
  [[nodiscard]] ClaimRaised raise(const RaiseClaim& job);
  [[nodiscard]] CheckpointKept keep(const KeepCheckpoint& job);
  void retain();
  [[nodiscard]] HistoryAppended append(const AppendHistory& job);
  [[nodiscard]] ModelExported export_model(const ExportModel& job);

  SimulatedStore& store_;
  Prng& prng_;
  const RunConfig& run_;
  Timeline timeline_ = 0;
  bool history_is_broken_ = false;
};

// The files of a checkpoint that the store does not have.
[[nodiscard]] std::vector<std::string> lost_files(const SimulatedStore& store,
                                                  const Checkpoint& checkpoint);

// All rows of a checkpoint, or of one of its partitions: what a restore gives.
// REQUIRES: no file is lost.
[[nodiscard]] Rows merged(const SimulatedStore& store, const Checkpoint& checkpoint);
[[nodiscard]] Rows merged(const SimulatedStore& store, const Checkpoint& checkpoint,
                          PartitionId partition);

// What the canary of every simulated member gives.
[[nodiscard]] std::uint64_t shared_canary();

}  // namespace ballast::simulation

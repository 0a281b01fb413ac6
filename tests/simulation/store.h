#pragma once

// The checkpoint stores and output directories of the runs of a simulated cluster, in memory: what
// survives every process. Executors are what a server and a coordinator would run their jobs on;
// each process has its own for each run, as it has its own thread for them, and all of a run share
// one store.
//
// A file holds a partition, or what changed of it since a step; it is named by its content, so two
// servers that write the same partition at the same version write the same file; removing one
// removes it for both. Jobs may fail as disks do: declared, by an Error that begins with kInjected.
// What common/storage finds out by checksums is found out here: a file or manifest that was damaged
// is never read, and its checkpoint is passed over by name. A process that dies, or whose host
// loses its power, leaves what it had written so far, perhaps half a line: whatever counts as
// written was synced.

#include <cstdint>
#include <map>
#include <memory>
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
inline constexpr const char* kNoneWhole = "no checkpoint is whole";
inline constexpr const char* kFenced = "another coordinator has taken over this ";

struct StoredModel {
  std::uint64_t digest = 0;  // Of all rows, as PlainRun::digest.
  Commit commit;
  std::vector<wire::SnapshotFile> files;  // That it was made from.
};

// What a run is compared by; a function of the bits of its model.
inline constexpr const char* kScore = "score";
[[nodiscard]] double score_of(std::uint64_t digest);

// Under everything in the output directory.
struct SimulatedDisk {
  double fault_rate = 0.0;  // Of jobs that write.
  bool full = false;        // Nothing can be written.

  // A process that dies in a job writes so often and no more.
  std::optional<std::uint64_t> writes_left;
  [[nodiscard]] bool may_write() {
    if (!writes_left) return true;
    if (*writes_left == 0) return false;
    --*writes_left;
    return true;
  }
};

// Of one run.
struct SimulatedStore {
  // REQUIRES: disk outlives this.
  explicit SimulatedStore(SimulatedDisk& under) : disk(under) {}

  using Place = std::pair<Timeline, Step>;

  SimulatedDisk& disk;
  std::map<std::string, Rows> files;
  std::map<std::string, std::vector<Step>> clocks;  // By file; of relaxed runs.
  std::set<Timeline> claimed;
  std::map<Place, Checkpoint> manifests;
  std::vector<std::string> history;
  std::optional<StoredModel> model;

  // Torn, with a flipped bit, or gone although a manifest lists them: until written anew.
  std::set<std::string> damaged_files;
  std::set<Place> damaged_manifests;
  bool has_removed = false;  // Somebody took damaged ones away.
  void damage(Prng& prng);
  std::uint64_t passed_over = 0;  // Checkpoints that a claim found to be of no use.
  // What a person does who is told of them. Otherwise a file that is written again would heal a
  // checkpoint after the history was cut off before it.
  void remove_damaged();
  // Why this checkpoint cannot be used; empty: it is whole.
  [[nodiscard]] std::string fault_in(const Place& place, const Checkpoint& checkpoint) const;
};

// What a server with DurabilityMode::step has on its own disk. It outlives the process, and may be
// given to another one.
struct SimulatedHome {
  std::uint64_t fingerprint = 0;  // Of the run; 0: nothing is kept.
  Timeline timeline = 0;
  std::vector<Commit> commits;
  std::map<PartitionId, Rows> base;
  std::vector<LoggedStep> log;
  wire::Plan plan;
  std::set<MemberId> formers;
};

class SimulatedServerDisk {
 public:
  SimulatedServerDisk(SimulatedStore& store, Prng& prng, std::shared_ptr<SimulatedHome> home)
      : store_(store), prng_(prng), home_(std::move(home)) {}
  [[nodiscard]] ServerOutcome operator()(ServerJob&& job);

 private:
  [[nodiscard]] std::shared_ptr<RecoveredCopies> recover(const ServerLoad& job) const;
  [[nodiscard]] ServerBased keep(const ServerBase& job);
  [[nodiscard]] ServerLogged log(const ServerLog& job);
  [[nodiscard]] ServerRestored restore(const ServerRestore& job) const;
  [[nodiscard]] ServerCutDone cut(const ServerCut& job);
  [[nodiscard]] wire::SnapshotFile write(const PartitionCut& cut, CutScope scope);

  SimulatedStore& store_;
  Prng& prng_;
  std::shared_ptr<SimulatedHome> home_;
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
  [[nodiscard]] bool is_fenced() const { return timeline_ != *store_.claimed.rbegin(); }
  [[nodiscard]] ModelExported export_model(const ExportModel& job);

  SimulatedStore& store_;
  Prng& prng_;
  const RunConfig& run_;
  Timeline timeline_ = 0;
  bool history_is_broken_ = false;
};

// The files of a checkpoint that the store does not have, although nothing damaged them.
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

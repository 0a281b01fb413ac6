#pragma once

// Where a server's jobs run: its home on disk (RocksDB), the checkpoint store, and the canary.
//
// Restore puts the files of a checkpoint into the home by ingestion and reads the tables from
// there; a cut writes a sorted file for each partition that changed, hands it to the checkpoint
// store and ingests it, so that the home follows the checkpoints. With
// DurabilityMode::step a StepLog beside it has every step.
//
// Jobs of one server run one after another, on one thread.

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "common/math/blas.h"
#include "common/storage/checkpoint_store.h"
#include "common/storage/kv_store.h"
#include "paramserver/server.h"
#include "paramserver/step_log.h"

namespace ballast {

class ServerDisk {
 public:
  // How a server comes by the checkpoint store that a run names.
  using OpenStore =
      std::function<Result<std::unique_ptr<CheckpointStore>>(const std::string& address)>;
  // What the home is like after a job, on that job's thread.
  using Show = std::function<void(const KvFigures&)>;

  // The home is created when missing. It belongs to one process at a time.
  ServerDisk(std::string home, OpenStore open_store, Show show = {})
      : home_path_(std::move(home)), open_store_(std::move(open_store)), show_(std::move(show)) {}

  [[nodiscard]] ServerOutcome operator()(ServerJob&& job);

 private:
  [[nodiscard]] ServerLoaded run(const ServerLoad& job);
  [[nodiscard]] ServerRestored run(const ServerRestore& job);
  [[nodiscard]] ServerCutDone run(ServerCut& job);
  [[nodiscard]] ServerBased run(const ServerBase& job);
  [[nodiscard]] ServerLogged run(const ServerLog& job);

  [[nodiscard]] Status open(const ServerLoad& job);
  [[nodiscard]] Status open_home();
  [[nodiscard]] Status restore(const ServerRestore& job, std::vector<std::unique_ptr<Tables>>& out);
  [[nodiscard]] Status clear(PartitionId partition);
  [[nodiscard]] Status read(Tables& tables);
  // Base before deltas: the files of one ingestion may not overlap.
  [[nodiscard]] Status ingest_chains(const std::vector<wire::SnapshotFile>& files,
                                     const std::vector<std::string>& paths);
  // A file in the staging directory.
  [[nodiscard]] Result<wire::SnapshotFile> write(const PartitionCut& cut, CutScope scope);
  [[nodiscard]] Status keep(const std::vector<wire::SnapshotFile>& written);

  const std::string home_path_;
  const OpenStore open_store_;
  const Show show_;
  // None after a job that failed: what the disk refused once the store refuses until it is opened
  // again. The next job does that; by then there may be room.
  std::unique_ptr<KvStore> home_;
  std::unique_ptr<CheckpointStore> store_;
  std::unique_ptr<StepLog> step_log_;  // DurabilityMode::step
  std::shared_ptr<const Blas> blas_;
};

}  // namespace ballast

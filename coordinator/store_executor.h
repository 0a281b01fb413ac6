#pragma once

// Where the coordinator's jobs run: timelines and manifests in the checkpoint store, history.jsonl
// and what the run is for in the output directory: the exported model or, in cross-validation, the
// scores and outputs on the validation split (run_result.h).
//
// Jobs run one after another, on one thread.

#include <memory>
#include <string>

#include "common/storage/checkpoint_store.h"
#include "common/storage/manifest.h"
#include "coordinator/coordinator.h"

namespace ballast {

enum class RunProduct { model, scores };

struct StoreExecutorOptions {
  std::shared_ptr<const RunConfig> run;
  std::string output;           // model.safetensors, model.json, metrics.json, history.jsonl
  std::string version;          // Of Ballast.
  std::uint32_t slots = 0;      // Floats of optimizer state per weight.
  std::string transforms_json;  // The fitted transforms, kept in model.json for predict.
  RunProduct product = RunProduct::model;
};

class StoreExecutor {
 public:
  // REQUIRES: store outlives this.
  StoreExecutor(StoreExecutorOptions options, CheckpointStore& store)
      : options_(std::move(options)), store_(store) {}

  [[nodiscard]] CoordinatorOutcome operator()(CoordinatorJob&& job);

 private:
  [[nodiscard]] TimelineClaimed run(const ClaimTimeline& job);
  [[nodiscard]] ClaimRaised run(const RaiseClaim& job);
  [[nodiscard]] CheckpointKept run(const KeepCheckpoint& job);
  [[nodiscard]] HistoryAppended run(const AppendHistory& job);
  [[nodiscard]] ModelExported run(const ExportModel& job);
  [[nodiscard]] Status append(const AppendHistory& job);
  [[nodiscard]] Status sync_history() const;
  [[nodiscard]] Result<std::string> write_model(const ExportModel& job);
  [[nodiscard]] Result<Metrics> write_scores(const ExportModel& job);
  [[nodiscard]] std::string model_json(const ExportModel& job, const std::string& digest) const;

  const StoreExecutorOptions options_;
  CheckpointStore& store_;
  Timeline timeline_ = 0;
  Timeline unused_claim_ = 0;       // Ours, though the job that claimed it failed.
  bool history_is_broken_ = false;  // A job failed; lines are missing until one begins anew.
  bool history_is_ahead_ = false;   // It has lines that are to come again.
};

// A checkpoint as its manifest holds it, and back.
[[nodiscard]] Manifest to_manifest(const Checkpoint& checkpoint, const RunConfig& run,
                                   const std::string& version);
[[nodiscard]] Result<Checkpoint> from_manifest(const Manifest& manifest);

}  // namespace ballast

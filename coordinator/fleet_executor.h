#pragma once

// Where a fleet's jobs run: terms of the job in a store of its own, and for each run what
// store_executor.h does.
//
// Jobs run one after another, on one thread, but those of files: any other thread may do them.

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "common/base/result.h"
#include "common/storage/checkpoint_store.h"
#include "coordinator/file_site.h"
#include "coordinator/fleet.h"
#include "coordinator/store_executor.h"

namespace ballast {

// A run and where it is kept.
struct RunPlace {
  StoreExecutorOptions options;
  std::string checkpoints;  // Its store: a directory, or s3://BUCKET/PREFIX.
};

struct FleetExecutorOptions {
  std::function<Result<RunPlace>(RunId run)> make;
  // A run has ended, and perhaps failed. Durable when it returns.
  std::function<Status(RunId run, const Exit& exit)> record_end;
  std::function<Status(Conclusion)> conclude;  // Writes what the job is for, durably.
};

class FleetExecutor {
 public:
  // REQUIRES: terms outlives this; it holds the terms of this job and nothing else.
  FleetExecutor(FleetExecutorOptions options, CheckpointStore& terms)
      : options_(std::move(options)), terms_(terms) {}

  [[nodiscard]] FleetOutcome operator()(FleetJob&& job);

 private:
  struct Place {
    std::unique_ptr<CheckpointStore> store;
    std::unique_ptr<StoreExecutor> executor;
  };

  [[nodiscard]] FleetClaimed run(const ClaimFleet& job);
  [[nodiscard]] RunMade run(const MakeRun& job);
  [[nodiscard]] RunWorked run(RunWork& job);
  [[nodiscard]] EndRecorded run(const RecordEnd& job);
  [[nodiscard]] JobConcluded run(const ConcludeJob& job);
  [[nodiscard]] FileWorked run(const FileWork& job) const;
  [[nodiscard]] std::optional<CoordinatorOutcome> refuse_claim(const CoordinatorJob& job) const;

  const FleetExecutorOptions options_;
  CheckpointStore& terms_;
  Term term_ = 0;  // Ours of the job.
  std::map<RunId, Place> places_;
  FileSite files_;
};

}  // namespace ballast

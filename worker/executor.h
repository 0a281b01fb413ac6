#pragma once

// Where a worker's jobs run: the arithmetic, on a pool of threads. WorkerSite holds what the
// threads share (data set, model, BLAS), immutable once loaded; each thread has its own
// WorkerExecutor with its own engine and workspaces.
//
// A coordinator that comes back with another run makes a worker load again, perhaps while it is
// still loading and while jobs of the former run wait in line: the load that was asked for last
// counts, whichever ends last, and jobs of another run are dropped.

#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "worker/data/shard.h"
#include "worker/trainer.h"

namespace ballast {

// How a worker comes by the prepared data of a run: cli gives one that opens directories, tests
// give one that makes data in memory.
using OpenDataset = std::function<Result<std::shared_ptr<const Dataset>>(const RunConfig&)>;

class WorkerSite {
 public:
  explicit WorkerSite(OpenDataset open) : open_(std::move(open)) {}

  struct Loaded {
    std::shared_ptr<const RunConfig> run;
    std::shared_ptr<const Dataset> dataset;
    std::shared_ptr<const Model> model;
    std::shared_ptr<const Blas> blas;
  };

  [[nodiscard]] WorkerLoaded load(const WorkerLoad& job);
  // What the load() with the highest number so far left; empty before.
  [[nodiscard]] std::shared_ptr<const Loaded> loaded() const;

 private:
  [[nodiscard]] Result<std::shared_ptr<const Loaded>> make(const WorkerLoad& job) const;

  const OpenDataset open_;
  mutable std::mutex mutex_;  // Guards both.
  std::shared_ptr<const Loaded> loaded_;
  std::uint64_t number_ = 0;  // Its load's.
};

class WorkerExecutor {
 public:
  // REQUIRES: site outlives this.
  explicit WorkerExecutor(WorkerSite& site) : site_(site) {}

  [[nodiscard]] WorkerOutcome operator()(WorkerJob&& job);

 private:
  [[nodiscard]] WorkerOutcome run(GatherLeaves& job);
  [[nodiscard]] WorkerOutcome run(GatherBatches& job);
  [[nodiscard]] WorkerOutcome run(ComputeLeaf& job);
  [[nodiscard]] WorkerOutcome run(EvaluateBatch& job);
  // False: this run is not the one that is loaded.
  [[nodiscard]] bool use(const RunConfig* run);

  WorkerSite& site_;
  std::shared_ptr<const WorkerSite::Loaded> loaded_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<Sharding> sharding_;
};

}  // namespace ballast

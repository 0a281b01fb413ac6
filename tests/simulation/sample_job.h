#pragma once

// The jobs that simulated clusters train: small, but with real arithmetic. Each shape is a spec, a
// data set in memory and the run that follows from both. Shapes differ in what has its own paths
// through the machines: leaves, partitions, tables, optimizer, clipping, early stop, splits, steps
// that are skipped.

#include <cstdint>
#include <memory>

#include "common/job/run.h"
#include "worker/data/dataset.h"
#include "worker/model/model.h"

namespace ballast::simulation {

inline constexpr std::uint64_t kShapes = 15;

struct SampleJob {
  RunConfig run;
  std::shared_ptr<const Dataset> dataset;
  std::shared_ptr<const Model> model;
  bool skips = false;  // Whether there are steps that are not finite.
};

// REQUIRES: shape < kShapes.
[[nodiscard]] SampleJob make_sample_job(std::uint64_t shape);

// The BLAS of every simulated member. The family is fixed, so that a seed means the same on every
// CPU with AVX2.
inline constexpr KernelFamily kFamily = KernelFamily::haswell;
[[nodiscard]] std::shared_ptr<const Blas> shared_blas();

}  // namespace ballast::simulation

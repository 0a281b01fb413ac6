#pragma once

// commit(t): what every partition applies at step t. A pure function of commit(t-1), the figures of
// prepared(t) and, where an evaluation was due at t-1, its metrics (R7): whoever has these can
// compute or check it. Wishes of users and clocks (`cut` by time, `last` by cancel) never enter
// arithmetic.

#include <cstdint>

#include "common/base/ids.h"
#include "common/job/figures.h"

namespace ballast {

struct Commit {
  Step step = 0;

  // What partitions do.
  bool skip = false;   // The step is counted but changes no weight (R3, "skip").
  float scale = 1.0F;  // Of the summed gradient: 1 / examples, times the clip factor.
  float learning_rate = 0.0F;
  float bias_correction1 = 1.0F;  // Adam: 1 - beta1^t
  float bias_correction2 = 1.0F;
  bool cut = false;   // Write a checkpoint of this version.
  bool last = false;  // No step follows.

  // What the next commit needs.
  double beta1_power = 1.0;  // beta1^(updates so far)
  double beta2_power = 1.0;
  double best = 0.0;  // Early stop: the best value so far ...
  bool has_best = false;
  std::uint32_t without_gain = 0;  // ... and the evaluations since.

  // For the history.
  Figures figures;             // Of this step.
  Figures epoch;               // Since the epoch began, this step included.
  double gradient_norm = 0.0;  // Of the scaled gradient before clipping.

  friend bool operator==(const Commit&, const Commit&) = default;
};

}  // namespace ballast

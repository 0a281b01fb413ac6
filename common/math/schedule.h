#pragma once

// Learning-rate schedules: the rate at a step as a function of the step and the spec alone, in
// float64 with our own transcendental functions.

#include "common/base/ids.h"
#include "common/job/spec.h"

namespace ballast {

// The rate rises linearly to the base rate, reached at step `first` = max(1, warmup_steps); from
// there on, with p = (step - first) / (steps - first) and f = final_factor:
//   step          base * step_factor ^ floor((step - first) / step_every)
//   cosine        base * (f + (1 - f) (1 + cos(pi p)) / 2)
//   linear        base * (1 + (f - 1) p)
//   inverse_sqrt  base * sqrt(first / step)
// REQUIRES: 1 <= step <= steps, the run's last step, where cosine and linear reach base * f.
[[nodiscard]] double learning_rate_at(const OptimizerSpec& optimizer, Step step, Step steps);

}  // namespace ballast

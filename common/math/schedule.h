#pragma once

// Learning-rate schedules: the rate at a step as a function of the step and the spec alone, in
// float64 with our own transcendental functions.

#include "common/base/ids.h"
#include "common/job/spec.h"

namespace ballast {

// REQUIRES: 1 <= step <= steps (the run's last step, where cosine and linear end).
[[nodiscard]] double learning_rate_at(const OptimizerSpec& optimizer, Step step, Step steps);

}  // namespace ballast

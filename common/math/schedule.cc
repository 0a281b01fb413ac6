#include "common/math/schedule.h"

#include <algorithm>
#include <cmath>

#include "common/base/check.h"
#include "common/math/kernels.h"

namespace ballast {
namespace {

constexpr double kPi = 3.14159265358979323846;

// The share of the way from `first` to `last` that lies behind.
double progress(Step first, Step step, Step last) {
  if (last <= first) return 0.0;
  return static_cast<double>(step - first) / static_cast<double>(last - first);
}

double power(double factor, std::uint64_t times) {
  if (times == 0) return 1.0;
  return factor > 0.0 ? pow_double(factor, static_cast<double>(times)) : 0.0;
}

}  // namespace

double learning_rate_at(const OptimizerSpec& optimizer, Step step, Step steps) {
  BALLAST_CHECK(1 <= step && step <= steps);
  const ScheduleSpec& schedule = optimizer.schedule;
  const double base = optimizer.learning_rate;
  if (step < schedule.warmup_steps) {
    return base * (static_cast<double>(step) / static_cast<double>(schedule.warmup_steps));
  }

  const Step first = std::max<Step>(1, schedule.warmup_steps);  // The first at the full rate.
  const double floor = schedule.final_factor;
  switch (schedule.kind) {
    case ScheduleKind::constant:
      return base;
    case ScheduleKind::step:
      if (schedule.step_every == 0) return base;
      return base * power(schedule.step_factor, (step - first) / schedule.step_every);
    case ScheduleKind::cosine: {
      const double wave = 0.5 * (1.0 + cos_double(kPi * progress(first, step, steps)));
      return base * (floor + (1.0 - floor) * wave);
    }
    case ScheduleKind::linear:
      return base * (1.0 + (floor - 1.0) * progress(first, step, steps));
    case ScheduleKind::inverse_sqrt:
      return base * std::sqrt(static_cast<double>(first) / static_cast<double>(step));
  }
  BALLAST_CHECK(false);
  return 0.0;
}

}  // namespace ballast

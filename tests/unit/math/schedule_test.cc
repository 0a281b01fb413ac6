#include "common/math/schedule.h"

#include <gtest/gtest.h>

#include <cmath>

namespace ballast {
namespace {

TEST(Schedule, FollowsItsFormula) {
  struct Case {
    const char* name;
    ScheduleSpec schedule;
    Step step;
    Step steps;
    double expected;  // As a factor of the base rate.
  };
  const ScheduleSpec constant = {};
  const ScheduleSpec warm = {.warmup_steps = 10};
  const ScheduleSpec stairs = {.kind = ScheduleKind::step, .step_every = 5, .step_factor = 0.1};
  const ScheduleSpec warm_stairs = {
      .kind = ScheduleKind::step, .warmup_steps = 10, .step_every = 5, .step_factor = 0.1};
  const ScheduleSpec cosine = {.kind = ScheduleKind::cosine, .final_factor = 0.2};
  const ScheduleSpec warm_cosine = {.kind = ScheduleKind::cosine, .warmup_steps = 20};
  const ScheduleSpec linear = {.kind = ScheduleKind::linear, .final_factor = 0.5};
  const ScheduleSpec root = {.kind = ScheduleKind::inverse_sqrt};
  const ScheduleSpec warm_root = {.kind = ScheduleKind::inverse_sqrt, .warmup_steps = 4};
  const Case cases[] = {
      {"constant, first step", constant, 1, 100, 1.0},
      {"constant, last step", constant, 100, 100, 1.0},
      {"warm-up, first step", warm, 1, 100, 0.1},
      {"warm-up, half way", warm, 5, 100, 0.5},
      {"warm-up, its last step is at the full rate", warm, 10, 100, 1.0},
      {"warm-up, after it", warm, 11, 100, 1.0},
      {"warm-up longer than the run", warm, 7, 7, 0.7},
      {"step, first step", stairs, 1, 100, 1.0},
      {"step, last of the first stair", stairs, 5, 100, 1.0},
      {"step, first of the second stair", stairs, 6, 100, 0.1},
      {"step, third stair", stairs, 11, 100, 0.01},
      {"step, counts from the end of the warm-up", warm_stairs, 14, 100, 1.0},
      {"step, falls after the warm-up", warm_stairs, 15, 100, 0.1},
      {"cosine, first step", cosine, 1, 101, 1.0},
      {"cosine, half way", cosine, 51, 101, 0.6},
      {"cosine, a quarter of the way", cosine, 26, 101, 0.2 + 0.8 * (1.0 + std::sqrt(0.5)) / 2.0},
      {"cosine, last step", cosine, 101, 101, 0.2},
      {"cosine after warm-up, its start", warm_cosine, 20, 120, 1.0},
      {"cosine after warm-up, half way", warm_cosine, 70, 120, 0.5},
      {"cosine after warm-up, last step", warm_cosine, 120, 120, 0.0},
      {"linear, first step", linear, 1, 101, 1.0},
      {"linear, half way", linear, 51, 101, 0.75},
      {"linear, last step", linear, 101, 101, 0.5},
      {"linear, a run of one step", linear, 1, 1, 1.0},
      {"inverse square root, first step", root, 1, 100, 1.0},
      {"inverse square root, step 64", root, 64, 100, 0.125},
      {"inverse square root, warm-up", warm_root, 2, 100, 0.5},
      {"inverse square root, from the warm-up's end", warm_root, 16, 100, 0.5},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const OptimizerSpec optimizer = {.learning_rate = 0.3, .schedule = c.schedule};
    EXPECT_NEAR(learning_rate_at(optimizer, c.step, c.steps), 0.3 * c.expected, 1e-15);
  }
}

TEST(Schedule, NeverLeavesTheRangeBetweenItsEnds) {
  for (const ScheduleKind kind : {ScheduleKind::step, ScheduleKind::cosine, ScheduleKind::linear,
                                  ScheduleKind::inverse_sqrt}) {
    const OptimizerSpec optimizer = {
        .learning_rate = 0.3,
        .schedule = {.kind = kind, .step_every = 7, .step_factor = 0.5, .final_factor = 0.01}};
    double before = 0.3;
    for (Step step = 1; step <= 1000; ++step) {
      const double rate = learning_rate_at(optimizer, step, 1000);
      ASSERT_LE(rate, before) << "step " << step;
      ASSERT_GT(rate, 0.0) << "step " << step;
      before = rate;
    }
    EXPECT_LT(before, 0.3);
  }
}

}  // namespace
}  // namespace ballast

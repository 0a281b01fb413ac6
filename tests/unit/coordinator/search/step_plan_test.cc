#include "coordinator/search/step_plan.h"

#include <gtest/gtest.h>

namespace ballast {
namespace {

// Four configurations on two splits, of 10, 20, 30 and 40 steps.
StepCosts grid_costs() {
  return {.races = {{{.first = 0, .rungs = {{.steps = 40, .configurations = 4}}}}},
          .splits = {2},
          .run = [](std::size_t, std::uint32_t c, std::uint32_t) { return Step{10} * (c + 1); },
          .refit = [](std::uint32_t c) { return Step{50} + c; }};
}

// Six configurations from 10 steps, two of which go on to 30.
StepCosts halving_costs() {
  return {.races = {{{.first = 0,
                      .rungs = {{.steps = 10, .configurations = 6},
                                {.steps = 30, .configurations = 2}}}}},
          .splits = {3},
          .run = [](std::size_t, std::uint32_t, std::uint32_t) { return Step{30}; },
          .refit = {}};
}

TEST(StepPlan, TakesConfigurationsWholeAndInOrder) {
  struct Case {
    std::uint64_t budget;
    std::uint32_t configurations;
    std::uint64_t steps;
    bool refit;
  };
  // Two splits each: 20, 40, 60, 80; and at most 53 for the refit.
  const Case cases[] = {{0, 0, 0, false},     {19, 0, 0, false},    {20, 1, 20, false},
                        {59, 1, 20, false},   {60, 2, 60, false},   {199, 3, 120, false},
                        {200, 4, 200, false}, {252, 4, 200, false}, {253, 4, 253, true}};
  for (const Case& c : cases) {
    SCOPED_TRACE(c.budget);
    const StepPlan plan = plan_steps(grid_costs(), c.budget);
    EXPECT_EQ(plan.races[0][0].configurations, c.configurations);
    EXPECT_EQ(plan.steps, c.steps);
    EXPECT_EQ(plan.refit, c.refit);
    EXPECT_EQ(plan.is_whole, c.refit);
  }
  StepCosts without = grid_costs();
  without.refit = {};
  EXPECT_TRUE(plan_steps(without, 200).is_whole);
}

TEST(StepPlan, BeginsARungWhenItFitsWhoeverGoesOn) {
  // The first rung takes 6 * 3 * 10, the second at most 2 * 3 * 20.
  EXPECT_EQ(plan_steps(halving_costs(), 299).races[0][0], (StepPlan::Share{1, 6}));
  const StepPlan plan = plan_steps(halving_costs(), 300);
  EXPECT_EQ(plan.races[0][0], (StepPlan::Share{2, 6}));
  EXPECT_TRUE(plan.is_whole);
  EXPECT_EQ(plan_steps(halving_costs(), 100).races[0][0], (StepPlan::Share{1, 3}));
}

TEST(StepPlan, BeginsNothingAfterWhatDoesNotFit) {
  StepCosts costs = halving_costs();
  costs.races.push_back(costs.races[0]);
  costs.splits.push_back(1);
  costs.run = [](std::size_t race, std::uint32_t, std::uint32_t) {
    return race == 0 ? Step{30} : Step{12};
  };
  // The inner race takes 6 * 10 + 2 * 2, and the three runs of their own 3 * 30.
  const StepPlan outer = plan_steps(costs, 299);
  EXPECT_EQ(outer.races[1][0], StepPlan::Share()) << "60 steps were left for it";
  EXPECT_EQ(plan_steps(costs, 300 + 64).races[1][0], (StepPlan::Share{2, 6}));
  EXPECT_FALSE(plan_steps(costs, 300 + 64 + 89).is_whole);
  EXPECT_TRUE(plan_steps(costs, 300 + 64 + 90).is_whole);
}

TEST(StepPlan, NeverAsksForMoreThanItsBudget) {
  for (std::uint64_t budget = 0; budget < 400; ++budget) {
    for (const StepCosts& costs : {grid_costs(), halving_costs()}) {
      const StepPlan plan = plan_steps(costs, budget);
      EXPECT_LE(plan.steps, budget);
      if (budget == 0) continue;
      EXPECT_GE(plan.steps, plan_steps(costs, budget - 1).steps) << "more steps, no fewer runs";
    }
  }
}

TEST(StepPlan, KnowsItsLegs) {
  const StepCosts costs = halving_costs();
  const StepPlan some = plan_steps(costs, 100);
  const auto leg = [](std::uint32_t configuration, std::uint32_t rung) {
    return Leg{.configuration = configuration, .rung = rung, .split = 1, .from = 0, .to = 10};
  };
  EXPECT_TRUE(has_leg(some, costs.races[0], 0, leg(2, 0)));
  EXPECT_FALSE(has_leg(some, costs.races[0], 0, leg(3, 0)));
  EXPECT_FALSE(has_leg(some, costs.races[0], 0, leg(0, 1)));
  EXPECT_TRUE(has_leg(plan_steps(costs, 300), costs.races[0], 0, leg(5, 1)));
}

}  // namespace
}  // namespace ballast

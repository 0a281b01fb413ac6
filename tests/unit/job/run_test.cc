#include "common/job/run.h"

#include <gtest/gtest.h>

#include <vector>

namespace ballast {
namespace {

TEST(Leaves, FollowFromTheBatchAlone) {
  struct Case {
    std::uint32_t batch;
    std::uint32_t leaves;  // As written; 0: not.
    std::uint32_t expected;
  };
  const Case cases[] = {
      {1, 0, 1},    {64, 0, 1},    {127, 0, 1},
      {128, 0, 2},  {255, 0, 2},   {256, 0, 4},
      {1000, 0, 8}, {1024, 0, 16}, {1U << 24, 0, 1U << 18},
      {256, 1, 1},  {256, 32, 32},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.batch);
    TrainingSpec training;
    training.batch = c.batch;
    training.leaves = c.leaves;
    EXPECT_EQ(leaves_of(training), c.expected);
  }
}

RunConfig ten_steps_an_epoch() {
  RunConfig run;
  run.steps_per_epoch = 10;
  run.steps = 25;
  run.train_examples = 640;
  run.validation_examples = 257;
  run.test_examples = 256;
  run.evaluation_batch = 256;
  return run;
}

std::vector<Step> evaluations(const RunConfig& run) {
  std::vector<Step> steps;
  for (Step step = 0; step <= run.steps; ++step) {
    if (evaluates_at(run, step)) steps.push_back(step);
  }
  return steps;
}

TEST(Run, EvaluatesAtTheEndOfEachEpochAndAtTheEnd) {
  EXPECT_EQ(evaluations(ten_steps_an_epoch()), (std::vector<Step>{10, 20, 25}));
}

TEST(Run, EvaluatesByStepsWhenTheSpecSaysSo) {
  RunConfig run = ten_steps_an_epoch();
  run.training.evaluate_every = 8;
  EXPECT_EQ(evaluations(run), (std::vector<Step>{8, 16, 24, 25}));
}

TEST(Run, CountsEvaluationBatchesWithAShortOneAtTheEnd) {
  const RunConfig run = ten_steps_an_epoch();
  EXPECT_EQ(evaluation_batches(run, Split::train), 3U);
  EXPECT_EQ(evaluation_batches(run, Split::validation), 2U);
  EXPECT_EQ(evaluation_batches(run, Split::test), 1U);
  EXPECT_EQ(evaluation_batches(RunConfig(), Split::test), 0U);
}

TEST(Run, CountsStepsIntoEpochs) {
  const RunConfig run = ten_steps_an_epoch();
  EXPECT_EQ(epoch_of(run, 0), 0U);
  EXPECT_EQ(epoch_of(run, 1), 0U);
  EXPECT_EQ(epoch_of(run, 10), 0U);
  EXPECT_EQ(epoch_of(run, 11), 1U);
  EXPECT_EQ(epoch_of(run, 25), 2U);
}

}  // namespace
}  // namespace ballast

#include "coordinator/commit.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <vector>

namespace ballast::commit_test {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Four steps an epoch, twelve in all, two partitions.
RunConfig small_run() {
  RunConfig run;
  run.partitions = 2;
  run.steps_per_epoch = 4;
  run.steps = 12;
  run.optimizer.kind = OptimizerKind::adam;
  run.optimizer.learning_rate = 0.5;
  run.optimizer.beta1 = 0.5;
  run.optimizer.beta2 = 0.75;
  return run;
}

struct Given {
  RunConfig run = small_run();
  Commit previous;
  Figures figures{.loss = 6.0, .examples = 8, .correct = 3};
  std::vector<wire::PreparedPartition> partitions = {{PartitionId{0}, 1, 9.0},
                                                     {PartitionId{1}, 2, 16.0}};
  std::optional<double> watched;

  [[nodiscard]] Commit commit() const {
    return next_commit(run, previous, {figures, partitions}, watched);
  }
};

TEST(NextCommit, IsAFunctionOfItsArguments) {
  Given input;
  input.previous.step = 3;
  input.previous.epoch = {.loss = 1.0, .examples = 24};
  input.run.training.clip_norm = 0.25;
  EXPECT_EQ(input.commit(), input.commit());
}

TEST(NextCommit, SaysWhatItIsToSay) {
  struct Case {
    const char* name;
    std::function<void(Given&)> given;
    std::function<void(const Commit&)> expect;
  };
  const Case cases[] = {
      {"the first step", [](Given&) {},
       [](const Commit& c) {
         EXPECT_EQ(c.step, 1U);
         EXPECT_EQ(c.scale, 0.125F);
         EXPECT_EQ(c.gradient_norm, 5.0 / 8.0);
         EXPECT_EQ(c.learning_rate, 0.5F);
         EXPECT_EQ(c.bias_correction1, 0.5F);
         EXPECT_EQ(c.bias_correction2, 0.25F);
         EXPECT_EQ(c.epoch.examples, 8U);
         EXPECT_FALSE(c.skip || c.cut || c.last);
       }},
      {"powers of beta go on",
       [](Given& in) {
         in.previous.step = 1;
         in.previous.beta1_power = 0.5;
         in.previous.beta2_power = 0.75;
       },
       [](const Commit& c) {
         EXPECT_EQ(c.beta1_power, 0.25);
         EXPECT_EQ(c.bias_correction1, 0.75F);
       }},
      {"a norm at the limit is not clipped",
       [](Given& in) { in.run.training.clip_norm = 5.0 / 8.0; },
       [](const Commit& c) { EXPECT_EQ(c.scale, 0.125F); }},
      {"a norm above the limit is clipped to it",
       [](Given& in) { in.run.training.clip_norm = 5.0 / 16.0; },
       [](const Commit& c) {
         EXPECT_EQ(c.scale, 0.0625F);
         EXPECT_EQ(c.gradient_norm, 5.0 / 8.0) << "as it was before";
       }},
      {"figures of an epoch add up",
       [](Given& in) {
         in.previous.step = 3;
         in.previous.epoch = {.loss = 1.0, .examples = 24, .correct = 5};
       },
       [](const Commit& c) {
         EXPECT_EQ(c.epoch, (Figures{.loss = 7.0, .examples = 32, .correct = 8}));
       }},
      {"a new epoch begins from nothing",
       [](Given& in) {
         in.previous.step = 4;
         in.previous.epoch = {.loss = 1.0, .examples = 32};
       },
       [](const Commit& c) { EXPECT_EQ(c.epoch.examples, 8U); }},
      {"the last step is kept", [](Given& in) { in.previous.step = 11; },
       [](const Commit& c) { EXPECT_TRUE(c.last && c.cut); }},
      {"the last step but one is not", [](Given& in) { in.previous.step = 10; },
       [](const Commit& c) { EXPECT_FALSE(c.last || c.cut); }},
      {"a step that is not finite is skipped",
       [](Given& in) {
         in.previous.step = 2;
         in.previous.beta1_power = 0.25;
         in.previous.epoch = {.loss = 2.0, .examples = 16};
         in.figures.nonfinite = 1;
       },
       [](const Commit& c) {
         EXPECT_TRUE(c.skip);
         EXPECT_EQ(c.step, 3U);
         EXPECT_EQ(c.beta1_power, 0.25);
         EXPECT_EQ(c.epoch, (Figures{.loss = 2.0, .examples = 16}));
       }},
      {"a gradient that overflows is skipped",
       [](Given& in) { in.partitions[1].sum_of_squares = kInfinity; },
       [](const Commit& c) {
         EXPECT_TRUE(c.skip);
         EXPECT_TRUE(std::isfinite(c.gradient_norm));
       }},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    Given input;
    c.given(input);
    c.expect(input.commit());
  }
}

TEST(NextCommit, StopsEarlyAfterSoManyEvaluationsWithoutGain) {
  Given input;
  input.run.training.early_stop = {.metric = "roc_auc", .patience = 2, .min_gain = 0.01};
  struct Evaluation {
    double value;
    double best;
    std::uint32_t without_gain;
    bool last;
  };
  const Evaluation evaluations[] = {
      {0.50, 0.50, 0, false}, {0.60, 0.60, 0, false}, {0.605, 0.60, 1, false},
      {0.70, 0.70, 0, false}, {0.70, 0.70, 1, false}, {0.10, 0.70, 2, true},
  };
  for (const Evaluation& e : evaluations) {
    input.watched = e.value;
    const Commit commit = input.commit();
    EXPECT_EQ(commit.best, e.best);
    EXPECT_EQ(commit.without_gain, e.without_gain);
    EXPECT_EQ(commit.last, e.last);
    EXPECT_EQ(commit.cut, e.last);
    input.previous = commit;
  }
}

TEST(NextCommit, KnowsWhichMetricsAreBetterWhenSmaller) {
  Given input;
  input.run.training.early_stop = {.metric = "rmse", .patience = 1, .min_gain = 0.0};
  input.watched = 2.0;
  input.previous = input.commit();
  input.watched = 1.0;
  input.previous = input.commit();
  EXPECT_EQ(input.previous.best, 1.0);
  input.watched = 1.5;
  EXPECT_TRUE(input.commit().last);
}

TEST(NextCommit, StopsWhenTheTargetIsReached) {
  struct Case {
    const char* metric;
    double value;
    bool last;
  };
  const Case cases[] = {
      {"roc_auc", 0.89, false}, {"roc_auc", 0.9, true}, {"roc_auc", 0.95, true},
      {"loss", 0.91, false},    {"loss", 0.9, true},    {"roc_auc", std::nan(""), false},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(testing::Message() << c.metric << " " << c.value);
    Given input;
    input.run.training.early_stop = {.metric = c.metric, .target = 0.9};
    input.watched = c.value;
    EXPECT_EQ(input.commit().last, c.last);
    EXPECT_EQ(input.commit().cut, c.last);
  }
}

TEST(HasDiverged, ComparesTheMeanLossOfTheStep) {
  Given input;  // 6 / 8
  const PreparedStep step{input.figures, input.partitions};
  EXPECT_FALSE(has_diverged(input.run, step));
  input.run.training.diverged_above = 0.75;
  EXPECT_FALSE(has_diverged(input.run, step));
  input.run.training.diverged_above = 0.74;
  EXPECT_TRUE(has_diverged(input.run, step));
}

TEST(NextCommit, KeepsTheBestWhereNothingWasEvaluated) {
  Given input;
  input.previous.best = 0.9;
  input.previous.has_best = true;
  input.previous.without_gain = 1;
  const Commit commit = input.commit();
  EXPECT_EQ(commit.best, 0.9);
  EXPECT_TRUE(commit.has_best);
  EXPECT_EQ(commit.without_gain, 1U);
}

}  // namespace
}  // namespace ballast::commit_test

#include "coordinator/evaluation.h"

#include <gtest/gtest.h>

#include <vector>

namespace ballast::evaluation_test {
namespace {

// Five validation examples in batches of two, three test examples.
RunConfig small_run() {
  RunConfig run;
  run.validation_examples = 5;
  run.test_examples = 3;
  run.evaluation_batch = 2;
  run.outputs = 1;
  run.task = Task::binary;
  return run;
}
const RunConfig kRun = small_run();

wire::Evaluated result(Split split, std::uint32_t batch) {
  const std::uint64_t first = std::uint64_t{batch} * 2;
  const std::uint64_t count = std::min<std::uint64_t>(2, examples_of(kRun, split) - first);
  std::vector<float> outputs;
  std::vector<float> labels;
  for (std::uint64_t i = first; i < first + count; ++i) {
    outputs.push_back(0.1F + 0.15F * static_cast<float>(i));
    labels.push_back(static_cast<float>((i * 3 / 2) % 2));
  }
  return {.timeline = 4,
          .version = 9,
          .split = split,
          .batch = batch,
          .loss = 0.1 + 1e-17 * batch,
          .outputs = Bytes::own(std::move(outputs)),
          .labels = Bytes::own(std::move(labels)),
          .weights = {}};
}

TEST(Evaluation, IsCompleteWithEveryBatchAndGivesTheSameFiguresInEveryOrder) {
  Evaluation forward(kRun, 4, 9, {Split::validation, Split::test});
  Evaluation backward(kRun, 4, 9, {Split::validation, Split::test});
  const std::vector<std::pair<Split, std::uint32_t>> batches = {{Split::validation, 0},
                                                                {Split::validation, 1},
                                                                {Split::validation, 2},
                                                                {Split::test, 0},
                                                                {Split::test, 1}};
  for (std::size_t i = 0; i < batches.size(); ++i) {
    EXPECT_FALSE(forward.complete());
    EXPECT_TRUE(forward.accept(result(batches[i].first, batches[i].second)));
    const auto& [split, batch] = batches[batches.size() - 1 - i];
    EXPECT_TRUE(backward.accept(result(split, batch)));
    backward.accept(result(split, batch));
  }
  ASSERT_TRUE(forward.complete() && backward.complete());
  EXPECT_EQ(forward.metrics(Split::validation), backward.metrics(Split::validation));
  EXPECT_EQ(forward.metrics(Split::test), backward.metrics(Split::test));
}

TEST(Evaluation, TakesOnlyWhatItAskedFor) {
  struct Case {
    const char* name;
    void (*spoil)(wire::Evaluated&);
  };
  const Case cases[] = {
      {"another timeline", [](wire::Evaluated& r) { r.timeline = 3; }},
      {"another version", [](wire::Evaluated& r) { r.version = 8; }},
      {"another split", [](wire::Evaluated& r) { r.split = Split::test; }},
      {"a batch beyond the last", [](wire::Evaluated& r) { r.batch = 3; }},
      {"too few outputs",
       [](wire::Evaluated& r) { r.outputs = Bytes::own(std::vector<float>(1)); }},
      {"too many labels", [](wire::Evaluated& r) { r.labels = Bytes::own(std::vector<float>(3)); }},
      {"no floats", [](wire::Evaluated& r) { r.labels = Bytes::own(std::vector<std::byte>(7)); }},
      {"a label of no class",
       [](wire::Evaluated& r) {
         r.labels = Bytes::own(std::vector<float>{0.0F, 2.0F});
       }},
      {"a label that is no number",
       [](wire::Evaluated& r) {
         r.labels = Bytes::own(std::vector<float>{0.0F, std::numeric_limits<float>::quiet_NaN()});
       }},
  };
  Evaluation evaluation(kRun, 4, 9, {Split::validation});
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    wire::Evaluated spoiled = result(Split::validation, 0);
    c.spoil(spoiled);
    EXPECT_FALSE(evaluation.accept(spoiled));
    EXPECT_EQ(evaluation.batches_in(), 0U);
  }
  EXPECT_TRUE(evaluation.accept(result(Split::validation, 0)));
}

TEST(Evaluation, WeighsByTheExamplesOwnWeights) {
  RunConfig run = small_run();
  run.weights = ExampleWeights{.has_own = true, .classes = {}, .scale = 3.0};
  Evaluation evaluation(run, 4, 9, {Split::test});
  const auto weighted = [](std::uint32_t batch, std::vector<double> weights) {
    wire::Evaluated evaluated = result(Split::test, batch);
    evaluated.weights = Bytes::own(std::move(weights));
    return evaluated;
  };
  EXPECT_FALSE(evaluation.accept(result(Split::test, 0)));
  EXPECT_FALSE(evaluation.accept(weighted(0, {1.0})));
  EXPECT_FALSE(evaluation.accept(weighted(0, {1.0, -1.0})));
  EXPECT_FALSE(evaluation.accept(weighted(0, {1.0, std::numeric_limits<double>::infinity()})));
  EXPECT_TRUE(evaluation.accept(weighted(0, {1.0, 3.0})));
  EXPECT_TRUE(evaluation.accept(weighted(1, {4.0})));
  // Outputs 0.1, 0.25 and 0.4 of labels 0, 1 and 1: all are called 0.
  EXPECT_EQ(evaluation.outputs(Split::test).weights, (std::vector<double>{1.0, 3.0, 4.0}));
  const auto value_of = [](const Metrics& metrics, const std::string& name) {
    for (const auto& [known, value] : metrics) {
      if (known == name) return value;
    }
    return -1.0;
  };
  EXPECT_DOUBLE_EQ(value_of(evaluation.metrics(Split::test), "accuracy"), 1.0 / 8.0);
  EXPECT_DOUBLE_EQ(value_of(evaluation.metrics(Split::test), "loss"), 0.2 / 8.0);
  EXPECT_DOUBLE_EQ(value_of(evaluation.metrics(Split::test, 0.2), "accuracy"), 1.0);
  const Metrics usual = evaluation.metrics(Split::test);
  const Metrics more = evaluation.metrics(Split::test, 0.5, {"brier_score", "loss", "accuracy"});
  ASSERT_EQ(more.size(), usual.size() + 1);
  EXPECT_TRUE(std::equal(usual.begin(), usual.end(), more.begin()));
  EXPECT_EQ(more.back().first, "brier_score");
}

TEST(Evaluation, RefusesWeightsThatNobodyHas) {
  Evaluation evaluation(kRun, 4, 9, {Split::validation});
  wire::Evaluated weighted = result(Split::validation, 0);
  weighted.weights = Bytes::own(std::vector<double>{1.0, 1.0});
  EXPECT_FALSE(evaluation.accept(weighted));
}

TEST(ChooseThreshold, TakesTheCutThatTheWeightsFavour) {
  SplitOutputs of{.outputs = {0.1F, 0.4F, 0.35F, 0.8F}, .labels = {0, 0, 1, 1}, .weights = {}};
  const auto plain = choose_threshold(of, ThresholdMetric::accuracy, ThresholdSource::validation);
  ASSERT_TRUE(plain.has_value());
  // Cuts above 0.4 and above 0.1 are right three times of four: the higher counts.
  EXPECT_EQ(plain->value, (double{0.8F} + double{0.4F}) / 2.0);
  EXPECT_EQ(plain->score, 0.75);
  of.weights = {1, 1, 5, 1};
  const auto heavy = choose_threshold(of, ThresholdMetric::accuracy, ThresholdSource::out_of_fold);
  ASSERT_TRUE(heavy.has_value());
  EXPECT_EQ(heavy->value, (double{0.35F} + double{0.1F}) / 2.0);
  EXPECT_EQ(heavy->score, 7.0 / 8.0);
  of.labels = {0, 0, 0, 0};
  EXPECT_FALSE(choose_threshold(of, ThresholdMetric::f1, ThresholdSource::validation).has_value());
}

TEST(Evaluation, DealsEveryOpenBatchOnce) {
  Evaluation evaluation(kRun, 4, 9, {Split::validation, Split::test});
  evaluation.accept(result(Split::validation, 1));
  for (std::size_t workers = 1; workers <= 6; ++workers) {
    SCOPED_TRACE(workers);
    std::vector<MemberId> ids;
    for (std::size_t i = 0; i < workers; ++i) ids.push_back(MemberId{i + 1});
    std::map<std::pair<Split, std::uint32_t>, int> dealt;
    for (const auto& [worker, part] : evaluation.assign(ids)) {
      for (std::uint32_t batch = part.begin; batch < part.end; ++batch) {
        ++dealt[{part.split, batch}];
      }
    }
    EXPECT_EQ(dealt.size(), 4U);
    EXPECT_FALSE(dealt.contains({Split::validation, 1}));
    for (const auto& [place, times] : dealt) EXPECT_EQ(times, 1);
  }
  EXPECT_TRUE(evaluation.assign({}).empty());
}

}  // namespace
}  // namespace ballast::evaluation_test

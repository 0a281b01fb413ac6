#include "coordinator/evaluation.h"

#include <gtest/gtest.h>

#include <vector>

namespace ballast {
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
          .labels = Bytes::own(std::move(labels))};
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
}  // namespace ballast

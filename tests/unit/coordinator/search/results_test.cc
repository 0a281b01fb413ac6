#include "coordinator/search/results.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string>

#include "common/base/check.h"
#include "common/math/metrics_report.h"
#include "common/math/statistics.h"
#include "common/storage/files.h"
#include "tests/unit/storage/support.h"

namespace ballast {
namespace {

using Json = nlohmann::ordered_json;

RunResult some_result() {
  RunResult result;
  result.step = 40;
  result.train_examples = 4;
  result.steps_per_epoch = 20;
  result.outputs = {0.2F, 0.9F};
  result.labels = {0.0F, 1.0F};
  result.scores = {{"accuracy", 1.0}, {"roc_auc", 0.1 + 0.2}};
  return result;
}

// Two configurations of a learning rate on two folds of a binary task, of which the second is
// better.
class ResultsTest : public testing::Test {
 protected:
  ResultsTest() {
    spec_.name = "job";
    spec_.seed = 7;
    spec_.model.task = Task::binary;
    spec_.cross_validation.emplace();
    spec_.cross_validation->folds = 2;
    spec_.search.emplace();
    spec_.search->metric = "accuracy";
    ParameterSpec rate;
    rate.field = "optimizer.learning_rate";
    rate.choices = {"0.1", "0.2"};
    spec_.search->parameters.push_back(std::move(rate));
  }

  [[nodiscard]] static JobRun run(const std::string& name, double accuracy) {
    JobRun run{.name = name, .result = some_result(), .history = ""};
    run.result->scores = {{"accuracy", accuracy}, {"log_loss", 1.0 - accuracy}};
    run.history =
        "{\"step\":20,\"loss\":0.7}\n"
        "{\"epoch\":1,\"step\":20,\"train\":{\"loss\":0.6},\"validation\":{\"accuracy\":0.5}}\n";
    return run;
  }

  [[nodiscard]] JobResults results() const {
    JobResults results{
        .version = "v",
        .spec = spec_,
        .metric = "accuracy",
        .classes = {"no", "yes, it is"},
        .examples = 4,
        .splits = {{.repeat = 0, .fold = 0, .train_examples = 2, .validation = {0, 3}},
                   {.repeat = 0, .fold = 1, .train_examples = 2, .validation = {1, 2}}},
        .configurations = {{.id = 0, .values = {"0.1"}}, {.id = 1, .values = {"0.2"}}},
        .ranking = {{1, Standing::done, 40, 0.85}, {0, Standing::done, 40, 0.7}},
        .runs = {run("a", 0.6), run("b", 0.8), run("c", 0.8), run("d", 0.9)},
        .refit = {}};
    return results;
  }

  Spec spec_;
};

TEST_F(ResultsTest, TheBestMeanIsChosenOrWhatIsListedFirstWithinOneStandardError) {
  auto choice = choose(results());
  ASSERT_TRUE(choice);
  EXPECT_EQ(choice->best, 1U);
  EXPECT_EQ(choice->one_standard_error, 1U) << "0.70 is more than 0.05 below 0.85";
  JobResults close = results();
  close.runs[0] = run("a", 0.81);
  close.runs[1] = run("b", 0.83);
  choice = choose(close);
  EXPECT_EQ(choice->one_standard_error, 0U);
  EXPECT_EQ(choice->chosen, 1U);
  spec_.search->choose = ChoiceRule::one_standard_error;
  EXPECT_EQ(choose(close)->chosen, 0U);
}

TEST_F(ResultsTest, AMetricThatIsUndefinedOnASplitIsAReason) {
  JobResults single_class = results();
  single_class.runs[1].result->scores = {{"log_loss", 0.1}};
  single_class.ranking = {{1, Standing::done, 40, 0.85}, {0, Standing::failed, 40, 0.0}};
  const Json json = Json::parse(cv_json(single_class));
  EXPECT_EQ(json.at("configurations").at(0).at("reason"),
            "accuracy is undefined on a split: too few classes or examples");
  EXPECT_EQ(json.at("configurations").at(1).at("reason"), "");
}

TEST_F(ResultsTest, JsonHoldsWhatFollowsFromTheScores) {
  const Json json = Json::parse(cv_json(results()));
  EXPECT_EQ(json.at("kind"), "search");
  EXPECT_EQ(json.at("parameters").at(0).at("name"), "optimizer.learning_rate");
  const Json& first = json.at("configurations").at(0);
  EXPECT_EQ(first.at("parameters").at("optimizer.learning_rate"), 0.1);
  EXPECT_EQ(first.at("rank"), 2);
  EXPECT_DOUBLE_EQ(first.at("mean").at("accuracy").get<double>(), 0.7);
  const double scores[] = {0.6, 0.8};
  const double best[] = {0.8, 0.9};
  EXPECT_DOUBLE_EQ(first.at("standard_deviation").at("accuracy").get<double>(),
                   standard_deviation(scores));
  const PairedTest test = corrected_paired_t_test(scores, best, {2.0, 2.0});
  EXPECT_NEAR(first.at("versus_best").at("p").get<double>(), test.p, 1e-9);
  EXPECT_FALSE(json.at("configurations").at(1).contains("versus_best"));
  const Json& run = first.at("runs").at(1);
  EXPECT_EQ(run.at("run"), "b");
  EXPECT_EQ(run.at("fold"), 1);
  EXPECT_EQ(run.at("epochs"), 2.0);
  EXPECT_EQ(run.at("curve").at(0).at("scores").at("accuracy"), 0.5);
  EXPECT_EQ(run.at("curve").size(), 1U) << "steps without an evaluation are no points";
  EXPECT_EQ(json.at("curves").at("confusion").at("counts").at(0).at(0), 2);
  EXPECT_EQ(json.at("curves").at("roc").at(0).at("auc"), 1.0);
}

TEST_F(ResultsTest, TablesHaveARowPerRunAndPerHeldOutExample) {
  const std::string table = results_csv(results());
  EXPECT_EQ(std::count(table.begin(), table.end(), '\n'), 5);
  EXPECT_NE(table.find("1,0,1,done,40,2,2,0.2,0.9,"), std::string::npos) << table;
  const std::string predictions = predictions_csv(results());
  EXPECT_NE(predictions.find("\"probability of yes, it is\""), std::string::npos);
  EXPECT_NE(predictions.find("0,0,3,\"yes, it is\",0.8999999761581421"), std::string::npos)
      << predictions;
}

TEST_F(ResultsTest, WeightsAndTheAskedThresholdShow) {
  JobResults weighted = results();
  for (JobRun& run : weighted.runs) {
    run.result->outputs = {0.2F, 0.4F};
    run.result->weights = {1.5, 0.25};
  }
  const std::string predictions = predictions_csv(weighted);
  EXPECT_TRUE(predictions.starts_with("repeat,fold,example,actual,weight,")) << predictions;
  EXPECT_NE(predictions.find("0,0,3,\"yes, it is\",0.25,0.4"), std::string::npos) << predictions;

  // Nobody asked: it is told, and the matrix is at 0.5, where all are called negative.
  Json curves = Json::parse(cv_json(weighted)).at("curves");
  EXPECT_EQ(curves.at("threshold").at("metric"), "f1");
  EXPECT_EQ(curves.at("threshold").at("applied"), false);
  EXPECT_EQ(curves.at("confusion").at("counts"), (Json{{2, 0}, {2, 0}}));
  spec_.training.threshold = ThresholdMetric::youden;
  curves = Json::parse(cv_json(weighted)).at("curves");
  EXPECT_EQ(curves.at("threshold").at("metric"), "youden");
  EXPECT_EQ(curves.at("threshold").at("applied"), true);
  EXPECT_EQ(curves.at("threshold").at("value"), (double{0.2F} + double{0.4F}) / 2.0);
  EXPECT_EQ(curves.at("confusion").at("counts"), (Json{{2, 0}, {0, 2}}));
}

TEST_F(ResultsTest, AFailedConfigurationIsReportedAndNeverChosen) {
  JobResults failed = results();
  failed.runs[3].result = RunResult{};
  failed.runs[3].result->failure = "the loss, at step 3, is not finite";
  failed.ranking = {{0, Standing::done, 40, 0.7}, {1, Standing::failed, 0, 0.0}};
  EXPECT_EQ(choose(failed)->chosen, 0U);
  const Json json = Json::parse(cv_json(failed));
  EXPECT_EQ(json.at("configurations").at(1).at("state"), "failed");
  EXPECT_FALSE(json.at("configurations").at(1).contains("rank"));
  EXPECT_NE(results_csv(failed).find("\"the loss, at step 3, is not finite\""), std::string::npos);
  failed.runs[0].result = failed.runs[3].result;
  failed.ranking[0].standing = Standing::failed;
  EXPECT_FALSE(choose(failed));
  EXPECT_FALSE(Json::parse(cv_json(failed)).contains("curves"));
}

// In both splits an inner search of two inner splits; the first chose 1, by the run of the outer
// search, the second 0, by one of its own.
TEST_F(ResultsTest, ANestedSearchIsScoredByWhatItChose) {
  spec_.search->nested.emplace();
  spec_.search->nested->folds = 2;
  JobResults nested = results();
  const std::string before = cv_json(nested);
  const auto search = [&](std::uint32_t chosen, JobRun score) {
    NestedSearch made;
    made.splits = {{.repeat = 0, .fold = 0, .train_examples = 1, .validation = {0}},
                   {.repeat = 0, .fold = 1, .train_examples = 1, .validation = {3}}};
    made.ranking = {{chosen, Standing::done, 40, 0.75}, {1 - chosen, Standing::failed, 0, 0.0}};
    made.runs = {run("i", 0.7), run("j", 0.8), run("k", 0.7), run("l", 0.8)};
    made.chosen = chosen;
    made.score = std::move(score);
    return made;
  };
  nested.nested = {search(1, nested.runs[2]), search(0, run("own", 0.6))};

  const Json json = Json::parse(cv_json(nested));
  const Json& of = json.at("nested");
  EXPECT_EQ(of.at("outer").at(0).at("chosen"), 1);
  EXPECT_EQ(of.at("outer").at(0).at("run"), "c");
  EXPECT_EQ(of.at("outer").at(1).at("run"), "own");
  EXPECT_EQ(of.at("outer").at(1).at("scores").at("accuracy"), 0.6);
  EXPECT_EQ(of.at("outer").at(1).at("inner").at(0).at("mean"), 0.75);
  EXPECT_EQ(of.at("outer").at(1).at("inner").at(1).at("state"), "failed");
  EXPECT_DOUBLE_EQ(of.at("mean").at("accuracy").get<double>(), (0.8 + 0.6) / 2.0);
  const double scores[] = {0.8, 0.6};
  const Interval interval = corrected_interval(scores, {2.0, 2.0});
  EXPECT_NEAR(of.at("interval").at("accuracy").at(0).get<double>(), interval.low, 1e-9);
  EXPECT_EQ(of.at("split").at("folds"), 2);
  Json without = json;
  without.erase("nested");
  EXPECT_EQ(without, Json::parse(before)) << "the rest is as without nesting";

  const std::string table = results_csv(nested);
  EXPECT_EQ(std::count(table.begin(), table.end(), '\n'), 1 + 4 + 2 * 4 + 1) << table;
  EXPECT_NE(table.find("configuration,repeat,fold,inner_repeat,inner_fold,state,"),
            std::string::npos);
  EXPECT_NE(table.find("\n1,0,0,,,done,40,2,2,0.2,0.8,"), std::string::npos) << table;
  EXPECT_NE(table.find("\n1,0,1,0,1,done,40,1,1,0.2,0.8,"), std::string::npos) << table;
  std::size_t scored = 0;
  for (std::size_t at = table.find(",1\n"); at != std::string::npos;
       at = table.find(",1\n", at + 1)) {
    scored += 1;
  }
  EXPECT_EQ(scored, 2U) << "one run scores each split";
  const std::string said = summary_lines(nested).back();
  EXPECT_EQ(said.substr(0, 36), "nested: accuracy 0.7000 on average, ") << said;
  EXPECT_TRUE(said.ends_with("; chosen there: c001, c000")) << said;

  nested.nested[1].chosen.reset();
  nested.nested[1].score = JobRun{};
  const Json lacking = Json::parse(cv_json(nested)).at("nested");
  EXPECT_FALSE(lacking.at("mean").contains("accuracy"));
  EXPECT_FALSE(lacking.at("outer").at(1).contains("chosen"));
  EXPECT_EQ(lacking.at("outer").at(1).at("state"), "unfinished");
}

// The first configuration lacks a split, the second is done; what is missing is said with its
// reason.
TEST_F(ResultsTest, WhatABudgetLeftUndoneIsSaid) {
  JobResults part = results();
  EXPECT_FALSE(Json::parse(cv_json(part)).contains("unfinished"));
  part.runs[1].result.reset();
  part.ranking = {{1, Standing::done, 40, 0.85}, {0, Standing::racing, 0, 0.0}};
  part.unfinished = Unfinished{.budget = "job.steps", .limit = 130.0, .runs = 1, .refit = true};
  Json json = Json::parse(cv_json(part));
  EXPECT_EQ(json.at("unfinished").at("runs"), 1);
  EXPECT_EQ(json.at("unfinished").at("depends_on_time"), false);
  EXPECT_EQ(json.at("unfinished").at("reason"),
            "job.steps: 130 did not reach for 1 run and the refit; the same is left out each time");
  EXPECT_EQ(json.at("choice").at("chosen"), 1);
  EXPECT_EQ(json.at("configurations").at(0).at("state"), "unfinished");
  EXPECT_EQ(json.at("configurations").at(0).at("runs").at(0).at("state"), "done");
  EXPECT_EQ(json.at("configurations").at(0).at("runs").at(1).at("state"), "unfinished");
  EXPECT_NE(results_csv(part).find("\n0,0,1,unfinished,0,"), std::string::npos);
  EXPECT_TRUE(summary_lines(part).front().starts_with("unfinished: job.steps: 130 did not"));

  part.unfinished = Unfinished{.budget = "job.seconds", .limit = 2.5, .runs = 2, .refit = false};
  json = Json::parse(cv_json(part));
  EXPECT_EQ(json.at("unfinished").at("depends_on_time"), true);
  EXPECT_EQ(
      json.at("unfinished").at("reason"),
      "job.seconds: 2.5 s did not reach for 2 runs; what was left out depends on how fast the "
      "machines were, so these results do too");
  // At a rung, and its configuration went no further.
  part.ranking[1].steps = 40;
  EXPECT_EQ(Json::parse(cv_json(part)).at("configurations").at(0).at("runs").at(0).at("state"),
            "unfinished");
}

TEST_F(ResultsTest, TheSummarySaysHowCertainTheScoreIs) {
  const double scores[] = {0.8, 0.9};
  const Interval interval = corrected_interval(scores, {2.0, 2.0});
  EXPECT_EQ(summary_lines(results()),
            std::vector{"c001 is chosen: accuracy 0.8500 on average, 95 % interval " +
                        fmt::format("{:.4f} to {:.4f}", interval.low, interval.high)});
  JobResults nothing = results();
  for (Ranked& ranked : nothing.ranking) ranked.standing = Standing::failed;
  EXPECT_TRUE(summary_lines(nothing).empty());
}

TEST(RunResult, ComesBackAsItWasWritten) {
  const TemporaryDirectory directory;
  const std::string path = directory.path("run");
  ASSERT_TRUE(ok(make_directories(path)));
  EXPECT_FALSE(need(read_run_result(path))) << "there is none yet";
  ASSERT_TRUE(ok(write_run_result(path, some_result())));
  EXPECT_EQ(need(read_run_result(path)), some_result());
  RunResult weighted = some_result();
  weighted.weights = {0.1, 3.0};
  ASSERT_TRUE(ok(write_run_result(path, weighted)));
  EXPECT_EQ(need(read_run_result(path)), weighted);
  RunResult failed;
  failed.failure = "no";
  failed.step = 3;
  ASSERT_TRUE(ok(write_run_result(path, failed)));
  EXPECT_EQ(need(read_run_result(path)), failed);
}

TEST(RunResult, EveryByteThatChangedIsSeen) {
  const TemporaryDirectory directory;
  const std::string path = directory.path("run");
  ASSERT_TRUE(ok(make_directories(path)));
  ASSERT_TRUE(ok(write_run_result(path, some_result())));
  const std::string outputs = need(read_file(join_path(path, "outputs.f32")));
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    std::string damaged = outputs;
    damaged[i] = static_cast<char>(damaged[i] ^ 1);
    ASSERT_TRUE(ok(write_file_atomically(join_path(path, "outputs.f32"), damaged)));
    EXPECT_EQ(read_run_result(path).error().code, ErrorCode::corrupt);
  }
  ASSERT_TRUE(ok(write_file_atomically(join_path(path, "outputs.f32"), outputs)));
  const std::string json = need(read_file(join_path(path, "result.json")));
  for (std::size_t size = 0; size < json.size() - 2; ++size) {
    ASSERT_TRUE(ok(write_file_atomically(join_path(path, "result.json"), json.substr(0, size))));
    EXPECT_EQ(read_run_result(path).error().code, ErrorCode::corrupt) << size;
  }
}

}  // namespace
}  // namespace ballast

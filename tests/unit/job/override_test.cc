#include <gtest/gtest.h>

#include "tests/unit/job/specs.h"

namespace ballast {
namespace {

Result<Spec> with(const std::vector<std::string>& overrides, std::string_view yaml = kFullSpec) {
  return parse_spec(yaml, "f.yaml", overrides);
}

TEST(Override, ChangesAddsAndRemoves) {
  const auto spec = with({
      "training.batch=64",
      "training.epochs=",
      "training.steps=1e3",
      "data.columns.2.fnlwgt=number",
      "features.0=",
      "features.0.impute.with=mean",
      "model.layers.2.dense.width=32",
      "model.layers.8.dropout=0.5",
      "optimizer.sgd.schedule=constant",
      "cluster.kernel=zen",
      "data.label.strip=' '",
  });
  ASSERT_TRUE(spec.has_value()) << spec.error().message;
  EXPECT_EQ(spec->training.batch, 64U);
  EXPECT_EQ(spec->training.steps, 1000U);
  EXPECT_EQ(spec->data.columns[2].type, ColumnType::number);
  EXPECT_EQ(spec->features.size(), 12U);
  EXPECT_EQ(spec->features[0].impute_with, ImputeWith::mean);
  EXPECT_EQ(spec->features[0].columns, std::vector<std::string>{"number"});
  EXPECT_EQ(spec->model.layers[2].width, 32U);
  EXPECT_EQ(spec->model.layers[8].rate, 0.5);
  EXPECT_EQ(spec->optimizer.schedule, ScheduleSpec());
  EXPECT_EQ(spec->optimizer.learning_rate, 0.5);
  EXPECT_EQ(spec->cluster.kernel, KernelFamily::zen);
  EXPECT_EQ(spec->data.label_strip_suffix, " ");
}

TEST(Override, ApplyInOrder) {
  const auto spec = with({"training.batch=64", "training.batch=32", "training.leaves=8"});
  ASSERT_TRUE(spec.has_value()) << spec.error().message;
  EXPECT_EQ(spec->training.batch, 32U);
}

TEST(Override, MakesMappingsOnTheWay) {
  const auto spec = with({"optimizer.adam.learning_rate=0.01", "checkpoint.keep=7"}, kSmallSpec);
  ASSERT_TRUE(spec.has_value()) << spec.error().message;
  EXPECT_EQ(spec->optimizer.learning_rate, 0.01);
  EXPECT_EQ(spec->checkpoint.keep, 7U);
}

TEST(Override, GivesANamedVariantFields) {
  const auto spec = with({"optimizer.adam.beta1=0.8", "features.0.standardize.columns=age"},
                         "data: {train: a.csv, label: y}\nmodel: logistic\noptimizer: adam\n"
                         "features: [standardize]\n");
  ASSERT_TRUE(spec.has_value()) << spec.error().message;
  EXPECT_EQ(spec->optimizer.beta1, 0.8);
  EXPECT_EQ(spec->features[0].columns, std::vector<std::string>{"age"});
}

TEST(Override, NamesTheOptimizerThereIs) {
  struct Case {
    std::vector<std::string> overrides;
    OptimizerKind kind;
    double learning_rate;
  };
  const Case cases[] = {
      {{"optimizer.learning_rate=0.25"}, OptimizerKind::adam, 0.25},
      {{"optimizer=sgd", "optimizer.learning_rate=0.25"}, OptimizerKind::sgd, 0.25},
      {{"optimizer={adamw: {beta1: 0.5}}", "optimizer.learning_rate=2"}, OptimizerKind::adamw, 2.0},
      {{"optimizer.ftrl.learning_rate=3", "optimizer.learning_rate="}, OptimizerKind::ftrl, 0.1},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.overrides.back());
    const auto spec = with(c.overrides, kSmallSpec);
    ASSERT_TRUE(spec.has_value()) << spec.error().message;
    EXPECT_EQ(spec->optimizer.kind, c.kind);
    EXPECT_EQ(spec->optimizer.learning_rate, c.learning_rate);
  }
  const auto momentum = with({"optimizer.momentum=0.5"}, kSmallSpec);
  ASSERT_FALSE(momentum.has_value());
  EXPECT_NE(momentum.error().message.find("optimizer.adam.momentum: unknown field"),
            std::string::npos)
      << momentum.error().message;
}

TEST(Override, TellsMistakesWithTheOption) {
  struct Case {
    const char* option;
    const char* message;
  };
  const Case cases[] = {
      {"training.batch", "--set training.batch: expected field=value"},
      {"=5", "--set =5: expected field=value"},
      {"training..batch=5", "--set training..batch=5: expected field=value"},
      {"trainig.batch=5",
       "--set trainig.batch=5: trainig: unknown field; did you mean training? possible here: "
       "name,"},
      {"training.bach=5",
       "--set training.bach=5: training.bach: unknown field; did you mean batch?"},
      {"training.batch=many",
       "--set training.batch=many: training.batch: expected a whole number from 1 to 16777216, got "
       "\"many\""},
      {"training.batch=[1", "--set training.batch=[1: expected YAML, but: "},
      {"training.batch.size=1",
       "training.batch: expected a mapping to find \"size\" in, got \"512\"; set the whole of it"},
      {"features.13=min_max", "features: expected a position from 0 to 12, got \"13\""},
      {"features.first=min_max", "features: expected a position from 0 to 12, got \"first\""},
      {"features.-1=min_max", "features: expected a position from 0 to 12, got \"-1\""},
      {"training.steps=", "--set training.steps=: training.steps: there is nothing to remove"},
      {"model=", "missing required field; write linear, logistic, softmax"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.option);
    const auto spec = with({c.option});
    ASSERT_FALSE(spec.has_value());
    EXPECT_EQ(spec.error().code, ErrorCode::invalid);
    EXPECT_NE(spec.error().message.find(c.message), std::string::npos) << spec.error().message;
  }
}

}  // namespace
}  // namespace ballast

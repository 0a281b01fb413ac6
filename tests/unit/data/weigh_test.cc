// Weights: what a source may say, where they end up, and what training makes of them.

#include "worker/data/weigh.h"

#include <gtest/gtest.h>

#include <optional>

#include "tests/unit/data/fixtures.h"
#include "worker/data/prepare.h"

namespace ballast {
namespace {

Spec weighted_spec() {
  Spec spec = csv_spec();
  spec.data.weight = "w";
  spec.model.task = Task::binary;
  return spec;
}

// ---- reading ------------------------------------------------------------------------------------

TEST(WeightColumn, IsNoFeatureAndHoldsNumbers) {
  const auto table = read_texts(weighted_spec(), {"n,w,y\n1,0.5,a\n2,0,b\n3,1e3,a\n4,-0,b\n"});
  ASSERT_TRUE(table) << table.error().message;
  ASSERT_EQ(table->weight, 1U);
  EXPECT_EQ(table->columns[1].type, ColumnType::skip);
  std::vector<double> weights;
  for (const Block& block : table->blocks) {
    for (std::size_t row = 0; row < block.rows; ++row) {
      weights.push_back(weight_of(*table, block, row));
    }
  }
  EXPECT_EQ(weights, (std::vector<double>{0.5, 0.0, 1000.0, 0.0}));
}

TEST(WeightColumn, SaysWhereAWeightIsWrong) {
  struct Case {
    const char* name;
    const char* cell;
    const char* message;
  };
  const Case cases[] = {
      {"negative", "-0.5",
       "a.csv:3:3: expected a weight in column \"w\", a number from 0 to 1e+30, saw \"-0.5\"; "
       "correct it, take the row out, or set data.on_bad_row: skip"},
      {"a word", "heavy",
       "a.csv:3:3: expected a weight in column \"w\", a number from 0 to 1e+30, saw \"heavy\"; "
       "correct it, take the row out, or set data.on_bad_row: skip"},
      {"not finite", "inf",
       "a.csv:3:3: expected a weight in column \"w\", a number from 0 to 1e+30, saw \"inf\"; "
       "correct it, take the row out, or set data.on_bad_row: skip"},
      {"no number", "nan",
       "a.csv:3:3: expected a weight in column \"w\", a number from 0 to 1e+30, saw \"nan\"; "
       "correct it, take the row out, or set data.on_bad_row: skip"},
      {"too large", "1e31",
       "a.csv:3:3: expected a weight in column \"w\", a number from 0 to 1e+30, saw \"1e31\"; "
       "correct it, take the row out, or set data.on_bad_row: skip"},
      {"missing", "",
       "a.csv:3:3: expected a weight in column \"w\", but there is none; add it, take the row out, "
       "or set data.on_bad_row: skip"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const std::string text = std::string("n,w,y\n1,2,a\n2,") + c.cell + ",b\n3,1,a\n";
    const auto table = read_texts(weighted_spec(), {text});
    ASSERT_FALSE(table);
    EXPECT_EQ(table.error().message, c.message);
    Spec skipping = weighted_spec();
    skipping.data.on_bad_row = BadRow::skip;
    const auto rest = read_texts(skipping, {text});
    ASSERT_TRUE(rest) << rest.error().message;
    EXPECT_EQ(rest->rows_skipped, 1U);
    EXPECT_EQ(cells_of(*rest, "w"), (Cells{"2", "1"}));
  }
}

TEST(WeightColumn, MustBeThere) {
  const auto table = read_texts(weighted_spec(), {"n,weight,y\n1,2,a\n"});
  ASSERT_FALSE(table);
  EXPECT_TRUE(table.error().message.starts_with("data.weight: there is no column \"w\" in a.csv"))
      << table.error().message;
}

TEST(WeightColumn, CannotBeTransformed) {
  const TestDirectory files;
  files.write("train.csv", "n,w,y\n1,2,a\n2,1,b\n");
  Spec spec = weighted_spec();
  spec.directory = files.path();
  spec.data.train.paths = {"train.csv"};
  spec.features = {transform(TransformKind::standardize, {"w"})};
  const auto prepared =
      prepare(spec, {.cache = files.path() + "/cache", .threads = 1, .progress = {}});
  ASSERT_FALSE(prepared);
  EXPECT_EQ(
      prepared.error().message,
      "features: standardize: expected features, but \"w\" is data.weight; take it out of the "
      "columns");
}

TEST(WeightColumn, IsNotMissedByPredictions) {
  const TestDirectory files;
  files.write("train.csv", "n,w,y\n1,2,a\n2,1,b\n");
  const std::string without = files.write("new.csv", "n\n5\n");
  Spec spec = weighted_spec();
  spec.directory = files.path();
  spec.data.train.paths = {"train.csv"};
  const auto prepared =
      prepare(spec, {.cache = files.path() + "/cache", .threads = 1, .progress = {}});
  ASSERT_TRUE(prepared) << prepared.error().message;
  const auto dataset = open_dataset(prepared->directory);
  ASSERT_TRUE(dataset);
  ASSERT_EQ((*dataset)->weights(Split::train).size(), 2U);
  EXPECT_EQ((*dataset)->weights(Split::train)[0], 2.0);
  EXPECT_EQ((*dataset)->schema().dense, std::vector<std::string>{"n"});
  const auto encoder = Encoder::create(prepared->transforms_json);
  ASSERT_TRUE(encoder) << encoder.error().message;
  const auto encoded = (*encoder)->encode(spec, {without});
  ASSERT_TRUE(encoded) << encoded.error().message;
  EXPECT_TRUE((*encoded)->weights(Split::test).empty());
}

// ---- weighing -----------------------------------------------------------------------------------

TEST(Weigh, MakesTheMeanOverTheTrainingExamplesOne) {
  const std::vector<std::string> classes = {"a", "b", "c"};
  const std::vector<float> labels = {0, 0, 0, 1, 0, 1};
  const std::vector<double> own = {1, 2, 0, 4, 1, 2};
  struct Case {
    const char* name;
    ClassWeightsSpec spec;
    std::vector<double> own;
    std::vector<double> of_classes;
    double scale;
  };
  const Case cases[] = {
      {"balanced", {ClassWeighting::balanced, {}}, {}, {0.75, 1.5, 1.0}, 1.0},
      {"own", {}, own, {}, 0.6},
      // 10 in all, of which a has 4 and b 6; c has no example.
      {"balanced by weight", {ClassWeighting::balanced, {}}, own, {1.25, 10.0 / 12.0, 1.0}, 0.6},
      {"given", {ClassWeighting::given, {{"b", 4.0, 1}}}, {}, {1.0, 4.0, 1.0}, 0.5},
      {"both", {ClassWeighting::given, {{"a", 0.5, 1}}}, own, {0.5, 1.0, 1.0}, 0.75},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    Spec spec;
    spec.class_weights = c.spec;
    const auto weights = weigh(spec, {.classes = classes, .labels = labels, .weights = c.own});
    ASSERT_TRUE(weights) << weights.error().message;
    ASSERT_TRUE(weights->has_value());
    EXPECT_EQ((*weights)->has_own, !c.own.empty());
    EXPECT_EQ((*weights)->classes, c.of_classes);
    EXPECT_DOUBLE_EQ((*weights)->scale, c.scale);
  }
  const auto none = weigh(Spec{}, {.classes = classes, .labels = labels, .weights = {}});
  ASSERT_TRUE(none);
  EXPECT_FALSE(none->has_value());
}

TEST(Weigh, BalancedIsWhatScikitLearnSays) {
  // compute_class_weight("balanced", classes=[0, 1, 2], y=[0] * 5 + [1] * 3 + [2] * 2)
  const std::vector<std::string> classes = {"0", "1", "2"};
  const std::vector<float> labels = {0, 0, 0, 0, 0, 1, 1, 1, 2, 2};
  Spec spec;
  spec.class_weights.kind = ClassWeighting::balanced;
  const auto weights = weigh(spec, {.classes = classes, .labels = labels, .weights = {}});
  ASSERT_TRUE(weights && weights->has_value());
  const std::vector<double> expected = {0.66666667, 1.11111111, 1.66666667};
  for (std::size_t k = 0; k < 3; ++k) EXPECT_NEAR((*weights)->classes[k], expected[k], 1e-8);
}

TEST(Weigh, FindsClassesAsLabelsAreRead) {
  const std::vector<float> labels = {0, 1};
  Spec spec;
  spec.class_weights = {ClassWeighting::given, {{"1", 3.0, 7}}};
  const auto signs = weigh(spec, {.classes = {"-1", "+1"}, .labels = labels, .weights = {}});
  ASSERT_TRUE(signs) << signs.error().message;
  EXPECT_EQ((*signs)->classes, (std::vector<double>{1.0, 3.0}));
}

TEST(Weigh, RefusesWhatCannotBeMeant) {
  const std::vector<float> labels = {0, 1};
  const std::vector<double> nothing = {0, 0};
  struct Case {
    const char* name;
    std::vector<ClassWeightSpec> given;
    std::span<const double> own;
    const char* message;
  };
  const Case cases[] = {
      {"a stranger",
       {{"maybe", 3.0, 12}},
       {},
       "training.class_weights (line 12): there is no class \"maybe\"; the classes are \"no\", "
       "\"yes\""},
      {"twice",
       {{"no", 3.0, 12}, {"0", 1.0, 13}},
       {},
       "training.class_weights (line 13): the class \"no\" has a weight already; remove one"},
      {"nothing by class",
       {{"no", 0.0, 12}, {"yes", 0.0, 13}},
       {},
       "training.class_weights: expected a training example that weighs more than 0, saw none; "
       "give "
       "them other weights"},
      {"nothing",
       {},
       nothing,
       "data.weight: expected a training example that weighs more than 0, saw none; give them "
       "other "
       "weights"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    Spec spec;
    if (!c.given.empty()) spec.class_weights = {ClassWeighting::given, c.given};
    const auto weights =
        weigh(spec, {.classes = {"no", "yes"}, .labels = labels, .weights = c.own});
    ASSERT_FALSE(weights);
    EXPECT_EQ(weights.error().message, c.message);
  }
}

}  // namespace
}  // namespace ballast

#include "coordinator/search/configurations.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <set>

#include "common/job/parse.h"

namespace ballast {
namespace {

using Texts = std::vector<std::string>;

Spec parsed(const std::string& parameters, const std::string& method = "method: random, ",
            const std::string& rest = "") {
  auto spec = parse_spec("seed: 7\ndata: {train: a.csv, label: y}\nmodel: logistic\nsearch: {" +
                             method + "parameters: {" + parameters + "}}\n" + rest,
                         "folder/f.yaml");
  EXPECT_TRUE(spec.has_value()) << spec.error().message;
  return spec ? *spec : Spec();
}

double to_number(const std::string& text) {
  double value = 0.0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  EXPECT_TRUE(error == std::errc() && end == text.data() + text.size()) << text;
  return value;
}

// A parameter's value in many configurations.
std::vector<double> many(const Spec& spec, std::size_t parameter = 0) {
  std::vector<double> values;
  for (std::uint32_t id = 0; id < 2000; ++id) {
    values.push_back(to_number(drawn(*spec.search, spec.seed, id).values[parameter]));
  }
  return values;
}

double share_below(const std::vector<double>& values, double limit) {
  const auto below =
      std::count_if(values.begin(), values.end(), [&](double value) { return value < limit; });
  return static_cast<double>(below) / static_cast<double>(values.size());
}

TEST(Grid, IsEveryCombinationInOrder) {
  const Spec spec = parsed("training.batch: [64, 128], optimizer: [adam, sgd, ftrl]", "");
  const auto configurations = grid(*spec.search);
  ASSERT_EQ(configurations.size(), 6U);
  const Texts expected[] = {{"64", "adam"},  {"64", "sgd"},  {"64", "ftrl"},
                            {"128", "adam"}, {"128", "sgd"}, {"128", "ftrl"}};
  for (std::uint32_t id = 0; id < 6; ++id) {
    EXPECT_EQ(configurations[id], (Configuration{id, expected[id]}));
  }
}

TEST(Drawn, FollowTheirDistributions) {
  const Spec spec = parsed(
      "optimizer.l2: {uniform: [2, 6]}, optimizer.learning_rate: {log_uniform: [1e-4, 1]}, "
      "training.batch: {integer: [3, 6]}, optimizer: [adam, sgd]");
  const auto uniform = many(spec, 0);
  EXPECT_GE(*std::min_element(uniform.begin(), uniform.end()), 2.0);
  EXPECT_LE(*std::max_element(uniform.begin(), uniform.end()), 6.0);
  EXPECT_NEAR(share_below(uniform, 3.0), 0.25, 0.04);
  EXPECT_NEAR(share_below(uniform, 5.0), 0.75, 0.04);
  const auto logarithmic = many(spec, 1);
  EXPECT_GE(*std::min_element(logarithmic.begin(), logarithmic.end()), 1e-4);
  EXPECT_LE(*std::max_element(logarithmic.begin(), logarithmic.end()), 1.0);
  for (const double decade : {1e-3, 1e-2, 1e-1}) {
    EXPECT_NEAR(share_below(logarithmic, decade), 1.0 + std::log10(decade) / 4.0, 0.04);
  }
  const auto whole = many(spec, 2);
  EXPECT_EQ(std::set<double>(whole.begin(), whole.end()), (std::set<double>{3, 4, 5, 6}));
  EXPECT_NEAR(share_below(whole, 4.0), 0.25, 0.04);
  EXPECT_NEAR(share_below(whole, 6.0), 0.75, 0.04);
  std::map<std::string, int> chosen;
  for (std::uint32_t id = 0; id < 2000; ++id) chosen[drawn(*spec.search, 7, id).values[3]] += 1;
  EXPECT_NEAR(chosen["adam"], 1000, 80);
  EXPECT_NEAR(chosen["sgd"], 1000, 80);
}

TEST(Drawn, StaysWithinRangesNarrowerThanItsDigits) {
  const Spec spec = parsed("optimizer.l2: {uniform: [1.00000012, 1.00000015]}");
  for (const double value : many(spec)) {
    EXPECT_GE(value, 1.00000012);
    EXPECT_LE(value, 1.00000015);
  }
}

// Neither the other parameters nor how many are drawn has a say.
TEST(Drawn, IsAFunctionOfSeedConfigurationAndField) {
  const Spec one = parsed("optimizer.l2: {uniform: [0, 1]}");
  const Spec two = parsed("training.batch: {integer: [1, 9]}, optimizer.l2: {uniform: [0, 1]}");
  EXPECT_EQ(many(one, 0), many(two, 1));
  EXPECT_NE(drawn(*one.search, 7, 0), drawn(*one.search, 8, 0));
  EXPECT_NE(drawn(*one.search, 7, 0).values, drawn(*one.search, 7, 1).values);
  EXPECT_NE(many(parsed("optimizer.l1: {uniform: [0, 1]}")), many(one));
}

TEST(Drawn, NeverChanges) {
  const Spec spec = parsed(
      "optimizer.l2: {uniform: [0, 1]}, optimizer.learning_rate: {log_uniform: [1e-5, 10]}, "
      "training.batch: {integer: [16, 4096]}, optimizer: [adam, sgd, adagrad]");
  const Texts expected[] = {{"0.790716", "1.39839e-05", "2714", "adagrad"},
                            {"0.908376", "0.122983", "1285", "adam"},
                            {"0.394759", "0.932002", "275", "adagrad"}};
  for (std::uint32_t id = 0; id < 3; ++id) {
    EXPECT_EQ(drawn(*spec.search, spec.seed, id).values, expected[id]);
  }
}

TEST(SpecOf, IsTheBaseWithTheValues) {
  const Spec spec = parsed(
      "optimizer.learning_rate: [0.5], optimizer: [{sgd: {momentum: 0.9}}], training.batch: [32]",
      "", "cross_validation: {folds: 3}\ntraining: {epochs: 2}\n");
  const auto configurations = make_configurations(spec, 0);
  ASSERT_TRUE(configurations) << configurations.error().message;
  ASSERT_EQ(configurations->size(), 1U);
  EXPECT_EQ(overrides_of(*spec.search, configurations->at(0)),
            (Texts{"optimizer=sgd:\n  momentum: 0.9", "optimizer.learning_rate=0.5",
                   "training.batch=32"}));
  const auto made = spec_of(spec, configurations->at(0));
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->optimizer.kind, OptimizerKind::sgd);
  EXPECT_EQ(made->optimizer.momentum, 0.9);
  EXPECT_EQ(made->optimizer.learning_rate, 0.5);
  EXPECT_EQ(made->training.batch, 32U);
  EXPECT_EQ(made->training.epochs, 2.0);
  EXPECT_EQ(made->name, "f");
  EXPECT_EQ(made->directory, "folder");
  EXPECT_EQ(made->cross_validation->folds, 3U);
  EXPECT_FALSE(made->search.has_value());
}

TEST(MakeConfigurations, TellsWhatCannotBeBeforeAnythingRuns) {
  struct Case {
    const char* name;
    Spec spec;
    const char* message;
  };
  const Case cases[] = {
      {"a value that the field does not take", parsed("training.batch: [64, many]", ""),
       "search.parameters: configuration 1 (training.batch=many) cannot be: --set "
       "training.batch=many: training.batch: expected a whole number from 1 to 16777216, got "
       "\"many\""},
      {"a field that this optimizer has not",
       parsed("optimizer: [sgd, adam], optimizer.momentum: [0.5]", ""),
       "search.parameters: configuration 1 (optimizer=adam, optimizer.momentum=0.5) cannot be: "
       "--set optimizer.momentum=0.5: optimizer.adam.momentum: unknown field, ..."},
      {"what the base says does not fit",
       parsed("training.batch: [8, 4]", "", "training: {leaves: 8}\n"),
       "search.parameters: configuration 1 (training.batch=4) cannot be: its spec:..."},
      {"a draw below what is possible", parsed("training.batch: {integer: [0, 1]}"),
       "search.parameters: configuration ..."},
      {"another task", parsed("model: [logistic, linear]", ""),
       "search.parameters: configuration 1 (model=linear) makes it a task of kind regression, and "
       "the spec is of kind binary; scores of the two cannot be compared"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const auto configurations = make_configurations(c.spec, 20);
    ASSERT_FALSE(configurations.has_value());
    EXPECT_EQ(configurations.error().code, ErrorCode::invalid);
    std::string expected = c.message;
    std::string seen = configurations.error().message;
    if (expected.ends_with("...")) {
      expected.resize(expected.size() - 3);
      seen.resize(std::min(seen.size(), expected.size()));
    }
    EXPECT_EQ(seen, expected) << configurations.error().message;
  }
}

TEST(MakeConfigurations, DrawsAsManyAsTheBracketsTake) {
  const Spec spec = parsed("optimizer.l2: {uniform: [0, 1]}");
  const auto configurations = make_configurations(spec, 12);
  ASSERT_TRUE(configurations) << configurations.error().message;
  ASSERT_EQ(configurations->size(), 12U);
  for (std::uint32_t id = 0; id < 12; ++id) {
    EXPECT_EQ(configurations->at(id), drawn(*spec.search, 7, id));
  }
}

TEST(Scale, FollowsFromTheValues) {
  struct Case {
    const char* values;
    const char* scale;
  };
  const Case cases[] = {
      {"{log_uniform: [1, 2]}", "log"},
      {"{uniform: [1, 1000]}", "linear"},
      {"{integer: [1, 1000]}", "linear"},
      {"[0.01, 0.1, 1.0]", "log"},
      {"[64, 128, 256]", "linear"},
      {"[0, 0.001, 1]", "linear"},
      {"[-1, 1]", "linear"},
      {"[adam, sgd]", "category"},
      {"[1, auto]", "category"},
      {"[[1, 2], [3, 4]]", "category"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.values);
    SearchSpec search =
        *parsed(std::string("training.batch: ") + c.values, "method: halving, ").search;
    EXPECT_EQ(name_of(scale_of(search.parameters[0])), c.scale);
  }
}

}  // namespace
}  // namespace ballast

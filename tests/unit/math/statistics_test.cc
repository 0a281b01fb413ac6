#include "common/math/statistics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <vector>

namespace ballast {
namespace {

using Values = std::vector<double>;

nlohmann::json golden() {
  std::ifstream file("tests/golden/statistics.json");
  EXPECT_TRUE(file) << "run from the repository's root";
  return nlohmann::json::parse(file);
}

void expect_close(double seen, double expected) {
  EXPECT_NEAR(seen, expected, 1e-10 * std::max(1.0, std::fabs(expected)));
}

void expect_close(Interval seen, const Values& expected) {
  expect_close(seen.low, expected.at(0));
  expect_close(seen.high, expected.at(1));
}

TEST(Statistics, AgreeWithSciPy) {
  const nlohmann::json cases = golden().at("cases");
  ASSERT_GE(cases.size(), 7U);
  for (const nlohmann::json& c : cases) {
    const Values a = c.at("a").get<Values>();
    const Values b = c.at("b").get<Values>();
    SCOPED_TRACE(a.size());
    const SplitSizes sizes{c.at("training").get<double>(), c.at("validation").get<double>()};
    const double confidence = c.at("confidence").get<double>();
    expect_close(mean(a), c.at("mean").get<double>());
    expect_close(standard_deviation(a), c.at("standard_deviation").get<double>());
    expect_close(mean_interval(a, confidence), c.at("interval").get<Values>());
    expect_close(corrected_interval(a, sizes, confidence),
                 c.at("corrected_interval").get<Values>());
    const PairedTest test = corrected_paired_t_test(a, b, sizes);
    expect_close(test.difference, c.at("difference").get<double>());
    expect_close(test.t, c.at("t").get<double>());
    expect_close(test.p, c.at("p").get<double>());
    const PairedTest turned = corrected_paired_t_test(b, a, sizes);
    EXPECT_EQ(turned.p, test.p);
    EXPECT_EQ(turned.t, -test.t);
  }
}

TEST(Statistics, StudentsTAgreesWithSciPyBothWays) {
  const nlohmann::json rows = golden().at("student");
  ASSERT_GE(rows.size(), 40U);
  for (const nlohmann::json& row : rows) {
    const double t = row.at("t").get<double>();
    const double degrees = row.at("degrees").get<double>();
    const double p = row.at("p").get<double>();
    SCOPED_TRACE(testing::Message() << "t " << t << " degrees " << degrees);
    EXPECT_NEAR(student_cdf(t, degrees), p, 1e-10 * p) << "small ones too";
    // Near 1 a probability has no digits left to tell t by.
    if (p < 0.999) expect_close(student_quantile(p, degrees), t);
  }
  EXPECT_EQ(student_cdf(std::numeric_limits<double>::infinity(), 3.0), 1.0);
  EXPECT_EQ(student_cdf(-std::numeric_limits<double>::infinity(), 3.0), 0.0);
}

TEST(Statistics, CorrectionWidensAndVanishesWithoutValidation) {
  const Values scores = {0.7, 0.8, 0.75, 0.9};
  EXPECT_EQ(corrected_interval(scores, {10.0, 0.0}), mean_interval(scores));
  const Interval wide = corrected_interval(scores, {30.0, 10.0});
  EXPECT_LT(wide.low, mean_interval(scores).low);
  EXPECT_GT(wide.high, mean_interval(scores).high);
}

TEST(Statistics, EqualDifferencesHaveNoVariance) {
  const Values a = {0.5, 0.75, 1.0};
  const PairedTest same = corrected_paired_t_test(a, a, {2.0, 1.0});
  EXPECT_EQ(same.difference, 0.0);
  EXPECT_EQ(same.t, 0.0);
  EXPECT_EQ(same.p, 1.0);
  const PairedTest below = corrected_paired_t_test(a, Values{0.75, 1.0, 1.25}, {2.0, 1.0});
  EXPECT_EQ(below.difference, -0.25);
  EXPECT_EQ(below.t, -std::numeric_limits<double>::infinity());
  EXPECT_EQ(below.p, 0.0);
}

TEST(OneStandardError, TakesTheSimplestThatIsGoodEnough) {
  struct Case {
    const char* name;
    std::vector<CandidateScore> candidates;
    Better better;
    std::size_t best;
    std::size_t chosen;
  };
  const Case cases[] = {
      {"alone", {{0.5, 0.1, 3.0}}, Better::larger, 0, 0},
      {"none within", {{0.5, 0.1, 1.0}, {0.9, 0.1, 9.0}}, Better::larger, 1, 1},
      {"the simpler within", {{0.85, 0.1, 1.0}, {0.9, 0.1, 9.0}}, Better::larger, 1, 0},
      {"at the limit", {{0.75, 0.0, 1.0}, {1.0, 0.25, 9.0}}, Better::larger, 1, 0},
      {"the best one's error counts", {{0.7, 0.5, 1.0}, {0.9, 0.1, 9.0}}, Better::larger, 1, 1},
      {"simplest, not next best",
       {{0.9, 0.1, 9.0}, {0.89, 0.1, 5.0}, {0.85, 0.1, 2.0}},
       Better::larger,
       0,
       2},
      {"as simple, better mean",
       {{0.82, 0.1, 2.0}, {0.85, 0.1, 2.0}, {0.9, 0.1, 9.0}},
       Better::larger,
       2,
       1},
      {"equal, the first", {{0.9, 0.1, 2.0}, {0.9, 0.1, 2.0}}, Better::larger, 0, 0},
      {"smaller is better",
       {{0.3, 0.1, 9.0}, {0.39, 0.1, 1.0}, {0.5, 0.1, 0.0}},
       Better::smaller,
       0,
       1},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(best_of(c.candidates, c.better), c.best);
    EXPECT_EQ(one_standard_error(c.candidates, c.better), c.chosen);
  }
}

}  // namespace
}  // namespace ballast

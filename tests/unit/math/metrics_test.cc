#include "common/math/metrics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "common/base/philox.h"
#include "common/math/metrics_ranking.h"

namespace ballast {
namespace {

constexpr double kAbsent = -1.0;

// kAbsent where the metric was left out.
double value_of(const Metrics& metrics, const std::string& name) {
  for (const auto& [key, value] : metrics) {
    if (key == name) return value;
  }
  return kAbsent;
}

TEST(RocAuc, CountsPairsInOrderAndTiesHalf) {
  struct Case {
    const char* name;
    std::vector<float> scores;
    std::vector<std::uint8_t> positive;
    double expected;
  };
  const Case cases[] = {
      {"perfect", {0.1F, 0.2F, 0.8F, 0.9F}, {0, 0, 1, 1}, 1.0},
      {"reversed", {0.9F, 0.8F, 0.2F, 0.1F}, {0, 0, 1, 1}, 0.0},
      {"one pair of four wrong", {0.1F, 0.4F, 0.35F, 0.8F}, {0, 0, 1, 1}, 0.75},
      {"all tied", {0.5F, 0.5F, 0.5F}, {0, 1, 0}, 0.5},
      {"one tie", {0.5F, 0.5F, 0.9F}, {0, 1, 1}, 0.75},
      {"zeros of both signs tie", {-0.0F, 0.0F}, {0, 1}, 0.5},
      {"infinite scores", {-INFINITY, INFINITY, 0.0F}, {0, 1, 0}, 1.0},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(roc_auc(c.scores, c.positive), c.expected);
  }
}

TEST(RocAuc, IsUndefinedWithoutBothClassesOrWithNan) {
  EXPECT_TRUE(std::isnan(roc_auc({}, {})));
  EXPECT_TRUE(std::isnan(roc_auc(std::vector{0.1F, 0.2F}, std::vector<std::uint8_t>{1, 1})));
  EXPECT_TRUE(std::isnan(roc_auc(std::vector{0.1F, 0.2F}, std::vector<std::uint8_t>{0, 0})));
  EXPECT_TRUE(std::isnan(roc_auc(std::vector{NAN, 0.2F}, std::vector<std::uint8_t>{0, 1})));
}

TEST(RocAuc, IsTheShareOfPairsWon) {
  const PhiloxStream stream(11, Purpose::canary, 3);
  std::vector<float> scores;
  std::vector<std::uint8_t> positive;
  for (std::uint64_t i = 0; i < 300; ++i) {
    scores.push_back(std::floor(stream.uniform(2 * i) * 20.0F));  // Many ties.
    positive.push_back(stream.uniform(2 * i + 1) < 0.3F ? 1 : 0);
  }
  double won = 0.0;
  double pairs = 0.0;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    for (std::size_t j = 0; j < scores.size(); ++j) {
      if (positive[i] == 0 || positive[j] == 1) continue;
      pairs += 1.0;
      if (scores[i] > scores[j]) won += 1.0;
      if (scores[i] == scores[j]) won += 0.5;
    }
  }
  EXPECT_EQ(roc_auc(scores, positive), won / pairs);
}

// The next two tests expect what scikit-learn 1.9 gives for the same arrays, zero_division=0.
TEST(Metrics, OfBinaryClassification) {
  const std::vector<float> outputs = {0.9F, 0.6F, 0.4F, 0.5F, 0.2F, 0.7F};
  const std::vector<float> labels = {1, 0, 1, 1, 0, 1};
  const Metrics m = evaluate({Task::binary, 1, outputs, labels}, 3.0);
  EXPECT_EQ(value_of(m, "accuracy"), 0.5);  // 0.5 itself is class 0.
  EXPECT_EQ(value_of(m, "precision"), 2.0 / 3.0);
  EXPECT_EQ(value_of(m, "recall"), 0.5);
  EXPECT_NEAR(value_of(m, "f1"), 4.0 / 7.0, 1e-15);
  EXPECT_EQ(value_of(m, "roc_auc"), 0.75);
  EXPECT_NEAR(value_of(m, "log_loss"),
              -(std::log(0.9) + std::log(0.4) + std::log(0.4) + std::log(0.5) + std::log(0.8) +
                std::log(0.7)) /
                  6.0,
              1e-7);
  EXPECT_EQ(value_of(m, "loss"), 0.5);
  EXPECT_EQ(m.front().first, "accuracy");
}

TEST(Metrics, OfMulticlassAreAveragesOverTheClassesThatOccur) {
  // Class 3 occurs neither as label nor as prediction; class 2 is predicted but never right.
  const std::vector<float> outputs = {
      0.7F, 0.1F, 0.1F, 0.1F,  // 0
      0.2F, 0.5F, 0.2F, 0.1F,  // 1
      0.1F, 0.2F, 0.6F, 0.1F,  // 2
      0.4F, 0.4F, 0.1F, 0.1F,  // 0: the first of the largest
  };
  const std::vector<float> labels = {0, 1, 1, 0};
  const Metrics m = evaluate({Task::multiclass, 4, outputs, labels}, 0.0);
  EXPECT_EQ(value_of(m, "accuracy"), 0.75);
  EXPECT_NEAR(value_of(m, "precision"), (1.0 + 1.0 + 0.0) / 3.0, 1e-15);
  EXPECT_NEAR(value_of(m, "recall"), (1.0 + 0.5 + 0.0) / 3.0, 1e-15);
  EXPECT_NEAR(value_of(m, "f1"), (1.0 + 2.0 / 3.0 + 0.0) / 3.0, 1e-15);
  // One-vs-rest: class 0 wins 4 of 4 pairs; class 1 wins 0.5 > 0.1, 0.5 > 0.4, 0.2 > 0.1, not 0.4.
  EXPECT_NEAR(value_of(m, "roc_auc"), (1.0 + 0.75) / 2.0, 1e-15);
  EXPECT_NEAR(value_of(m, "log_loss"),
              -(std::log(0.7) + std::log(0.5) + std::log(0.2) + std::log(0.4)) / 4.0, 1e-7);
}

TEST(Metrics, LeaveOutWhatIsUndefined) {
  const Metrics one_class =
      evaluate({Task::binary, 1, std::vector{0.2F, 0.1F}, std::vector{0.0F, 0.0F}}, 0.0);
  EXPECT_EQ(value_of(one_class, "roc_auc"), kAbsent);
  EXPECT_EQ(value_of(one_class, "precision"), 0.0);
  EXPECT_EQ(value_of(one_class, "recall"), 0.0);
  EXPECT_EQ(value_of(one_class, "f1"), 0.0);
  EXPECT_EQ(value_of(one_class, "accuracy"), 1.0);

  const Metrics one_example =
      evaluate({Task::regression, 1, std::vector{0.5F}, std::vector{1.0F}}, 0.0);
  EXPECT_EQ(value_of(one_example, "r2"), kAbsent);
  EXPECT_EQ(value_of(one_example, "rmse"), 0.5);

  EXPECT_TRUE(evaluate({Task::multiclass, 3, {}, {}}, 0.0).empty());
}

TEST(Metrics, LogLossStaysFiniteAtCertainty) {
  const Metrics m =
      evaluate({Task::binary, 1, std::vector{1.0F, 0.0F}, std::vector{0.0F, 0.0F}}, 0.0);
  const double unit = std::ldexp(1.0, -23);
  EXPECT_NEAR(value_of(m, "log_loss"), -(std::log(unit) + std::log1p(-unit)) / 2.0, 1e-12);
}

TEST(Metrics, OfRegression) {
  const std::vector<float> outputs = {2.5F, 0.0F, 2.0F, 8.0F};
  const std::vector<float> labels = {3.0F, -0.5F, 2.0F, 7.0F};
  const Metrics m = evaluate({Task::regression, 1, outputs, labels}, 1.5);
  EXPECT_NEAR(value_of(m, "rmse"), std::sqrt(0.375), 1e-15);
  EXPECT_EQ(value_of(m, "mae"), 0.5);
  EXPECT_NEAR(value_of(m, "r2"), 0.9486081370449679, 1e-12);
  EXPECT_EQ(value_of(m, "loss"), 0.375);
}

TEST(Metrics, R2OfAConstantTarget) {
  const std::vector<float> constant = {2.0F, 2.0F};
  EXPECT_EQ(value_of(evaluate({Task::regression, 1, constant, constant}, 0.0), "r2"), 1.0);
  EXPECT_EQ(value_of(evaluate({Task::regression, 1, std::vector{1.0F, 2.0F}, constant}, 0.0), "r2"),
            0.0);
}

TEST(Metrics, KnowTheirDirection) {
  for (const char* metric : {"accuracy", "precision", "recall", "f1", "roc_auc", "r2"}) {
    EXPECT_TRUE(larger_is_better(metric)) << metric;
  }
  for (const char* metric : {"log_loss", "rmse", "mae", "loss"}) {
    EXPECT_FALSE(larger_is_better(metric)) << metric;
  }
}

}  // namespace
}  // namespace ballast

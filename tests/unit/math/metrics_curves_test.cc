#include "common/math/metrics_curves.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "common/job/names.h"
#include "common/math/metrics_classification.h"
#include "common/math/metrics_ranking.h"
#include "common/math/metrics_threshold.h"
#include "tests/unit/math/metrics_examples.h"

namespace ballast {
namespace {

using test::draw_binary;
using test::draw_whole_weights;

constexpr double kNever = std::numeric_limits<double>::infinity();

double area_under(const std::vector<CurvePoint>& points) {
  double area = 0.0;
  for (std::size_t i = 1; i < points.size(); ++i) {
    area += (points[i].x - points[i - 1].x) * (points[i].y + points[i - 1].y) / 2.0;
  }
  return area;
}

// The largest vertical distance of a point from the curve drawn through others.
double farthest_from(const std::vector<CurvePoint>& curve, const std::vector<CurvePoint>& points) {
  double farthest = 0.0;
  for (const CurvePoint& p : points) {
    double nearest = kNever;
    for (std::size_t i = 1; i < curve.size(); ++i) {
      const CurvePoint& a = curve[i - 1];
      const CurvePoint& b = curve[i];
      const double length = std::hypot(b.x - a.x, b.y - a.y);
      const double along =
          length == 0.0 ? 0.0 : ((p.x - a.x) * (b.x - a.x) + (p.y - a.y) * (b.y - a.y)) / length;
      const double share = length == 0.0 ? 0.0 : std::min(1.0, std::max(0.0, along / length));
      nearest = std::min(
          nearest, std::hypot(p.x - a.x - share * (b.x - a.x), p.y - a.y - share * (b.y - a.y)));
    }
    farthest = std::max(farthest, nearest);
  }
  return farthest;
}

TEST(Curves, OfFourExamples) {
  const std::vector<float> scores = {0.1F, 0.5F, 0.25F, 0.75F};
  const std::vector<std::uint8_t> positive = {0, 0, 1, 1};
  const double low = double{0.1F};
  EXPECT_EQ(roc_curve({scores, positive}),
            (std::vector<CurvePoint>{
                {0, 0, kNever}, {0, 0.5, 0.75}, {0.5, 0.5, 0.5}, {0.5, 1, 0.25}, {1, 1, low}}));
  EXPECT_EQ(
      precision_recall_curve({scores, positive}),
      (std::vector<CurvePoint>{
          {0, 1, kNever}, {0.5, 1, 0.75}, {0.5, 0.5, 0.5}, {1, 2.0 / 3.0, 0.25}, {1, 0.5, low}}));
}

TEST(Curves, AreEmptyWhereTheyAreUndefined) {
  const std::vector<float> scores = {0.25F, 0.5F};
  const std::vector<std::uint8_t> all = {1, 1};
  const std::vector<std::uint8_t> none = {0, 0};
  EXPECT_TRUE(roc_curve({}).empty());
  EXPECT_TRUE(roc_curve({scores, all}).empty());
  EXPECT_TRUE(roc_curve({scores, none}).empty());
  EXPECT_TRUE(precision_recall_curve({scores, none}).empty());
  EXPECT_EQ(precision_recall_curve({scores, all}).size(), 3U);
  EXPECT_TRUE(roc_curve({std::vector{NAN, 0.5F}, std::vector<std::uint8_t>{0, 1}}).empty());
}

TEST(Curves, RocEnclosesTheAuc) {
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    SCOPED_TRACE(seed);
    BinaryColumns columns = draw_binary(seed, 200, 0.3F, 50.0F);
    EXPECT_NEAR(area_under(roc_curve(columns.view())), roc_auc(columns.view()), 1e-14);
    columns.weights = draw_whole_weights(seed, 200);
    EXPECT_NEAR(area_under(roc_curve(columns.view())), roc_auc(columns.view()), 1e-14);
  }
}

TEST(Thinning, KeepsTheShape) {
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    SCOPED_TRACE(seed);
    const BinaryColumns columns = draw_binary(seed, 5000, 0.3F, 1e6F);
    for (const std::vector<CurvePoint>& points :
         {roc_curve(columns.view()), precision_recall_curve(columns.view())}) {
      const std::vector<CurvePoint> few = thinned(points, 200);
      EXPECT_EQ(few.size(), 200U);
      EXPECT_EQ(few.front(), points.front());
      EXPECT_EQ(few.back(), points.back());
      EXPECT_LT(farthest_from(few, points), 0.006);
      EXPECT_NEAR(area_under(few), area_under(points), 0.001);
      // Thinning to more points comes closer.
      EXPECT_LT(farthest_from(few, points), farthest_from(thinned(points, 20), points));
    }
  }
}

TEST(Thinning, DropsStraightStretches) {
  std::vector<CurvePoint> line;
  for (double i = 0.0; i <= 100.0; i += 1.0) {
    line.push_back({.x = i / 100.0, .y = i < 50.0 ? 0.0 : (i - 50.0) / 50.0, .threshold = -i});
  }
  const std::vector<CurvePoint> few = thinned(line, 50);
  EXPECT_EQ(few, (std::vector<CurvePoint>{line[0], line[50], line[100]}));
}

TEST(Thinning, LeavesFewPointsAlone) {
  const std::vector<CurvePoint> points = {{0, 0, kNever}, {0.5, 0.5, 0.5}, {1, 1, 0}};
  EXPECT_EQ(thinned(points, 3), points);
  EXPECT_EQ(thinned(points, 2), (std::vector<CurvePoint>{points[0], points[2]}));
  EXPECT_TRUE(thinned({}, 2).empty());
}

// ---- thresholds

// The metric where exactly the scores above the threshold are called positive.
double at_threshold(const BinaryScores& of, double threshold, ThresholdMetric metric) {
  std::vector<std::uint32_t> actual;
  std::vector<std::uint32_t> predicted;
  for (std::size_t i = 0; i < of.scores.size(); ++i) {
    actual.push_back(of.positive[i]);
    predicted.push_back(double{of.scores[i]} > threshold ? 1 : 0);
  }
  const std::vector<ClassWeight> classes = class_weights(2, actual, predicted, of.weights);
  switch (metric) {
    case ThresholdMetric::f1:
      return f_beta(classes, 1.0, Average::binary);
    case ThresholdMetric::balanced_accuracy:
      return balanced_accuracy(classes);
    case ThresholdMetric::accuracy:
      return accuracy(classes);
    case ThresholdMetric::youden:
      return youden(classes);
    case ThresholdMetric::matthews:
      return matthews(classes);
  }
  return NAN;
}

TEST(BestThreshold, GivesItsScoreAndIsTheHighestOfTheBest) {
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    BinaryColumns columns = draw_binary(seed, 40, 0.4F, seed % 3 == 0 ? 6.0F : 1000.0F);
    if (seed % 2 == 0) columns.weights = draw_whole_weights(seed, 40);
    for (const auto& [metric, name] : names_of<ThresholdMetric>()) {
      SCOPED_TRACE(testing::Message() << name << ", seed " << seed);
      const std::optional<Threshold> best = best_threshold(columns.view(), metric);
      ASSERT_TRUE(best.has_value());
      EXPECT_EQ(at_threshold(columns.view(), best->value, metric), best->score);
      for (const float cut : columns.scores) {
        const double other = at_threshold(columns.view(), double{cut}, metric);
        EXPECT_LE(other, best->score);
        // A higher cut that separates other examples is worse.
        std::size_t between = 0;
        for (std::size_t i = 0; i < columns.scores.size(); ++i) {
          const double score = double{columns.scores[i]};
          const bool counts = columns.weights.empty() || columns.weights[i] > 0.0;
          between += counts && score > best->value && score <= double{cut} ? 1 : 0;
        }
        if (between > 0) {
          EXPECT_LT(other, best->score);
        }
      }
    }
  }
}

TEST(BestThreshold, LiesHalfwayOrAtTheEnds) {
  struct Case {
    const char* name;
    std::vector<float> scores;
    std::vector<std::uint8_t> positive;
    ThresholdMetric metric;
    double value;
    double score;
  };
  const Case cases[] = {
      {"between the classes", {0.25F, 0.5F, 1.0F}, {0, 1, 1}, ThresholdMetric::f1, 0.375, 1.0},
      {"none positive", {0.25F, 0.5F, 0.75F}, {0, 1, 0}, ThresholdMetric::accuracy, 0.75, 2.0 / 3},
      {"a tie goes to the higher cut",
       {0.25F, 0.5F, 0.75F, 1.0F},
       {0, 1, 0, 1},
       ThresholdMetric::youden,
       0.875,
       0.5},
      {"all positive",
       {0.5F, 0.75F, 1.0F},
       {1, 0, 1},
       ThresholdMetric::f1,
       std::nextafter(0.5, 0.0),
       0.8},
      {"neighbours of float32",
       {0x1.000000p-1F, 0x1.000002p-1F},
       {0, 1},
       ThresholdMetric::matthews,
       0x1.000001p-1,
       1.0},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const std::optional<Threshold> best = best_threshold({c.scores, c.positive}, c.metric);
    ASSERT_TRUE(best.has_value());
    EXPECT_EQ(best->value, c.value);
    EXPECT_EQ(best->score, c.score);
  }
}

TEST(BestThreshold, NeedsBothClassesAndFiniteScores) {
  const std::vector<std::uint8_t> both = {0, 1};
  EXPECT_FALSE(best_threshold({}, ThresholdMetric::f1));
  EXPECT_FALSE(best_threshold({std::vector{0.5F, 0.25F}, std::vector<std::uint8_t>{1, 1}},
                              ThresholdMetric::f1));
  EXPECT_FALSE(best_threshold({std::vector{0.5F, 0.25F}, std::vector<std::uint8_t>{0, 0}},
                              ThresholdMetric::f1));
  EXPECT_FALSE(best_threshold({std::vector{0.5F, NAN}, both}, ThresholdMetric::f1));
  EXPECT_FALSE(best_threshold({std::vector{0.5F, INFINITY}, both}, ThresholdMetric::f1));
  EXPECT_TRUE(best_threshold({std::vector{0.5F, 0.75F}, both}, ThresholdMetric::f1));
}

}  // namespace
}  // namespace ballast

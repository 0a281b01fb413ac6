// Metrics against scikit-learn's, from the vectors that tests/golden/make_metrics.py wrote.

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "common/base/check.h"
#include "common/job/names.h"
#include "common/math/metrics_classification.h"
#include "common/math/metrics_curves.h"
#include "common/math/metrics_probabilities.h"
#include "common/math/metrics_report.h"
#include "common/math/metrics_threshold.h"

namespace ballast::metrics_golden_test {
namespace {

using Json = nlohmann::json;

struct Case {
  std::string name;
  std::vector<float> outputs;
  std::vector<float> labels;
  std::vector<double> weights;
  std::uint32_t outputs_per_example = 1;
  Json record;

  [[nodiscard]] Outputs as(Task task) const {
    return {task, outputs_per_example, outputs, labels, weights};
  }
};

std::vector<Case> cases_of(const std::string& task) {
  std::ifstream file("tests/golden/metrics.json");
  BALLAST_CHECK(file.good());
  const Json all = Json::parse(file);
  std::vector<Case> cases;
  for (const Json& record : all.at(task)) {
    cases.push_back({.name = record.at("name"),
                     .outputs = record.at("outputs"),
                     .labels = record.at("labels"),
                     .weights = record.at("weights"),
                     .outputs_per_example = record.value("classes", 1U),
                     .record = record});
  }
  return cases;
}

void expect_near(double value, double golden, const std::string& what) {
  EXPECT_NEAR(value, golden, 1e-12 * (1.0 + std::abs(golden))) << what;
}

// Every name that measure() has for the task is among the expected ones.
void expect_measures(const Case& c, Task task) {
  const Json& expected = c.record.at("expected");
  const Metrics metrics = measure(c.as(task));
  const std::map<std::string, double> values(metrics.begin(), metrics.end());
  for (const std::string_view key : metric_names(task)) {
    const std::string name(key);
    ASSERT_TRUE(expected.contains(name)) << name;
    if (expected.at(name).is_null()) {
      EXPECT_FALSE(values.contains(name)) << name << " is " << values.at(name);
    } else if (values.contains(name)) {
      expect_near(values.at(name), expected.at(name), name);
    } else {
      ADD_FAILURE() << name << " is missing";
    }
  }
}

void expect_averages(const Case& c, Task task, Average average, const std::string& suffix) {
  const std::vector<std::uint32_t> actual = actual_classes(c.as(task));
  const std::vector<std::uint32_t> predicted = predicted_classes(c.as(task));
  const std::vector<ClassWeight> classes =
      class_weights(std::max(2U, c.outputs_per_example), actual, predicted, c.weights);
  const Json& expected = c.record.at("expected");
  expect_near(precision(classes, average), expected.at("precision" + suffix), suffix);
  expect_near(recall(classes, average), expected.at("recall" + suffix), suffix);
  expect_near(f_beta(classes, 0.5, average), expected.at("f0.5" + suffix), suffix);
  expect_near(f_beta(classes, 1.0, average), expected.at("f1" + suffix), suffix);
  expect_near(f_beta(classes, 2.0, average), expected.at("f2" + suffix), suffix);
}

void expect_curve(const std::vector<CurvePoint>& points, const Json& golden) {
  ASSERT_EQ(points.size(), golden.at(0).size());
  for (std::size_t i = 0; i < points.size(); ++i) {
    SCOPED_TRACE(i);
    expect_near(points[i].x, golden.at(0).at(i), "x");
    expect_near(points[i].y, golden.at(1).at(i), "y");
  }
}

TEST(MetricsGolden, BinaryAsScikitLearn) {
  const std::vector<Case> cases = cases_of("binary");
  ASSERT_GE(cases.size(), 40U);
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    expect_measures(c, Task::binary);
    expect_averages(c, Task::binary, Average::binary, "_binary");
    expect_averages(c, Task::binary, Average::micro, "_micro");
    expect_averages(c, Task::binary, Average::macro, "_macro");
    expect_averages(c, Task::binary, Average::weighted, "_weighted");
  }
}

TEST(MetricsGolden, MulticlassAsScikitLearn) {
  const std::vector<Case> cases = cases_of("multiclass");
  ASSERT_GE(cases.size(), 25U);
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    expect_measures(c, Task::multiclass);
    expect_averages(c, Task::multiclass, Average::micro, "_micro");
    expect_averages(c, Task::multiclass, Average::macro, "_macro");
    expect_averages(c, Task::multiclass, Average::weighted, "_weighted");

    const ConfusionMatrix confusion = confusion_of(c.as(Task::multiclass));
    std::vector<std::uint64_t> counts;
    for (std::uint32_t a = 0; a < confusion.classes(); ++a) {
      for (std::uint32_t p = 0; p < confusion.classes(); ++p)
        counts.push_back(confusion.count(a, p));
    }
    EXPECT_EQ(counts, c.record.at("confusion").get<std::vector<std::uint64_t>>());
  }
}

TEST(MetricsGolden, RegressionAsScikitLearn) {
  const std::vector<Case> cases = cases_of("regression");
  ASSERT_GE(cases.size(), 25U);
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    expect_measures(c, Task::regression);
  }
}

TEST(MetricsGolden, CurvesAndCalibrationAsScikitLearn) {
  std::size_t curves = 0;
  for (const Case& c : cases_of("binary")) {
    SCOPED_TRACE(c.name);
    const BinaryColumns columns = scores_of_class(c.as(Task::binary), 1);
    const std::vector<CalibrationBin> bins = calibration_bins(columns.view(), kCalibrationBins);
    const Json& golden = c.record.at("bins");
    ASSERT_EQ(bins.size(), golden.size());
    for (std::size_t b = 0; b < bins.size(); ++b) {
      expect_near(bins[b].predicted, golden.at(b).at(0), "predicted");
      expect_near(bins[b].observed, golden.at(b).at(1), "observed");
      expect_near(bins[b].weight, golden.at(b).at(2), "weight");
    }
    if (!c.record.contains("roc")) {
      EXPECT_TRUE(roc_curve(columns.view()).empty());
      continue;
    }
    curves += 1;
    expect_curve(roc_curve(columns.view()), c.record.at("roc"));
    expect_curve(precision_recall_curve(columns.view()), c.record.at("precision_recall"));
  }
  EXPECT_GE(curves, 30U);
}

TEST(MetricsGolden, NoCutIsBetterThanTheBestThreshold) {
  for (const Case& c : cases_of("binary")) {
    SCOPED_TRACE(c.name);
    const BinaryColumns columns = scores_of_class(c.as(Task::binary), 1);
    for (const auto& [metric, name] : names_of<ThresholdMetric>()) {
      const std::optional<Threshold> best = best_threshold(columns.view(), metric);
      ASSERT_EQ(best.has_value(), c.record.contains("thresholds"));
      if (best) {
        expect_near(best->score, c.record.at("thresholds").at(std::string(name)),
                    std::string(name));
      }
    }
  }
}

}  // namespace
}  // namespace ballast::metrics_golden_test

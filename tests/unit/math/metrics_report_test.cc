#include "common/math/metrics_report.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <set>
#include <string>

#include "common/job/names.h"
#include "common/math/metrics_classification.h"
#include "common/math/metrics_ranking.h"
#include "common/math/metrics_regression.h"
#include "tests/unit/math/metrics_examples.h"

namespace ballast {
namespace {

using test::draw_binary;
using test::draw_classes;
using test::draw_rows;
using test::draw_whole_weights;

struct Drawn {
  Task task = Task::binary;
  std::uint32_t outputs_per_example = 1;
  std::vector<float> outputs;
  std::vector<float> labels;
  std::vector<double> weights;

  [[nodiscard]] Outputs view() const {
    return {task, outputs_per_example, outputs, labels, weights};
  }
};

Drawn draw(Task task, std::uint64_t seed) {
  constexpr std::size_t kExamples = 80;
  if (task == Task::multiclass) {
    const std::vector<std::uint32_t> classes = draw_classes(seed, kExamples, 6);
    return {task, 6, draw_rows(seed, kExamples, 6), {classes.begin(), classes.end()}, {}};
  }
  const BinaryColumns columns = draw_binary(seed, kExamples, 0.3F, 1000.0F);
  Drawn drawn{task, 1, columns.scores, {columns.positive.begin(), columns.positive.end()}, {}};
  if (task == Task::regression) {
    for (std::size_t i = 0; i < kExamples; ++i) drawn.labels[i] += drawn.outputs[kExamples - 1 - i];
  }
  return drawn;
}

// Each example as often as its weight says.
Drawn repeated(const Drawn& weighted) {
  Drawn all{weighted.task, weighted.outputs_per_example, {}, {}, {}};
  for (std::size_t i = 0; i < weighted.labels.size(); ++i) {
    const auto row =
        weighted.outputs.begin() + static_cast<std::ptrdiff_t>(i * weighted.outputs_per_example);
    for (double left = weighted.weights[i]; left > 0.0; left -= 1.0) {
      all.outputs.insert(all.outputs.end(), row, row + weighted.outputs_per_example);
      all.labels.push_back(weighted.labels[i]);
    }
  }
  return all;
}

void expect_near(const Metrics& metrics, const Metrics& others, double tolerance) {
  ASSERT_EQ(metrics.size(), others.size());
  for (std::size_t i = 0; i < metrics.size(); ++i) {
    EXPECT_EQ(metrics[i].first, others[i].first);
    EXPECT_NEAR(metrics[i].second, others[i].second, tolerance * (1.0 + std::abs(others[i].second)))
        << metrics[i].first;
  }
}

constexpr Task kTasks[] = {Task::binary, Task::multiclass, Task::regression};

TEST(Measure, GivesEveryNameOfTheTaskInOrder) {
  for (const Task task : kTasks) {
    const Metrics metrics = measure(draw(task, 1).view());
    const std::vector<std::string_view> names = metric_names(task);
    ASSERT_EQ(metrics.size(), names.size());
    for (std::size_t i = 0; i < names.size(); ++i) EXPECT_EQ(metrics[i].first, names[i]);
  }
}

TEST(Measure, GivesJustTheNamesThatAreAskedForInTheirOrder) {
  const Drawn drawn = draw(Task::binary, 1);
  const Metrics all = measure(drawn.view());
  const std::map<std::string, double> values(all.begin(), all.end());
  const std::vector<std::string_view> names = {"log_loss", "accuracy"};
  EXPECT_EQ(measure(drawn.view(), names),
            (Metrics{{"log_loss", values.at("log_loss")}, {"accuracy", values.at("accuracy")}}));
}

TEST(Measure, GivesTheBitsOfEvaluate) {
  for (const Task task : kTasks) {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      SCOPED_TRACE(seed);
      const Drawn drawn = draw(task, seed);
      const Metrics all = measure(drawn.view());
      const std::map<std::string, double> values(all.begin(), all.end());
      for (const auto& [name, value] :
           evaluate({task, drawn.outputs_per_example, drawn.outputs, drawn.labels}, 1.0)) {
        if (name == "loss") continue;
        EXPECT_EQ(values.at(name), value) << name;
      }
    }
  }
}

TEST(Measure, TakesUnitWeightsForNone) {
  for (const Task task : kTasks) {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      SCOPED_TRACE(seed);
      Drawn drawn = draw(task, seed);
      const Metrics without = measure(drawn.view());
      drawn.weights.assign(drawn.labels.size(), 1.0);
      expect_near(measure(drawn.view()), without, 1e-14);
    }
  }
}

TEST(Measure, TakesAWholeWeightForRepetition) {
  for (const Task task : kTasks) {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      SCOPED_TRACE(seed);
      Drawn drawn = draw(task, seed);
      drawn.weights = draw_whole_weights(seed, drawn.labels.size());
      expect_near(measure(drawn.view()), measure(repeated(drawn).view()), 1e-12);
    }
  }
}

TEST(Measure, DoesNotDependOnTheScaleOfWeights) {
  for (const Task task : kTasks) {
    Drawn drawn = draw(task, 5);
    drawn.weights = draw_whole_weights(5, drawn.labels.size());
    const Metrics metrics = measure(drawn.view());
    for (double& weight : drawn.weights) weight *= 0x1p-70;
    expect_near(measure(drawn.view()), metrics, 1e-15);
  }
}

TEST(Measure, TakesTwoOutputsForTheBinaryTask) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    SCOPED_TRACE(seed);
    Drawn one = draw(Task::binary, seed);
    Drawn two{Task::multiclass, 2, {}, one.labels, {}};
    for (float& output : one.outputs) {
      output = std::round(output * 4096.0F) / 4096.0F;
      two.outputs.insert(two.outputs.end(), {1.0F - output, output});
    }
    const Metrics metrics = measure(two.view());
    const std::map<std::string, double> values(metrics.begin(), metrics.end());
    for (const auto& [name, value] : measure(one.view())) {
      if (name == "youden") continue;
      EXPECT_NEAR(values.at(name), value, 1e-15) << name;
    }
    EXPECT_EQ(values.at("roc_auc_ovo_weighted"), values.at("roc_auc"));
  }
}

TEST(Measure, OfNothingIsNothing) {
  for (const Task task : kTasks) {
    EXPECT_TRUE(measure({.task = task}).empty());
    Drawn drawn = draw(task, 1);
    drawn.weights.assign(drawn.labels.size(), 0.0);
    for (const auto& [name, value] : measure(drawn.view())) {
      ADD_FAILURE() << name << " is " << value;
    }
  }
}

TEST(Measure, LeavesOutWhatNanSpoils) {
  Drawn drawn = draw(Task::binary, 1);
  drawn.outputs[3] = NAN;
  std::set<std::string> names;
  for (const auto& [name, value] : measure(drawn.view())) names.insert(name);
  for (const char* name : {"roc_auc", "average_precision", "log_loss", "normalized_entropy",
                           "brier_score", "calibration_error"}) {
    EXPECT_FALSE(names.contains(name)) << name;
  }
  Drawn numbers = draw(Task::regression, 1);
  numbers.outputs[3] = NAN;
  EXPECT_TRUE(measure(numbers.view()).empty());
}

TEST(TopK, WithOneIsAccuracyEvenInTies) {
  const std::vector<float> scores = {0.4F, 0.4F, 0.2F,  //
                                     0.4F, 0.4F, 0.2F,  //
                                     0.2F, 0.4F, 0.4F};
  const std::vector<std::uint32_t> actual = {0, 1, 2};
  EXPECT_EQ(top_k_accuracy({3, scores, actual}, 1), 1.0 / 3.0);
  EXPECT_EQ(top_k_accuracy({3, scores, actual}, 2), 1.0);
  EXPECT_TRUE(std::isnan(top_k_accuracy({3, scores, actual}, 3)));
}

TEST(RocAuc, OneAgainstOneTakesWeightsForRepetition) {
  Drawn drawn = draw(Task::multiclass, 9);
  drawn.weights = draw_whole_weights(9, drawn.labels.size());
  const Drawn all = repeated(drawn);
  const std::vector<std::uint32_t> actual = actual_classes(drawn.view());
  const std::vector<std::uint32_t> actual_of_all = actual_classes(all.view());
  for (const Average average : {Average::macro, Average::weighted}) {
    EXPECT_NEAR(roc_auc_one_vs_one({6, drawn.outputs, actual, drawn.weights}, average),
                roc_auc_one_vs_one({6, all.outputs, actual_of_all}, average), 1e-13);
  }
}

TEST(R2, OfAWeightedConstantTargetIsNotRounding) {
  // The weighted mean of 0.1 is not 0.1: taken at its word the target would vary by 1e-17.
  const std::vector<float> target(7, 0.1F);
  const std::vector<float> output = {0.1F, 0.2F, 0.1F, 0.1F, 0.1F, 0.1F, 0.1F};
  const std::vector<double> weights = {0.8, 1.1, 0.7, 0.4, 0.2, 0.8, 0.1};
  EXPECT_EQ(r2({output, target, weights}), 0.0);
  EXPECT_EQ(r2({target, target, weights}), 1.0);
}

TEST(MedianAbsoluteError, SeesHalfOfTheWeightThroughRounding) {
  const std::vector<float> zeros(6, 0.0F);
  const std::vector<float> output = {1, 2, 3, 4, 5, 6};
  // 0.5 + 0.2 + 0.1 comes out below half of the sum; 0.5 is above half of its sum.
  const std::vector<double> below = {0.5, 0.2, 0.1, 0.6, 0.1, 0.1};
  EXPECT_EQ(median_absolute_error({output, zeros, below}), 3.5);
  const std::vector<double> above = {0.5, 0.1, 0.3, 0.1, 0.0, 0.0};
  EXPECT_EQ(median_absolute_error({output, zeros, above}), 1.5);
}

TEST(Pinball, IsLeastAtItsQuantile) {
  const std::vector<float> target = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
  const auto loss = [&](float guess, double quantile) {
    return pinball_loss({std::vector<float>(10, guess), target}, quantile);
  };
  for (float guess = 0.0F; guess <= 11.0F; guess += 0.5F) {
    EXPECT_GE(loss(guess, 0.75), loss(8.0F, 0.75)) << guess;
    EXPECT_GE(loss(guess, 0.25), loss(3.0F, 0.25)) << guess;
  }
  EXPECT_EQ(loss(3.0F, 0.5), mae({std::vector<float>(10, 3.0F), target}) / 2.0);
}

// Rows of the form "| `name` | .. | larger |" in docs/metrics.md.
std::map<std::string, bool> documented_directions() {
  std::ifstream page("docs/metrics.md");
  std::map<std::string, bool> directions;
  for (std::string line; std::getline(page, line);) {
    if (!line.starts_with("| `")) continue;
    const bool larger = line.find("| larger |") != std::string::npos;
    const bool smaller = line.find("| smaller |") != std::string::npos;
    EXPECT_NE(larger, smaller) << line;
    directions[line.substr(3, line.find('`', 3) - 3)] = larger;
  }
  return directions;
}

TEST(MetricNames, AreDocumentedWithTheirDirection) {
  std::set<std::string> names = {"loss"};
  for (const Task task : kTasks) {
    for (const std::string_view name : metric_names(task)) names.emplace(name);
  }
  const std::map<std::string, bool> documented = documented_directions();
  for (const std::string& name : names) {
    ASSERT_TRUE(documented.contains(name)) << name;
    EXPECT_EQ(documented.at(name), larger_is_better(name)) << name;
  }
  EXPECT_EQ(documented.size(), names.size());
}

TEST(MetricNames, AreAllThatEarlyStopAndSearchesKnow) {
  for (const Task task : kTasks) {
    std::set<std::string_view> computed = {"loss"};
    for (const std::string_view name : metric_names(task)) computed.insert(name);
    const std::vector<std::string_view> known = watchable_metrics(task);
    EXPECT_EQ((std::set<std::string_view>(known.begin(), known.end())), computed);
    EXPECT_EQ(known.size(), computed.size()) << "each once";
  }
}

// A model that is right is better, by every metric, than one that is wrong.
TEST(MetricNames, PointTheRightWay) {
  for (const Task task : kTasks) {
    Drawn right = draw(task, 4);
    Drawn wrong = right;
    const std::uint32_t width = right.outputs_per_example;
    for (std::size_t i = 0; i < right.labels.size(); ++i) {
      for (std::uint32_t k = 0; k < width; ++k) {
        const bool is =
            width == 1 ? right.labels[i] == 1.0F : static_cast<float>(k) == right.labels[i];
        right.outputs[i * width + k] = is ? 0.95F : 0.05F / static_cast<float>(width);
        // Worst of all for the label, and sure of it.
        wrong.outputs[i * width + k] = is ? 0.05F / static_cast<float>(width) : 0.95F;
      }
      if (task == Task::regression) {
        right.outputs[i] = right.labels[i];
        wrong.outputs[i] = i % 2 == 0 ? right.labels[i] + 9.0F : right.labels[i] - 7.0F;
      }
    }
    const Metrics of_right = measure(right.view());
    const Metrics of_wrong = measure(wrong.view());
    ASSERT_EQ(of_right.size(), of_wrong.size());
    for (std::size_t i = 0; i < of_right.size(); ++i) {
      const auto& [name, value] = of_right[i];
      if (larger_is_better(name)) {
        EXPECT_GT(value, of_wrong[i].second) << name;
      } else {
        EXPECT_LT(value, of_wrong[i].second) << name;
      }
    }
  }
}

}  // namespace
}  // namespace ballast

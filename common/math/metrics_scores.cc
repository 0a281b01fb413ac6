#include "common/math/metrics_scores.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "common/base/check.h"

namespace ballast {
namespace {

void check_weights(std::span<const double> weights, std::size_t n) {
  BALLAST_CHECK(weights.empty() || weights.size() == n);
  for (const double weight : weights) BALLAST_CHECK(std::isfinite(weight) && weight >= 0.0);
}

// Score and place together, so that sorting does not reach all over the column.
struct Ranked {
  float score = 0.0F;
  std::uint32_t example = 0;
};

std::vector<Ranked> by_falling_score(std::span<const float> scores) {
  std::vector<Ranked> ranked(scores.size());
  for (std::uint32_t i = 0; i < ranked.size(); ++i) ranked[i] = {scores[i], i};
  std::sort(ranked.begin(), ranked.end(), [](const Ranked& a, const Ranked& b) {
    return a.score != b.score ? a.score > b.score : a.example < b.example;
  });
  return ranked;
}

}  // namespace

void check(const BinaryScores& examples) {
  BALLAST_CHECK(examples.scores.size() == examples.positive.size());
  BALLAST_CHECK(examples.scores.size() <= std::numeric_limits<std::uint32_t>::max());
  check_weights(examples.weights, examples.scores.size());
}

void check(const ClassScores& examples) {
  BALLAST_CHECK(examples.classes > 0);
  BALLAST_CHECK(examples.scores.size() == examples.actual.size() * examples.classes);
  for (const std::uint32_t actual : examples.actual) BALLAST_CHECK(actual < examples.classes);
  check_weights(examples.weights, examples.actual.size());
}

BinaryColumns one_against_rest(const ClassScores& examples, std::uint32_t k) {
  BALLAST_CHECK(k < examples.classes);
  BinaryColumns columns;
  columns.scores.reserve(examples.actual.size());
  columns.positive.reserve(examples.actual.size());
  for (std::size_t i = 0; i < examples.actual.size(); ++i) {
    columns.scores.push_back(examples.scores[i * examples.classes + k]);
    columns.positive.push_back(examples.actual[i] == k ? 1 : 0);
  }
  columns.weights.assign(examples.weights.begin(), examples.weights.end());
  return columns;
}

std::uint32_t largest_of(std::span<const float> scores) {
  return static_cast<std::uint32_t>(std::max_element(scores.begin(), scores.end()) -
                                    scores.begin());
}

BinaryColumns top_label(const ClassScores& examples) {
  BinaryColumns columns;
  for (std::size_t i = 0; i < examples.actual.size(); ++i) {
    const std::span<const float> row =
        examples.scores.subspan(i * examples.classes, examples.classes);
    const std::uint32_t predicted = largest_of(row);
    columns.scores.push_back(row[predicted]);
    columns.positive.push_back(predicted == examples.actual[i] ? 1 : 0);
  }
  columns.weights.assign(examples.weights.begin(), examples.weights.end());
  return columns;
}

bool has_nan(std::span<const float> scores) {
  return std::any_of(scores.begin(), scores.end(), [](float score) { return std::isnan(score); });
}

std::optional<std::vector<Tie>> ties_of(const BinaryScores& examples) {
  check(examples);
  if (has_nan(examples.scores)) return std::nullopt;
  std::vector<Tie> ties;
  for (const auto& [score, i] : by_falling_score(examples.scores)) {
    const double weight = weight_of(examples.weights, i);
    if (weight == 0.0) continue;
    if (ties.empty() || ties.back().score != score) ties.push_back({.score = score});
    (examples.positive[i] != 0 ? ties.back().positive : ties.back().negative) += weight;
  }
  return ties;
}

double WeightedMean::value() const {
  return total_ == 0.0 ? std::numeric_limits<double>::quiet_NaN() : sum_ / total_;
}

}  // namespace ballast

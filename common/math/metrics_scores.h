#pragma once

// What metrics of classification are computed from: scores, what is true and, where examples count
// differently, their weights, all in example order. Whoever holds pieces concatenates them in that
// order first: float64 sums run in it, so that one order gives one result.
//
// Pure and reentrant. Views; whoever makes one keeps what it shows.
//
// N examples, K classes.

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <vector>

namespace ballast {

// What a metric is where its definition divides by nothing.
inline constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();

// REQUIRES, here and below: sizes fit; weights are finite and not negative. Without weights each
// example counts one. A total weight of 0 is treated as no examples.
struct BinaryScores {
  std::span<const float> scores;           // N, larger for the positive class
  std::span<const std::uint8_t> positive;  // N, not 0: positive
  std::span<const double> weights = {};    // N or none
};

struct ClassScores {
  std::uint32_t classes = 0;
  std::span<const float> scores;          // N x K, by example
  std::span<const std::uint32_t> actual;  // N, below K
  std::span<const double> weights = {};   // N or none
};

// As BinaryScores, with its own columns.
struct BinaryColumns {
  std::vector<float> scores;
  std::vector<std::uint8_t> positive;
  std::vector<double> weights;

  [[nodiscard]] BinaryScores view() const { return {scores, positive, weights}; }
};

void check(const BinaryScores& examples);
void check(const ClassScores& examples);

[[nodiscard]] inline double weight_of(std::span<const double> weights, std::size_t i) {
  return weights.empty() ? 1.0 : weights[i];
}

// The column of class k, positive where the example is of class k.
[[nodiscard]] BinaryColumns one_against_rest(const ClassScores& examples, std::uint32_t k);

// The class of the first of the largest scores.
[[nodiscard]] std::uint32_t largest_of(std::span<const float> scores);

// The largest score and whether its class is right: what calibration of several classes looks at.
[[nodiscard]] BinaryColumns top_label(const ClassScores& examples);

[[nodiscard]] bool has_nan(std::span<const float> scores);

// The weight at one distinct score.
struct Tie {
  float score = 0.0F;
  double negative = 0.0;
  double positive = 0.0;
};

// By falling score; within a tie weights are added in example order. Examples of weight 0 are left
// out. Nothing where a score is NaN.
[[nodiscard]] std::optional<std::vector<Tie>> ties_of(const BinaryScores& examples);

// A mean in float64, over what is added in the order in which it is added; NaN of nothing.
class WeightedMean {
 public:
  void add(double value, double weight) {
    sum_ += weight * value;
    total_ += weight;
  }
  [[nodiscard]] double value() const;

 private:
  double sum_ = 0.0;
  double total_ = 0.0;
};

}  // namespace ballast

#pragma once

// Examples drawn from Philox for the metrics' property tests.

#include <cmath>
#include <cstdint>
#include <vector>

#include "common/base/philox.h"
#include "common/math/metrics_scores.h"

namespace ballast::test {

// Scores in [0, 1] of `levels` + 1 values that lean towards the label; of the examples `rate` are
// positive.
inline BinaryColumns draw_binary(std::uint64_t seed, std::size_t n, float rate, float levels) {
  const PhiloxStream stream(seed, Purpose::canary, n);
  BinaryColumns columns;
  for (std::uint64_t i = 0; i < n; ++i) {
    const bool positive = stream.uniform(2 * i) < rate;
    const float lean = 0.7F * stream.uniform(2 * i + 1) + (positive ? 0.3F : 0.0F);
    columns.scores.push_back(std::floor(lean * levels) / levels);
    columns.positive.push_back(positive ? 1 : 0);
  }
  return columns;
}

// 0, 1, 2 or 3 each.
inline std::vector<double> draw_whole_weights(std::uint64_t seed, std::size_t n) {
  const PhiloxStream stream(seed, Purpose::canary, n, 1);
  std::vector<double> weights;
  for (std::uint64_t i = 0; i < n; ++i) weights.push_back(std::floor(stream.uniform(i) * 4.0F));
  return weights;
}

// n rows of `classes` numbers that are positive and add up to about one.
inline std::vector<float> draw_rows(std::uint64_t seed, std::size_t n, std::uint32_t classes) {
  const PhiloxStream stream(seed, Purpose::canary, n, 2);
  std::vector<float> rows;
  for (std::uint64_t i = 0; i < n; ++i) {
    float total = 0.0F;
    for (std::uint32_t k = 0; k < classes; ++k) total += stream.uniform(i * classes + k) + 0.01F;
    for (std::uint32_t k = 0; k < classes; ++k) {
      rows.push_back((stream.uniform(i * classes + k) + 0.01F) / total);
    }
  }
  return rows;
}

inline std::vector<std::uint32_t> draw_classes(std::uint64_t seed, std::size_t n,
                                               std::uint32_t classes) {
  const PhiloxStream stream(seed, Purpose::canary, n, 3);
  std::vector<std::uint32_t> drawn;
  for (std::uint64_t i = 0; i < n; ++i) drawn.push_back(stream.word(i) % classes);
  return drawn;
}

}  // namespace ballast::test

#pragma once

// Sums over examples that travel with the gradient, as columns of partition 0, and are added like
// it along the tree (design.md, "figures").

#include <cstdint>

namespace ballast {

struct Figures {
  double loss = 0.0;  // Sum over examples, weighed, before any regularization.
  std::uint64_t examples = 0;
  std::uint64_t correct = 0;    // Classification: predicted == label. Regression: 0.
  std::uint64_t nonfinite = 0;  // Leaves whose loss or gradient was not finite (R3).

  friend bool operator==(const Figures&, const Figures&) = default;
};

// left + right, in that order.
[[nodiscard]] constexpr Figures operator+(const Figures& left, const Figures& right) {
  return {left.loss + right.loss, left.examples + right.examples, left.correct + right.correct,
          left.nonfinite + right.nonfinite};
}

}  // namespace ballast

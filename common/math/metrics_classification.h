#pragma once

// Metrics of predicted classes, from what metrics_counts.h counts. Definitions and undefined cases
// are those of scikit-learn 1.9 with zero_division=0, checked by tests/golden/metrics.json: 0 / 0
// counts as 0 in precision, recall and F; without examples everything is NaN.
//
// Pure and reentrant.
//
// K classes.

#include <cstdint>
#include <span>

#include "common/math/metrics_counts.h"
#include "common/math/metrics_scores.h"

namespace ballast {

enum class Average {
  binary,    // of class 1; two classes only
  micro,     // of the counts of all classes together; with one class for each example: accuracy
  macro,     // plain, over the classes that occur as label or prediction
  weighted,  // by the weight of the class among the labels
};

[[nodiscard]] double accuracy(std::span<const ClassWeight> classes);
// The plain average of recall over the classes that occur as label.
[[nodiscard]] double balanced_accuracy(std::span<const ClassWeight> classes);

// REQUIRES: Average::binary only with two classes.
[[nodiscard]] double precision(std::span<const ClassWeight> classes, Average average);
[[nodiscard]] double recall(std::span<const ClassWeight> classes, Average average);
// (1 + beta^2) P R / (beta^2 P + R) (van Rijsbergen 1979). REQUIRES: beta is positive.
[[nodiscard]] double f_beta(std::span<const ClassWeight> classes, double beta, Average average);

// Matthews correlation for K classes (Gorodkin 2004). 0 when all labels or all predictions are one
// class.
[[nodiscard]] double matthews(std::span<const ClassWeight> classes);

// Agreement beyond chance (Cohen 1960). NaN when all labels and all predictions are one class.
[[nodiscard]] double kappa(std::span<const ClassWeight> classes);

// Recall of class 1 + recall of class 0 - 1 (Youden 1950). NaN when a class is absent from the
// labels. REQUIRES: two classes.
[[nodiscard]] double youden(std::span<const ClassWeight> classes);

// How often the class is among the k of the largest scores; of equal scores the lower class comes
// first, as in the predicted class, so k = 1 is accuracy. (scikit-learn takes the higher one.) NaN
// when k covers all classes, or a score is NaN. REQUIRES: k is positive.
[[nodiscard]] double top_k_accuracy(const ClassScores& examples, std::uint32_t k);

}  // namespace ballast

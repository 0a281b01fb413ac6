#pragma once

// Metrics of the order that scores give. All are NaN without examples or where a score is NaN.
//
// Without weights everything rests on counts of the concatenated outputs, so the order of examples
// does not matter; with weights float64 sums run by score and, within a tie, in example order.
// ScoreHistogram of metrics_counts.h is the one that merges without the outputs.
//
// Pure and reentrant.

#include <cstdint>
#include <span>

#include "common/math/metrics_classification.h"
#include "common/math/metrics_scores.h"

namespace ballast {

// Exact, ties counted half (Fawcett 2006, section 7). NaN when one class is absent.
[[nodiscard]] double roc_auc(const BinaryScores& examples);
[[nodiscard]] double roc_auc(std::span<const float> scores, std::span<const std::uint8_t> positive);

// Each class against the rest (Provost & Domingos 2000). macro: the plain average over the classes
// for which it is defined (both sides occur, and no score of the class is NaN); equal to
// scikit-learn's where all occur, which otherwise gives NaN.
// weighted: by the weight of the class among the labels. NaN when all labels are one class.
// REQUIRES: macro or weighted.
[[nodiscard]] double roc_auc_one_vs_rest(const ClassScores& examples, Average average);

// Each pair of classes that occur among the labels, the scores of both sides averaged (Hand & Till
// 2001). weighted: by the weight of the pair among the labels. NaN when all labels are one class.
// Within a pair examples count by their weights, which scikit-learn refuses.
// REQUIRES: macro or weighted.
[[nodiscard]] double roc_auc_one_vs_one(const ClassScores& examples, Average average);

// Sum over falling distinct scores of precision times what is gained in recall, not interpolated.
// 0 without positive examples.
[[nodiscard]] double average_precision(const BinaryScores& examples);
// One against the rest, over the classes that occur among the labels. REQUIRES: macro or weighted.
[[nodiscard]] double average_precision(const ClassScores& examples, Average average);

}  // namespace ballast

#include "common/math/metrics_ranking.h"

#include <algorithm>
#include <cmath>

#include "common/base/check.h"

namespace ballast {
namespace {

double positive_weight(const BinaryScores& examples) {
  double total = 0.0;
  for (std::size_t i = 0; i < examples.positive.size(); ++i) {
    if (examples.positive[i] != 0) total += weight_of(examples.weights, i);
  }
  return total;
}

double weighted_roc_auc(const std::vector<Tie>& ties) {
  double won = 0.0;
  double negatives = 0.0;
  double positives = 0.0;
  for (auto tie = ties.rbegin(); tie != ties.rend(); ++tie) {
    won += tie->positive * (negatives + 0.5 * tie->negative);
    negatives += tie->negative;
    positives += tie->positive;
  }
  return positives == 0.0 || negatives == 0.0 ? kUndefined : won / (positives * negatives);
}

// The examples of two classes, in example order.
std::vector<std::uint32_t> both(const std::vector<std::uint32_t>& a,
                                const std::vector<std::uint32_t>& b) {
  std::vector<std::uint32_t> merged(a.size() + b.size());
  std::merge(a.begin(), a.end(), b.begin(), b.end(), merged.begin());
  return merged;
}

// Among `members`, which are of two classes: class k against the other by the scores of class k.
double roc_auc_among(const ClassScores& examples, const std::vector<std::uint32_t>& members,
                     std::uint32_t k) {
  BinaryColumns columns;
  for (const std::uint32_t i : members) {
    columns.scores.push_back(examples.scores[std::size_t{i} * examples.classes + k]);
    columns.positive.push_back(examples.actual[i] == k ? 1 : 0);
    if (!examples.weights.empty()) columns.weights.push_back(examples.weights[i]);
  }
  return roc_auc(columns.view());
}

}  // namespace

double roc_auc(const BinaryScores& examples) {
  const std::optional<std::vector<Tie>> ties = ties_of(examples);
  if (!ties) return kUndefined;
  if (!examples.weights.empty()) return weighted_roc_auc(*ties);
  PairsWon pairs;
  for (auto tie = ties->rbegin(); tie != ties->rend(); ++tie) {
    pairs.add(static_cast<std::uint64_t>(tie->negative), static_cast<std::uint64_t>(tie->positive));
  }
  return pairs.roc_auc();
}

double roc_auc(std::span<const float> scores, std::span<const std::uint8_t> positive) {
  return roc_auc(BinaryScores{scores, positive});
}

double roc_auc_one_vs_rest(const ClassScores& examples, Average average) {
  check(examples);
  BALLAST_CHECK(average == Average::macro || average == Average::weighted);
  WeightedMean mean;
  for (std::uint32_t k = 0; k < examples.classes; ++k) {
    const BinaryColumns columns = one_against_rest(examples, k);
    const double auc = roc_auc(columns.view());
    if (std::isnan(auc)) continue;
    mean.add(auc, average == Average::macro ? 1.0 : positive_weight(columns.view()));
  }
  return mean.value();
}

double roc_auc_one_vs_one(const ClassScores& examples, Average average) {
  check(examples);
  BALLAST_CHECK(average == Average::macro || average == Average::weighted);
  if (has_nan(examples.scores)) return kUndefined;
  std::vector<std::vector<std::uint32_t>> members(examples.classes);
  std::vector<double> weights(examples.classes);
  for (std::uint32_t i = 0; i < examples.actual.size(); ++i) {
    members[examples.actual[i]].push_back(i);
    weights[examples.actual[i]] += weight_of(examples.weights, i);
  }
  WeightedMean mean;
  for (std::uint32_t a = 0; a < examples.classes; ++a) {
    for (std::uint32_t b = a + 1; b < examples.classes; ++b) {
      if (weights[a] == 0.0 || weights[b] == 0.0) continue;
      const std::vector<std::uint32_t> pair = both(members[a], members[b]);
      const double auc =
          (roc_auc_among(examples, pair, a) + roc_auc_among(examples, pair, b)) / 2.0;
      mean.add(auc, average == Average::macro ? 1.0 : weights[a] + weights[b]);
    }
  }
  return mean.value();
}

double average_precision(const BinaryScores& examples) {
  const std::optional<std::vector<Tie>> ties = ties_of(examples);
  if (!ties || ties->empty()) return kUndefined;
  double sum = 0.0;
  double predicted = 0.0;
  double positives = 0.0;
  for (const Tie& tie : *ties) {
    predicted += tie.negative + tie.positive;
    positives += tie.positive;
    sum += tie.positive * (positives / predicted);
  }
  return positives == 0.0 ? 0.0 : sum / positives;
}

double average_precision(const ClassScores& examples, Average average) {
  check(examples);
  BALLAST_CHECK(average == Average::macro || average == Average::weighted);
  if (has_nan(examples.scores)) return kUndefined;
  WeightedMean mean;
  for (std::uint32_t k = 0; k < examples.classes; ++k) {
    const BinaryColumns columns = one_against_rest(examples, k);
    const double weight = positive_weight(columns.view());
    if (weight == 0.0) continue;
    mean.add(average_precision(columns.view()), average == Average::macro ? 1.0 : weight);
  }
  return mean.value();
}

}  // namespace ballast

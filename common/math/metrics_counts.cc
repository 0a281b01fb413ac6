#include "common/math/metrics_counts.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "common/base/check.h"

namespace ballast {
namespace {

constexpr std::uint32_t kBinsMax = 1U << 24;

}  // namespace

void ClassCounts::add(std::uint32_t actual, std::uint32_t predicted) {
  BALLAST_CHECK(actual < classes_.size() && predicted < classes_.size());
  classes_[actual].actual += 1;
  classes_[predicted].predicted += 1;
  if (actual == predicted) classes_[actual].true_positive += 1;
}

void ClassCounts::merge(const ClassCounts& other) {
  BALLAST_CHECK(classes_.size() == other.classes_.size());
  for (std::size_t k = 0; k < classes_.size(); ++k) {
    classes_[k].true_positive += other.classes_[k].true_positive;
    classes_[k].predicted += other.classes_[k].predicted;
    classes_[k].actual += other.classes_[k].actual;
  }
}

std::vector<ClassWeight> ClassCounts::weights() const {
  std::vector<ClassWeight> weights;
  weights.reserve(classes_.size());
  for (const Count& count : classes_) {
    weights.push_back({.true_positive = static_cast<double>(count.true_positive),
                       .predicted = static_cast<double>(count.predicted),
                       .actual = static_cast<double>(count.actual),
                       .occurs = count.predicted + count.actual > 0});
  }
  return weights;
}

ConfusionMatrix::ConfusionMatrix(std::uint32_t classes)
    : classes_(classes), counts_(std::size_t{classes} * classes) {}

void ConfusionMatrix::add(std::uint32_t actual, std::uint32_t predicted) {
  BALLAST_CHECK(actual < classes_ && predicted < classes_);
  counts_[std::size_t{actual} * classes_ + predicted] += 1;
}

void ConfusionMatrix::merge(const ConfusionMatrix& other) {
  BALLAST_CHECK(classes_ == other.classes_);
  for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
}

std::uint64_t ConfusionMatrix::count(std::uint32_t actual, std::uint32_t predicted) const {
  BALLAST_CHECK(actual < classes_ && predicted < classes_);
  return counts_[std::size_t{actual} * classes_ + predicted];
}

std::vector<ClassWeight> ConfusionMatrix::weights() const {
  std::vector<ClassWeight> weights(classes_);
  for (std::uint32_t a = 0; a < classes_; ++a) {
    for (std::uint32_t p = 0; p < classes_; ++p) {
      const std::uint64_t n = count(a, p);
      if (n == 0) continue;
      const auto weight = static_cast<double>(n);
      weights[a].actual += weight;
      weights[p].predicted += weight;
      if (a == p) weights[a].true_positive += weight;
      weights[a].occurs = weights[p].occurs = true;
    }
  }
  return weights;
}

std::vector<ClassWeight> class_weights(std::uint32_t classes, std::span<const std::uint32_t> actual,
                                       std::span<const std::uint32_t> predicted,
                                       std::span<const double> weights) {
  BALLAST_CHECK(actual.size() == predicted.size());
  BALLAST_CHECK(weights.empty() || weights.size() == actual.size());
  std::vector<ClassWeight> sums(classes);
  for (std::size_t i = 0; i < actual.size(); ++i) {
    BALLAST_CHECK(actual[i] < classes && predicted[i] < classes);
    const double weight = weights.empty() ? 1.0 : weights[i];
    ClassWeight& of_actual = sums[actual[i]];
    ClassWeight& of_predicted = sums[predicted[i]];
    of_actual.actual += weight;
    of_predicted.predicted += weight;
    if (actual[i] == predicted[i]) of_actual.true_positive += weight;
    of_actual.occurs = of_predicted.occurs = true;
  }
  return sums;
}

void PairsWon::add(std::uint64_t negatives, std::uint64_t positives) {
  twice_won_ += positives * (2 * negatives_ + negatives);
  negatives_ += negatives;
  positives_ += positives;
}

double PairsWon::roc_auc() const {
  if (positives_ == 0 || negatives_ == 0) return std::numeric_limits<double>::quiet_NaN();
  return static_cast<double>(twice_won_) /
         (2.0 * static_cast<double>(positives_) * static_cast<double>(negatives_));
}

ScoreHistogram::ScoreHistogram(std::uint32_t bins) : bins_(bins) {
  BALLAST_CHECK(bins > 0 && bins <= kBinsMax);
}

void ScoreHistogram::add(float score, bool positive) {
  BALLAST_CHECK(!std::isnan(score));
  const auto last = static_cast<double>(bins_.size() - 1);
  const double at = std::floor(double{score} * static_cast<double>(bins_.size()));
  Bin& bin = bins_[static_cast<std::size_t>(std::clamp(at, 0.0, last))];
  (positive ? bin.positives : bin.negatives) += 1;
}

void ScoreHistogram::merge(const ScoreHistogram& other) {
  BALLAST_CHECK(bins_.size() == other.bins_.size());
  for (std::size_t b = 0; b < bins_.size(); ++b) {
    bins_[b].negatives += other.bins_[b].negatives;
    bins_[b].positives += other.bins_[b].positives;
  }
}

double ScoreHistogram::roc_auc() const {
  PairsWon pairs;
  for (const Bin& bin : bins_) pairs.add(bin.negatives, bin.positives);
  return pairs.roc_auc();
}

double ScoreHistogram::roc_auc_error_max() const {
  std::uint64_t tied = 0;
  std::uint64_t negatives = 0;
  std::uint64_t positives = 0;
  for (const Bin& bin : bins_) {
    tied += bin.negatives * bin.positives;
    negatives += bin.negatives;
    positives += bin.positives;
  }
  if (positives == 0 || negatives == 0) return std::numeric_limits<double>::quiet_NaN();
  return static_cast<double>(tied) /
         (2.0 * static_cast<double>(positives) * static_cast<double>(negatives));
}

std::uint32_t calibration_bin_of(float probability, std::uint32_t bins) {
  BALLAST_CHECK(!std::isnan(probability) && bins > 0 && bins <= kBinsMax);
  // A product of 24 and 25 bits is exact.
  const double at = std::ceil(double{probability} * static_cast<double>(bins)) - 1.0;
  return static_cast<std::uint32_t>(std::clamp(at, 0.0, static_cast<double>(bins - 1)));
}

CalibrationHistogram::CalibrationHistogram(std::uint32_t bins) : bins_(bins) {
  BALLAST_CHECK(bins > 0 && bins <= kBinsMax);
}

void CalibrationHistogram::add(float probability, bool positive) {
  Bin& bin = bins_[calibration_bin_of(probability, static_cast<std::uint32_t>(bins_.size()))];
  const double scaled = std::clamp(double{probability}, 0.0, 1.0) * 0x1p32;
  const double high = std::floor(scaled);
  bin.predicted_high += static_cast<std::uint64_t>(high);
  bin.predicted_low += static_cast<std::uint64_t>((scaled - high) * 0x1p32);
  bin.examples += 1;
  bin.positives += positive ? 1 : 0;
}

void CalibrationHistogram::merge(const CalibrationHistogram& other) {
  BALLAST_CHECK(bins_.size() == other.bins_.size());
  for (std::size_t b = 0; b < bins_.size(); ++b) {
    bins_[b].examples += other.bins_[b].examples;
    bins_[b].positives += other.bins_[b].positives;
    bins_[b].predicted_high += other.bins_[b].predicted_high;
    bins_[b].predicted_low += other.bins_[b].predicted_low;
  }
}

std::vector<CalibrationBin> CalibrationHistogram::bins() const {
  std::vector<CalibrationBin> filled;
  for (const Bin& bin : bins_) {
    if (bin.examples == 0) continue;
    const auto examples = static_cast<double>(bin.examples);
    const double predicted = static_cast<double>(bin.predicted_high) * 0x1p-32 +
                             static_cast<double>(bin.predicted_low) * 0x1p-64;
    filled.push_back({.predicted = predicted / examples,
                      .observed = static_cast<double>(bin.positives) / examples,
                      .weight = examples});
  }
  return filled;
}

}  // namespace ballast

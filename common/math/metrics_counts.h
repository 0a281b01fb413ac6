#pragma once

// What is counted about predictions, in pieces that merge. All of it is integers, whose sums have
// no order: pieces merged in any grouping and order, on any number of machines, hold the same
// counts, and so give the same bits of every metric.
//
// Not thread-safe: each thread counts its own piece.
//
// K classes.

#include <cstdint>
#include <span>
#include <vector>

namespace ballast {

// One class against the rest, as the formulas of metrics_classification.h read it. Counts are exact
// in float64 up to 2^53.
struct ClassWeight {
  double true_positive = 0.0;
  double predicted = 0.0;
  double actual = 0.0;
  bool occurs = false;  // As label or prediction, be it with weight 0.
};

// O(K): what all metrics of predicted classes need.
class ClassCounts {
 public:
  explicit ClassCounts(std::uint32_t classes) : classes_(classes) {}

  // REQUIRES: both are below `classes`.
  void add(std::uint32_t actual, std::uint32_t predicted);
  // REQUIRES: as many classes.
  void merge(const ClassCounts& other);
  [[nodiscard]] std::vector<ClassWeight> weights() const;

 private:
  struct Count {
    std::uint64_t true_positive = 0;
    std::uint64_t predicted = 0;
    std::uint64_t actual = 0;
  };

  std::vector<Count> classes_;
};

// O(K^2): which classes are taken for which.
class ConfusionMatrix {
 public:
  explicit ConfusionMatrix(std::uint32_t classes);

  // REQUIRES: both are below `classes`.
  void add(std::uint32_t actual, std::uint32_t predicted);
  // REQUIRES: as many classes.
  void merge(const ConfusionMatrix& other);

  [[nodiscard]] std::uint32_t classes() const { return classes_; }
  [[nodiscard]] std::uint64_t count(std::uint32_t actual, std::uint32_t predicted) const;
  [[nodiscard]] std::vector<ClassWeight> weights() const;

 private:
  std::uint32_t classes_;
  std::vector<std::uint64_t> counts_;  // K x K, by actual class
};

// The same in float64 for weighted examples, added in example order. These do not merge.
// weights: one each, or none. REQUIRES: sizes fit, all classes are below `classes`.
[[nodiscard]] std::vector<ClassWeight> class_weights(std::uint32_t classes,
                                                     std::span<const std::uint32_t> actual,
                                                     std::span<const std::uint32_t> predicted,
                                                     std::span<const double> weights);

// Pairs of a negative and a positive example that their scores order rightly; ties count half.
class PairsWon {
 public:
  // REQUIRES: called by rising score, once for each tie.
  void add(std::uint64_t negatives, std::uint64_t positives);
  // NaN when one class is absent.
  [[nodiscard]] double roc_auc() const;

 private:
  std::uint64_t twice_won_ = 0;
  std::uint64_t negatives_ = 0;
  std::uint64_t positives_ = 0;
};

// Scores in bins of equal width over [0, 1]; those outside are counted in the nearest bin.
class ScoreHistogram {
 public:
  // REQUIRES: bins is in 1 .. 2^24.
  explicit ScoreHistogram(std::uint32_t bins);

  // REQUIRES: score is not NaN.
  void add(float score, bool positive);
  // REQUIRES: as many bins.
  void merge(const ScoreHistogram& other);

  // Of the scores rounded to their bins; NaN when one class is absent.
  [[nodiscard]] double roc_auc() const;

  // How far roc_auc() is at most from the exact one. Only pairs within one bin can be misjudged,
  // and each by a half: the sum of n_b p_b over the bins, over 2 N P. With m the largest share of
  // the negatives in one bin, that is at most m / 2.
  [[nodiscard]] double roc_auc_error_max() const;

 private:
  struct Bin {
    std::uint64_t negatives = 0;
    std::uint64_t positives = 0;
  };

  std::vector<Bin> bins_;
};

// One bin of a reliability diagram.
struct CalibrationBin {
  double predicted = 0.0;  // mean probability
  double observed = 0.0;   // share of positives
  double weight = 0.0;     // examples, or their weight
};

// Which of `bins` bins of equal width over [0, 1] holds a probability: bin b is (b, b + 1] / bins,
// and 0 is in the first. Exact. REQUIRES: not NaN; bins is in 1 .. 2^24.
[[nodiscard]] std::uint32_t calibration_bin_of(float probability, std::uint32_t bins);

// Probabilities against what happened. Their sums are kept in units of 2^-64, as two integers:
// exact for float32 from 2^-40 on, and short by less than a unit below. Up to 2^32 examples.
class CalibrationHistogram {
 public:
  // REQUIRES: bins is in 1 .. 2^24.
  explicit CalibrationHistogram(std::uint32_t bins);

  // Probabilities outside [0, 1] count as the nearest one inside. REQUIRES: not NaN.
  void add(float probability, bool positive);
  // REQUIRES: as many bins.
  void merge(const CalibrationHistogram& other);
  // Those that hold examples, by rising probability.
  [[nodiscard]] std::vector<CalibrationBin> bins() const;

 private:
  struct Bin {
    std::uint64_t examples = 0;
    std::uint64_t positives = 0;
    std::uint64_t predicted_high = 0;  // of 2^-32
    std::uint64_t predicted_low = 0;   // of 2^-64
  };

  std::vector<Bin> bins_;
};

}  // namespace ballast

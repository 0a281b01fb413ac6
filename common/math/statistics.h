#pragma once

// What the scores of several splits say together: means with intervals, whether one configuration
// is better than another, and which of the good ones to take.
//
// Scores of splits that share training examples are not independent, so their plain variance is too
// small. Nadeau and Bengio ("Inference for the generalization error", Machine Learning 52, 2003,
// section 5) correct it: with n splits of n1 training and n2 validation examples, the variance of
// the mean is taken as (1 / n + n2 / n1) * s^2 instead of s^2 / n, and t has n - 1 degrees of
// freedom. For r repetitions of k folds n is r * k (Bouckaert and Frank 2004).
//
// Pure. Sums are in float64 in the order given. Student's t comes from a library that calls the
// system's logarithms, whose last bits may differ between machines: write ten digits of an interval
// or a p-value where files are compared byte by byte.

#include <cstddef>
#include <optional>
#include <span>

namespace ballast {

// REQUIRES: at least one value.
[[nodiscard]] double mean(std::span<const double> values);

// Of the sample, with n - 1 in the denominator. REQUIRES: at least two values.
[[nodiscard]] double standard_deviation(std::span<const double> values);

// Student's t with `degrees` degrees of freedom: P(T <= t), and the t of which that is p. Infinite
// t have probabilities 0 and 1. REQUIRES: degrees above 0; t is a number; 0 < p < 1.
[[nodiscard]] double student_cdf(double t, double degrees);
[[nodiscard]] double student_quantile(double p, double degrees);

// How the splits came about: their sizes, for the correction. Without overlap there is none.
struct SplitSizes {
  double training = 0.0;
  double validation = 0.0;
};

struct Interval {
  double low = 0.0;
  double high = 0.0;

  friend bool operator==(const Interval&, const Interval&) = default;
};

// mean +- t * sqrt(s^2 / n): of independent values.
// REQUIRES: at least two values; 0 < confidence < 1.
[[nodiscard]] Interval mean_interval(std::span<const double> values, double confidence = 0.95);

// mean +- t * sqrt((1 / n + n2 / n1) * s^2): of scores whose splits share training examples.
// REQUIRES: as above; sizes.training above 0. Sizes may be means over the splits.
[[nodiscard]] Interval corrected_interval(std::span<const double> values, SplitSizes sizes,
                                          double confidence = 0.95);

// The corrected resampled t-test of paired scores, two-sided: t is the mean difference a - b over
// sqrt((1 / n + n2 / n1) * s^2) of the differences. Where all differences are the same, s is 0 and
// t infinite with p = 0, or both scores are everywhere equal: t = 0, p = 1.
struct PairedTest {
  double difference = 0.0;  // Mean of a - b.
  double t = 0.0;
  double p = 1.0;
};

// REQUIRES: as many values in both, by the same splits, at least two; sizes.training above 0.
[[nodiscard]] PairedTest corrected_paired_t_test(std::span<const double> a,
                                                 std::span<const double> b, SplitSizes sizes);

// What a configuration scored over its splits, and how complex its model is, in any unit.
struct CandidateScore {
  double mean = 0.0;
  double standard_error = 0.0;  // s / sqrt(n)
  double complexity = 0.0;
};

enum class Better { larger, smaller };

// The best mean; of equal ones the first. REQUIRES: at least one; means are numbers.
[[nodiscard]] std::size_t best_of(std::span<const CandidateScore> candidates, Better better);

// The one-standard-error rule (Breiman, Friedman, Olshen, Stone: "Classification and regression
// trees", 1984, section 3.4.3): the least complex of those whose mean is no worse than the best
// one's by more than the best one's standard error. Of equally complex ones that with the better
// mean, of equal ones the first. REQUIRES: as above.
[[nodiscard]] std::size_t one_standard_error(std::span<const CandidateScore> candidates,
                                             Better better);

}  // namespace ballast

#include "common/math/statistics.h"

#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <limits>
#include <vector>

#include "common/base/check.h"

namespace ballast {
namespace {

// In double throughout: long double differs between machines. What is out of range was checked
// before, and nothing throws.
using Policy = boost::math::policies::policy<
    boost::math::policies::promote_double<false>,
    boost::math::policies::domain_error<boost::math::policies::ignore_error>,
    boost::math::policies::pole_error<boost::math::policies::ignore_error>,
    boost::math::policies::overflow_error<boost::math::policies::ignore_error>,
    boost::math::policies::evaluation_error<boost::math::policies::ignore_error>>;
using Student = boost::math::students_t_distribution<double, Policy>;

Interval around(std::span<const double> values, double variance_factor, double confidence) {
  BALLAST_CHECK(values.size() >= 2);
  BALLAST_CHECK(confidence > 0.0 && confidence < 1.0);
  const double center = mean(values);
  const double error = standard_deviation(values) * std::sqrt(variance_factor);
  const double degrees = static_cast<double>(values.size() - 1);
  const double reach = student_quantile(0.5 + confidence / 2.0, degrees) * error;
  return {center - reach, center + reach};
}

double corrected_factor(std::size_t splits, SplitSizes sizes) {
  BALLAST_CHECK(sizes.training > 0.0 && sizes.validation >= 0.0);
  return 1.0 / static_cast<double>(splits) + sizes.validation / sizes.training;
}

bool is_better(double a, double b, Better better) {
  return better == Better::larger ? a > b : a < b;
}

}  // namespace

double mean(std::span<const double> values) {
  BALLAST_CHECK(!values.empty());
  double sum = 0.0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

double standard_deviation(std::span<const double> values) {
  BALLAST_CHECK(values.size() >= 2);
  const double center = mean(values);
  double sum = 0.0;
  for (const double value : values) sum += (value - center) * (value - center);
  return std::sqrt(sum / static_cast<double>(values.size() - 1));
}

double student_cdf(double t, double degrees) {
  BALLAST_CHECK(degrees > 0.0 && !std::isnan(t));
  if (std::isinf(t)) return t > 0.0 ? 1.0 : 0.0;
  return boost::math::cdf(Student(degrees), t);
}

double student_quantile(double p, double degrees) {
  BALLAST_CHECK(degrees > 0.0 && p > 0.0 && p < 1.0);
  return boost::math::quantile(Student(degrees), p);
}

Interval mean_interval(std::span<const double> values, double confidence) {
  return around(values, 1.0 / static_cast<double>(values.size()), confidence);
}

Interval corrected_interval(std::span<const double> values, SplitSizes sizes, double confidence) {
  return around(values, corrected_factor(values.size(), sizes), confidence);
}

PairedTest corrected_paired_t_test(std::span<const double> a, std::span<const double> b,
                                   SplitSizes sizes) {
  BALLAST_CHECK(a.size() == b.size() && a.size() >= 2);
  std::vector<double> differences;
  bool same = true;
  for (std::size_t i = 0; i < a.size(); ++i) {
    differences.push_back(a[i] - b[i]);
    same = same && differences[i] == differences[0];
  }
  PairedTest test;
  if (same) {
    test.difference = differences[0];
    if (test.difference == 0.0) return test;
    test.t = std::copysign(std::numeric_limits<double>::infinity(), test.difference);
    test.p = 0.0;
    return test;
  }
  test.difference = mean(differences);
  test.t = test.difference /
           (standard_deviation(differences) * std::sqrt(corrected_factor(a.size(), sizes)));
  // The lower tail twice: 1 - cdf would lose small p.
  test.p = 2.0 * student_cdf(-std::fabs(test.t), static_cast<double>(a.size() - 1));
  return test;
}

std::size_t best_of(std::span<const CandidateScore> candidates, Better better) {
  BALLAST_CHECK(!candidates.empty());
  std::size_t best = 0;
  for (std::size_t i = 1; i < candidates.size(); ++i) {
    if (is_better(candidates[i].mean, candidates[best].mean, better)) best = i;
  }
  return best;
}

std::size_t one_standard_error(std::span<const CandidateScore> candidates, Better better) {
  const std::size_t best = best_of(candidates, better);
  const double error = candidates[best].standard_error;
  const double worst = candidates[best].mean + (better == Better::larger ? -error : error);
  std::size_t chosen = best;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    const CandidateScore& candidate = candidates[i];
    if (is_better(worst, candidate.mean, better)) continue;
    const CandidateScore& now = candidates[chosen];
    const bool simpler = candidate.complexity < now.complexity;
    const bool as_simple = candidate.complexity == now.complexity;
    if (simpler || (as_simple && is_better(candidate.mean, now.mean, better))) chosen = i;
  }
  return chosen;
}

}  // namespace ballast

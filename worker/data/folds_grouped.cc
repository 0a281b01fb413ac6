#include <algorithm>
#include <cmath>
#include <numeric>
#include <tuple>

#include "common/base/hash.h"
#include "worker/data/folds_parts.h"

namespace ballast::folds {
namespace {

// Counts by row (group or fold) and class.
class Counts {
 public:
  Counts(std::size_t rows, std::size_t classes)
      : classes_(classes), counts_(rows * classes), sizes_(rows) {}

  void add(std::size_t row, std::size_t c, std::uint64_t count) {
    counts_[row * classes_ + c] += count;
    sizes_[row] += count;
  }
  [[nodiscard]] std::uint64_t at(std::size_t row, std::size_t c) const {
    return counts_[row * classes_ + c];
  }
  [[nodiscard]] std::uint64_t size(std::size_t row) const { return sizes_[row]; }
  [[nodiscard]] std::size_t rows() const { return sizes_.size(); }
  [[nodiscard]] std::size_t classes() const { return classes_; }

 private:
  std::size_t classes_;
  std::vector<std::uint64_t> counts_;
  std::vector<std::uint64_t> sizes_;
};

// Groups by class; where classes do not count, all are of one.
Counts count_groups(const SplitValues& values, bool by_class) {
  Counts counts(values.groups.names.size(), by_class ? values.class_names.size() : 1);
  for (std::uint32_t i = 0; i < values.examples; ++i) {
    counts.add(values.groups.of[i], by_class ? values.classes[i] : 0, 1);
  }
  return counts;
}

// The square of n times the standard deviation: whole numbers, so that equal ones are equal.
double spread_of(const Counts& groups, std::size_t group) {
  double sum = 0.0;
  double squares = 0.0;
  for (std::size_t c = 0; c < groups.classes(); ++c) {
    const double count = static_cast<double>(groups.at(group, c));
    sum += count;
    squares += count * count;
  }
  return static_cast<double>(groups.classes()) * squares - sum * sum;
}

// The order in which groups are dealt: by falling weight, then key.
std::vector<std::size_t> group_order(const SplitValues& values, const std::vector<double>& weights,
                                     std::uint64_t seed, std::uint32_t repeat) {
  std::vector<std::tuple<double, std::uint64_t, std::size_t>> places;
  for (std::size_t group = 0; group < weights.size(); ++group) {
    const double rank = repeat == 0 ? weights[group] : std::ilogb(weights[group] + 1.0);
    places.emplace_back(-rank, key_of(seed, hash_text(values.groups.names[group]), repeat), group);
  }
  std::sort(places.begin(), places.end());
  std::vector<std::size_t> order;
  for (const auto& place : places) order.push_back(std::get<2>(place));
  return order;
}

std::size_t lightest(const Counts& folds) {
  std::size_t best = 0;
  for (std::size_t fold = 1; fold < folds.rows(); ++fold) {
    if (folds.size(fold) < folds.size(best)) best = fold;
  }
  return best;
}

double deviation(const std::vector<double>& shares) {
  const double n = static_cast<double>(shares.size());
  const double mean = std::accumulate(shares.begin(), shares.end(), 0.0) / n;
  double squares = 0.0;
  for (const double share : shares) squares += (share - mean) * (share - mean);
  return std::sqrt(squares / n);
}

// How unevenly classes lie over the folds once the group is in `fold`.
double unevenness(const Counts& folds, const std::vector<std::uint64_t>& totals,
                  const Counts& groups, std::size_t group, std::size_t fold) {
  double sum = 0.0;
  double present = 0.0;
  std::vector<double> shares(folds.rows());
  for (std::size_t c = 0; c < totals.size(); ++c) {
    if (totals[c] == 0) continue;
    for (std::size_t f = 0; f < folds.rows(); ++f) {
      const std::uint64_t count = folds.at(f, c) + (f == fold ? groups.at(group, c) : 0);
      shares[f] = static_cast<double>(count) / static_cast<double>(totals[c]);
    }
    sum += deviation(shares);
    present += 1.0;
  }
  return sum / present;
}

// scikit-learn's idea of the same value, numpy.isclose.
bool is_close(double a, double b) { return std::fabs(a - b) <= 1e-8 + 1e-5 * std::fabs(b); }

std::size_t evenest(const Counts& folds, const std::vector<std::uint64_t>& totals,
                    const Counts& groups, std::size_t group) {
  std::size_t best = 0;
  double least = unevenness(folds, totals, groups, group, 0);
  for (std::size_t fold = 1; fold < folds.rows(); ++fold) {
    const double value = unevenness(folds, totals, groups, group, fold);
    // An empty fold is never less even than another one; so none stays empty while there are
    // groups.
    const bool better =
        is_close(value, least) ? folds.size(fold) < folds.size(best) : value < least;
    if (!better) continue;
    least = value;
    best = fold;
  }
  return best;
}

}  // namespace

std::vector<std::uint32_t> deal_groups(const CrossValidationSpec& spec, std::uint64_t seed,
                                       const SplitValues& values, std::uint32_t repeat) {
  const bool by_class = needs_classes(spec.split);
  const Counts groups = count_groups(values, by_class);
  std::vector<double> weights;
  for (std::size_t group = 0; group < groups.rows(); ++group) {
    weights.push_back(by_class ? spread_of(groups, group)
                               : static_cast<double>(groups.size(group)));
  }
  std::vector<std::uint64_t> totals(groups.classes());
  for (std::size_t group = 0; group < groups.rows(); ++group) {
    for (std::size_t c = 0; c < totals.size(); ++c) totals[c] += groups.at(group, c);
  }

  Counts folds(spec.folds, groups.classes());
  std::vector<std::uint32_t> fold_of_group(groups.rows());
  for (const std::size_t group : group_order(values, weights, seed, repeat)) {
    const std::size_t fold = by_class ? evenest(folds, totals, groups, group) : lightest(folds);
    fold_of_group[group] = static_cast<std::uint32_t>(fold);
    for (std::size_t c = 0; c < totals.size(); ++c) folds.add(fold, c, groups.at(group, c));
  }
  std::vector<std::uint32_t> fold_of(values.examples);
  for (std::uint32_t i = 0; i < values.examples; ++i) {
    fold_of[i] = fold_of_group[values.groups.of[i]];
  }
  return fold_of;
}

}  // namespace ballast::folds

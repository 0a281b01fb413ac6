#include <algorithm>
#include <numeric>

#include "worker/data/folds_parts.h"

namespace ballast::folds {
namespace {

// Places in the order of time where one may cut: not between equal times.
class Cuts {
 public:
  Cuts(const SplitValues& values, const std::vector<std::uint32_t>& order)
      : values_(values), order_(order) {}

  [[nodiscard]] std::uint64_t at_or_after(std::uint64_t place) const {
    while (!is_cut(place)) ++place;
    return place;
  }
  [[nodiscard]] std::uint64_t at_or_before(std::uint64_t place) const {
    while (!is_cut(place)) --place;
    return place;
  }

 private:
  [[nodiscard]] bool is_cut(std::uint64_t place) const {
    return place == 0 || place >= order_.size() ||
           values_.times.of[order_[place]] != values_.times.of[order_[place - 1]];
  }

  const SplitValues& values_;
  const std::vector<std::uint32_t>& order_;
};

}  // namespace

std::vector<std::uint32_t> time_order(const SplitValues& values) {
  std::vector<std::uint32_t> order(values.examples);
  std::iota(order.begin(), order.end(), 0U);
  std::stable_sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    return values.times.of[a] < values.times.of[b];
  });
  return order;
}

std::optional<TimeCut> time_cut(const CrossValidationSpec& spec, const SplitValues& values,
                                const std::vector<std::uint32_t>& order, std::uint32_t fold) {
  const std::uint64_t n = values.examples;
  // The blocks of validation, and those of training before the first of them.
  const std::uint64_t window = std::max(spec.window, 1U);
  if (n <= spec.gap) return std::nullopt;
  const std::uint64_t size = (n - spec.gap) / (spec.folds + window);
  if (size == 0) return std::nullopt;

  const Cuts cuts(values, order);
  const std::uint64_t begin = n - (spec.folds - fold) * size;
  TimeCut cut;
  cut.validation_begin = cuts.at_or_after(begin);
  cut.validation_end = cuts.at_or_after(begin + size);
  cut.training_end = cuts.at_or_before(cut.validation_begin - spec.gap);
  if (spec.split == SplitKind::sliding) {
    cut.training_begin = cuts.at_or_after(begin - spec.gap - window * size);
  }
  const bool whole =
      cut.training_begin < cut.training_end && cut.validation_begin < cut.validation_end;
  return whole ? std::optional(cut) : std::nullopt;
}

}  // namespace ballast::folds

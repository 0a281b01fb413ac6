#pragma once

// The parts of folds.h, by what they look at. For folds*.cc alone.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/job/spec.h"
#include "worker/data/folds.h"

namespace ballast::folds {

// Where something comes in a random order: equal keys are as likely as not at all, and whoever
// sorts by them breaks ties by position.
[[nodiscard]] std::uint64_t key_of(std::uint64_t seed, std::uint64_t what, std::uint64_t draw);

// The fold of each example in grouped and stratified_grouped.
[[nodiscard]] std::vector<std::uint32_t> deal_groups(const CrossValidationSpec& spec,
                                                     std::uint64_t seed, const SplitValues& values,
                                                     std::uint32_t repeat);

// Examples in the order of time, equal times by position.
[[nodiscard]] std::vector<std::uint32_t> time_order(const SplitValues& values);

// One split as ranges of that order.
struct TimeCut {
  std::uint64_t training_begin = 0;
  std::uint64_t training_end = 0;
  std::uint64_t validation_begin = 0;
  std::uint64_t validation_end = 0;
};

// Nothing, where there are too few examples or too few different times: a side would be empty.
[[nodiscard]] std::optional<TimeCut> time_cut(const CrossValidationSpec& spec,
                                              const SplitValues& values,
                                              const std::vector<std::uint32_t>& order,
                                              std::uint32_t fold);

}  // namespace ballast::folds

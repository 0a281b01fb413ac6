#pragma once

// Splits of cross-validation: which examples are training and which validation, for each repetition
// and fold.
//
// A split is a function of the spec, the seed, and per example its position, class, group and time:
// each place in a random order is that of a Philox key of (seed, example or group, repetition), so
// neither the standard library nor the number of threads has a say, and any fold can be made alone,
// anywhere. Kinds that deal whole groups look at groups' names and sizes only: examples in another
// order fall into the same folds.
//
//   k_fold            the keys' order cut into folds that differ by one example at most
//   stratified        the order by class, then key, dealt one by one: each class and all together
//                     differ by one at most between folds, as in scikit-learn
//   grouped           the largest group first, each to the fold that has the fewest examples, so
//                     that folds differ by the size of a group at most
//   stratified_grouped  the groups of which the classes are most unequal first, each to the fold
//                     where the classes' shares then vary least over the folds: the mean over
//                     classes of the standard deviation over folds; where that is the same within
//                     rounding, the fold with the fewest examples. So does scikit-learn's
//                     StratifiedGroupKFold
//   leave_one_group_out  each group is the validation of one fold, in the order of their names
//   shuffled, stratified_shuffled  each split draws its validation anew: the first of the keys'
//                     order, by class in shares by largest remainders
//   expanding, sliding  in the order of time, the last `folds` blocks of equal size are validation,
//                     one after another; training is what lies before, or the last `window` blocks
//                     of it, with `gap` examples in between left out. Ends move so that equal times
//                     are never torn apart: to the later side where validation or a window begins,
//                     to the earlier one where training ends. Every training time is before every
//                     validation time
//   given             a column says the fold; who has none is training in every split
//
// In the first repetition of grouped and stratified_grouped, ties alone are decided by keys; in
// later ones sizes are compared by powers of two, and groups of about the same size go in the keys'
// order. Repetitions would hardly differ otherwise, and count as more than they are.
//
// Pure; thread-safe.

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/job/spec.h"

namespace ballast {

inline constexpr std::uint32_t kNoCategory = std::numeric_limits<std::uint32_t>::max();

// A column's values as numbers of names.
struct Categories {
  std::vector<std::uint32_t> of;   // By example; kNoCategory where there is no value.
  std::vector<std::string> names;  // By value where all are numbers, else by bytes; each once.

  friend bool operator==(const Categories&, const Categories&) = default;
};

// Texts that are all numbers are the same where they are equal: "1" and "1.0". Empty: no value.
[[nodiscard]] Categories categories_of(const std::vector<std::string_view>& texts);

// What splits look at, by example: only what the kind asks for need be there.
struct SplitValues {
  std::uint32_t examples = 0;
  std::vector<std::uint32_t> classes;  // needs_classes(): the class of each.
  std::vector<std::string> class_names;
  Categories groups;  // needs_groups()
  Categories times;   // needs_times(): in the order of time.
  Categories folds;   // given
};

// Positions of examples, ascending.
struct Fold {
  std::vector<std::uint32_t> training;
  std::vector<std::uint32_t> validation;

  friend bool operator==(const Fold&, const Fold&) = default;
};

// How many folds each repetition has; or what keeps the data from being split like this, with the
// field below `section` that asks for too much. Classes without an example do not count.
// REQUIRES: values have what the kind asks for, for each example, and classes below class_names.
[[nodiscard]] Result<std::uint32_t> count_folds(const CrossValidationSpec& spec,
                                                const SplitValues& values,
                                                std::string_view section = "cross_validation");

// One split. Neither side is empty.
// REQUIRES: count_folds() says no error; repeat < spec.repeats, fold < count_folds().
[[nodiscard]] Fold make_fold(const CrossValidationSpec& spec, std::uint64_t seed,
                             const SplitValues& values, std::uint32_t repeat, std::uint32_t fold);

// The splits of a split's training examples, for a nested search: what make_fold() makes of these
// examples alone, with a seed that follows from `seed` and `outer`, the number of that split. By
// repeat, then fold; numbers are those of `values`.
// REQUIRES: as count_folds(); `training` ascends.
[[nodiscard]] Result<std::vector<Fold>> make_inner_folds(
    const CrossValidationSpec& spec, std::uint64_t seed, const SplitValues& values,
    std::uint32_t outer, const std::vector<std::uint32_t>& training, std::string_view section);

}  // namespace ballast

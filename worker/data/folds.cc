#include "worker/data/folds.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <span>
#include <tuple>

#include "common/base/check.h"
#include "common/base/philox.h"
#include "common/job/names.h"
#include "worker/data/cells.h"
#include "worker/data/folds_parts.h"

namespace ballast {
namespace folds {

std::uint64_t key_of(std::uint64_t seed, std::uint64_t what, std::uint64_t draw) {
  const PhiloxBlock words = PhiloxStream(seed, Purpose::folds, what, draw).block(0);
  return std::uint64_t{words[1]} << 32 | words[0];
}

}  // namespace folds

namespace {

// ---- orders -------------------------------------------------------------------------------------

// Examples by class, where classes count, then key.
std::vector<std::uint32_t> random_order(const SplitValues& values, bool by_class,
                                        std::uint64_t seed, std::uint64_t draw) {
  std::vector<std::tuple<std::uint32_t, std::uint64_t, std::uint32_t>> places;
  places.reserve(values.examples);
  for (std::uint32_t i = 0; i < values.examples; ++i) {
    places.emplace_back(by_class ? values.classes[i] : 0, folds::key_of(seed, i, draw), i);
  }
  std::sort(places.begin(), places.end());
  std::vector<std::uint32_t> order;
  order.reserve(places.size());
  for (const auto& place : places) order.push_back(std::get<2>(place));
  return order;
}

std::vector<std::uint64_t> class_sizes(const SplitValues& values) {
  std::vector<std::uint64_t> sizes(values.class_names.size());
  for (const std::uint32_t c : values.classes) sizes[c] += 1;
  return sizes;
}

// ---- from an order to folds ---------------------------------------------------------------------

Fold fold_where(std::uint32_t examples, const auto& is_validation) {
  Fold fold;
  for (std::uint32_t i = 0; i < examples; ++i) {
    (is_validation(i) ? fold.validation : fold.training).push_back(i);
  }
  return fold;
}

Fold fold_of(const std::vector<std::uint32_t>& folds, std::uint32_t fold) {
  return fold_where(static_cast<std::uint32_t>(folds.size()),
                    [&](std::uint32_t i) { return folds[i] == fold; });
}

std::vector<std::uint32_t> deal_in_blocks(const CrossValidationSpec& spec, std::uint64_t seed,
                                          const SplitValues& values, std::uint32_t repeat) {
  std::vector<std::uint32_t> order(values.examples);
  std::iota(order.begin(), order.end(), 0U);
  if (spec.shuffle) order = random_order(values, false, seed, repeat);
  const std::uint32_t size = values.examples / spec.folds;
  const std::uint32_t larger = values.examples % spec.folds;  // The first ones have one more.
  std::vector<std::uint32_t> folds(values.examples);
  std::uint32_t place = 0;
  for (std::uint32_t fold = 0; fold < spec.folds; ++fold) {
    const std::uint32_t end = place + size + (fold < larger ? 1 : 0);
    for (; place < end; ++place) folds[order[place]] = fold;
  }
  return folds;
}

// Neighbours in the order go to different folds, and so do those of a class, which lie together.
std::vector<std::uint32_t> deal_one_by_one(const CrossValidationSpec& spec, std::uint64_t seed,
                                           const SplitValues& values, std::uint32_t repeat) {
  const std::vector<std::uint32_t> order = random_order(values, true, seed, repeat);
  std::vector<std::uint32_t> folds(values.examples);
  for (std::uint32_t place = 0; place < order.size(); ++place) {
    folds[order[place]] = place % spec.folds;
  }
  return folds;
}

std::uint64_t held_out(const CrossValidationSpec& spec, std::uint64_t examples) {
  const auto count =
      static_cast<std::uint64_t>(std::llround(spec.fraction * static_cast<double>(examples)));
  return std::clamp<std::uint64_t>(count, 1, examples - 1);
}

// How many of each class are held out: the whole parts of the shares, and one more where the rest
// is largest.
std::vector<std::uint64_t> held_out_by_class(const std::vector<std::uint64_t>& sizes,
                                             std::uint64_t held, std::uint64_t examples) {
  std::vector<std::uint64_t> counts;
  std::vector<std::pair<std::uint64_t, std::size_t>> rests;  // Of n, subtracted from it; class.
  for (std::size_t c = 0; c < sizes.size(); ++c) {
    counts.push_back(held * sizes[c] / examples);
    rests.emplace_back(examples - held * sizes[c] % examples, c);
  }
  std::sort(rests.begin(), rests.end());
  std::uint64_t left = held - std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
  for (const auto& [rest, c] : rests) {
    if (left == 0) break;
    counts[c] += 1;
    left -= 1;
  }
  return counts;
}

Fold hold_out(const CrossValidationSpec& spec, std::uint64_t seed, const SplitValues& values,
              std::uint64_t draw) {
  const bool by_class = needs_classes(spec.split);
  const std::vector<std::uint64_t> sizes =
      by_class ? class_sizes(values) : std::vector<std::uint64_t>{values.examples};
  const std::vector<std::uint64_t> counts =
      held_out_by_class(sizes, held_out(spec, values.examples), values.examples);
  const std::vector<std::uint32_t> order = random_order(values, by_class, seed, draw);
  std::vector<bool> held(values.examples);
  std::uint64_t place = 0;
  for (std::size_t c = 0; c < sizes.size(); ++c) {
    for (std::uint64_t i = 0; i < counts[c]; ++i) held[order[place + i]] = true;
    place += sizes[c];
  }
  return fold_where(values.examples, [&](std::uint32_t i) { return held[i]; });
}

Fold cut_by_time(const CrossValidationSpec& spec, const SplitValues& values, std::uint32_t fold) {
  const std::vector<std::uint32_t> order = folds::time_order(values);
  const std::optional<folds::TimeCut> cut = folds::time_cut(spec, values, order, fold);
  BALLAST_CHECK(cut.has_value());
  const auto range = [&](std::uint64_t begin, std::uint64_t end) {
    std::vector<std::uint32_t> examples(order.begin() + static_cast<std::ptrdiff_t>(begin),
                                        order.begin() + static_cast<std::ptrdiff_t>(end));
    std::sort(examples.begin(), examples.end());
    return examples;
  };
  return {range(cut->training_begin, cut->training_end),
          range(cut->validation_begin, cut->validation_end)};
}

// ---- some of the examples
// ------------------------------------------------------------------------

// The categories of some examples; names that none of them has are gone.
Categories some_of(const Categories& all, const std::vector<std::uint32_t>& examples) {
  if (all.of.empty()) return {};
  Categories some;
  std::vector<std::uint32_t> numbers(all.names.size(), kNoCategory);
  for (const std::uint32_t i : examples) {
    if (all.of[i] != kNoCategory) numbers[all.of[i]] = 0;
  }
  for (std::size_t name = 0; name < numbers.size(); ++name) {
    if (numbers[name] == kNoCategory) continue;
    numbers[name] = static_cast<std::uint32_t>(some.names.size());
    some.names.push_back(all.names[name]);
  }
  for (const std::uint32_t i : examples) {
    some.of.push_back(all.of[i] == kNoCategory ? kNoCategory : numbers[all.of[i]]);
  }
  return some;
}

SplitValues some_of(const SplitValues& all, const std::vector<std::uint32_t>& examples) {
  SplitValues some{.examples = static_cast<std::uint32_t>(examples.size()),
                   .classes = {},
                   .class_names = all.class_names,
                   .groups = some_of(all.groups, examples),
                   .times = some_of(all.times, examples),
                   .folds = some_of(all.folds, examples)};
  if (all.classes.empty()) return some;
  for (const std::uint32_t i : examples) some.classes.push_back(all.classes[i]);
  return some;
}

// ---- what keeps data from being split -----------------------------------------------------------

struct Complaint {
  std::string_view section;

  [[nodiscard]] Error operator()(std::string_view field, const std::string& what) const {
    return {ErrorCode::invalid, fmt::format("{}.{}: {}", section, field, what)};
  }
};

Status check_present(const Categories& categories, std::string_view field, const Complaint& say) {
  const auto missing = std::find(categories.of.begin(), categories.of.end(), kNoCategory);
  if (missing == categories.of.end()) return {};
  return say(field, fmt::format("expected a value for each example, and example {}, counted from "
                                "0, has none; fill it in, or drop the row",
                                missing - categories.of.begin()));
}

Status check_classes(const CrossValidationSpec& spec, const SplitValues& values,
                     const Complaint& say) {
  // A class with fewer members than folds would be absent from some; one that is drawn from needs
  // one for either side.
  const std::uint64_t least = holds_out(spec.split) ? 2 : spec.folds;
  const std::vector<std::uint64_t> sizes = class_sizes(values);
  std::uint64_t present = 0;
  for (std::size_t c = 0; c < sizes.size(); ++c) {
    if (sizes[c] == 0) continue;
    present += 1;
    if (sizes[c] >= least) continue;
    return say(
        holds_out(spec.split) ? "split" : "folds",
        fmt::format("expected at least {} examples of each class, and {} has {}; {}", least,
                    shown(values.class_names[c]), sizes[c],
                    holds_out(spec.split) ? "choose shuffled"
                                          : "choose fewer folds, or a split without classes"));
  }
  if (!holds_out(spec.split)) return {};
  const std::uint64_t held = held_out(spec, values.examples);
  if (held >= present && values.examples - held >= present) return {};
  return say("fraction", fmt::format("expected room for each of the {} classes on both sides, got "
                                     "{} examples for training and {} for validation",
                                     present, values.examples - held, held));
}

Status check_groups(const CrossValidationSpec& spec, const SplitValues& values,
                    const Complaint& say) {
  if (Status status = check_present(values.groups, "group", say); !status) return status;
  const std::size_t groups = values.groups.names.size();
  if (spec.split != SplitKind::leave_one_group_out) {
    if (groups >= spec.folds) return {};
    return say("folds", fmt::format("expected at most as many folds as there are groups, {}, got "
                                    "{}",
                                    groups, spec.folds));
  }
  if (groups >= 2 && groups <= kSplitsMax) return {};
  return say("group", fmt::format("expected from 2 to {} groups to leave out one by one, got {}{}",
                                  kSplitsMax, groups, groups < 2 ? "" : "; choose grouped"));
}

Status check_times(const CrossValidationSpec& spec, const SplitValues& values,
                   const Complaint& say) {
  if (Status status = check_present(values.times, "time", say); !status) return status;
  const std::uint64_t blocks = std::uint64_t{spec.folds} + std::max(spec.window, 1U);
  if (values.examples < blocks + spec.gap) {
    return say("folds", fmt::format("expected at least {} examples for {} folds, {} of training "
                                    "before them and a gap of {}, got {}",
                                    blocks + spec.gap, spec.folds, blocks - spec.folds, spec.gap,
                                    values.examples));
  }
  const std::vector<std::uint32_t> order = folds::time_order(values);
  for (std::uint32_t fold = 0; fold < spec.folds; ++fold) {
    if (folds::time_cut(spec, values, order, fold)) continue;
    return say("folds",
               fmt::format("fold {} of {} would be empty on one side: equal times stay "
                           "together, and the {} examples have {} different ones; choose "
                           "fewer folds",
                           fold + 1, spec.folds, values.examples, values.times.names.size()));
  }
  return {};
}

Status check_given(const SplitValues& values, const Complaint& say) {
  const Categories& folds = values.folds;
  if (folds.names.empty()) return say("column", "expected the folds of examples, got none");
  if (folds.names.size() > kSplitsMax) {
    return say("column",
               fmt::format("expected at most {} folds, got {}", kSplitsMax, folds.names.size()));
  }
  const bool all_one =
      std::all_of(folds.of.begin(), folds.of.end(), [](std::uint32_t fold) { return fold == 0; });
  if (!all_one) return {};
  return say("column", fmt::format("expected examples outside of fold {} to train on, got none",
                                   shown(folds.names[0])));
}

Status check_size(const CrossValidationSpec& spec, const SplitValues& values,
                  const Complaint& say) {
  const bool deals = spec.split == SplitKind::k_fold || spec.split == SplitKind::stratified;
  if (deals && values.examples < spec.folds) {
    return say("folds", fmt::format("expected at most as many folds as there are examples, {}, got "
                                    "{}",
                                    values.examples, spec.folds));
  }
  if (values.examples >= 2) return {};
  return say("split",
             fmt::format("expected at least 2 examples to split, got {}", values.examples));
}

}  // namespace

Categories categories_of(const std::vector<std::string_view>& texts) {
  std::map<std::string_view, std::uint32_t> by_text;
  for (const std::string_view text : texts) {
    if (!text.empty()) by_text.emplace(text, 0);
  }
  std::vector<std::pair<double, std::string_view>> sorted;
  bool numbers = true;
  for (const auto& [text, category] : by_text) {
    double value = 0.0;
    numbers = numbers && parse_number(text, value) == NumberText::number;
    sorted.emplace_back(numbers ? value : 0.0, text);
  }
  if (!numbers) {
    for (auto& [value, text] : sorted) value = 0.0;
  }
  std::sort(sorted.begin(), sorted.end());

  Categories categories;
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    const bool is_new = i == 0 || !numbers || sorted[i].first != sorted[i - 1].first;
    if (is_new) categories.names.emplace_back(sorted[i].second);
    by_text[sorted[i].second] = static_cast<std::uint32_t>(categories.names.size() - 1);
  }
  for (const std::string_view text : texts) {
    categories.of.push_back(text.empty() ? kNoCategory : by_text[text]);
  }
  return categories;
}

Result<std::uint32_t> count_folds(const CrossValidationSpec& spec, const SplitValues& values,
                                  std::string_view section) {
  const Complaint say{section};
  BALLAST_CHECK(!needs_classes(spec.split) || values.classes.size() == values.examples);
  BALLAST_CHECK(!needs_groups(spec.split) || values.groups.of.size() == values.examples);
  BALLAST_CHECK(!needs_times(spec.split) || values.times.of.size() == values.examples);
  BALLAST_CHECK(spec.split != SplitKind::given || values.folds.of.size() == values.examples);
  Status status = check_size(spec, values, say);
  if (status && needs_groups(spec.split)) status = check_groups(spec, values, say);
  if (status && needs_classes(spec.split)) status = check_classes(spec, values, say);
  if (status && needs_times(spec.split)) status = check_times(spec, values, say);
  if (status && spec.split == SplitKind::given) status = check_given(values, say);
  if (!status) return status.error();
  const Categories& told = spec.split == SplitKind::given ? values.folds : values.groups;
  const bool counted =
      spec.split != SplitKind::given && spec.split != SplitKind::leave_one_group_out;
  return counted ? spec.folds : static_cast<std::uint32_t>(told.names.size());
}

Fold make_fold(const CrossValidationSpec& spec, std::uint64_t seed, const SplitValues& values,
               std::uint32_t repeat, std::uint32_t fold) {
  switch (spec.split) {
    case SplitKind::k_fold:
      return fold_of(deal_in_blocks(spec, seed, values, repeat), fold);
    case SplitKind::stratified:
      return fold_of(deal_one_by_one(spec, seed, values, repeat), fold);
    case SplitKind::grouped:
    case SplitKind::stratified_grouped:
      return fold_of(folds::deal_groups(spec, seed, values, repeat), fold);
    case SplitKind::leave_one_group_out:
      return fold_of(values.groups.of, fold);
    case SplitKind::shuffled:
    case SplitKind::stratified_shuffled:
      return hold_out(spec, seed, values, std::uint64_t{repeat} * spec.folds + fold);
    case SplitKind::expanding:
    case SplitKind::sliding:
      return cut_by_time(spec, values, fold);
    case SplitKind::given:
      return fold_of(values.folds.of, fold);
  }
  BALLAST_CHECK(false && "a split without a meaning");
  return {};
}

Result<std::vector<Fold>> make_inner_folds(const CrossValidationSpec& spec, std::uint64_t seed,
                                           const SplitValues& values, std::uint32_t outer,
                                           const std::vector<std::uint32_t>& training,
                                           std::string_view section) {
  const SplitValues inside = some_of(values, training);
  const Result<std::uint32_t> count = count_folds(spec, inside, section);
  if (!count) return count.error();
  // No repetition has this number, so these orders have nothing to do with those of the outer
  // folds.
  constexpr std::uint64_t kInner = ~std::uint64_t{0};
  const std::uint64_t own_seed = folds::key_of(seed, outer, kInner);
  std::vector<Fold> made;
  for (std::uint32_t repeat = 0; repeat < spec.repeats; ++repeat) {
    for (std::uint32_t fold = 0; fold < *count; ++fold) {
      Fold& inner = made.emplace_back(make_fold(spec, own_seed, inside, repeat, fold));
      for (std::uint32_t& i : inner.training) i = training[i];
      for (std::uint32_t& i : inner.validation) i = training[i];
    }
  }
  return made;
}

}  // namespace ballast

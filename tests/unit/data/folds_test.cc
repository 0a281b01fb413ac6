#include "worker/data/folds.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>
#include <string>

#include "common/base/hash.h"
#include "common/base/philox.h"

namespace ballast::folds_test {
namespace {

constexpr SplitKind kEvery[] = {
    SplitKind::k_fold,
    SplitKind::stratified,
    SplitKind::grouped,
    SplitKind::stratified_grouped,
    SplitKind::leave_one_group_out,
    SplitKind::shuffled,
    SplitKind::stratified_shuffled,
    SplitKind::expanding,
    SplitKind::sliding,
    SplitKind::given,
};

CrossValidationSpec of_kind(SplitKind kind, std::uint32_t folds = 4) {
  CrossValidationSpec spec;
  spec.split = kind;
  spec.folds = folds;
  return spec;
}

// Numbers drawn one after another: a failing seed repeats.
class Draws {
 public:
  explicit Draws(std::uint64_t seed) : stream_(seed, Purpose::canary, 1) {}
  std::uint32_t below(std::uint32_t n) { return stream_.word(next_++) % n; }

 private:
  PhiloxStream stream_;
  std::uint64_t next_ = 0;
};

Categories named(const std::vector<std::uint32_t>& of, const std::string& prefix = "") {
  std::vector<std::string> texts;
  for (const std::uint32_t value : of) texts.push_back(prefix + std::to_string(value));
  return categories_of({texts.begin(), texts.end()});
}

// Data that every kind can split: classes of unequal size, groups of unequal size, ties in time.
SplitValues random_values(std::uint64_t seed) {
  Draws draws(seed);
  SplitValues values;
  values.examples = 120 + draws.below(200);
  std::vector<std::uint32_t> groups;
  std::vector<std::uint32_t> times;
  std::vector<std::uint32_t> folds;
  const std::uint32_t group_count = 12 + draws.below(30);
  for (std::uint32_t i = 0; i < values.examples; ++i) {
    const std::uint32_t draw = draws.below(10);
    values.classes.push_back(i < 24 ? i % 3 : draw < 6 ? 0 : draw < 9 ? 1 : 2);
    groups.push_back(
        i < group_count ? i : std::min(draws.below(group_count), draws.below(group_count)));
    times.push_back(draws.below(values.examples / 2));
    folds.push_back(i < 5 ? i : draws.below(5));
  }
  values.class_names = {"a", "b", "c"};
  values.groups = named(groups, "g");
  values.times = named(times);
  values.folds = named(folds);
  return values;
}

std::vector<Fold> all_folds(const CrossValidationSpec& spec, std::uint64_t seed,
                            const SplitValues& values, std::uint32_t repeat = 0) {
  const auto count = count_folds(spec, values);
  EXPECT_TRUE(count.has_value()) << count.error().message;
  std::vector<Fold> folds;
  for (std::uint32_t fold = 0; count && fold < *count; ++fold) {
    folds.push_back(make_fold(spec, seed, values, repeat, fold));
  }
  return folds;
}

bool is_subset_of_examples(const std::vector<std::uint32_t>& side, std::uint32_t examples) {
  return !side.empty() && std::is_sorted(side.begin(), side.end()) &&
         std::adjacent_find(side.begin(), side.end()) == side.end() && side.back() < examples;
}

std::vector<std::uint32_t> counts_of(const std::vector<std::uint32_t>& examples,
                                     const std::vector<std::uint32_t>& of, std::size_t kinds) {
  std::vector<std::uint32_t> counts(kinds);
  for (const std::uint32_t i : examples) counts[of[i]] += 1;
  return counts;
}

TEST(Folds, SidesAreDisjointAndPartitionsCover) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const SplitValues values = random_values(seed);
    for (const SplitKind kind : kEvery) {
      SCOPED_TRACE(testing::Message() << "seed " << seed << " kind " << static_cast<int>(kind));
      const CrossValidationSpec spec = of_kind(kind);
      const bool in_time = needs_times(kind);
      std::vector<std::uint32_t> validated(values.examples);
      for (const Fold& fold : all_folds(spec, seed, values)) {
        ASSERT_TRUE(is_subset_of_examples(fold.training, values.examples));
        ASSERT_TRUE(is_subset_of_examples(fold.validation, values.examples));
        std::vector<std::uint32_t> both;
        std::set_intersection(fold.training.begin(), fold.training.end(), fold.validation.begin(),
                              fold.validation.end(), std::back_inserter(both));
        EXPECT_TRUE(both.empty());
        if (!in_time) {
          EXPECT_EQ(fold.training.size() + fold.validation.size(), values.examples);
        }
        for (const std::uint32_t i : fold.validation) validated[i] += 1;
      }
      if (in_time) {
        EXPECT_LE(*std::max_element(validated.begin(), validated.end()), 1U);
      } else if (!holds_out(kind)) {
        EXPECT_EQ(std::count(validated.begin(), validated.end(), 1U), values.examples);
      }
    }
  }
}

TEST(Folds, SizesAndClassesDifferByOneAtMost) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    SCOPED_TRACE(seed);
    const SplitValues values = random_values(seed);
    for (const SplitKind kind : {SplitKind::k_fold, SplitKind::stratified}) {
      std::vector<std::vector<std::uint32_t>> counts;
      for (const Fold& fold : all_folds(of_kind(kind, 7), seed, values)) {
        counts.push_back({static_cast<std::uint32_t>(fold.validation.size())});
        if (kind == SplitKind::k_fold) continue;
        for (const auto count : counts_of(fold.validation, values.classes, 3)) {
          counts.back().push_back(count);
        }
      }
      for (std::size_t c = 0; c < counts[0].size(); ++c) {
        const auto [least, most] =
            std::minmax_element(counts.begin(), counts.end(),
                                [&](const auto& a, const auto& b) { return a[c] < b[c]; });
        EXPECT_LE((*most)[c] - (*least)[c], 1U);
      }
    }
  }
}

TEST(Folds, NoGroupIsOnBothSides) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const SplitValues values = random_values(seed);
    const std::size_t groups = values.groups.names.size();
    std::vector<std::uint32_t> everyone(values.examples);
    std::iota(everyone.begin(), everyone.end(), 0U);
    const auto sizes = counts_of(everyone, values.groups.of, groups);
    const std::uint32_t largest = *std::max_element(sizes.begin(), sizes.end());
    for (const SplitKind kind :
         {SplitKind::grouped, SplitKind::stratified_grouped, SplitKind::leave_one_group_out}) {
      for (const std::uint32_t repeat : {0U, 1U, 2U}) {
        SCOPED_TRACE(testing::Message() << "seed " << seed << " kind " << static_cast<int>(kind));
        std::set<std::size_t> validation_sizes;
        for (const Fold& fold : all_folds(of_kind(kind), seed, values, repeat)) {
          const auto training = counts_of(fold.training, values.groups.of, groups);
          const auto validation = counts_of(fold.validation, values.groups.of, groups);
          for (std::size_t g = 0; g < groups; ++g)
            EXPECT_TRUE(training[g] == 0 || validation[g] == 0);
          validation_sizes.insert(fold.validation.size());
        }
        if (kind == SplitKind::grouped) {
          EXPECT_LE(*validation_sizes.rbegin() - *validation_sizes.begin(), largest);
        }
      }
    }
  }
}

// Dealing greedily by classes leaves them more even than dealing by sizes alone.
TEST(Folds, GroupsAreDealtByTheirClasses) {
  double even = 0.0;
  double plain = 0.0;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    SplitValues values = random_values(seed);
    // Groups that are all of one class are what stratification is for.
    for (std::uint32_t i = 0; i < values.examples; ++i) values.classes[i] = values.groups.of[i] % 3;
    const auto unevenness = [&](SplitKind kind) {
      double sum = 0.0;
      for (const Fold& fold : all_folds(of_kind(kind), seed, values)) {
        const auto counts = counts_of(fold.validation, values.classes, 3);
        for (std::uint32_t c = 0; c < 3; ++c) {
          const double total =
              static_cast<double>(std::count(values.classes.begin(), values.classes.end(), c));
          sum += std::pow(counts[c] / total - 0.25, 2);
        }
      }
      return sum;
    };
    even += unevenness(SplitKind::stratified_grouped);
    plain += unevenness(SplitKind::grouped);
  }
  EXPECT_LT(even, 0.5 * plain);
}

TEST(Folds, NoFutureIsInTraining) {
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    const SplitValues values = random_values(seed);
    for (const SplitKind kind : {SplitKind::expanding, SplitKind::sliding}) {
      for (const std::uint64_t gap : {0U, 1U, 9U}) {
        SCOPED_TRACE(testing::Message() << "seed " << seed << " gap " << gap);
        CrossValidationSpec spec = of_kind(kind);
        spec.gap = gap;
        if (kind == SplitKind::sliding) spec.window = 2;
        std::uint32_t before = 0;
        for (const Fold& fold : all_folds(spec, seed, values)) {
          const auto time = [&](std::uint32_t a, std::uint32_t b) {
            return values.times.of[a] < values.times.of[b];
          };
          const std::uint32_t last =
              values.times.of[*std::max_element(fold.training.begin(), fold.training.end(), time)];
          const std::uint32_t first =
              values.times
                  .of[*std::min_element(fold.validation.begin(), fold.validation.end(), time)];
          EXPECT_LT(last, first);
          const auto between =
              std::count_if(values.times.of.begin(), values.times.of.end(),
                            [&](std::uint32_t t) { return last < t && t < first; });
          EXPECT_GE(static_cast<std::uint64_t>(between), gap);
          EXPECT_GE(first, before) << "folds move forward";
          before = first;
          // All of an equal time or none of it.
          for (const auto* side : {&fold.training, &fold.validation}) {
            std::map<std::uint32_t, std::ptrdiff_t> seen;
            for (const std::uint32_t i : *side) seen[values.times.of[i]] += 1;
            for (const auto& [t, count] : seen) {
              EXPECT_EQ(count, std::count(values.times.of.begin(), values.times.of.end(), t));
            }
          }
        }
      }
    }
  }
}

TEST(Folds, TimeIsCutIntoEqualBlocks) {
  SplitValues values;
  values.examples = 23;
  std::vector<std::uint32_t> times(23);
  for (std::uint32_t i = 0; i < 23; ++i) times[i] = 22 - i;  // The newest first.
  values.times = named(times);
  struct Range {
    std::uint32_t training_begin, training_end, validation_begin, validation_end;
  };
  struct Case {
    const char* name;
    SplitKind kind;
    std::uint32_t folds;
    std::uint64_t gap;
    std::uint32_t window;
    std::vector<Range> ranges;  // Of times.
  };
  const Case cases[] = {
      {"expanding",
       SplitKind::expanding,
       3,
       0,
       0,
       {{0, 8, 8, 13}, {0, 13, 13, 18}, {0, 18, 18, 23}}},
      {"expanding with a gap",
       SplitKind::expanding,
       3,
       2,
       0,
       {{0, 6, 8, 13}, {0, 11, 13, 18}, {0, 16, 18, 23}}},
      {"sliding", SplitKind::sliding, 3, 0, 0, {{3, 8, 8, 13}, {8, 13, 13, 18}, {13, 18, 18, 23}}},
      {"sliding, wide, with a gap",
       SplitKind::sliding,
       2,
       3,
       3,
       {{0, 12, 15, 19}, {4, 16, 19, 23}}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    CrossValidationSpec spec = of_kind(c.kind, c.folds);
    spec.gap = c.gap;
    spec.window = c.window;
    const auto folds = all_folds(spec, 1, values);
    ASSERT_EQ(folds.size(), c.ranges.size());
    for (std::size_t f = 0; f < folds.size(); ++f) {
      const auto positions = [](std::uint32_t begin, std::uint32_t end) {
        std::vector<std::uint32_t> of;
        for (std::uint32_t i = 23 - end; i < 23 - begin; ++i) of.push_back(i);
        return of;
      };
      EXPECT_EQ(folds[f].training, positions(c.ranges[f].training_begin, c.ranges[f].training_end));
      EXPECT_EQ(folds[f].validation,
                positions(c.ranges[f].validation_begin, c.ranges[f].validation_end));
    }
  }
}

TEST(Folds, HoldOutsHaveTheirShare) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    SCOPED_TRACE(seed);
    const SplitValues values = random_values(seed);
    for (const double fraction : {0.05, 0.2, 0.5, 0.9}) {
      CrossValidationSpec spec = of_kind(SplitKind::stratified_shuffled, 3);
      spec.fraction = fraction;
      for (const Fold& fold : all_folds(spec, seed, values)) {
        EXPECT_NEAR(static_cast<double>(fold.validation.size()), fraction * values.examples, 0.5);
        const auto held = counts_of(fold.validation, values.classes, 3);
        for (std::uint32_t c = 0; c < 3; ++c) {
          const auto size = std::count(values.classes.begin(), values.classes.end(), c);
          const double share = static_cast<double>(size) *
                               static_cast<double>(fold.validation.size()) / values.examples;
          EXPECT_LT(std::fabs(held[c] - share), 1.0);
        }
      }
    }
  }
}

// Renumbering the examples renumbers the folds and changes nothing else.
TEST(Folds, OfGroupsAndTimesDoNotDependOnTheOrderOfExamples) {
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    const SplitValues values = random_values(seed);
    const auto order = permutation(values.examples, seed, Purpose::canary, 7);
    SplitValues moved = values;
    for (std::uint32_t i = 0; i < values.examples; ++i) {
      moved.classes[i] = values.classes[order[i]];
      moved.groups.of[i] = values.groups.of[order[i]];
      moved.times.of[i] = values.times.of[order[i]];
    }
    for (const SplitKind kind :
         {SplitKind::grouped, SplitKind::stratified_grouped, SplitKind::leave_one_group_out,
          SplitKind::expanding, SplitKind::sliding}) {
      SCOPED_TRACE(testing::Message() << "seed " << seed << " kind " << static_cast<int>(kind));
      const CrossValidationSpec spec = of_kind(kind);
      const auto folds = all_folds(spec, seed, values);
      auto renumbered = all_folds(spec, seed, moved);
      for (Fold& fold : renumbered) {
        for (auto* side : {&fold.training, &fold.validation}) {
          for (std::uint32_t& i : *side) i = order[i];
          std::sort(side->begin(), side->end());
        }
      }
      EXPECT_EQ(renumbered, folds);
    }
  }
}

// The held-out examples of the outer split are on neither side, and what the kind keeps apart is
// apart again inside.
TEST(Folds, InnerOnesSplitTheTrainingExamplesAlone) {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    SCOPED_TRACE(seed);
    const SplitValues values = random_values(seed);
    for (const SplitKind kind : kEvery) {
      SCOPED_TRACE(static_cast<int>(kind));
      const CrossValidationSpec spec = of_kind(kind, 3);
      const Fold outer = make_fold(spec, seed, values, 0, 1);
      const auto inner = make_inner_folds(spec, seed, values, 1, outer.training, "search.nested");
      ASSERT_TRUE(inner.has_value()) << inner.error().message;
      EXPECT_EQ(*inner, *make_inner_folds(spec, seed, values, 1, outer.training, "search.nested"));
      ASSERT_GE(inner->size(), 2U);
      for (const Fold& fold : *inner) {
        ASSERT_FALSE(fold.training.empty() || fold.validation.empty());
        for (const auto* side : {&fold.training, &fold.validation}) {
          EXPECT_TRUE(std::includes(outer.training.begin(), outer.training.end(), side->begin(),
                                    side->end()));
        }
        std::set<std::uint32_t> examples(fold.training.begin(), fold.training.end());
        std::set<std::uint32_t> groups;
        std::uint32_t latest = 0;
        for (const std::uint32_t i : fold.training) {
          groups.insert(values.groups.of[i]);
          latest = std::max(latest, values.times.of[i]);
        }
        for (const std::uint32_t i : fold.validation) {
          EXPECT_FALSE(examples.contains(i));
          EXPECT_FALSE(needs_groups(kind) && groups.contains(values.groups.of[i]));
          EXPECT_FALSE(needs_times(kind) && latest >= values.times.of[i]);
        }
      }
    }
  }
}

TEST(Folds, InnerOnesOfAllExamplesAreThoseOfAnotherSeed) {
  const SplitValues values = random_values(3);
  const CrossValidationSpec spec = of_kind(SplitKind::k_fold, 3);
  std::vector<std::uint32_t> all(values.examples);
  std::iota(all.begin(), all.end(), 0U);
  const auto first = make_inner_folds(spec, 7, values, 0, all, "search.nested");
  const auto second = make_inner_folds(spec, 7, values, 1, all, "search.nested");
  ASSERT_TRUE(first && second);
  EXPECT_NE(*first, *second) << "outer splits draw by themselves";
  EXPECT_NE(first->front(), make_fold(spec, 7, values, 0, 0));
}

TEST(Folds, InnerOnesSayWhatKeepsThemFromBeing) {
  SplitValues values = random_values(5);
  values.groups.of.assign(values.examples, 0);
  values.groups.of[0] = 1;
  values.groups.names = {"a", "b"};
  const auto inner =
      make_inner_folds(of_kind(SplitKind::grouped, 2), 1, values, 0, {1, 2, 3, 4}, "search.nested");
  ASSERT_FALSE(inner.has_value());
  EXPECT_EQ(inner.error().message,
            "search.nested.folds: expected at most as many folds as there are groups, 1, got 2");
}

TEST(Folds, ChangeWithTheSeedAndTheRepetition) {
  const SplitValues values = random_values(3);
  for (const SplitKind kind : kEvery) {
    SCOPED_TRACE(static_cast<int>(kind));
    const bool drawn =
        !needs_times(kind) && kind != SplitKind::given && kind != SplitKind::leave_one_group_out;
    const auto folds = all_folds(of_kind(kind), 1, values, 0);
    EXPECT_EQ(all_folds(of_kind(kind), 1, values, 0), folds);
    if (!drawn) continue;
    const auto again = all_folds(of_kind(kind), 1, values, 1);
    EXPECT_NE(again, folds);
    EXPECT_NE(all_folds(of_kind(kind), 1, values, 2), again);
    if (!needs_groups(kind)) {
      EXPECT_NE(all_folds(of_kind(kind), 2, values, 0), folds);
    }
  }
  CrossValidationSpec plain = of_kind(SplitKind::k_fold);
  plain.shuffle = false;
  const auto blocks = all_folds(plain, 1, values);
  for (const Fold& fold : blocks) {
    EXPECT_EQ(fold.validation.back() - fold.validation.front() + 1, fold.validation.size());
  }
}

// One number for all folds of a split: whoever changes how examples are dealt changes it knowingly.
std::uint64_t digest_of(const std::vector<Fold>& folds) {
  std::uint64_t digest = 0;
  for (const Fold& fold : folds) {
    for (const auto* side : {&fold.training, &fold.validation}) {
      for (const std::uint32_t i : *side) digest = mix(i, digest);
      digest = mix(side->size(), digest);
    }
  }
  return digest;
}

TEST(Folds, NeverChange) {
  const std::uint64_t expected[] = {
      0xd22744ccae2859e2ULL, 0x68df39eeab74bc9bULL, 0x78da6ccab2ab1db3ULL, 0x9d6935fecc82fd70ULL,
      0x1913ae2b884ff7a4ULL, 0x1938c8b648b34c0aULL, 0x87d1ce4d0e76cd58ULL, 0x05e2305bcd6bf2d7ULL,
      0x40322f9091d8bdc4ULL, 0xe989343e10d4d176ULL};
  const SplitValues values = random_values(2024);
  for (std::size_t k = 0; k < std::size(kEvery); ++k) {
    std::vector<Fold> folds = all_folds(of_kind(kEvery[k]), 42, values, 0);
    const auto more = all_folds(of_kind(kEvery[k]), 42, values, 1);
    folds.insert(folds.end(), more.begin(), more.end());
    EXPECT_EQ(digest_of(folds), expected[k]) << "kind " << k;
  }
}

TEST(Folds, SayWhatKeepsDataFromBeingSplit) {
  struct Case {
    const char* name;
    CrossValidationSpec spec;
    SplitValues values;
    const char* message;
  };
  const auto classes = [](std::vector<std::uint32_t> of) {
    SplitValues values;
    values.examples = static_cast<std::uint32_t>(of.size());
    values.classes = std::move(of);
    values.class_names = {"no", "yes", "maybe"};
    return values;
  };
  const auto column = [](const std::vector<std::string_view>& texts) {
    SplitValues values;
    values.examples = static_cast<std::uint32_t>(texts.size());
    values.groups = values.times = values.folds = categories_of(texts);
    return values;
  };
  CrossValidationSpec gap = of_kind(SplitKind::expanding, 2);
  gap.gap = 3;
  CrossValidationSpec small = of_kind(SplitKind::stratified_shuffled, 2);
  small.fraction = 0.25;
  const Case cases[] = {
      {"few examples", of_kind(SplitKind::k_fold), column({"a", "b", "c"}),
       "cross_validation.folds: expected at most as many folds as there are examples, 3, got 4"},
      {"one example", of_kind(SplitKind::shuffled), column({"a"}),
       "cross_validation.split: expected at least 2 examples to split, got 1"},
      {"a rare class", of_kind(SplitKind::stratified, 3), classes({0, 0, 0, 0, 1, 1}),
       "cross_validation.folds: expected at least 3 examples of each class, and \"yes\" has 2; "
       "choose fewer folds, or a split without classes"},
      {"a single one", of_kind(SplitKind::stratified_shuffled), classes({0, 0, 0, 0, 1}),
       "cross_validation.split: expected at least 2 examples of each class, and \"yes\" has 1; "
       "choose shuffled"},
      {"no room for classes", small, classes({0, 0, 1, 1, 2, 2}),
       "cross_validation.fraction: expected room for each of the 3 classes on both sides, got 4 "
       "examples for training and 2 for validation"},
      {"few groups", of_kind(SplitKind::grouped), column({"a", "b", "c", "a", "b"}),
       "cross_validation.folds: expected at most as many folds as there are groups, 3, got 4"},
      {"one group", of_kind(SplitKind::leave_one_group_out), column({"a", "a"}),
       "cross_validation.group: expected from 2 to 10000 groups to leave out one by one, got 1"},
      {"no group", of_kind(SplitKind::grouped, 2), column({"a", "", "b"}),
       "cross_validation.group: expected a value for each example, and example 1, counted from 0, "
       "has none; fill it in, or drop the row"},
      {"a short time", of_kind(SplitKind::expanding, 4), column({"1", "2", "3", "4"}),
       "cross_validation.folds: expected at least 5 examples for 4 folds, 1 of training before "
       "them and a gap of 0, got 4"},
      {"a wide gap", gap, column({"1", "2", "3", "4", "5"}),
       "cross_validation.folds: expected at least 6 examples for 2 folds, 1 of training before "
       "them and a gap of 3, got 5"},
      {"one moment", of_kind(SplitKind::sliding, 2), column({"1", "1.0", "1", "1"}),
       "cross_validation.folds: fold 1 of 2 would be empty on one side: equal times stay together, "
       "and the 4 examples have 1 different ones; choose fewer folds"},
      {"all in one fold", of_kind(SplitKind::given), column({"x", "x"}),
       "cross_validation.column: expected examples outside of fold \"x\" to train on, got none"},
      {"no folds", of_kind(SplitKind::given), column({"", ""}),
       "cross_validation.column: expected the folds of examples, got none"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const auto count = count_folds(c.spec, c.values);
    ASSERT_FALSE(count.has_value());
    EXPECT_EQ(count.error().message, c.message);
  }
}

TEST(Categories, AreInOrderOfValueOrOfBytes) {
  using Texts = std::vector<std::string>;
  const Categories numbers = categories_of({"10", "2", "", "2.0", "-1"});
  EXPECT_EQ(numbers.names, (Texts{"-1", "2", "10"}));
  EXPECT_EQ(numbers.of, (std::vector<std::uint32_t>{2, 1, kNoCategory, 1, 0}));
  const Categories texts = categories_of({"10", "2", "b", "2.0"});
  EXPECT_EQ(texts.names, (Texts{"10", "2", "2.0", "b"}));
  const Categories times = categories_of({"2024-05-31 12:00", "2023-12-01 00:30"});
  EXPECT_EQ(times.of, (std::vector<std::uint32_t>{1, 0}));
}

}  // namespace
}  // namespace ballast::folds_test

#include "coordinator/search/race.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>

#include "common/base/hash.h"
#include "common/base/philox.h"

namespace ballast {
namespace {

SearchSpec search_of(SearchMethod method, std::uint32_t reduction = 3, std::uint64_t steps_min = 1,
                     std::uint32_t configurations = 20) {
  SearchSpec search;
  search.method = method;
  search.reduction = reduction;
  search.steps_min = steps_min;
  search.configurations = configurations;
  return search;
}

std::vector<Bracket> brackets(const SearchSpec& search, Step steps, std::uint32_t grid = 0) {
  const auto brackets = brackets_of(search, steps, grid);
  EXPECT_TRUE(brackets.has_value()) << brackets.error().message;
  return brackets ? *brackets : std::vector<Bracket>();
}

TEST(Brackets, AreThoseOfThePapers) {
  struct Case {
    const char* name;
    SearchSpec search;
    Step steps;
    std::vector<Bracket> expected;
  };
  const Case cases[] = {
      {"grid", search_of(SearchMethod::grid), 50, {{0, {{50, 6}}}}},
      {"random", search_of(SearchMethod::random), 50, {{0, {{50, 20}}}}},
      {"halving as steps allow",
       search_of(SearchMethod::halving, 3, 10, 81),
       100,
       {{0, {{12, 81}, {34, 27}, {100, 9}}}}},
      {"halving as configurations allow",
       search_of(SearchMethod::halving, 3, 1, 20),
       81,
       {{0, {{9, 20}, {27, 6}, {81, 2}}}}},
      {"halving one", search_of(SearchMethod::halving, 3, 1, 1), 81, {{0, {{81, 1}}}}},
      {"hyperband, table 1 by algorithm 1",
       search_of(SearchMethod::hyperband, 3, 1),
       81,
       {{0, {{1, 81}, {3, 27}, {9, 9}, {27, 3}, {81, 1}}},
        {81, {{3, 34}, {9, 11}, {27, 3}, {81, 1}}},
        {115, {{9, 15}, {27, 5}, {81, 1}}},
        {130, {{27, 8}, {81, 2}}},
        {138, {{81, 5}}}}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(brackets(c.search, c.steps, 6), c.expected);
  }
  EXPECT_EQ(configurations_in(cases[5].expected), 143U);
}

TEST(Brackets, RiseToTheLastStepAndCostAboutTheSame) {
  for (const std::uint32_t reduction : {2U, 3U, 4U, 10U}) {
    for (const Step steps : {10U, 99U, 1000U, 54321U}) {
      for (const SearchMethod method : {SearchMethod::halving, SearchMethod::hyperband}) {
        SCOPED_TRACE(testing::Message() << reduction << " " << steps);
        std::uint32_t first = 0;
        for (const Bracket& bracket : brackets(search_of(method, reduction, 1, 500), steps)) {
          EXPECT_EQ(bracket.first, first);
          first += bracket.rungs[0].configurations;
          EXPECT_EQ(bracket.rungs.back().steps, steps);
          const double cost =
              static_cast<double>(bracket.rungs[0].steps) * bracket.rungs[0].configurations;
          for (std::size_t k = 0; k < bracket.rungs.size(); ++k) {
            EXPECT_GE(bracket.rungs[k].configurations, 1U);
            EXPECT_GE(bracket.rungs[k].steps, 1U);
            if (k == 0) continue;
            EXPECT_GT(bracket.rungs[k].steps, bracket.rungs[k - 1].steps);
            EXPECT_EQ(bracket.rungs[k].configurations,
                      bracket.rungs[k - 1].configurations / reduction);
            EXPECT_LE(static_cast<double>(bracket.rungs[k].steps) * bracket.rungs[k].configurations,
                      1.001 * cost + static_cast<double>(bracket.rungs[k].steps));
          }
        }
      }
    }
  }
}

TEST(Brackets, AreRescaledToTheSameSharesOfARun) {
  SearchSpec search;
  search.method = SearchMethod::hyperband;
  search.reduction = 3;
  search.steps_min = 1;
  const auto brackets = brackets_of(search, 81, 0);
  ASSERT_TRUE(brackets);
  EXPECT_EQ(*rescaled(*brackets, search, 81), *brackets);
  const auto longer = rescaled(*brackets, search, 162);
  ASSERT_TRUE(longer);
  for (std::size_t b = 0; b < brackets->size(); ++b) {
    for (std::size_t k = 0; k < (*brackets)[b].rungs.size(); ++k) {
      EXPECT_EQ((*longer)[b].rungs[k].steps, 2 * (*brackets)[b].rungs[k].steps);
      EXPECT_EQ((*longer)[b].rungs[k].configurations, (*brackets)[b].rungs[k].configurations);
    }
  }
  const auto shorter = rescaled(*brackets, search, 80);
  ASSERT_FALSE(shorter);
  EXPECT_EQ(shorter.error().message,
            "search.nested: expected at least 81 steps of a run on inner splits, so that each of 5 "
            "rungs has its own, got 80; train for longer, or ask for fewer folds");
}

TEST(Race, WhenItIsClosedThoseAtTheEndAreDone) {
  Race race({{.first = 0, .rungs = {{.steps = 9, .configurations = 3}}}}, 2, Better::larger);
  for (const std::uint32_t split : {0U, 1U}) race.report(1, 0, split, 0.5);
  race.report(0, 0, 0, 0.9);
  EXPECT_FALSE(race.chosen(ChoiceRule::best));
  race.close();
  EXPECT_EQ(race.standing(0), Standing::racing);
  EXPECT_EQ(race.standing(1), Standing::done);
  EXPECT_EQ(race.standing(2), Standing::racing);
  EXPECT_EQ(race.chosen(ChoiceRule::best), 1U);
  EXPECT_EQ(race.ranking().front().configuration, 1U);

  Race midway({{.first = 0,
                .rungs = {{.steps = 3, .configurations = 2}, {.steps = 9, .configurations = 1}}}},
              1, Better::larger);
  midway.report(0, 0, 0, 0.5);
  midway.close();
  EXPECT_EQ(midway.standing(0), Standing::racing) << "a rung is no end";
}

TEST(Race, ChoosesByTheRuleAmongThoseThatAreDone) {
  Race race({{.first = 0, .rungs = {{.steps = 9, .configurations = 3}}}}, 2, Better::larger);
  EXPECT_FALSE(race.chosen(ChoiceRule::best));
  const double scores[3][2] = {{0.79, 0.85}, {0.8, 0.9}, {0.1, 0.2}};
  for (std::uint32_t c = 0; c < 3; ++c) {
    for (std::uint32_t s = 0; s < 2; ++s) {
      EXPECT_FALSE(race.has_ended(c, s));
      race.report(c, 0, s, scores[c][s]);
      EXPECT_TRUE(race.has_ended(c, s));
    }
  }
  EXPECT_EQ(race.chosen(ChoiceRule::best), 1U);
  EXPECT_EQ(race.chosen(ChoiceRule::one_standard_error), 0U) << "0.82 is within 0.05 of 0.85";
}

TEST(Brackets, SayWhatDoesNotFit) {
  const auto late = brackets_of(search_of(SearchMethod::halving, 3, 40), 100, 0);
  ASSERT_FALSE(late.has_value());
  EXPECT_EQ(late.error().message,
            "search.steps_min: expected at most 33, the 100 steps of a run divided by "
            "search.reduction, got 40; there would be nothing to compare before the end");
  const auto many = brackets_of(search_of(SearchMethod::hyperband, 10, 1), 10'000'000, 0);
  ASSERT_FALSE(many.has_value());
  EXPECT_EQ(many.error().message,
            "search.steps_min: with 1 of 10000000 steps and a reduction of 10, hyperband draws "
            "more than 100000 configurations; write more steps");
}

// Scores are a function of what ran. Some fail, at times all of a rung; ties are common.
struct Field {
  std::uint64_t seed;
  std::uint32_t failures;  // Of 16.

  [[nodiscard]] std::optional<double> score(const Leg& leg) const {
    const std::uint64_t draw = mix(mix(seed, leg.configuration), mix(leg.rung, leg.split) % 1000);
    if (draw % 64 < failures) return std::nullopt;
    if (draw % 64 == 63) return std::numeric_limits<double>::quiet_NaN();
    return static_cast<double>(leg.configuration % 5) + static_cast<double>(draw >> 61) / 8.0;
  }
};

struct Outcome {
  std::vector<Ranked> ranking;
  std::vector<Leg> ran;  // Sorted.

  friend bool operator==(const Outcome&, const Outcome&) = default;
};

bool comes_first(const Leg& a, const Leg& b) {
  return std::tie(a.configuration, a.rung, a.split) < std::tie(b.configuration, b.rung, b.split);
}

// Runs a race in which so many legs run at once and end in an order of chance; some are said twice.
Outcome run(const std::vector<Bracket>& brackets, const Field& field, std::uint64_t order,
            std::size_t at_once) {
  Race race(brackets, 3, Better::larger);
  const std::uint64_t legs = race.legs_left();
  Outcome outcome;
  std::vector<Leg> running;
  std::uint64_t turn = 0;
  while (true) {
    for (const Leg& leg : race.due()) {
      if (running.size() >= at_once) break;
      if (std::find(running.begin(), running.end(), leg) == running.end()) running.push_back(leg);
    }
    if (running.empty()) break;
    const std::size_t next = mix(order, turn++) % running.size();
    const Leg leg = running[next];
    running.erase(running.begin() + static_cast<std::ptrdiff_t>(next));
    race.report(leg.configuration, leg.rung, leg.split, field.score(leg));
    if (turn % 3 == 0) race.report(leg.configuration, leg.rung, leg.split, 99.0);
    outcome.ran.push_back(leg);
    EXPECT_LE(outcome.ran.size() + race.legs_left(), legs);
  }
  EXPECT_TRUE(race.over());
  EXPECT_EQ(race.legs_left(), 0U);
  std::sort(outcome.ran.begin(), outcome.ran.end(), comes_first);
  outcome.ranking = race.ranking();
  return outcome;
}

TEST(Race, DoesNotDependOnTheOrderOfScores) {
  for (const SearchMethod method :
       {SearchMethod::random, SearchMethod::halving, SearchMethod::hyperband}) {
    for (std::uint64_t seed = 0; seed < 12; ++seed) {
      const Field field{seed, static_cast<std::uint32_t>(seed % 4 * 8)};
      const auto of = brackets(search_of(method, 3, 2, 30), 60);
      const Outcome expected = run(of, field, 0, 1);
      for (std::uint64_t order = 1; order < 8; ++order) {
        SCOPED_TRACE(testing::Message() << "seed " << seed << " order " << order);
        EXPECT_EQ(run(of, field, order, 1 + order * 7), expected);
      }
    }
  }
}

TEST(Race, KeepsItsPromises) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    SCOPED_TRACE(seed);
    const Field field{seed, static_cast<std::uint32_t>(seed % 5 * 4)};
    const auto of = brackets(search_of(SearchMethod::hyperband, 2, 3), 50);
    const Outcome outcome = run(of, field, seed, 5);
    ASSERT_EQ(outcome.ranking.size(), configurations_in(of));
    EXPECT_EQ(std::adjacent_find(outcome.ran.begin(), outcome.ran.end()), outcome.ran.end());
    for (std::size_t i = 0; i + 1 < outcome.ranking.size(); ++i) {
      const Ranked& a = outcome.ranking[i];
      const Ranked& b = outcome.ranking[i + 1];
      EXPECT_NE(a.standing, Standing::racing);
      if (a.standing == Standing::failed) {
        EXPECT_EQ(b.standing, Standing::failed);
      } else if (b.standing != Standing::failed) {
        EXPECT_TRUE(a.steps > b.steps || (a.steps == b.steps && a.mean >= b.mean));
        EXPECT_TRUE(a.steps != b.steps || a.mean != b.mean || a.configuration < b.configuration);
      }
    }
    // No rung has more than its share, and nobody goes on who failed.
    for (const Bracket& bracket : of) {
      const std::uint32_t end = bracket.first + bracket.rungs[0].configurations;
      for (std::uint32_t k = 0; k < bracket.rungs.size(); ++k) {
        std::size_t legs = 0;
        for (const Leg& leg : outcome.ran) {
          if (leg.configuration < bracket.first || leg.configuration >= end || leg.rung != k)
            continue;
          legs += 1;
          EXPECT_EQ(leg.to, bracket.rungs[k].steps);
          EXPECT_EQ(leg.from, k == 0 ? 0 : bracket.rungs[k - 1].steps);
          if (k == 0) continue;
          for (std::uint32_t split = 0; split < 3; ++split) {
            const auto before = field.score({leg.configuration, k - 1, split, 0, 0});
            EXPECT_TRUE(before && std::isfinite(*before));
          }
        }
        EXPECT_LE(legs, 3U * bracket.rungs[k].configurations);
        if (k == 0) {
          EXPECT_EQ(legs, 3U * bracket.rungs[0].configurations);
        }
      }
    }
  }
}

// Four configurations, two splits, one of two goes on.
TEST(Race, RanksByTheMeanAndBreaksTiesById) {
  Race race({{0, {{5, 4}, {10, 2}}}}, 2, Better::smaller);
  EXPECT_EQ(race.due().size(), 8U);
  EXPECT_EQ(race.legs_left(), 12U);
  EXPECT_EQ(race.due()[3], (Leg{1, 0, 1, 0, 5}));
  const double scores[4][2] = {{3.0, 1.0}, {1.0, 2.0}, {0.0, 4.0}, {9.0, 9.0}};
  for (std::uint32_t split = 2; split-- > 0;) {
    for (std::uint32_t c = 4; c-- > 0;) race.report(c, 0, split, scores[c][split]);
  }
  // 1 is in front by its mean; 0 and 2 are equal.
  EXPECT_EQ(race.standing(2), Standing::halved);
  EXPECT_EQ(race.standing(3), Standing::halved);
  const std::vector<Leg> due = {
      {0, 1, 0, 5, 10}, {0, 1, 1, 5, 10}, {1, 1, 0, 5, 10}, {1, 1, 1, 5, 10}};
  EXPECT_EQ(race.due(), due);
  EXPECT_FALSE(race.over());
  EXPECT_EQ(race.ranking()[0], (Ranked{1, Standing::racing, 5, 1.5})) << "as far as is known";

  race.report(1, 1, 0, std::nullopt);
  EXPECT_EQ(race.due().size(), 3U) << "the other split runs all the same";
  race.report(1, 1, 1, 0.0);
  EXPECT_EQ(race.standing(1), Standing::failed);
  race.report(0, 1, 0, 7.0);
  race.report(0, 1, 1, 8.0);
  EXPECT_TRUE(race.over());
  const std::vector<Ranked> ranking = {{0, Standing::done, 10, 7.5},
                                       {2, Standing::halved, 5, 2.0},
                                       {3, Standing::halved, 5, 9.0},
                                       {1, Standing::failed, 5, 1.5}};
  EXPECT_EQ(race.ranking(), ranking);
}

TEST(Race, EndsWhenAllFail) {
  Race race({{0, {{5, 3}, {10, 1}}}}, 1, Better::larger);
  for (std::uint32_t c = 0; c < 3; ++c) race.report(c, 0, 0, std::nullopt);
  EXPECT_TRUE(race.over());
  EXPECT_TRUE(race.due().empty());
  for (std::uint32_t c = 0; c < 3; ++c) {
    EXPECT_EQ(race.ranking()[c], (Ranked{c, Standing::failed, 0, 0.0}));
  }
}

}  // namespace
}  // namespace ballast

#include "coordinator/search/race_agenda.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

namespace ballast {
namespace {

// Two rungs, three configurations on two splits; the better one goes on.
const std::vector<Bracket> kHalving = {
    {.first = 0,
     .rungs = {{.steps = 10, .configurations = 3}, {.steps = 30, .configurations = 1}}}};
const RunNumbers kNumbers{.rungs = 2, .configurations = 3, .splits = 2};

RaceAgenda agenda(bool refit) {
  return {{.numbers = kNumbers, .metric = "accuracy", .refit = refit, .is_refit_done = false},
          Race(kHalving, 2, Better::larger)};
}

RunEnd scored(RunId run, double score) {
  RunEnd end{.run = run, .exit = {}, .progress = {}};
  end.progress.scores = {{"loss", 9.0}, {"accuracy", score}};
  return end;
}

// Begins all that may begin.
std::vector<RunId> begin(RaceAgenda& agenda) {
  std::vector<RunId> begun;
  while (const auto run = agenda.next()) begun.push_back(*run);
  return begun;
}

TEST(RunNumbers, NameEachPlaceOnce) {
  std::vector<RunId> all;
  for (std::uint32_t rung = 0; rung < 2; ++rung) {
    for (std::uint32_t configuration = 0; configuration < 3; ++configuration) {
      for (std::uint32_t split = 0; split < 2; ++split) {
        const RunId id = kNumbers.id({rung, configuration, split});
        const RunNumbers::Place place = kNumbers.place(id);
        EXPECT_EQ(place.rung, rung);
        EXPECT_EQ(place.configuration, configuration);
        EXPECT_EQ(place.split, split);
        all.push_back(id);
      }
    }
  }
  all.push_back(kNumbers.refit());
  EXPECT_TRUE(std::is_sorted(all.begin(), all.end()));
  EXPECT_EQ(std::adjacent_find(all.begin(), all.end()), all.end());
  EXPECT_NE(all.front(), kFleet);
}

TEST(RunNumbers, OfANestedSearchComeAfterTheOthers) {
  RunNumbers numbers = kNumbers;
  numbers.inner = {3, 2};
  EXPECT_EQ(numbers.refit(), kNumbers.refit()) << "a search without nesting has the same numbers";
  std::vector<RunId> all;
  for (std::uint32_t split = 0; split < 2; ++split) {
    all.push_back(numbers.outer(split));
    EXPECT_EQ(numbers.outer_of(all.back()), split);
  }
  for (std::uint32_t split = 0; split < 2; ++split) {
    for (std::uint32_t rung = 0; rung < 2; ++rung) {
      for (std::uint32_t configuration = 0; configuration < 3; ++configuration) {
        for (std::uint32_t inner = 0; inner < numbers.inner[split]; ++inner) {
          const RunId id = numbers.id({rung, configuration, split, inner});
          const RunNumbers::Place place = numbers.place(id);
          EXPECT_EQ(place.rung, rung);
          EXPECT_EQ(place.configuration, configuration);
          EXPECT_EQ(place.split, split);
          EXPECT_EQ(place.inner, inner);
          EXPECT_FALSE(numbers.outer_of(id));
          all.push_back(id);
        }
      }
    }
  }
  EXPECT_GT(all.front(), numbers.refit());
  EXPECT_TRUE(std::is_sorted(all.begin(), all.end()));
  EXPECT_EQ(std::adjacent_find(all.begin(), all.end()), all.end());
  EXPECT_FALSE(numbers.place(kNumbers.id({1, 2, 1})).inner);
  EXPECT_EQ(numbers.legs(), 2U * 3U * 7U);
}

TEST(RaceAgenda, TheReasonOfRunsThatEndedBeforeIsNotForgotten) {
  Race race(kHalving, 2, Better::larger);
  for (std::uint32_t configuration = 0; configuration < 3; ++configuration) {
    for (std::uint32_t split = 0; split < 2; ++split) race.report(configuration, 0, split, {});
  }
  const RaceAgenda agenda({.numbers = kNumbers, .metric = "accuracy", .failure = "it diverged"},
                          std::move(race));
  ASSERT_TRUE(agenda.is_over());
  EXPECT_EQ(agenda.exit().reason,
            "no configuration came to its end on every split; the first reason: it diverged");
}

// The outer race prefers configuration 1. Inside the first split 1 wins as well, and its run there
// is the score; inside the second 2 wins, which the outer race gave up at the first rung.
TEST(RaceAgenda, ANestedSearchScoresWhatTheInnerRacesChoose) {
  RunNumbers numbers = kNumbers;
  numbers.inner = {3, 2};
  RaceAgenda job({.numbers = numbers, .metric = "accuracy", .refit = true, .is_refit_done = false},
                 Race(kHalving, 2, Better::larger),
                 {Race(kHalving, 3, Better::larger), Race(kHalving, 2, Better::larger)});
  EXPECT_TRUE(job.offers(numbers.id({.rung = 0, .configuration = 2, .split = 1, .inner = 1})));
  EXPECT_FALSE(job.offers(numbers.id({.rung = 1, .configuration = 2, .split = 1, .inner = 1})));
  EXPECT_FALSE(job.offers(numbers.outer(1)));
  std::vector<RunId> seen;
  for (std::vector<RunId> runs = begin(job); !runs.empty(); runs = begin(job)) {
    for (const RunId run : runs) {
      EXPECT_FALSE(job.offers(run)) << "begun";
      EXPECT_TRUE(std::find(seen.begin(), seen.end(), run) == seen.end()) << "begun twice";
      seen.push_back(run);
      if (run == numbers.refit() || numbers.outer_of(run)) {
        job.on_end(scored(run, 0.5));
        continue;
      }
      const RunNumbers::Place place = numbers.place(run);
      const std::uint32_t better = place.inner && place.split == 1 ? 2 : 1;
      job.on_end(scored(run, place.configuration == better ? 0.9 : 0.5));
    }
  }
  EXPECT_TRUE(job.is_over());
  EXPECT_EQ(job.exit().code, ExitCode::done);
  const auto has = [&](RunId run) {
    return std::find(seen.begin(), seen.end(), run) != seen.end();
  };
  EXPECT_FALSE(has(numbers.outer(0)));
  EXPECT_TRUE(has(numbers.outer(1)));
  EXPECT_TRUE(has(numbers.refit()));
  // 3 configurations and then 1, on 2 + 3 + 2 splits; the second's score, and the refit.
  EXPECT_EQ(seen.size(), 4U * 7U + 2U);
}

TEST(RaceAgenda, AnInnerRaceWithoutAChoiceEndsNothing) {
  RunNumbers numbers = kNumbers;
  numbers.inner = {2, 2};
  RaceAgenda job({.numbers = numbers, .metric = "accuracy", .refit = false, .is_refit_done = false},
                 Race(kHalving, 2, Better::larger),
                 {Race(kHalving, 2, Better::larger), Race(kHalving, 2, Better::larger)});
  for (std::vector<RunId> runs = begin(job); !runs.empty(); runs = begin(job)) {
    for (const RunId run : runs) {
      const bool fails = !numbers.outer_of(run) && numbers.place(run).inner;
      if (fails) {
        job.on_end({.run = run, .exit = {ExitCode::user_error, "diverged"}, .progress = {}});
      } else {
        job.on_end(scored(run, 0.5));
      }
    }
  }
  EXPECT_TRUE(job.is_over());
  EXPECT_EQ(job.exit().code, ExitCode::done) << job.exit().reason;
}

TEST(RaceAgenda, RunsEachLegOnceAndTheBestOnAllDataInTheEnd) {
  RaceAgenda job = agenda(true);
  EXPECT_TRUE(job.offers(kNumbers.id({0, 2, 1})));
  EXPECT_FALSE(job.offers(kNumbers.id({1, 1, 0})));
  const std::vector<RunId> first = begin(job);
  EXPECT_EQ(first.size(), 6U);
  EXPECT_TRUE(begin(job).empty()) << "the rung is not complete";
  EXPECT_FALSE(job.offers(first.front())) << "begun";
  for (const RunId run : first) {
    EXPECT_FALSE(job.is_over());
    job.on_end(scored(run, kNumbers.place(run).configuration == 1 ? 0.9 : 0.5));
  }
  EXPECT_TRUE(job.offers(kNumbers.id({1, 1, 0})));
  const std::vector<RunId> second = begin(job);
  EXPECT_EQ(second, (std::vector<RunId>{kNumbers.id({1, 1, 0}), kNumbers.id({1, 1, 1})}));
  for (const RunId run : second) job.on_end(scored(run, 0.95));
  EXPECT_FALSE(job.is_over());
  EXPECT_EQ(begin(job), (std::vector<RunId>{kNumbers.refit()}));
  EXPECT_TRUE(job.is_over());
  job.on_end({.run = kNumbers.refit(), .exit = {}, .progress = {}});
  EXPECT_EQ(job.exit().code, ExitCode::done);
}

// Whatever the order in which runs end, those within the budget are done and no other.
TEST(RaceAgenda, DoesWhatItsBudgetOfStepsReachesFor) {
  const auto with = [](StepPlan plan) {
    return RaceAgenda({.numbers = kNumbers,
                       .metric = "accuracy",
                       .refit = true,
                       .is_refit_done = false,
                       .plan = std::move(plan)},
                      Race(kHalving, 2, Better::larger));
  };
  const auto all_of = [](RaceAgenda& job) {
    std::vector<RunId> seen;
    for (std::vector<RunId> runs = begin(job); !runs.empty(); runs = begin(job)) {
      EXPECT_EQ(job.is_over(), runs[0] == kNumbers.refit()) << "after it nothing comes";
      std::reverse(runs.begin(), runs.end());
      for (const RunId run : runs) {
        seen.push_back(run);
        job.on_end(scored(run, 0.5));
      }
    }
    EXPECT_TRUE(job.is_over());
    std::sort(seen.begin(), seen.end());
    return seen;
  };
  RaceAgenda nothing = with({.races = {{{0, 0}}}});
  EXPECT_TRUE(all_of(nothing).empty());
  EXPECT_EQ(nothing.exit().code, ExitCode::unfinished);

  RaceAgenda two = with({.races = {{{1, 2}}}});
  EXPECT_EQ(all_of(two), (std::vector<RunId>{kNumbers.id({0, 0, 0}), kNumbers.id({0, 0, 1}),
                                             kNumbers.id({0, 1, 0}), kNumbers.id({0, 1, 1})}));
  EXPECT_EQ(two.exit().code, ExitCode::unfinished);
  EXPECT_NE(two.exit().reason.find("job.steps"), std::string::npos);

  RaceAgenda no_refit = with({.races = {{{2, 3}}}, .outer_runs = true});
  EXPECT_EQ(all_of(no_refit).size(), 8U);
  EXPECT_EQ(no_refit.exit().code, ExitCode::unfinished);

  RaceAgenda whole =
      with({.races = {{{2, 3}}}, .outer_runs = true, .refit = true, .is_whole = true});
  EXPECT_EQ(all_of(whole).size(), 9U);
  EXPECT_EQ(whole.exit().code, ExitCode::done);
}

TEST(RaceAgenda, WhatFailsRanksLastAndEndsNothing) {
  RaceAgenda job = agenda(false);
  for (const RunId run : begin(job)) {
    if (kNumbers.place(run).configuration == 0) {
      job.on_end({.run = run, .exit = {ExitCode::user_error, "diverged"}, .progress = {}});
    } else {
      job.on_end(scored(run, 0.5));
    }
  }
  for (const RunId run : begin(job)) {
    EXPECT_EQ(kNumbers.place(run).configuration, 1U) << "of equal ones the first";
    job.on_end(scored(run, 0.6));
  }
  EXPECT_TRUE(job.is_over());
  EXPECT_EQ(job.exit().code, ExitCode::done);
  EXPECT_EQ(job.race().standing(0), Standing::failed);
}

TEST(RaceAgenda, AJobOfWhichNothingSucceededSaysWhy) {
  RaceAgenda job = agenda(true);
  while (const auto run = job.next()) {
    job.on_end({.run = *run, .exit = {ExitCode::user_error, "diverged"}, .progress = {}});
  }
  EXPECT_TRUE(job.is_over()) << "there is nothing to refit";
  EXPECT_EQ(job.exit().code, ExitCode::fault);
  EXPECT_NE(job.exit().reason.find("diverged"), std::string::npos);
}

TEST(RaceAgenda, ARefitThatFailsFailsTheJob) {
  RaceAgenda job = agenda(true);
  for (int rung = 0; rung < 2; ++rung) {
    for (const RunId run : begin(job)) job.on_end(scored(run, 0.5));
  }
  ASSERT_EQ(begin(job).size(), 1U);
  job.on_end({.run = kNumbers.refit(), .exit = {ExitCode::user_error, "bad"}, .progress = {}});
  EXPECT_EQ(job.exit().code, ExitCode::user_error);
}

}  // namespace
}  // namespace ballast

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
constexpr RunNumbers kNumbers{.rungs = 2, .configurations = 3, .splits = 2};

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

#pragma once

// The agenda of a cross-validation or search: the legs of a race (race.h) as runs of a fleet, then
// perhaps the best configuration once more, on all data.
//
// A nested search has a race more for each split, over inner splits of its training examples. What
// that race chooses is scored on the split: by the run of the outer race, which is the same run, or
// by one of its own where the outer race gave the configuration up on the way.

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "coordinator/agenda.h"
#include "coordinator/search/race.h"
#include "coordinator/search/step_plan.h"

namespace ballast {

// The runs of a job by number: for each rung, each configuration and each split one; then the
// refit; then of a nested search a run that scores each split's choice, and those of its race.
struct RunNumbers {
  std::uint32_t rungs = 1;
  std::uint32_t configurations = 1;
  std::uint32_t splits = 1;
  std::vector<std::uint32_t> inner{};  // Nested: by split, how many inner ones it has.

  struct Place {
    std::uint32_t rung = 0;
    std::uint32_t configuration = 0;
    std::uint32_t split = 0;
    std::optional<std::uint32_t> inner{};  // Nested: the inner split of that split.
  };

  [[nodiscard]] RunId id(const Place& place) const;
  // REQUIRES: the id of a place.
  [[nodiscard]] Place place(RunId id) const;
  [[nodiscard]] RunId refit() const;  // The one after those of the splits.
  // Nested: what scores the choice of a split, where no run of the outer race does; and whose.
  [[nodiscard]] RunId outer(std::uint32_t split) const;
  [[nodiscard]] std::optional<std::uint32_t> outer_of(RunId id) const;
  [[nodiscard]] std::uint64_t legs() const;  // Of all races, if nobody is given up.
};

class RaceAgenda final : public Agenda {
 public:
  struct Options {
    RunNumbers numbers;
    std::string metric;  // Of RunProgress::scores.
    bool refit = false;
    bool is_refit_done = false;
    ChoiceRule choose = ChoiceRule::best;
    std::set<std::uint32_t> outer_done{};  // Splits whose own scoring run has ended.
    std::optional<StepPlan> plan{};        // Of a budget of steps.
    std::string failure{};  // Why the first without a score has none, of runs that ended before.
  };

  // The races may have heard of runs that ended before. `inner` has one for each of numbers.inner.
  RaceAgenda(Options options, Race race, std::vector<Race> inner = {});

  std::optional<RunId> next() override;
  bool offers(RunId run) const override;
  void on_end(const RunEnd& end) override;
  std::uint64_t left() const override;
  bool is_over() const override;
  Exit exit() const override;

  [[nodiscard]] const Race& race() const { return race_; }

 private:
  // Legs that are due, and within the budget. Race 0 is the outer one, 1 that within split 0, ...
  [[nodiscard]] std::vector<Leg> due(std::size_t race) const;
  [[nodiscard]] static RunNumbers::Place place_of(std::size_t race, const Leg& leg);
  [[nodiscard]] std::optional<RunId> next_leg(std::size_t race);
  [[nodiscard]] bool is_beyond_budget() const;  // Something is left that will not be done.
  [[nodiscard]] bool lacks_refit() const;
  [[nodiscard]] bool lacks_outer(std::uint32_t split) const;
  // They lack, are within the budget, and have not been begun.
  [[nodiscard]] bool wants_refit() const;
  [[nodiscard]] bool wants_outer(std::uint32_t split) const;

  const Options options_;
  Race race_;
  std::vector<Race> inner_;
  std::set<RunId> begun_;
  std::string failure_;  // The first of the outer race that was heard, for people.
  std::optional<Exit> refit_;
};

// Why a run that ended well counts as failed all the same.
[[nodiscard]] std::string undefined_on_a_split(const std::string& metric);

// What a nested search scores a split by: the run of the outer race, or one of its own.
[[nodiscard]] bool needs_own_run(const Race& outer, std::uint32_t chosen, std::uint32_t split);

}  // namespace ballast

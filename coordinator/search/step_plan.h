#pragma once

// What a budget of training steps reaches for. It is laid out before anything runs, from what every
// run may cost and the order in which runs are begun, so neither the fleet nor the time has a say:
// the same runs are done each time.
//
//   the outer race: by bracket, rung and at the first rung configuration; then each inner race so;
//   then the runs that score a choice of their own; then the refit
//
// Where something no longer fits, nothing after it is begun either. A configuration is begun with
// all of its splits or not at all, and a later rung when it fits whoever goes on to it: what cannot
// be compared in the end would be steps for nothing. A run counts as long as it may become; one
// that stops early or fails leaves nothing for others, or which those are would depend on when it
// did.
//
// Pure.

#include <cstdint>
#include <functional>
#include <vector>

#include "coordinator/search/race.h"

namespace ballast {

struct StepPlan {
  struct Share {  // Of a bracket.
    std::uint32_t rungs = 0;
    std::uint32_t configurations = 0;  // That begin it, from its first on.

    friend bool operator==(const Share&, const Share&) = default;
  };
  std::vector<std::vector<Share>> races;  // The outer one, then the inner ones; by bracket.
  bool outer_runs = false;
  bool refit = false;
  std::uint64_t steps = 0;  // That it asks for at most.
  bool is_whole = false;    // Nothing is left out.

  friend bool operator==(const StepPlan&, const StepPlan&) = default;
};

struct StepCosts {
  std::vector<std::vector<Bracket>> races;  // As above.
  std::vector<std::uint32_t> splits;        // By race.
  // Of a whole run, by race, configuration and split.
  std::function<Step(std::size_t race, std::uint32_t configuration, std::uint32_t split)> run;
  // Of a refit with this configuration; empty: there is none.
  std::function<Step(std::uint32_t configuration)> refit;
};

[[nodiscard]] StepPlan plan_steps(const StepCosts& costs, std::uint64_t budget);

// Whether the plan has this leg, of that race.
[[nodiscard]] bool has_leg(const StepPlan& plan, const std::vector<Bracket>& brackets,
                           std::size_t race, const Leg& leg);

}  // namespace ballast

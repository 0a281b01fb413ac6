#include "coordinator/search/step_plan.h"

#include <algorithm>

namespace ballast {
namespace {

class Planner {
 public:
  Planner(const StepCosts& costs, std::uint64_t budget) : costs_(costs), budget_(budget) {}

  StepPlan plan() {
    bool fits = true;
    for (std::size_t race = 0; race < costs_.races.size(); ++race) {
      std::vector<StepPlan::Share>& shares = plan_.races.emplace_back(costs_.races[race].size());
      for (std::size_t b = 0; b < shares.size() && fits; ++b) {
        fits = take_bracket(race, costs_.races[race][b], shares[b]);
      }
    }
    plan_.outer_runs = fits = fits && take(outer_runs());
    plan_.refit = fits && costs_.refit && take(most(costs_.refit));
    plan_.is_whole = fits && (plan_.refit || !costs_.refit);
    return plan_;
  }

 private:
  [[nodiscard]] bool take(std::uint64_t steps) {
    if (steps > budget_ - plan_.steps) return false;
    plan_.steps += steps;
    return true;
  }

  [[nodiscard]] bool take_bracket(std::size_t race, const Bracket& bracket,
                                  StepPlan::Share& share) {
    const auto cost = [&](std::uint32_t configuration, std::size_t rung) {
      std::uint64_t steps = 0;
      for (std::uint32_t split = 0; split < costs_.splits[race]; ++split) {
        const Step whole = costs_.run(race, configuration, split);
        const Step from = rung == 0 ? 0 : std::min(bracket.rungs[rung - 1].steps, whole);
        const bool is_last = rung + 1 == bracket.rungs.size();
        steps += (is_last ? whole : std::min(bracket.rungs[rung].steps, whole)) - from;
      }
      return steps;
    };
    for (std::uint32_t i = 0; i < bracket.rungs[0].configurations; ++i) {
      if (!take(cost(bracket.first + i, 0))) return false;
      share.rungs = 1;
      share.configurations += 1;
    }
    for (std::size_t rung = 1; rung < bracket.rungs.size(); ++rung) {
      std::uint64_t dearest = 0;  // Who goes on is not known yet.
      for (std::uint32_t i = 0; i < bracket.rungs[0].configurations; ++i) {
        dearest = std::max(dearest, cost(bracket.first + i, rung));
      }
      if (!take(dearest * bracket.rungs[rung].configurations)) return false;
      share.rungs += 1;
    }
    return true;
  }

  // A run of its own scores what the outer race has given up; without rungs it gives nobody up.
  [[nodiscard]] std::uint64_t outer_runs() const {
    const auto has_rungs = [](const Bracket& bracket) { return bracket.rungs.size() > 1; };
    if (costs_.races.size() == 1) return 0;
    if (std::none_of(costs_.races[0].begin(), costs_.races[0].end(), has_rungs)) return 0;
    std::uint64_t steps = 0;
    for (std::uint32_t split = 0; split < costs_.splits[0]; ++split) {
      steps += most([&](std::uint32_t c) { return costs_.run(0, c, split); });
    }
    return steps;
  }

  [[nodiscard]] std::uint64_t most(const std::function<Step(std::uint32_t)>& of) const {
    std::uint64_t steps = 0;
    for (std::uint32_t c = 0; c < configurations_in(costs_.races[0]); ++c) {
      steps = std::max<std::uint64_t>(steps, of(c));
    }
    return steps;
  }

  const StepCosts& costs_;
  const std::uint64_t budget_;
  StepPlan plan_;
};

}  // namespace

StepPlan plan_steps(const StepCosts& costs, std::uint64_t budget) {
  return Planner(costs, budget).plan();
}

bool has_leg(const StepPlan& plan, const std::vector<Bracket>& brackets, std::size_t race,
             const Leg& leg) {
  const auto after = std::find_if(brackets.begin(), brackets.end(), [&](const Bracket& bracket) {
    return bracket.first > leg.configuration;
  });
  const auto of = static_cast<std::size_t>(after - brackets.begin()) - 1;
  const StepPlan::Share& share = plan.races[race][of];
  return leg.rung < share.rungs && leg.configuration - brackets[of].first < share.configurations;
}

}  // namespace ballast

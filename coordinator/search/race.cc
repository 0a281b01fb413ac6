#include "coordinator/search/race.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "common/base/check.h"

namespace ballast {
namespace {

// The most halvings for which `total` still has `least` at the first rung.
std::uint32_t halvings(std::uint64_t total, std::uint64_t least, std::uint64_t reduction) {
  std::uint32_t count = 0;
  for (total /= reduction; total >= least; total /= reduction) count += 1;
  return count;
}

std::uint64_t power(std::uint64_t base, std::uint32_t exponent) {
  std::uint64_t product = 1;
  for (std::uint32_t i = 0; i < exponent; ++i) product *= base;
  return product;
}

std::uint64_t divide_up(std::uint64_t a, std::uint64_t b) { return (a + b - 1) / b; }

Bracket bracket_of(std::uint32_t first, std::uint32_t configurations, std::uint32_t reduction,
                   std::uint32_t times, Step steps) {
  Bracket bracket;
  bracket.first = first;
  for (std::uint32_t k = 0; k <= times; ++k) {
    bracket.rungs.push_back({divide_up(steps, power(reduction, times - k)),
                             static_cast<std::uint32_t>(configurations / power(reduction, k))});
  }
  return bracket;
}

Result<std::vector<Bracket>> hyperband(const SearchSpec& search, Step steps) {
  const std::uint32_t most = halvings(steps, search.steps_min, search.reduction);
  std::vector<Bracket> brackets;
  std::uint64_t first = 0;
  for (std::uint32_t times = most + 1; times-- > 0;) {
    const std::uint64_t count = divide_up((most + 1) * power(search.reduction, times), times + 1);
    if (first + count > kConfigurationsMax) {
      return Error{ErrorCode::invalid,
                   fmt::format("search.steps_min: with {} of {} steps and a reduction of {}, "
                               "hyperband draws more than {} configurations; write more steps",
                               search.steps_min, steps, search.reduction, kConfigurationsMax)};
    }
    brackets.push_back(bracket_of(static_cast<std::uint32_t>(first),
                                  static_cast<std::uint32_t>(count), search.reduction, times,
                                  steps));
    first += count;
  }
  return brackets;
}

}  // namespace

Result<std::vector<Bracket>> brackets_of(const SearchSpec& search, Step steps, std::uint32_t grid) {
  BALLAST_CHECK(steps > 0);
  const bool halves =
      search.method == SearchMethod::halving || search.method == SearchMethod::hyperband;
  if (halves && steps / search.reduction < search.steps_min) {
    return Error{ErrorCode::invalid,
                 fmt::format("search.steps_min: expected at most {}, the {} steps of a run divided "
                             "by search.reduction, got {}; there would be nothing to compare "
                             "before the end",
                             steps / search.reduction, steps, search.steps_min)};
  }
  if (search.method == SearchMethod::hyperband) return hyperband(search, steps);
  const std::uint32_t count = search.method == SearchMethod::grid ? grid : search.configurations;
  BALLAST_CHECK(count > 0);
  const std::uint32_t times = halves ? std::min(halvings(steps, search.steps_min, search.reduction),
                                                halvings(count, 1, search.reduction))
                                     : 0;
  return std::vector{bracket_of(0, count, search.reduction, times, steps)};
}

Result<std::vector<Bracket>> rescaled(std::vector<Bracket> brackets, const SearchSpec& search,
                                      Step steps) {
  for (Bracket& bracket : brackets) {
    const auto times = static_cast<std::uint32_t>(bracket.rungs.size() - 1);
    const std::uint64_t least = power(search.reduction, times);
    if (steps < least) {
      return Error{
          ErrorCode::invalid,
          fmt::format("search.nested: expected at least {} steps of a run on inner splits, "
                      "so that each of {} rungs has its own, got {}; train for longer, or "
                      "ask for fewer folds",
                      least, times + 1, steps)};
    }
    for (std::uint32_t k = 0; k <= times; ++k) {
      bracket.rungs[k].steps = divide_up(steps, power(search.reduction, times - k));
    }
  }
  return brackets;
}

std::uint32_t configurations_in(const std::vector<Bracket>& brackets) {
  std::uint32_t count = 0;
  for (const Bracket& bracket : brackets) count += bracket.rungs[0].configurations;
  return count;
}

Race::Race(std::vector<Bracket> brackets, std::uint32_t splits, Better better)
    : brackets_(std::move(brackets)), splits_(splits), better_(better) {
  BALLAST_CHECK(splits_ > 0);
  for (std::size_t b = 0; b < brackets_.size(); ++b) {
    BALLAST_CHECK(!brackets_[b].rungs.empty() && brackets_[b].first == entrants_.size());
    Entrant entrant;
    entrant.bracket = b;
    entrant.scores.resize(splits_);
    entrants_.insert(entrants_.end(), brackets_[b].rungs[0].configurations, entrant);
  }
}

std::vector<Leg> Race::due() const {
  std::vector<Leg> legs;
  for (std::uint32_t configuration = 0; configuration < entrants_.size(); ++configuration) {
    const Entrant& entrant = entrants_[configuration];
    if (entrant.standing != Standing::racing) continue;
    const std::vector<Rung>& rungs = brackets_[entrant.bracket].rungs;
    const Step from = entrant.rung == 0 ? 0 : rungs[entrant.rung - 1].steps;
    for (std::uint32_t split = 0; split < splits_; ++split) {
      if (entrant.scores[split]) continue;
      legs.push_back({configuration, entrant.rung, split, from, rungs[entrant.rung].steps});
    }
  }
  return legs;
}

std::uint64_t Race::legs_left() const {
  std::uint64_t legs = due().size();
  for (std::size_t bracket = 0; bracket < brackets_.size(); ++bracket) {
    const std::vector<std::uint32_t> racing = racing_in(bracket);
    if (racing.empty()) continue;
    const std::vector<Rung>& rungs = brackets_[bracket].rungs;
    for (std::size_t rung = entrants_[racing.front()].rung + 1; rung < rungs.size(); ++rung) {
      const auto configurations =
          std::min<std::uint64_t>(rungs[rung].configurations, racing.size());
      legs += configurations * splits_;
    }
  }
  return legs;
}

void Race::report(std::uint32_t configuration, std::uint32_t rung, std::uint32_t split,
                  std::optional<double> score) {
  BALLAST_CHECK(configuration < entrants_.size() && split < splits_);
  Entrant& entrant = entrants_[configuration];
  BALLAST_CHECK(rung <= entrant.rung);
  if (rung < entrant.rung || entrant.scores[split]) return;
  const bool usable = score && std::isfinite(*score);
  entrant.scores[split] = usable ? *score : std::numeric_limits<double>::quiet_NaN();
  complete_when_all_are_in(entrant);
  go_on_when_complete(entrant.bracket);
}

void Race::complete_when_all_are_in(Entrant& entrant) {
  std::vector<double> scores;
  for (const std::optional<double>& score : entrant.scores) {
    if (!score) return;
    scores.push_back(*score);
  }
  entrant.complete = true;
  const double all = mean(scores);  // NaN when one is; or not finite, where they are huge.
  if (!std::isfinite(all)) {
    entrant.standing = Standing::failed;
    return;
  }
  entrant.mean = all;
  entrant.steps = brackets_[entrant.bracket].rungs[entrant.rung].steps;
}

std::vector<std::uint32_t> Race::racing_in(std::size_t bracket) const {
  const Bracket& of = brackets_[bracket];
  std::vector<std::uint32_t> racing;
  for (std::uint32_t i = 0; i < of.rungs[0].configurations; ++i) {
    if (entrants_[of.first + i].standing == Standing::racing) racing.push_back(of.first + i);
  }
  return racing;
}

void Race::go_on_when_complete(std::size_t bracket) {
  std::vector<std::uint32_t> racing = racing_in(bracket);
  const bool complete = std::all_of(racing.begin(), racing.end(), [&](std::uint32_t configuration) {
    return entrants_[configuration].complete;
  });
  if (!complete || racing.empty()) return;
  std::sort(racing.begin(), racing.end(),
            [&](std::uint32_t a, std::uint32_t b) { return in_front(a, b); });
  const std::vector<Rung>& rungs = brackets_[bracket].rungs;
  const std::uint32_t next = entrants_[racing[0]].rung + 1;
  for (std::size_t place = 0; place < racing.size(); ++place) {
    Entrant& entrant = entrants_[racing[place]];
    if (next == rungs.size()) {
      entrant.standing = Standing::done;
    } else if (place >= rungs[next].configurations) {
      entrant.standing = Standing::halved;
    } else {
      entrant.rung = next;
      entrant.complete = false;
      entrant.scores.assign(splits_, std::nullopt);
    }
  }
}

bool Race::in_front(std::uint32_t a, std::uint32_t b) const {
  const Entrant& x = entrants_[a];
  const Entrant& y = entrants_[b];
  const bool x_failed = x.standing == Standing::failed;
  const bool y_failed = y.standing == Standing::failed;
  if (x_failed != y_failed) return y_failed;
  if (x_failed) return a < b;
  if (x.steps != y.steps) return x.steps > y.steps;
  if (x.steps != 0 && x.mean != y.mean) {
    return better_ == Better::larger ? x.mean > y.mean : x.mean < y.mean;
  }
  return a < b;
}

bool Race::over() const {
  return std::none_of(entrants_.begin(), entrants_.end(),
                      [](const Entrant& entrant) { return entrant.standing == Standing::racing; });
}

void Race::close() {
  for (Entrant& entrant : entrants_) {
    const bool is_last = entrant.rung + 1 == brackets_[entrant.bracket].rungs.size();
    if (entrant.standing == Standing::racing && entrant.complete && is_last) {
      entrant.standing = Standing::done;
    }
  }
}

bool Race::has_ended(std::uint32_t configuration, std::uint32_t split) const {
  BALLAST_CHECK(configuration < entrants_.size() && split < splits_);
  const Entrant& entrant = entrants_[configuration];
  const bool is_last = entrant.rung + 1 == brackets_[entrant.bracket].rungs.size();
  return is_last && entrant.scores[split].has_value();
}

std::optional<std::uint32_t> Race::chosen(ChoiceRule rule) const {
  std::vector<std::uint32_t> ids;
  std::vector<std::vector<double>> scores;
  for (std::uint32_t id = 0; id < entrants_.size(); ++id) {
    if (entrants_[id].standing != Standing::done) continue;
    ids.push_back(id);
    std::vector<double>& of = scores.emplace_back();
    for (const std::optional<double>& score : entrants_[id].scores) of.push_back(*score);
  }
  const auto choice = choose_among(ids, scores, better_, rule);
  return choice ? std::optional(choice->chosen) : std::nullopt;
}

std::optional<ConfigurationChoice> choose_among(const std::vector<std::uint32_t>& ids,
                                                const std::vector<std::vector<double>>& scores,
                                                Better better, ChoiceRule rule) {
  if (ids.empty()) return std::nullopt;
  std::vector<CandidateScore> candidates;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const double deviation = scores[i].size() < 2 ? 0.0 : standard_deviation(scores[i]);
    candidates.push_back(
        {.mean = mean(scores[i]),
         .standard_error = deviation / std::sqrt(static_cast<double>(scores[i].size())),
         .complexity = static_cast<double>(ids[i])});
  }
  ConfigurationChoice choice;
  choice.best = ids[best_of(candidates, better)];
  choice.one_standard_error = ids[one_standard_error(candidates, better)];
  choice.chosen = rule == ChoiceRule::one_standard_error ? choice.one_standard_error : choice.best;
  return choice;
}

Standing Race::standing(std::uint32_t configuration) const {
  BALLAST_CHECK(configuration < entrants_.size());
  return entrants_[configuration].standing;
}

std::vector<Ranked> Race::ranking() const {
  std::vector<std::uint32_t> order(entrants_.size());
  for (std::uint32_t i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(),
            [&](std::uint32_t a, std::uint32_t b) { return in_front(a, b); });
  std::vector<Ranked> ranking;
  for (const std::uint32_t configuration : order) {
    const Entrant& entrant = entrants_[configuration];
    ranking.push_back({configuration, entrant.standing, entrant.steps, entrant.mean});
  }
  return ranking;
}

}  // namespace ballast

#include "coordinator/search/race_agenda.h"

#include <algorithm>
#include <utility>

#include "common/base/check.h"

namespace ballast {

RunId RunNumbers::id(const Place& place) const {
  const std::uint64_t row = std::uint64_t{place.rung} * configurations + place.configuration;
  if (!place.inner) return RunId{1 + row * splits + place.split};
  std::uint64_t first = index(outer(splits));
  for (std::uint32_t s = 0; s < place.split; ++s) {
    first += std::uint64_t{rungs} * configurations * inner[s];
  }
  return RunId{first + row * inner[place.split] + *place.inner};
}

RunNumbers::Place RunNumbers::place(RunId id) const {
  std::uint64_t number = index(id) - 1;
  std::uint32_t of = splits;
  Place place;
  if (id > refit()) {
    number = index(id) - index(outer(splits));
    for (;; ++place.split) {
      const std::uint64_t own = std::uint64_t{rungs} * configurations * inner[place.split];
      if (number < own) break;
      number -= own;
    }
    of = inner[place.split];
    place.inner = static_cast<std::uint32_t>(number % of);
  } else {
    place.split = static_cast<std::uint32_t>(number % of);
  }
  const std::uint64_t row = number / of;
  place.rung = static_cast<std::uint32_t>(row / configurations);
  place.configuration = static_cast<std::uint32_t>(row % configurations);
  return place;
}

RunId RunNumbers::refit() const {
  return RunId{1 + std::uint64_t{rungs} * configurations * splits};
}

RunId RunNumbers::outer(std::uint32_t split) const { return RunId{index(refit()) + 1 + split}; }

std::optional<std::uint32_t> RunNumbers::outer_of(RunId id) const {
  if (inner.empty() || id < outer(0) || id >= outer(splits)) return std::nullopt;
  return static_cast<std::uint32_t>(index(id) - index(outer(0)));
}

std::uint64_t RunNumbers::legs() const {
  std::uint64_t all = splits;
  for (const std::uint32_t count : inner) all += count;
  return all * rungs * configurations;
}

std::string undefined_on_a_split(const std::string& metric) {
  return metric + " is undefined on a split: too few classes or examples";
}

bool needs_own_run(const Race& outer, std::uint32_t chosen, std::uint32_t split) {
  return !outer.has_ended(chosen, split);
}

RaceAgenda::RaceAgenda(Options options, Race race, std::vector<Race> inner)
    : options_(std::move(options)),
      race_(std::move(race)),
      inner_(std::move(inner)),
      failure_(options_.failure) {
  BALLAST_CHECK(inner_.size() == options_.numbers.inner.size());
}

bool RaceAgenda::lacks_refit() const {
  if (!options_.refit || options_.is_refit_done || !race_.over()) return false;
  const std::vector<Ranked> ranking = race_.ranking();
  return !ranking.empty() && ranking.front().standing == Standing::done;
}

// Whether the choice of a split is still to be scored. It takes both races: the outer one may come
// to score it on the way.
bool RaceAgenda::lacks_outer(std::uint32_t split) const {
  if (!race_.over() || !inner_[split].over() || options_.outer_done.contains(split)) return false;
  const auto chosen = inner_[split].chosen(options_.choose);
  return chosen && needs_own_run(race_, *chosen, split);
}

bool RaceAgenda::wants_refit() const {
  const bool fits = !options_.plan || options_.plan->refit;
  return fits && lacks_refit() && !begun_.contains(options_.numbers.refit());
}

bool RaceAgenda::wants_outer(std::uint32_t split) const {
  const bool fits = !options_.plan || options_.plan->outer_runs;
  return fits && lacks_outer(split) && !begun_.contains(options_.numbers.outer(split));
}

std::vector<Leg> RaceAgenda::due(std::size_t race) const {
  const Race& of = race == 0 ? race_ : inner_[race - 1];
  std::vector<Leg> legs = of.due();
  if (options_.plan) {
    std::erase_if(
        legs, [&](const Leg& leg) { return !has_leg(*options_.plan, of.brackets(), race, leg); });
  }
  return legs;
}

bool RaceAgenda::is_beyond_budget() const {
  if (!options_.plan) return false;
  if (!race_.over() || (lacks_refit() && !options_.plan->refit)) return true;
  for (std::uint32_t split = 0; split < inner_.size(); ++split) {
    if (!inner_[split].over() || (lacks_outer(split) && !options_.plan->outer_runs)) return true;
  }
  return false;
}

RunNumbers::Place RaceAgenda::place_of(std::size_t race, const Leg& leg) {
  RunNumbers::Place place{.rung = leg.rung, .configuration = leg.configuration, .split = leg.split};
  if (race > 0) {
    place.inner = place.split;
    place.split = static_cast<std::uint32_t>(race - 1);
  }
  return place;
}

std::optional<RunId> RaceAgenda::next_leg(std::size_t race) {
  for (const Leg& leg : due(race)) {
    const RunId run = options_.numbers.id(place_of(race, leg));
    if (begun_.insert(run).second) return run;
  }
  return std::nullopt;
}

std::optional<RunId> RaceAgenda::next() {
  for (std::size_t race = 0; race <= inner_.size(); ++race) {
    if (const auto leg = next_leg(race)) return leg;
  }
  for (std::uint32_t split = 0; split < inner_.size(); ++split) {
    if (!wants_outer(split)) continue;
    begun_.insert(options_.numbers.outer(split));
    return options_.numbers.outer(split);
  }
  if (wants_refit()) {
    begun_.insert(options_.numbers.refit());
    return options_.numbers.refit();
  }
  return std::nullopt;
}

bool RaceAgenda::offers(RunId run) const {
  if (begun_.contains(run)) return false;
  if (run == options_.numbers.refit()) return race_.over() && wants_refit();
  if (const auto split = options_.numbers.outer_of(run)) return wants_outer(*split);
  for (std::size_t race = 0; race <= inner_.size(); ++race) {
    for (const Leg& leg : due(race)) {
      if (run == options_.numbers.id(place_of(race, leg))) return true;
    }
  }
  return false;
}

void RaceAgenda::on_end(const RunEnd& end) {
  if (end.run == options_.numbers.refit()) {
    refit_ = end.exit;
    return;
  }
  if (options_.numbers.outer_of(end.run)) return;  // Nothing follows from it here.
  std::optional<double> score;
  for (const auto& [name, value] : end.progress.scores) {
    if (name == options_.metric && end.exit.code == ExitCode::done) score = value;
  }
  const auto place = options_.numbers.place(end.run);
  if (place.inner) {
    inner_[place.split].report(place.configuration, place.rung, *place.inner, score);
    return;
  }
  if (!score && failure_.empty()) {
    failure_ = end.exit.reason.empty() ? undefined_on_a_split(options_.metric) : end.exit.reason;
  }
  race_.report(place.configuration, place.rung, place.split, score);
}

bool RaceAgenda::is_over() const {
  for (std::size_t race = 0; race <= inner_.size(); ++race) {
    if (!due(race).empty()) return false;
  }
  for (std::uint32_t split = 0; split < inner_.size(); ++split) {
    if (wants_outer(split)) return false;
  }
  return !wants_refit();
}

std::uint64_t RaceAgenda::left() const {
  std::uint64_t runs = race_.legs_left();
  for (const Race& race : inner_) runs += race.legs_left();
  for (std::uint32_t split = 0; split < inner_.size(); ++split) {
    if (lacks_outer(split)) ++runs;
  }
  const bool refits = options_.refit && !options_.is_refit_done && !refit_;
  return runs + (refits ? 1 : 0);
}

Exit RaceAgenda::exit() const {
  if (is_beyond_budget()) {
    return {ExitCode::unfinished,
            "job.steps does not reach for every run, so the job ends with what it has; it is the "
            "same each time"};
  }
  const std::vector<Ranked> ranking = race_.ranking();
  if (ranking.empty() || ranking.front().standing != Standing::done) {
    return {ExitCode::fault,
            "no configuration came to its end on every split; the first reason: " + failure_};
  }
  if (refit_ && refit_->code != ExitCode::done) {
    return {refit_->code,
            "training the chosen configuration on all data failed: " + refit_->reason};
  }
  return {};
}

}  // namespace ballast

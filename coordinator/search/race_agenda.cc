#include "coordinator/search/race_agenda.h"

#include <algorithm>
#include <utility>

namespace ballast {

RunId RunNumbers::id(const Place& place) const {
  const std::uint64_t row = std::uint64_t{place.rung} * configurations + place.configuration;
  return RunId{1 + row * splits + place.split};
}

RunNumbers::Place RunNumbers::place(RunId id) const {
  const std::uint64_t number = index(id) - 1;
  const std::uint64_t row = number / splits;
  return {.rung = static_cast<std::uint32_t>(row / configurations),
          .configuration = static_cast<std::uint32_t>(row % configurations),
          .split = static_cast<std::uint32_t>(number % splits)};
}

RunId RunNumbers::refit() const {
  return RunId{1 + std::uint64_t{rungs} * configurations * splits};
}

RaceAgenda::RaceAgenda(Options options, Race race)
    : options_(std::move(options)), race_(std::move(race)) {}

bool RaceAgenda::wants_refit() const {
  if (!options_.refit || options_.is_refit_done) return false;
  const std::vector<Ranked> ranking = race_.ranking();
  return !ranking.empty() && ranking.front().standing == Standing::done;
}

std::optional<RunId> RaceAgenda::next() {
  for (const Leg& leg : race_.due()) {
    const RunId run = options_.numbers.id(
        {.rung = leg.rung, .configuration = leg.configuration, .split = leg.split});
    if (begun_.insert(run).second) return run;
  }
  if (race_.over() && wants_refit() && begun_.insert(options_.numbers.refit()).second) {
    return options_.numbers.refit();
  }
  return std::nullopt;
}

bool RaceAgenda::offers(RunId run) const {
  if (begun_.contains(run)) return false;
  if (run == options_.numbers.refit()) return race_.over() && wants_refit();
  const std::vector<Leg> due = race_.due();
  return std::any_of(due.begin(), due.end(), [&](const Leg& leg) {
    return run == options_.numbers.id(
                      {.rung = leg.rung, .configuration = leg.configuration, .split = leg.split});
  });
}

void RaceAgenda::on_end(const RunEnd& end) {
  if (end.run == options_.numbers.refit()) {
    refit_ = end.exit;
    return;
  }
  std::optional<double> score;
  for (const auto& [name, value] : end.progress.scores) {
    if (name == options_.metric && end.exit.code == ExitCode::done) score = value;
  }
  if (!score && failure_.empty()) {
    failure_ =
        end.exit.reason.empty() ? options_.metric + " is undefined on a split" : end.exit.reason;
  }
  const auto place = options_.numbers.place(end.run);
  race_.report(place.configuration, place.rung, place.split, score);
}

bool RaceAgenda::is_over() const {
  if (!race_.over()) return false;
  return !wants_refit() || begun_.contains(options_.numbers.refit());
}

Exit RaceAgenda::exit() const {
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

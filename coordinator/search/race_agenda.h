#pragma once

// The agenda of a cross-validation or search: the legs of a race (race.h) as runs of a fleet, then
// perhaps the best configuration once more, on all data.

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "coordinator/agenda.h"
#include "coordinator/search/race.h"

namespace ballast {

// The runs of a job by number: for each rung, each configuration and each split one.
struct RunNumbers {
  std::uint32_t rungs = 1;
  std::uint32_t configurations = 1;
  std::uint32_t splits = 1;

  struct Place {
    std::uint32_t rung = 0;
    std::uint32_t configuration = 0;
    std::uint32_t split = 0;
  };

  [[nodiscard]] RunId id(const Place& place) const;
  // REQUIRES: the id of a place.
  [[nodiscard]] Place place(RunId id) const;
  [[nodiscard]] RunId refit() const;  // The one after all others.
};

class RaceAgenda final : public Agenda {
 public:
  struct Options {
    RunNumbers numbers;
    std::string metric;  // Of RunProgress::scores.
    bool refit = false;
    bool is_refit_done = false;
  };

  // `race` may have heard of runs that ended before.
  RaceAgenda(Options options, Race race);

  std::optional<RunId> next() override;
  bool offers(RunId run) const override;
  void on_end(const RunEnd& end) override;
  bool is_over() const override;
  Exit exit() const override;

  [[nodiscard]] const Race& race() const { return race_; }

 private:
  [[nodiscard]] bool wants_refit() const;

  const Options options_;
  Race race_;
  std::set<RunId> begun_;
  std::string failure_;  // The first that was heard, for people.
  std::optional<Exit> refit_;
};

}  // namespace ballast

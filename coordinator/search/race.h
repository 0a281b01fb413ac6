#pragma once

// A search as a race: configurations run over the same splits, and at certain steps, the rungs, the
// worse ones are given up. Grid and random search are races with one rung, the last step.
//
// A *bracket* is one race by successive halving (Jamieson and Talwalkar: "Non-stochastic best arm
// identification and hyperparameter optimization", AISTATS 2016). Of the n configurations that are
// at a rung, one of `reduction` goes on to the next, which has `reduction` times the steps, so each
// rung costs about as much as any other. With R the last step of a run and s the number of halvings
//
//     rung k = 0 .. s:   floor(n / reduction^k) configurations,   ceil(R / reduction^(s - k)) steps
//
// Halving is one bracket, with as many halvings as both allow: reduction^s <= R / steps_min, and
// reduction^s <= n. Where the configurations run out first, the first rung has more than steps_min.
//
// Halving gives up early what learns slowly. Hyperband (Li, Jamieson, DeSalvo, Rostamizadeh,
// Talwalkar: "Hyperband", JMLR 18, 2018, algorithm 1) runs brackets with s = S, S - 1, .. 0
// halvings, S as above by steps alone, of equal cost, and of n = ceil((S + 1) / (s + 1) *
// reduction^s) configurations each: from many that are judged at once to few that all run to the
// end. With R = 81, steps_min = 1 and reduction = 3, as configurations x steps:
//
//     81 x 1   27 x 3    9 x 9    3 x 27   1 x 81
//     34 x 3   11 x 9    3 x 27   1 x 81
//     15 x 9    5 x 27   1 x 81
//      8 x 27   2 x 81
//      5 x 81
//
// A run goes on from rung to rung, with the schedule of its whole length. A rung ranks by the mean
// of the scores over splits, taken in the order of the splits once all of them are in; a
// configuration of which a split failed, or whose score is not a number, is behind all others and
// never goes on, but its other splits are run to the rung all the same. Of equal ones the lower id
// is in front. So what follows from the scores does not depend on the order in which they come.
//
// Pure: one thread owns a Race.

#include <cstdint>
#include <optional>
#include <vector>

#include "common/base/ids.h"
#include "common/base/result.h"
#include "common/job/spec.h"
#include "common/math/statistics.h"

namespace ballast {

struct Rung {
  Step steps = 0;
  std::uint32_t configurations = 0;  // That begin it, unless failures left fewer.

  friend bool operator==(const Rung&, const Rung&) = default;
};

struct Bracket {
  std::uint32_t first = 0;  // Its configurations: so many ids from this one on.
  std::vector<Rung> rungs;  // At least one; the last ends with the run.

  friend bool operator==(const Bracket&, const Bracket&) = default;
};

// The brackets of a search over runs of `steps` steps; `grid` is how many combinations there are,
// for the method grid. An error says what of the spec does not fit the steps.
[[nodiscard]] Result<std::vector<Bracket>> brackets_of(const SearchSpec& search, Step steps,
                                                       std::uint32_t grid);

// The same race over runs of `steps` steps: its rungs are at the same shares of a run. An error
// says what does not fit. REQUIRES: `brackets` as brackets_of() gives them.
[[nodiscard]] Result<std::vector<Bracket>> rescaled(std::vector<Bracket> brackets,
                                                    const SearchSpec& search, Step steps);

// How many configurations take part.
[[nodiscard]] std::uint32_t configurations_in(const std::vector<Bracket>& brackets);

// What is to run: one split of a configuration, from where the rung before left it.
struct Leg {
  std::uint32_t configuration = 0;
  std::uint32_t rung = 0;
  std::uint32_t split = 0;
  Step from = 0;
  Step to = 0;

  friend bool operator==(const Leg&, const Leg&) = default;
};

enum class Standing { racing, done, halved, failed };

struct Ranked {
  std::uint32_t configuration = 0;
  Standing standing = Standing::racing;
  Step steps = 0;     // Of the last rung that all of its splits reached; 0 for none.
  double mean = 0.0;  // Of the scores there. Without meaning where steps is 0.

  friend bool operator==(const Ranked&, const Ranked&) = default;
};

struct ConfigurationChoice {
  std::uint32_t best = 0;
  std::uint32_t one_standard_error = 0;
  std::uint32_t chosen = 0;
};
// Among these ids, in rising order, by their scores over splits; nothing: there is none. With
// equally complex models, which is all that is known here, one standard error takes the lowest of
// those ids that are within it: list what you would rather have first.
[[nodiscard]] std::optional<ConfigurationChoice> choose_among(
    const std::vector<std::uint32_t>& ids, const std::vector<std::vector<double>>& scores,
    Better better, ChoiceRule rule);

class Race {
 public:
  // REQUIRES: brackets as brackets_of() gives them; at least one split.
  Race(std::vector<Bracket> brackets, std::uint32_t splits, Better better);

  // All that may run now and has not been reported, those first that should begin first. What runs
  // already is still among them.
  [[nodiscard]] std::vector<Leg> due() const;

  // How many have not been reported, due or later; fewer, if some fail.
  [[nodiscard]] std::uint64_t legs_left() const;

  // The score of a leg at its last step, or nothing: it failed or diverged. Saying it again changes
  // nothing. REQUIRES: the leg is due, or was.
  void report(std::uint32_t configuration, std::uint32_t rung, std::uint32_t split,
              std::optional<double> score);

  // Nothing more will run: whoever came to the last step on every split is done, even where others
  // of the bracket did not. Those stay as they are.
  void close();

  [[nodiscard]] bool over() const;
  // The split of a configuration was run to the last step, or failed on the way there.
  [[nodiscard]] bool has_ended(std::uint32_t configuration, std::uint32_t split) const;
  // What the rule takes among those that are done; nothing: none is.
  [[nodiscard]] std::optional<std::uint32_t> chosen(ChoiceRule rule) const;
  [[nodiscard]] const std::vector<Bracket>& brackets() const { return brackets_; }
  [[nodiscard]] Standing standing(std::uint32_t configuration) const;

  // The best first: failed ones last, before them by steps, then mean, then id. Also of a race that
  // is not over, by what is known.
  [[nodiscard]] std::vector<Ranked> ranking() const;

 private:
  struct Entrant {
    std::size_t bracket = 0;
    std::uint32_t rung = 0;
    Standing standing = Standing::racing;
    std::vector<std::optional<double>> scores;  // At this rung, by split; NaN: failed.
    bool complete = false;                      // All splits are at this rung.
    Step steps = 0;                             // As in Ranked.
    double mean = 0.0;
  };

  void complete_when_all_are_in(Entrant& entrant);
  void go_on_when_complete(std::size_t bracket);
  [[nodiscard]] bool in_front(std::uint32_t a, std::uint32_t b) const;
  [[nodiscard]] std::vector<std::uint32_t> racing_in(std::size_t bracket) const;

  const std::vector<Bracket> brackets_;
  const std::uint32_t splits_;
  const Better better_;
  std::vector<Entrant> entrants_;  // By configuration.
};

}  // namespace ballast

#pragma once

// The job of a simulated cluster: which runs it has, how one follows from the others, and what of
// it outlives every process. Each run has a store of its own (store.h).
//
//   the first runs: 1 .. n, each begun as soon as there is room
//   a race:         when they have ended, n + w, where w is the one with the highest score
//
// What a run scores is a function of its model's bits, so which run comes last is one of all of
// them. A run that was ended by its disk is not known to have ended: who resumes the job does it
// again.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "coordinator/fleet.h"
#include "tests/simulation/prng.h"
#include "tests/simulation/store.h"

namespace ballast::simulation {

struct JobPlan {
  enum class Kind { training, several, race } kind = Kind::training;
  std::uint32_t first_runs = 1;
  std::uint32_t runs_at_once = 0;  // As FleetOptions.
  std::uint32_t workers_per_run = 1;

  // All that there may be, ascending.
  [[nodiscard]] std::vector<RunId> runs() const;
  [[nodiscard]] std::string name() const { return kind == Kind::training ? "" : "job"; }
};

// By run that has ended, well.
using Scores = std::map<RunId, double>;
// All runs that the job has to have ended, as far as these scores tell.
[[nodiscard]] std::vector<RunId> wanted(const JobPlan& plan, const Scores& scores);

struct JobStore {
  // REQUIRES: disk outlives this.
  explicit JobStore(SimulatedDisk& under) : disk(under) {}

  SimulatedDisk& disk;
  std::set<Term> claimed;
  Scores ended;
  std::optional<std::map<RunId, std::uint64_t>> result;  // Models, once the job is concluded.
};

[[nodiscard]] std::unique_ptr<ballast::Agenda> make_agenda(const JobPlan& plan,
                                                           const Scores& ended);

// What a coordinator's process runs its jobs on.
class SimulatedJobDisk {
 public:
  struct Place {
    SimulatedStore* store = nullptr;
    std::shared_ptr<const RunConfig> config;
  };
  using Places = std::map<RunId, Place>;

  // REQUIRES: what is given by reference outlives this.
  SimulatedJobDisk(const JobPlan& plan, JobStore& job, const Places& places, Prng& prng)
      : plan_(plan), job_(job), places_(places), prng_(prng) {}
  [[nodiscard]] FleetOutcome operator()(FleetJob&& job);

 private:
  [[nodiscard]] FleetClaimed claim(const ClaimFleet& job);
  [[nodiscard]] RunMade make(const MakeRun& job);
  [[nodiscard]] RunWorked work(RunWork&& job);
  [[nodiscard]] EndRecorded record(const RecordEnd& job);
  [[nodiscard]] JobConcluded conclude();
  [[nodiscard]] bool refuses() const;

  const JobPlan& plan_;
  JobStore& job_;
  const Places& places_;
  Prng& prng_;
  std::map<RunId, SimulatedCoordinatorStore> made_;
  Term term_ = 0;  // Of the job, as this process claimed it.
};

}  // namespace ballast::simulation

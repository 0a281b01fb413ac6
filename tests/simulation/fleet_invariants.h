#pragma once

// What must hold of the job and of its members as a whole; what must hold within each of its runs
// is in invariants.h and accounts.h.
//
//  33 A coordinator's term of the job never falls, and no term has two coordinators.
//  34 A coordinator makes a run once, and none that was known to have ended when it was started.
//  35 No more runs are begun than the job allows at once, or there are workers for, but for those
//     that members serve already.
//  36 The orders of a worker name one run at most, and nobody's name a run after its coordinator
//     has said Finish, or one that is not under way.
//  37 A member obeys no orders of a lower term than it has heard. It takes up a run only where the
//     newest orders of the highest term name it, and once it has ended there only by newer ones
//     than it ended under, or was left by.
//  38 A process has one machine of a run at a time, each with a higher number than any before. When
//     it goes the run is closed, once; as one that is over only when its model is written.
//  39 The job is concluded when each run that it has to have is recorded, and its result are the
//     models of these runs, whoever concludes it.
//  40 Members are told that the job is done only when it is concluded, and every run of it done.
//  41 A worker that has orders for another run, or for none, has left the former some time later.

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/runtime/crew.h"
#include "tests/simulation/job.h"

namespace ballast::simulation {

class FleetInvariants {
 public:
  // REQUIRES: these outlive this.
  FleetInvariants(const JobPlan& plan, const JobStore& job, const SimulatedJobDisk::Places& places)
      : plan_(plan), job_(job), places_(places) {}

  // The first thing that did not hold.
  [[nodiscard]] const std::optional<std::string>& violation() const { return violation_; }
  void violated(int number, const std::string& how);

  // ---- coordinators, by life --------------------------------------------------------------------

  void started(std::uint64_t life) { leads_[life].ended = job_.ended; }
  void stepped(std::uint64_t life, const Fleet& fleet);
  void gone(std::uint64_t life) { leads_.erase(life); }
  // What one is about to hear.
  void hears(std::uint64_t life, const wire::Message& message);
  void makes(std::uint64_t life, const Fleet& fleet, RunId run);
  void records(std::uint64_t life, const RecordEnd& end) { leads_[life].recorded.insert(end.run); }
  void concludes(const Fleet& fleet, std::uint64_t life);
  // What is on the disk.
  void stored();
  // Within a run, or to a member: what role it has, where it is known.
  void sent(std::uint64_t life, RunId run, const wire::Body& body, std::optional<wire::Role> to);
  void says_done();
  void reported(const std::string& status);

  // ---- crews ------------------------------------------------------------------------------------

  void crew_hears(MemberId id, const wire::Message& message);
  void crew_enlists(MemberId id, Term term);
  void crew_exits(MemberId id);
  void crew_makes(MemberId id, RunId run, std::uint64_t life);
  void crew_closes(MemberId id, RunId run, bool is_over);
  // `now` as long as nothing goes wrong any more.
  void crew_stepped(MemberId id, wire::Role role, const std::vector<RunId>& serves,
                    std::optional<Time> now);
  void crew_gone(MemberId id) { crews_.erase(id); }

 private:
  using Place = std::pair<Term, std::uint64_t>;  // Of orders.
  struct Lead {
    Term term = 0;
    Scores ended;              // When it was started.
    std::set<RunId> made;      // By it, ever.
    std::set<RunId> finished;  // Their coordinators have said Finish.
    std::set<RunId> recorded;  // They have ended.
    std::set<MemberId> workers;
    std::set<RunId> served;  // By any member, as it said.
  };
  struct Served {
    std::optional<Place> left;        // The first orders that did not name it.
    std::optional<Time> not_ordered;  // Since when.
  };
  struct Crew {
    Place newest{};
    bool hears_old = false;  // Orders of an older coordinator, in this step.
    std::set<RunId> ordered;
    std::map<RunId, Served> serves;
    std::map<RunId, Place> ended;  // Under which orders.
    std::uint64_t life = 0;        // The highest.
  };

  void check_orders(std::uint64_t life, const wire::Orders& orders, std::optional<wire::Role> to);

  const JobPlan& plan_;
  const JobStore& job_;
  const SimulatedJobDisk::Places& places_;
  std::optional<std::string> violation_;
  std::optional<std::map<RunId, std::uint64_t>> result_;  // As it was first.
  std::map<std::uint64_t, Lead> leads_;
  std::map<Term, std::uint64_t> led_by_;
  std::map<MemberId, Crew> crews_;
};

}  // namespace ballast::simulation

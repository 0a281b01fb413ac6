#pragma once

// What must hold after every event, whatever the faults.
//
//  1  A coordinator never goes back to a lower term, and no term has two coordinators.
//  2  A plan gives every partition one owner, whose address it names, and deals every leaf once, or
//     none where no worker is there.
//  3  The plan numbers of one coordinator rise with every change of the plan.
//  4  When a step is committed, every owner that lives has its partitions, at the version before.
//  5  On one timeline a server's version rises one by one and never falls, but for one that was
//  left
//     behind and begins anew.
//  6  On one timeline no server is two steps ahead of another, where both own partitions by the
//  plan
//     of the latest coordinator.
//  7  A commit of a step is the same whoever says it, and but for `cut` the oracle's on every
//     timeline.
//  8  No server applies what no coordinator has committed.
//  9  The reduced gradient of a partition and step has one hash, whoever computed its leaves, on
//     every timeline.
//  10 Values are those of the version that the server has applied, at that moment.
//  11 Every snapshot that is written has the oracle's bits at that version: all of a partition, or
//     what changed of it since a step; what is said to be unchanged since a step is.
//  12 Every checkpoint in the store has all its files, but for what was damaged, and merged they
//  are
//     the oracle's bits.
//  13 A run is reported done when its model was written from a whole checkpoint of its last
//     version.
//  14 Nobody writes to a member that it never had a connection with, or that it let go.
//  15 A coordinator that has to wait for long says for what.
//  16 A committed step is not forgotten: no coordinator, a later one neither, begins a timeline
//     before it when members that joined it have told it of a plan of that timeline and of a copy
//     in step of every partition.
//  17 Every example of a step is counted once: its figures are the plain loop's, and a partition
//     that is prepared lacks no leaf.
//  18 A copy that one server hands to another has the oracle's bits at its version.
//  19 The history has every line that the newest checkpoint counts, as the plain loop wrote it.
//  20 Of every checkpoint that is passed over people are told.
//  21 Who asks a coordinator is answered with what it does, whatever its state.
//  22 A step is committed when every copy that the plan names, and that lives and has not gone over
//     to another coordinator, has its gradient.
//  23 A server takes nothing of an older timeline, nor anything from a coordinator of a lower term
//     than it has heard.
//  24 With durability: step, what a server says to be prepared is on its disk.
//  25 What a server says to be prepared it keeps until the step is applied there, unless another
//     plan takes it away, or a later timeline, or the run is further on.
//
// 4 to 11, 16 to 18 and 22 to 25 are about steps that are committed: of relaxed runs accounts.h has
// their counterparts, from 26 on.

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "coordinator/coordinator.h"
#include "paramserver/server.h"
#include "tests/simulation/plain_loop.h"
#include "tests/simulation/store.h"

namespace ballast::simulation {

class Invariants {
 public:
  Invariants(const RunConfig& run, const PlainRun& oracle, Duration loud)
      : run_(run), oracle_(oracle), loud_(loud) {}

  // The first thing that did not hold.
  [[nodiscard]] const std::optional<std::string>& violation() const { return violation_; }
  void violated(int number, const std::string& how);

  // `life` is the coordinator's: several may live at once.
  void coordinator_stepped(std::uint64_t life, Time now, const Coordinator& coordinator);
  // What a coordinator is about to hear.
  void greeted(std::uint64_t life, const wire::Message& message);
  void coordinator_gone(std::uint64_t life);
  void coordinator_done(const SimulatedStore& store);
  [[nodiscard]] bool is_led_by_a_later_one_than(std::uint64_t life) const;
  void server_stepped(MemberId id, const Server& server);
  void server_gone(MemberId id);
  // What a server is about to hear.
  void hears(MemberId id, const Server& server, const wire::Message& message);
  void promised(MemberId id, const wire::Prepared& prepared, const SimulatedHome& home);
  // `from` is the server where the sender is one.
  void sent(std::uint64_t life, const Server* from, const wire::Body& body);
  void stored(const SimulatedStore& store);
  void reported(const std::string& status);

 private:
  struct Seen {  // Of a server.
    Timeline timeline = 0;
    Step applied = 0;
    std::set<PartitionId> partitions;
    std::set<PartitionId> prepared;
  };

  struct Kept {  // By a server, of the step under way.
    Timeline timeline = 0;
    Step applied = 0;
    std::map<PartitionId, std::vector<Node>> missing;
    bool operator==(const Kept&) const = default;
  };

  struct Lead {  // A coordinator.
    Term term = 0;
    wire::Plan plan;
    wire::Plan said;  // As members were told by now.
    RunProgress progress;
    std::map<MemberId, wire::Held> held;  // As members said when they greeted.
    Time changed{};
  };

  struct Followed {  // The latest coordinator that has heard of a member.
    std::uint64_t life = 0;
    Term term = 0;
  };

  [[nodiscard]] static Kept kept_by(const Server& server);
  void check_plan(Lead& lead, const wire::Plan& plan);
  void check_servers(MemberId id);
  void check_promise(MemberId id, const Server& server);
  void check_owners(std::uint64_t life, Timeline timeline, Step committed);
  void check_copies(std::uint64_t life, Timeline timeline, Step committed);
  [[nodiscard]] static bool owns(const wire::Plan& plan, MemberId server);
  [[nodiscard]] static bool same_partitions(const std::map<PartitionId, Partition>& now,
                                            const std::set<PartitionId>& before);
  void check_commit(std::uint64_t life, const wire::CommitStep& said);
  void check_prepared(const Server* from, const wire::Prepared& prepared);
  void check_cut(const wire::CutDone& done);
  void check_merged(const SimulatedStore& store, const Checkpoint& checkpoint);
  void check_copy(const wire::PartitionCopy& copy);
  void check_return(const Lead& lead, const Coordinator& coordinator);

  const RunConfig& run_;
  const PlainRun& oracle_;
  const Duration loud_;
  std::optional<std::string> violation_;

  std::map<std::uint64_t, Lead> leads_;
  std::map<Term, std::uint64_t> led_by_;
  std::map<MemberId, Seen> servers_;
  std::map<MemberId, Followed> follows_;
  std::map<MemberId, Term> heard_;  // The highest, by server.
  std::optional<Kept> untouched_;   // By the message that is being heard.
  std::map<MemberId, wire::Prepared> promises_;
  std::map<MemberId, PlanNumber> planned_;  // The highest, by server.
  std::map<std::pair<Timeline, Step>, Commit> commits_;
  std::map<Timeline, Step> committed_;  // The highest step, or what the timeline started from.
  std::map<std::pair<PartitionId, Step>, std::uint64_t> hashes_;
  std::set<std::pair<Timeline, Step>> merged_;  // Checkpoints that were looked into.
};

}  // namespace ballast::simulation

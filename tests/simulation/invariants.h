#pragma once

// What must hold after every event, whatever the faults.
//
//  1  Terms rise: a coordinator never goes back to a lower one, and a later one has a higher.
//  2  A plan gives every partition one owner, whose address it names, and deals every leaf once, or
//     none where no worker is there.
//  3  The plan numbers of one coordinator rise with every change of the plan.
//  4  When a step is committed, every owner that lives has its partitions, at the version before.
//  5  On one timeline a server's version rises one by one and never falls, but for one that was
//  left
//     behind and begins anew.
//  6  On one timeline no server is two steps ahead of another, where both own partitions.
//  7  A commit of a step is the same whoever says it, and but for `cut` the oracle's on every
//     timeline.
//  8  No server applies what no coordinator has committed.
//  9  The reduced gradient of a partition and step has one hash, whoever computed its leaves, on
//     every timeline.
//  10 Values are those of the version that the server has applied, at that moment.
//  11 Every snapshot that is written has the oracle's bits at that version: all of a partition, or
//     what changed of it since a step; what is said to be unchanged since a step is.
//  12 Every checkpoint in the store has all its files, and merged they are the oracle's bits.
//  13 A run is reported done when its last version is in the store and the model was written from
//     it.
//  14 Nobody writes to a member that it never had a connection with, or that it let go.
//  15 A coordinator that has to wait for long says for what.

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

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

  void coordinator_started();
  void coordinator_stepped(Time now, const Coordinator& coordinator);
  void coordinator_done(const SimulatedStore& store);
  void server_stepped(MemberId id, const Server& server);
  void server_gone(MemberId id);
  // `from` is the server where the sender is one.
  void sent(const Server* from, const wire::Body& body);
  void stored(const SimulatedStore& store);

 private:
  struct Seen {  // Of a server.
    Timeline timeline = 0;
    Step applied = 0;
    std::set<PartitionId> partitions;
  };

  void check_plan(const wire::Plan& plan);
  void check_servers(MemberId id);
  void check_owners(Timeline timeline, Step committed);
  [[nodiscard]] bool owns(MemberId server) const;
  [[nodiscard]] static bool same_partitions(const std::map<PartitionId, Partition>& now,
                                            const std::set<PartitionId>& before);
  void check_commit(const wire::CommitStep& said);
  void check_prepared(const wire::Prepared& prepared);
  void check_cut(const wire::CutDone& done);
  void check_merged(const SimulatedStore& store, const Checkpoint& checkpoint);

  const RunConfig& run_;
  const PlainRun& oracle_;
  const Duration loud_;
  std::optional<std::string> violation_;

  Term term_ = 0;
  wire::Plan plan_;
  std::map<MemberId, Seen> servers_;
  std::map<std::pair<Timeline, Step>, Commit> commits_;
  std::map<Timeline, Step> committed_;  // The highest step, or what the timeline started from.
  std::map<std::pair<PartitionId, Step>, std::uint64_t> hashes_;
  std::set<std::pair<Timeline, Step>> merged_;  // Checkpoints that were looked into.
  RunProgress progress_;
  Time changed_{};
};

}  // namespace ballast::simulation

#pragma once

// What must hold in a relaxed run (bounded, async), where no bits can be foretold: the counting
// model. Beside every partition of every server it keeps a shadow, plain maps to which each
// microbatch that the partition says to have counted is applied once, from the push that brought
// it. Partition and shadow must be the same after every event, to the bit.
//
//  26 On one timeline the clock of a leaf at a partition rises one by one and never falls, and only
//     when a push of that very microbatch is taken.
//  27 The weights are those that come of applying each counted microbatch once, in the order of
//     counting, and nothing else.
//  28 Weights and account that are restored were once, together, those of that partition; so were
//     those that are written for a checkpoint, and no clock in them is below the checkpoint's step.
//  29 Weights that are sent for a microbatch of step t hold all before it of its leaf, and lack at
//     most `staleness` steps of any leaf. Nobody pushes what it was not sent weights for.
//  30 What is evaluated are the weights of the end: every clock is at the last step.
//  31 The model is made from a checkpoint in which every partition has counted every microbatch.
//  32 The steps of the history never fall, and its last line is of the last step.

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "paramserver/server.h"
#include "tests/simulation/plain_loop.h"
#include "tests/simulation/store.h"

namespace ballast::simulation {

class Accounts {
 public:
  // REQUIRES: run outlives this.
  explicit Accounts(const RunConfig& run) : run_(run) {}

  // The first thing that did not hold.
  [[nodiscard]] const std::optional<std::string>& violation() const { return violation_; }

  // `push` is what it has just read, if that was a push.
  void server_stepped(MemberId id, const Server& server, const wire::Push* push);
  void server_gone(MemberId id) { servers_.erase(id); }
  // `server` is the sender where it is one.
  void sent(MemberId from, const Server* server, MemberId to, const wire::Body& body);
  void check_end(const SimulatedStore& store);

 private:
  struct Shadow {
    Rows rows;
    std::vector<Step> clocks;
  };
  struct Seen {  // Of a server.
    Timeline timeline = 0;
    std::map<PartitionId, Shadow> partitions;
  };

  void violated(int number, const std::string& how);
  void adopt(const Partition& partition, Shadow& shadow);
  void follow(const Partition& partition, const wire::Push* push, Shadow& shadow);
  void apply(PartitionId id, Leaf leaf, const wire::Push& push, Shadow& shadow) const;
  void check_values(const Server& server, MemberId to, const wire::Values& values);
  void check_push(MemberId from, MemberId to, const wire::Push& push);
  void check_cut(const wire::CutDone& done);

  const RunConfig& run_;
  std::optional<std::string> violation_;
  std::map<MemberId, Seen> servers_;
  // What each partition ever was, by digest, and the lowest clock of it.
  std::map<PartitionId, std::map<std::uint64_t, Step>> states_;
  std::map<std::pair<MemberId, std::uint64_t>, wire::Pull> pulls_;  // By worker and request.
  // For which microbatches a worker was sent weights by a server: worker, server, leaf, step.
  std::set<std::tuple<MemberId, MemberId, Leaf, Step>> given_;
};

}  // namespace ballast::simulation

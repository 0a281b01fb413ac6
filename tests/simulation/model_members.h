#pragma once

// Members with a history. A machine's state is a function of the inputs that it has had, so a
// number for the history stands for the state. Every pair (history, input) is stepped once, by
// replaying the history into a new machine, and remembered.

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include "tests/simulation/model_jobs.h"

namespace ballast::simulation::model {

using StoreId = std::uint32_t;
using BodyId = std::uint32_t;
using NodeId = std::uint32_t;  // A member with a history; 0: not there.

// What a member can be given.
enum class Kind : std::uint8_t { tick, message, closed };
struct Given {
  Kind kind = Kind::tick;
  MemberId from{};
  BodyId body = 0;
  StoreId store = 0;  // What jobs find; of coordinators alone.

  auto operator<=>(const Given&) const = default;
};

struct Seen {  // What invariants look at.
  Timeline timeline = 0;
  Term term = 0;     // Of a coordinator.
  Step applied = 0;  // Of a coordinator: committed.
  bool trains = false;
  std::pair<PlanNumber, std::vector<wire::Replica>> plan;  // Owners' copies too.
  std::set<MemberId> joined;                               // Servers, of a coordinator.
  std::map<PartitionId, bool> partitions;                  // Whether it is prepared.

  friend bool operator==(const Seen&, const Seen&) = default;
};

struct Sent {
  MemberId to{};
  BodyId body = 0;

  friend bool operator==(const Sent&, const Sent&) = default;
};

struct MemberNode {
  Place place = 0;
  std::uint32_t life = 0;
  NodeId before = 0;
  Given given;
  std::uint32_t ticks = 0;
  Seen seen;
};

// What an input makes of a member.
struct Outcome {
  NodeId node = 0;
  std::vector<Sent> sent;
  StoreId store = 0;  // Afterwards.
  bool gone = false;  // It exited.
};

class Members {
 public:
  Members(Step steps, Findings& findings);

  // A new life at this place, up to its first tick.
  const Outcome& start(Place place, std::uint32_t life, StoreId store);
  const Outcome& step(NodeId before, Given given);

  [[nodiscard]] const MemberNode& node(NodeId id) const { return nodes_[id]; }
  [[nodiscard]] const wire::Body& body(BodyId id) const { return bodies_[id].first; }
  [[nodiscard]] const Store& store(StoreId id) const { return stores_[id]; }
  [[nodiscard]] std::size_t size() const { return nodes_.size(); }

 private:
  const Outcome& step(Place place, std::uint32_t life, NodeId before, const Given& given);

  // Where the last two inputs might as well have come the other way round, each with the same
  // answer, and what is seen afterwards is the same, the one order stands for both.
  NodeId as_swapped(const MemberNode& node, const Outcome& outcome);

  std::vector<Given> history_of(const MemberNode& last) const;

  template <class Outcome>
  Input<Outcome> input_of(const Given& given) const;

  // Replays the history; `outcome` gets the effects of its end.
  template <class Machine, class Begin, class Perform>
  void replay(Machine& machine, const MemberNode& last, Outcome& outcome, Begin begin,
              Perform perform_job);

  void run_coordinator(MemberNode& node, Outcome& outcome);

  void run_server(MemberNode& node, Outcome& outcome);

  void run_worker(MemberNode& node, Outcome& outcome);

  static MembershipOptions membership(Place place, wire::Role role);

  BodyId intern(wire::Body body, Term term);

  StoreId intern(const Store& store);

  const std::shared_ptr<const RunConfig> run_;
  Findings& findings_;
  Files files_;
  std::deque<MemberNode> nodes_;
  std::map<std::tuple<Place, std::uint32_t, NodeId, Given>, Outcome> outcomes_;
  std::vector<std::pair<wire::Body, Term>> bodies_;  // With the term of their sender.
  std::map<std::pair<std::uint64_t, std::uint64_t>, BodyId> body_ids_;
  std::vector<Store> stores_;
  std::map<std::tuple<Timeline, Timeline, Step>, StoreId> store_keys_;
};

}  // namespace ballast::simulation::model

#include "tests/simulation/model_members.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "common/base/hash.h"
#include "common/wire/codec.h"

namespace ballast::simulation::model {
namespace {

constexpr std::uint32_t kLivesMax = 4;  // Of a server that anything is asked about.

}  // namespace

Members::Members(Step steps, Findings& findings) : run_(make_run(steps)), findings_(findings) {
  nodes_.emplace_back();
  stores_.emplace_back();
  store_keys_[{0, 0, 0}] = 0;
}

const Outcome& Members::start(Place place, std::uint32_t life, StoreId store) {
  return step(place, life, 0, {.store = is_coordinator(place) ? store : 0});
}

const Outcome& Members::step(NodeId before, Given given) {
  const MemberNode& node = nodes_[before];
  if (!is_coordinator(node.place)) given.store = 0;
  return step(node.place, node.life, before, given);
}

const Outcome& Members::step(Place place, std::uint32_t life, NodeId before, const Given& given) {
  const auto key = std::tuple(place, life, before, given);
  if (const auto known = outcomes_.find(key); known != outcomes_.end()) return known->second;
  MemberNode node;
  node.place = place;
  node.life = life;
  node.before = before;
  node.given = given;
  Outcome outcome;
  if (is_coordinator(place)) {
    run_coordinator(node, outcome);
  } else if (is_server(place)) {
    run_server(node, outcome);
  } else {
    run_worker(node, outcome);
  }
  outcome.node = as_swapped(node, outcome);
  if (outcome.node == 0) {
    outcome.node = static_cast<NodeId>(nodes_.size());
    nodes_.push_back(std::move(node));
  }
  return outcomes_.emplace(key, std::move(outcome)).first->second;
}

NodeId Members::as_swapped(const MemberNode& node, const Outcome& outcome) {
  if (node.before == 0) return 0;
  const MemberNode& middle = nodes_[node.before];
  if (middle.before == 0 || node.given >= middle.given) return 0;
  const Given first = middle.given;
  const NodeId start = middle.before;
  if (first.kind == Kind::tick || node.given.kind == Kind::tick) return 0;
  const Outcome& was = step(start, first);
  if (was.node != node.before || was.gone || outcome.gone) return 0;
  if (was.store != first.store || outcome.store != node.given.store) return 0;
  const Outcome one = step(start, node.given);
  if (one.gone || one.store != outcome.store || one.sent != outcome.sent) return 0;
  const Outcome& other = step(one.node, first);
  if (other.gone || other.store != was.store || other.sent != was.sent) return 0;
  return nodes_[other.node].seen == node.seen ? other.node : 0;
}

std::vector<Given> Members::history_of(const MemberNode& last) const {
  std::vector<Given> history{last.given};
  for (NodeId id = last.before; id != 0; id = nodes_[id].before) {
    history.push_back(nodes_[id].given);
  }
  std::reverse(history.begin(), history.end());
  return history;
}

template <class Outcome>
Input<Outcome> Members::input_of(const Given& given) const {
  switch (given.kind) {
    case Kind::message:
      return Received{{given.from, bodies_[given.body].first, bodies_[given.body].second}};
    case Kind::closed:
      return Disconnected{given.from};
    case Kind::tick:
      break;
  }
  return Tick{};
}

template <class Machine, class Begin, class Perform>
void Members::replay(Machine& machine, const MemberNode& last, Outcome& outcome, Begin begin,
                     Perform perform_job) {
  std::uint32_t ticks = 0;
  const std::vector<Given> history = history_of(last);
  for (std::size_t i = 0; i < history.size(); ++i) {
    const bool is_end = i + 1 == history.size();
    if (history[i].kind == Kind::tick) ++ticks;
    begin(history[i]);
    const Time now = Time{} + std::chrono::seconds(2 * (ticks + 1));
    std::deque<typename Machine::Job> jobs;
    const auto step = [&](Input<typename Machine::Outcome> input) {
      Effects<typename Machine::Job> effects;
      machine.step(now, std::move(input), effects);
      for (auto& job : effects.jobs) jobs.push_back(std::move(job));
      if (!is_end) return;
      for (Send& message : effects.sends) {
        outcome.sent.push_back({message.to, intern(std::move(message.body), effects.term)});
      }
      if (effects.exit) outcome.gone = true;
    };
    step(input_of<typename Machine::Outcome>(history[i]));
    while (!jobs.empty()) {
      auto job = std::move(jobs.front());
      jobs.pop_front();
      step(Done<typename Machine::Outcome>{perform_job(std::move(job))});
    }
  }
}

void Members::run_coordinator(MemberNode& node, Outcome& outcome) {
  Coordinator machine({.run = run_,
                       .checkpoints = "store",
                       .version = kVersion,
                       .workers = node.place == kFirst ? 2U : 1U,
                       .servers = node.place == kFirst ? 2U : 1U,
                       .retry = std::chrono::seconds(1),
                       .loud = std::chrono::hours(1000)});
  Store store;
  replay(
      machine, node, outcome, [&](const Given& given) { store = stores_[given.store]; },
      [&](CoordinatorJob&& job) { return perform(job, store, machine.term()); });
  outcome.store = intern(store);
  const RunProgress& progress = machine.progress();
  node.seen.timeline = machine.timeline();
  node.seen.term = machine.term();
  node.seen.applied = progress.commit.step;
  node.seen.trains = progress.phase == RunProgress::Phase::training ||
                     progress.phase == RunProgress::Phase::evaluating ||
                     progress.phase == RunProgress::Phase::saving;
  for (const Place place : kServers) {
    for (std::uint32_t life = 1; life <= kLivesMax; ++life) {
      if (machine.counts_on(id_of(place, life))) node.seen.joined.insert(id_of(place, life));
    }
  }
  const wire::Plan& plan = machine.plan();
  node.seen.plan = {plan.number, plan.replicas};
  for (std::uint32_t p = 0; p < plan.owners.size(); ++p) {
    node.seen.plan.second.push_back({PartitionId{p}, plan.owners[p]});
  }
}

void Members::run_server(MemberNode& node, Outcome& outcome) {
  Server machine({.self = id_of(node.place, node.life),
                  .membership = membership(node.place, wire::Role::server),
                  .retry = std::chrono::seconds(1)});
  replay(
      machine, node, outcome, [](const Given&) {},
      [&](ServerJob&& job) { return perform(job, files_, findings_); });
  node.seen.timeline = machine.timeline();
  node.seen.applied = machine.applied();
  for (const auto& [id, partition] : machine.partitions()) {
    node.seen.partitions[id] = partition.prepared();
  }
}

void Members::run_worker(MemberNode& node, Outcome& outcome) {
  Worker machine(
      {.membership = membership(node.place, wire::Role::worker), .retry = std::chrono::seconds(1)},
      id_of(node.place, node.life));
  replay(
      machine, node, outcome, [](const Given&) {},
      [](WorkerJob&& job) { return perform(std::move(job)); });
  node.seen.timeline = machine.timeline();
}

MembershipOptions Members::membership(Place place, wire::Role role) {
  return {.hello = {.role = role,
                    .protocol = wire::kProtocol,
                    .version = kVersion,
                    .endpoint = "model://" + name_of(place),
                    .host = name_of(place),
                    .families = {KernelFamily::haswell},
                    .held = {}},
          .coordinator = "model://c",
          .retry = std::chrono::seconds(1),
          .loud = std::chrono::hours(1000),
          .give_up = {}};
}

BodyId Members::intern(wire::Body body, Term term) {
  std::uint64_t first = 1;
  std::uint64_t second = 2;
  for (const Bytes& frame : wire::encode({kCoordinator, body, term})) {
    first = hash_bytes(frame.span(), first);
    second = hash_bytes(frame.span(), second);
  }
  const auto [there, fresh] =
      body_ids_.try_emplace({first, second}, static_cast<BodyId>(bodies_.size()));
  if (fresh) bodies_.emplace_back(std::move(body), term);
  return there->second;
}

StoreId Members::intern(const Store& store) {
  const auto key = std::tuple(store.claimed, store.latest ? store.latest->timeline : 0,
                              store.latest ? store.latest->commit.step : 0);
  const auto [there, fresh] = store_keys_.try_emplace(key, static_cast<StoreId>(stores_.size()));
  if (fresh) stores_.push_back(store);
  return there->second;
}

}  // namespace ballast::simulation::model

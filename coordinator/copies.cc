// Who keeps copies of which partitions: promotion, new copies, leaving servers. A plan names every
// copy that has to be prepared before a step is committed, those that are still being made too.

#include <algorithm>
#include <utility>

#include "coordinator/coordinator.h"

namespace ballast {

void Coordinator::adopt(Placement placement) {
  placement_ = std::move(placement);
  plan_.owners = placement_.owners;
  plan_.replicas.clear();
  for (std::uint32_t p = 0; p < placement_.replicas.size(); ++p) {
    for (const MemberId server : placement_.replicas[p]) {
      plan_.replicas.push_back({PartitionId{p}, server});
    }
  }
  std::map<wire::Replica, PlanNumber> since;
  for (const wire::Replica& copy : copies()) {
    const auto before = since_.find(copy);
    since[copy] = before != since_.end() ? before->second : plan_.number + 1;
  }
  since_ = std::move(since);
  // Whoever is given a copy again begins anew.
  std::erase_if(in_step_, [&](const wire::Replica& copy) { return !since_.contains(copy); });
}

std::vector<wire::Replica> Coordinator::copies() const {
  std::vector<wire::Replica> all;
  for (std::uint32_t p = 0; p < placement_.owners.size(); ++p) {
    all.push_back({PartitionId{p}, placement_.owners[p]});
    for (const MemberId server : placement_.replicas[p]) all.push_back({PartitionId{p}, server});
  }
  return all;
}

std::vector<MemberId> Coordinator::holders() const {
  std::set<MemberId> unique;
  for (const wire::Replica& copy : copies()) unique.insert(copy.server);
  return {unique.begin(), unique.end()};
}

bool Coordinator::is_settled() const {
  const std::vector<wire::Replica> all = copies();
  return std::all_of(all.begin(), all.end(),
                     [&](const wire::Replica& copy) { return in_step_.contains(copy); });
}

// Goes on without a server, on copies that are in step. False: a partition has none.
bool Coordinator::survive(MemberId lost, Effects<Job>& effects) {
  // A copy that is being made is no help, and its source may be the one that is gone.
  Placement in_step = placement_;
  for (std::uint32_t p = 0; p < run_.partitions; ++p) {
    std::erase_if(in_step.replicas[p], [&](MemberId server) {
      return !in_step_.contains({PartitionId{p}, server});
    });
  }
  auto rest = without(in_step, lost);
  if (!rest) return false;
  const auto promoted = std::count(placement_.owners.begin(), placement_.owners.end(), lost);
  if (promoted > 0) {
    effects.note(NoteLevel::warning, "promoting replicas of " + std::to_string(promoted) +
                                         " partitions; no step is lost");
    if (options_.counters != nullptr) {
      options_.counters->promotions += static_cast<std::uint64_t>(promoted);
    }
  }
  prepared_.erase(lost);
  // What the lost server was to write, others can write while no later version follows: a last
  // checkpoint, or that of a clean stop. Another one may be past before they hear of it.
  const bool is_last = commit_.last || stop_cut_;
  std::erase_if(cuts_, [&](const auto& entry) {
    const auto& [step, cut] = entry;
    if (cut.checkpoint || unwritten(cut, lost).empty()) return false;
    if (is_last && step == commit_.step) return false;
    effects.note(NoteLevel::warning, "checkpoint of step " + std::to_string(step) +
                                         " abandoned: the server that wrote it is gone");
    if (options_.counters != nullptr) options_.counters->checkpoints_abandoned += 1;
    return true;
  });
  adopt(std::move(*rest));
  may_improve_ = true;
  new_plan(effects);
  const auto cut = cuts_.find(commit_.step);
  for (std::uint32_t p = 0; cut != cuts_.end() && p < run_.partitions; ++p) {
    MemberId& writer = cut->second.writers[p];
    if (writer == lost) writer = placement_.owners[p];
  }
  ask_again_for_cuts(effects);
  commit_when_prepared(effects);
  return true;
}

// One round towards balance, once the round before is in step. Not while a checkpoint is being
// written: each partition of it is written by the server that owned it.
void Coordinator::rebalance(Effects<Job>& effects) {
  if (state_ != State::training || !may_improve_ || !cuts_.empty() || !is_settled()) return;
  if (commit_.last || stopping_ || is_relaxed(run_)) return;
  std::vector<MemberId> servers;
  for (const MemberId server : ready_members(wire::Role::server)) {
    if (!members_.at(server).leaving) servers.push_back(server);
  }
  if (servers.empty()) return;
  const bool knows = weighed_ >= options_.weighed_min;
  auto better = improve(placement_, servers, run_.cluster.replicas, options_.additions_max,
                        knows ? balance_ : Balance{});
  may_improve_ = better.has_value();
  if (!better) return;
  const auto copies_of = [](const Placement& placement) {
    std::size_t copies = placement.owners.size();
    for (const auto& replicas : placement.replicas) copies += replicas.size();
    return copies;
  };
  if (const auto more = copies_of(*better), before = copies_of(placement_); more > before) {
    effects.note(NoteLevel::info, "making " + std::to_string(more - before) +
                                      " copies of partitions, so that servers have equal parts");
  }
  adopt(std::move(*better));
  new_plan(effects);
}

// What owners said when they prepared the step, smoothed: a batch may draw other rows than the
// next. A partition without traffic costs its part of each message all the same.
void Coordinator::weigh_partitions() {
  constexpr double kSmoothing = 1.0 / 16;
  constexpr double kTrafficMin = 512;
  constexpr double kBytesMin = 4096;
  balance_.weights.resize(run_.partitions, {.load = kTrafficMin, .size = kBytesMin});
  balance_.gain_min = options_.balance_gain_min;
  const double pace = weighed_ == 0 ? 1.0 : kSmoothing;
  for (const auto& [server, prepared] : prepared_) {
    for (const wire::PartitionLoad& said : prepared.loads) {
      if (index(said.partition) >= run_.partitions) continue;
      Weight& weight = balance_.weights[index(said.partition)];
      const double load = kTrafficMin + static_cast<double>(said.traffic);
      weight.load += pace * (load - weight.load);
      weight.size = kBytesMin + static_cast<double>(said.bytes);
    }
  }
  ++weighed_;
}

// The message that told a new owner to write may have been lost.
void Coordinator::ask_again_for_cuts(Effects<Job>& effects) const {
  if (is_relaxed(run_)) {  // Others may be at a later step by now.
    for (const auto& [step, cut] : cuts_) {
      for (const MemberId server : holders()) {
        std::vector<wire::CutOrder> orders = orders_of(cut, server);
        if (orders.empty()) continue;
        effects.send(server, wire::CommitStep{timeline_, cut.commit, std::move(orders)});
      }
    }
    return;
  }
  const auto cut = cuts_.find(commit_.step);
  if (cut == cuts_.end() || cut->second.checkpoint) return;
  for (const MemberId server : holders()) {
    if (!unwritten(cut->second, server).empty()) say_commit(server, effects);
  }
}

}  // namespace ballast

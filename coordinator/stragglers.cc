// Workers that are late with a step: its leaves are computed a second time by those who are
// through, and whoever is late again and again gets none for a while. No bit depends on it: equal
// leaves have equal gradients, and the first to arrive counts.

#include <algorithm>
#include <utility>

#include "common/base/nodes.h"
#include "coordinator/coordinator.h"

namespace ballast {

void Coordinator::on_late(const wire::Late& late, Effects<Job>& effects) {
  if (state_ != State::training || late.timeline != timeline_) return;
  if (late.step != commit_.step + 1 || commit_.last) return;
  std::set<Leaf> leaves;
  for (const Node node : late.nodes) {
    if (node.end() > run_.leaves) return;
    for (Leaf leaf = node.begin(); leaf < node.end(); ++leaf) leaves.insert(leaf);
  }
  for (const wire::Assignment& assignment : plan_.workers) {
    const auto first = leaves.lower_bound(assignment.leaves.begin);
    if (first != leaves.end() && *first < assignment.leaves.end) {
      late_workers_.insert(assignment.worker);
    }
  }
  assist(leaves, effects);
}

// Each leaf once, and again when it has not come for a while: perhaps the helper is late as well.
void Coordinator::assist(const std::set<Leaf>& leaves, Effects<Job>& effects) {
  std::vector<Leaf> open;
  for (const Leaf leaf : leaves) {
    const auto dealt = assisted_.find(leaf);
    if (dealt == assisted_.end() || now_ - dealt->second >= options_.assist_again) {
      open.push_back(leaf);
    }
  }
  std::vector<MemberId> helpers;
  for (const MemberId worker : ready_members(wire::Role::worker)) {
    if (!late_workers_.contains(worker)) helpers.push_back(worker);
  }
  if (open.empty() || helpers.empty()) return;
  if (assisted_.empty()) {
    effects.note(NoteLevel::info, "step " + std::to_string(commit_.step + 1) + " waits for " +
                                      names({late_workers_.begin(), late_workers_.end()}) +
                                      "; others compute " + std::to_string(open.size()) +
                                      " leaves in their stead");
  }
  std::map<MemberId, std::vector<Leaf>> dealt;
  for (std::size_t i = 0; i < open.size(); ++i) {
    dealt[helpers[(i * helpers.size() / open.size() + assists_) % helpers.size()]].push_back(
        open[i]);
    assisted_[open[i]] = now_;
  }
  ++assists_;  // Another helper next time.
  if (options_.counters != nullptr) options_.counters->assists += open.size();
  for (const auto& [helper, part] : dealt) {
    effects.send(helper, wire::Assist{timeline_, commit_.step + 1, nodes_of(part)});
  }
}

// At a commit: who was late with it.
void Coordinator::judge_workers(Effects<Job>& effects) {
  assisted_.clear();
  const std::set<MemberId> late = std::exchange(late_workers_, {});
  bool changed = false;
  for (auto& [id, member] : members_) {
    if (member.role != wire::Role::worker || !member.ready || member.rests_until) continue;
    if (!late.contains(id)) {
      member.late_steps = 0;
      if (++member.good_steps >= options_.good_steps) member.rest = {};
      continue;
    }
    member.good_steps = 0;
    if (++member.late_steps < options_.late_steps_max) continue;
    member.late_steps = 0;
    member.rest = std::clamp(2 * member.rest, options_.rest_min, options_.rest_max);
    member.rests_until = now_ + member.rest;
    changed = true;
    effects.note(NoteLevel::warning, name(id) + " was late with " +
                                         std::to_string(options_.late_steps_max) +
                                         " steps in a row; it gets no leaves for " +
                                         std::to_string(member.rest / std::chrono::seconds(1)) +
                                         " s, unless nobody else is there");
  }
  if (changed) new_plan(effects);
}

void Coordinator::end_rests(Effects<Job>& effects) {
  bool changed = false;
  for (auto& [id, member] : members_) {
    if (!member.rests_until || now_ < *member.rests_until) continue;
    member.rests_until.reset();
    changed = true;
  }
  if (changed && state_ == State::training) new_plan(effects);
}

// Those who get leaves: all, where all rest.
std::vector<MemberId> Coordinator::working() const {
  const std::vector<MemberId> all = ready_members(wire::Role::worker);
  std::vector<MemberId> fit;
  for (const MemberId worker : all) {
    if (!members_.at(worker).rests_until) fit.push_back(worker);
  }
  return fit.empty() ? all : fit;
}

// Those who evaluate: nobody who is late, where anybody else is there.
std::vector<MemberId> Coordinator::prompt_workers() const {
  std::vector<MemberId> all = working();
  std::vector<MemberId> prompt;
  for (const MemberId worker : all) {
    if (members_.at(worker).late_steps == 0 && !late_workers_.contains(worker)) {
      prompt.push_back(worker);
    }
  }
  return prompt.empty() ? all : prompt;
}

}  // namespace ballast

// A worker in a relaxed run (bounded, async). Each leaf goes its own way: its microbatches are
// computed one after another, and the next one is known from the clocks that the servers say, so
// whoever is given a leaf goes on from the lowest of any partition. One group at a time is worked
// on, of those leaves that are furthest behind:
//
//   looking --all clocks--> gathering --keys--> pulling --all values, all clocks--> computing ...
//
// A pull is answered when every server has counted what was pushed for its leaves before, and has
// what the mode demands of the others (clock_needed). So at most one microbatch of a leaf is under
// way, and what got lost is found out and pushed again before anything follows it.

#include <algorithm>
#include <utility>

#include "common/base/member_text.h"
#include "worker/trainer.h"

namespace ballast {

// What a plan changes. Where a leaf went, its new worker asks how far it is; what we have already
// begun to compute still counts, if it comes first.
void Worker::deal(Effects<Job>& effects) {
  bool changes =
      std::erase_if(next_, [&](const auto& entry) { return !own_.contains(entry.first); }) > 0;
  for (Leaf leaf = own_.begin; leaf < own_.end; ++leaf) {
    changes |= next_.try_emplace(leaf, 0).second;
  }
  const auto is_not_ours = [&](Leaf leaf) { return !own_.contains(leaf); };
  std::erase_if(sent_, [&](const Sent& sent) {
    return std::all_of(sent.leaves.begin(), sent.leaves.end(), is_not_ours);
  });
  // A group that waits is always of the leaves furthest behind. Were it to wait on, it might be for
  // leaves that are ours now, behind it in the line.
  std::erase_if(groups_, [&](const auto& entry) {
    const Group& group = entry.second;
    const bool is_waiting = group.stage == Stage::gathering || group.stage == Stage::pulling;
    return changes && !group.evaluation && is_waiting;
  });
  work(effects);
}

// Begins the next group unless one is under way.
void Worker::work(Effects<Job>& effects) {
  const bool busy = std::any_of(groups_.begin(), groups_.end(),
                                [](const auto& entry) { return !entry.second.evaluation; });
  if (busy || next_.empty()) return;
  Step lowest = run_->steps + 1;
  for (const auto& [leaf, step] : next_) lowest = std::min(lowest, step);
  std::vector<Leaf> leaves;
  for (const auto& [leaf, step] : next_) {
    if (step == lowest) leaves.push_back(leaf);
  }
  if (lowest == 0) return look(std::move(leaves), 0, effects);
  if (lowest > run_->steps) {  // All is pushed; some of it may have been lost.
    if (!sent_.empty()) look(std::move(leaves), run_->steps, effects);
    return;
  }
  const GroupId id{next_group_++};
  Group& group = groups_[id];
  group.step = lowest;
  group.version = clock_needed(*run_, lowest);
  group.reached = lowest - 1;
  group.leaves = leaves;
  effects.jobs.push_back(GatherLeaves{run_, id, lowest, std::move(leaves)});
}

// Asks for clocks alone.
void Worker::look(std::vector<Leaf> leaves, Step reached, Effects<Job>& effects) {
  const GroupId id{next_group_++};
  Group& group = groups_[id];
  group.reached = reached;
  group.leaves = std::move(leaves);
  group.keys = std::make_shared<KeySets>(run_->tables.size());
  ask(id, group, effects);
}

// What a server has counted need not be kept for it any more.
void Worker::hear_clocks(MemberId from, const std::vector<Leaf>& leaves,
                         const std::vector<Step>& clocks) {
  for (Sent& sent : sent_) {
    const auto is_counted = [&](Leaf leaf) {
      if (!own_.contains(leaf)) return true;  // Its new worker sees to it.
      const auto asked = std::find(leaves.begin(), leaves.end(), leaf);
      return asked != leaves.end() &&
             clocks[static_cast<std::size_t>(asked - leaves.begin())] >= sent.step;
    };
    if (!std::all_of(sent.leaves.begin(), sent.leaves.end(), is_counted)) continue;
    sent.pushes.erase(from);
    if (sent.pushes.empty() && options_.counters != nullptr) {
      options_.counters->push.add(now_ - sent.at);
    }
  }
  std::erase_if(sent_, [](const Sent& sent) { return sent.pushes.empty(); });
}

void Worker::on_behind(MemberId from, const wire::Behind& behind, Effects<Job>& effects) {
  const GroupId id{behind.request};
  Group* group = find(id);
  if (behind.timeline != timeline_ || group == nullptr || group->stage != Stage::pulling) return;
  const auto ask = group->asks.find(from);
  if (ask == group->asks.end() || ask->second.answered) return;
  const std::vector<Leaf> leaves = ask->second.pull.leaves;
  if (behind.clocks.size() != leaves.size()) return;
  hear_clocks(from, leaves, behind.clocks);
  ask->second.behind = behind;

  std::set<std::pair<Leaf, Step>> lost;
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    if (behind.clocks[i] < group->reached) lost.emplace(leaves[i], behind.clocks[i] + 1);
  }
  for (const Sent& sent : sent_) {
    const auto push = sent.pushes.find(from);
    if (push == sent.pushes.end()) continue;
    bool wanted = false;
    for (const Leaf leaf : sent.leaves) wanted |= lost.erase({leaf, sent.step}) > 0;
    if (wanted) effects.send(from, push->second);
  }
  if (lost.empty()) return;
  // Nobody keeps these: they are computed again.
  for (const auto& [leaf, step] : lost) {
    if (own_.contains(leaf)) next_[leaf] = 0;
  }
  groups_.erase(id);
  work(effects);
}

// Every server has answered a group. What others computed meanwhile is passed over.
void Worker::on_counted(GroupId id, Group& group, Effects<Job>& effects) {
  std::vector<Leaf> open;
  for (std::size_t i = 0; i < group.leaves.size(); ++i) {
    Step clock = run_->steps;
    for (const auto& [server, ask] : group.asks) clock = std::min(clock, ask.clocks[i]);
    const auto next = next_.find(group.leaves[i]);
    if (next == next_.end()) continue;
    next->second = clock + 1;
    if (clock + 1 == group.step) open.push_back(group.leaves[i]);
  }
  if (open.empty()) {
    groups_.erase(id);
    work(effects);
    return;
  }
  group.leaves = std::move(open);
  for (const Leaf leaf : group.leaves) group.nodes.push_back({0, leaf});
  compute(id, group, effects);
}

void Worker::on_packed_relaxed(Packed packed, Effects<Job>& effects) {
  PackPush& job = packed.job;
  if (job.timeline != timeline_ || run_ != job.run) return;
  if (job.owners != owners_) {  // They changed while it was being packed.
    job.owners = owners_;
    effects.jobs.push_back(std::move(job));
    return;
  }
  count_pushed(job);
  Sent sent{.step = job.step, .leaves = {}, .pushes = {}, .at = now_};
  for (const auto& [node, gradient] : job.nodes) {
    sent.leaves.push_back(node.begin());
    const auto next = next_.find(node.begin());
    if (next != next_.end() && next->second == job.step) next->second = job.step + 1;
  }
  for (auto& [server, push] : packed.pushes) {
    effects.send(server, push);
    sent.pushes.emplace(server, std::move(push));
  }
  if (std::any_of(sent.leaves.begin(), sent.leaves.end(),
                  [&](Leaf leaf) { return own_.contains(leaf); })) {
    sent_.push_back(std::move(sent));
  }
  groups_.erase(job.group);
  work(effects);
}

// What the bound waits for comes first: it is somebody else's, where all the rest comes of itself.
std::string Worker::wait_for_clocks(const Group& group) const {
  const std::string what =
      group.step == 0 ? "to know how far its leaves are" : "for step " + std::to_string(group.step);
  std::string servers;
  for (const auto& [server, ask] : group.asks) {
    if (ask.answered) continue;
    if (ask.behind && ask.behind->floor < group.version && !ask.behind->slowest.empty()) {
      const std::vector<Leaf>& leaves = ask.behind->slowest;
      std::string workers;
      for (const wire::Assignment& assignment : plan_->workers) {
        const bool computes = std::any_of(leaves.begin(), leaves.end(), [&](Leaf leaf) {
          return assignment.leaves.contains(leaf);
        });
        if (!computes) continue;
        workers += (workers.empty() ? "worker " : ", worker ") + to_string(assignment.worker);
      }
      return text_of(leaves) + " to reach step " + std::to_string(group.version) + ", from " +
             (workers.empty() ? "a worker to join" : workers) + " (held back by staleness " +
             std::to_string(run_->training.staleness) + ", " + what + ")";
    }
    servers += (servers.empty() ? "server " : ", server ") + to_string(server);
  }
  return servers + " to answer, " + what;
}

}  // namespace ballast

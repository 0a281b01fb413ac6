// A server in a relaxed run (bounded, async): microbatches are counted and applied as they come,
// and pulls wait for clocks instead of versions. README.md has the invariants.

#include <algorithm>
#include <cmath>
#include <utility>

#include "common/base/member_text.h"
#include "common/math/schedule.h"
#include "paramserver/requests.h"
#include "paramserver/server.h"

namespace ballast {

// ---- clocks -------------------------------------------------------------------------------------

Step Server::floor() const {
  Step floor = run_->steps;
  for (const auto& [id, partition] : partitions_) {
    floor = std::min(floor, partition.account().floor());
  }
  return floor;
}

std::vector<Step> Server::clocks_of(const std::vector<Leaf>& leaves) const {
  std::vector<Step> clocks(leaves.size(), run_->steps);
  for (const auto& [id, partition] : partitions_) {
    for (std::size_t i = 0; i < leaves.size(); ++i) {
      clocks[i] = std::min(clocks[i], partition.account().clock(leaves[i]));
    }
  }
  return clocks;
}

// The leaves that hold the floor where it is.
std::vector<Leaf> Server::slowest() const {
  const Step lowest = floor();
  std::vector<Leaf> leaves;
  for (Leaf leaf = 0; leaf < run_->leaves; ++leaf) {
    const bool is_slow = std::any_of(
        partitions_.begin(), partitions_.end(),
        [&](const auto& entry) { return entry.second.account().clock(leaf) == lowest; });
    if (is_slow) leaves.push_back(leaf);
  }
  return leaves;
}

bool Server::has_counted(const wire::Pull& pull) const {
  if (floor() < pull.version) return false;
  const std::vector<Step> clocks = clocks_of(pull.leaves);
  return std::all_of(clocks.begin(), clocks.end(),
                     [&](Step clock) { return clock >= pull.reached; });
}

// ---- pull ---------------------------------------------------------------------------------------

void Server::on_relaxed_pull(MemberId from, const wire::Pull& pull, Effects<Job>& effects) {
  if (const std::string fault = fault_in(*run_, pull); !fault.empty()) {
    effects.send(from, wire::MalformedReply{fault});
    return;
  }
  if (partitions_.empty() || !holds_all(pull)) return;  // Asked again, with a newer plan.
  const Time since = unpark(from, pull);
  if (has_counted(pull)) {
    answer(from, pull, since, effects);
    return;
  }
  park(from, pull, since);
  if (pull.again) {
    effects.send(from,
                 wire::Behind{pull.request, timeline_, clocks_of(pull.leaves), floor(), slowest()});
  }
}

void Server::answer_relaxed(Effects<Job>& effects) {
  std::erase_if(parked_, [&](const Parked& parked) {
    if (!has_counted(parked.pull)) return false;
    answer(parked.from, parked.pull, parked.since, effects);
    return true;
  });
}

// ---- push ---------------------------------------------------------------------------------------

void Server::on_microbatches(MemberId from, const wire::Push& push, Effects<Job>& effects) {
  if (const std::string fault = fault_in(*run_, push); !fault.empty()) {
    effects.send(from, wire::MalformedReply{fault});
    return;
  }
  if (push.step == 0 || push.step > run_->steps || fault_) return;
  const Step before = floor();
  std::map<Leaf, Figures> figures;
  for (const wire::NodeFigures& node : push.nodes) figures[node.node.begin()] = node.figures;
  bool is_new = false;
  for (const auto& [where, contribution] : contributions_of(push)) {
    const auto& [id, leaf, node] = where;
    is_new |= count(leaf, push.step, figures.at(leaf), id, contribution, effects);
    if (fault_) return;
  }
  if (!is_new) return;
  membership_.made_progress();
  answer_relaxed(effects);

  // Where something hangs on it the coordinator hears of it at once, else now and then.
  const Step now = floor();
  const auto passes = [&](Step every) { return every != 0 && now / every != before / every; };
  if (passes(run_->training.log_every) || passes(run_->checkpoint.every_steps) ||
      (now != before && now == run_->steps)) {
    say_counted(effects);
  }
}

bool Server::count(Leaf leaf, Step step, const Figures& figures, PartitionId id,
                   const Contribution& contribution, Effects<Job>& effects) {
  std::optional<UpdateScalars> scalars;  // None: nothing to apply.
  const bool finite = figures.nonfinite == 0 && std::isfinite(figures.loss);
  if (finite && figures.examples > 0) {
    scalars = {
        .scale = static_cast<float>(1.0 / static_cast<double>(figures.examples)),
        .learning_rate = static_cast<float>(learning_rate_at(run_->optimizer, step, run_->steps))};
  }
  const Partition::Counted counted =
      partitions_.find(id)->second.count(leaf, step, contribution, scalars);
  if (options_.counters != nullptr) {
    const bool is_new = counted != Partition::Counted::no;
    (is_new ? options_.counters->contributions : options_.counters->contributions_repeated) += 1;
  }
  if (counted == Partition::Counted::no) return false;
  if (finite && counted != Partition::Counted::nonfinite) {
    if (id == PartitionId{0}) counted_ = counted_ + figures;
    return true;
  }
  if (run_->training.on_nonfinite == NonFinite::skip) return true;
  fault_ = wire::Fault{
      "the loss or a gradient of step " + std::to_string(step) + ", leaf " + std::to_string(leaf) +
      " is not finite; lower optimizer.learning_rate, look for extreme values in the data, or set "
      "training.on_nonfinite: skip"};
  effects.send(kCoordinator, *fault_);
  next_repeat_ = now_ + options_.retry;
  return true;
}

void Server::say_counted(Effects<Job>& effects) const {
  if (partitions_.empty() || fault_) return;
  effects.send(kCoordinator, wire::Counted{timeline_, floor(), counted_, slowest()});
}

// ---- waiting ------------------------------------------------------------------------------------

std::string Server::wait_for_microbatches() const {
  if (floor() == run_->steps) return "the coordinator to end the run";
  const std::string step = "step " + std::to_string(floor() + 1);
  if (plan_.workers.empty()) return "a worker to join and compute " + step;
  const std::vector<Leaf> leaves = slowest();
  std::string workers;
  for (const wire::Assignment& assignment : plan_.workers) {
    const bool computes = std::any_of(leaves.begin(), leaves.end(),
                                      [&](Leaf leaf) { return assignment.leaves.contains(leaf); });
    if (!computes) continue;
    workers += (workers.empty() ? "worker " : ", worker ") + to_string(assignment.worker);
  }
  return text_of(leaves) + " of " + step + " from " + workers;
}

}  // namespace ballast

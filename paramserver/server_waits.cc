// What a step waits for: leaves that are late, and what people are told.

#include <algorithm>
#include <utility>

#include "common/base/member_text.h"
#include "common/base/nodes.h"
#include "paramserver/server.h"

namespace ballast {

// ---- what is late -------------------------------------------------------------------------------

void Server::begin_step() {
  applied_at_ = now_;
  first_share_.reset();
  traffic_.clear();
}

// Workers have equal shares of a step: once one is through with its own, the others should be soon.
std::optional<Time> Server::late_at() const {
  if (state_ != State::serving || !first_share_ || prepared_said_ || fault_) return std::nullopt;
  return applied_at_ + std::max(options_.late_min, *first_share_ * options_.late_factor);
}

void Server::say_late(Effects<Job>& effects) {
  const auto late = late_at();
  if (!late || now_ < std::max(*late, late_again_)) return;
  late_again_ = now_ + options_.retry;
  std::vector<bool> is_late(run_->leaves);
  for (const Node node : missing()) {
    std::fill(is_late.begin() + node.begin(), is_late.begin() + node.end(), true);
  }
  // What was dropped for want of room was computed in time, and is asked for by itself.
  for (const auto& [where, deferred] : deferred_) {
    const Node node = where.second;
    std::fill(is_late.begin() + node.begin(), is_late.begin() + node.end(), false);
  }
  std::vector<Leaf> leaves;
  for (Leaf leaf = 0; leaf < run_->leaves; ++leaf) {
    if (is_late[leaf]) leaves.push_back(leaf);
  }
  if (leaves.empty()) return;
  wire::Late said{timeline_, applied_ + 1, nodes_of(leaves)};
  effects.send(kCoordinator, std::move(said));
}

// ---- waiting ------------------------------------------------------------------------------------

std::string Server::wait() const {
  const std::string step = "step " + std::to_string(applied_ + 1);
  if (state_ == State::joining) return "the coordinator to say what to restore";
  if (state_ == State::restoring) {
    return "the tables of version " + std::to_string(applied_) + " to be restored here";
  }
  if (fault_) return "the coordinator to end the run: " + fault_->reason;
  if (!lacking_.empty()) return wait_for_owners("a copy of", {lacking_.begin(), lacking_.end()});
  if (partitions_.empty()) return "";
  if (is_relaxed(*run_)) return wait_for_microbatches();
  if (all_prepared()) return "the coordinator to commit " + step;
  std::vector<PartitionId> fed;  // By their owners.
  bool reduces = false;
  for (const auto& [id, partition] : partitions_) {
    if (partition.prepared()) continue;
    if (owns(id)) reduces = true;
    if (!owns(id)) fed.push_back(id);
  }
  return reduces ? wait_for_workers(step)
                 : wait_for_owners("the gradient of " + step + " for", fed);
}

std::string Server::wait_for_owners(const std::string& what,
                                    const std::vector<PartitionId>& partitions) const {
  std::map<MemberId, std::string> by_owner;
  for (const PartitionId id : partitions) {
    if (index(id) >= owners_.size()) continue;
    std::string& list = by_owner[owners_[index(id)]];
    if (!list.empty()) list += ", ";
    list += std::to_string(index(id));
  }
  std::string text;
  for (const auto& [owner, list] : by_owner) {
    if (!text.empty()) text += "; ";
    text.append(what).append(" partitions ").append(list).append(" from server ");
    text += to_string(owner);
  }
  return text;
}

std::string Server::wait_for_workers(const std::string& step) const {
  if (plan_.workers.empty()) return "a worker to join and compute " + step;
  const std::vector<Node> nodes = missing();
  std::string text;
  for (const wire::Assignment& assignment : plan_.workers) {
    const auto late = std::count_if(nodes.begin(), nodes.end(), [&](Node node) {
      return node.begin() < assignment.leaves.end && assignment.leaves.begin < node.end();
    });
    if (late == 0) continue;
    text += (text.empty() ? "" : ", ") + std::string("worker ") + to_string(assignment.worker);
  }
  if (nodes.empty()) return text;
  return "leaves " + std::to_string(nodes.front().begin()) + " to " +
         std::to_string(nodes.back().end() - 1) + " of " + step + " from " + text;
}

}  // namespace ballast

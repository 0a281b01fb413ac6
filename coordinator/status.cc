// What people are told of a run: its state, and for every wait what is waited for and on whom.

#include "coordinator/status.h"

#include <algorithm>
#include <utility>

#include "common/base/member_text.h"
#include "coordinator/coordinator.h"

namespace ballast {
namespace {

double in_seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

}  // namespace

// ---- names --------------------------------------------------------------------------------------

std::string Coordinator::name(MemberId who) const {
  const auto member = members_.find(who);
  if (member == members_.end()) return "an unknown member";
  return (member->second.role == wire::Role::server ? "server " : "worker ") + member->second.host;
}

std::string Coordinator::names(const std::vector<MemberId>& who) const {
  std::string text;
  for (const MemberId id : who) text += (text.empty() ? "" : ", ") + name(id);
  return text;
}

// ---- waits --------------------------------------------------------------------------------------

std::string Coordinator::what_is_missing() const {
  switch (state_) {
    case State::claiming:
      return "the checkpoint store" + what_the_store_says();
    case State::gathering:
      return who_is_to_join();
    case State::restoring:
      return who_is_to_restore();
    case State::training:
      return what_holds_the_step();
    case State::exporting:
      return "the model to be written" + what_the_store_says();
    case State::over:
      return "";
  }
  return "";
}

std::string Coordinator::what_the_store_says() const {
  return store_error_.empty() ? "" : ", which says: " + store_error_;
}

std::string Coordinator::who_is_to_join() const {
  if (listing_) {
    return "the checkpoint of step " + std::to_string(listing_->commit.step) +
           " to be listed in the store";
  }
  if (const wire::Plan* const plan = latest_plan(); plan != nullptr && now_ < gather_until_) {
    std::string away;
    for (const wire::ServerAddress& server : not_back(*plan)) {
      away += (away.empty() ? "" : ", ") + server.endpoint;
    }
    return "the servers that keep the latest version to come back: " + away;
  }
  const std::size_t servers = ready_members(wire::Role::server).size();
  const std::size_t workers = ready_members(wire::Role::worker).size();
  const bool late = now_ - gathering_since_ >= options_.begin_within;
  const std::size_t servers_wanted = has_begun_ || late ? 1 : options_.servers;
  const std::size_t workers_wanted = has_begun_ ? 0 : late ? 1 : options_.workers;
  std::string text;
  if (servers < servers_wanted) text = counted(servers_wanted - servers, "more server");
  if (workers < workers_wanted) {
    text += (text.empty() ? "" : " and ") + counted(workers_wanted - workers, "more worker");
  }
  text += text.empty() ? "members to join" : " to join";
  std::vector<MemberId> greeting;
  for (const auto& [id, member] : members_) {
    if (!member.ready) greeting.push_back(id);
  }
  if (!greeting.empty()) text += " (on their way: " + names(greeting) + ")";
  return text;
}

std::string Coordinator::who_is_to_restore() const {
  std::string text;
  for (const MemberId server : holders()) {
    const Member& member = members_.at(server);
    if (member.restored) continue;
    text += (text.empty() ? "" : ", ") + name(server);
    if (!member.trouble.empty()) text += " (which says: " + member.trouble + ")";
  }
  return text + " to restore version " + std::to_string(base_.commit.step);
}

std::string Coordinator::what_holds_the_step() const {
  if (plan_.workers.empty()) return "a worker to join";
  if (evaluation_) {
    std::vector<MemberId> workers;
    for (const auto& [worker, part] : evaluation_->assign(prompt_workers())) {
      if (workers.empty() || workers.back() != worker) workers.push_back(worker);
    }
    return "the evaluation of version " + std::to_string(evaluation_->version()) + " (" +
           std::to_string(evaluation_->batches_in()) + " of " +
           std::to_string(evaluation_->batches()) + " batches are in) by " + names(workers);
  }
  if (history_lags()) return "history.jsonl to be written";
  if (commit_.last && cuts_.empty() && !end_again_) return "history.jsonl to be written";
  if (commit_.last || stop_cut_) return who_writes(commit_.step);
  if (is_relaxed(run_)) return who_is_behind();
  std::string late;
  for (const MemberId server : unprepared()) {
    late += (late.empty() ? "" : ", ") + name(server);
    const auto member = members_.find(server);
    if (member == members_.end() || member->second.waiting.empty()) continue;
    late += " (which waits for " + member->second.waiting + ")";
  }
  // A step that must be kept is not committed while an earlier checkpoint is being written.
  if (late.empty() && !cuts_.empty()) return who_writes(cuts_.begin()->first);
  return late + " to prepare step " + std::to_string(commit_.step + 1);
}

std::string Coordinator::who_writes(Step checkpoint) const {
  const std::string what = "the checkpoint of step " + std::to_string(checkpoint);
  const auto cut = cuts_.find(checkpoint);
  if (cut == cuts_.end()) return what + " to be written" + what_the_store_says();
  if (cut->second.checkpoint) return what + " to be listed in the store";
  std::vector<MemberId> writers;
  for (const auto& [id, member] : members_) {
    if (!unwritten(cut->second, id).empty()) writers.push_back(id);
  }
  return what + " to be written by " + names(writers);
}

// ---- the answer ---------------------------------------------------------------------------------

RunStatus Coordinator::status() const {
  static constexpr const char* kPhases[] = {"gathering",  "restoring", "training",
                                            "evaluating", "saving",    "done"};
  RunStatus status;
  status.run = run_.name;
  status.ballast_version = options_.version;
  status.phase =
      state_ == State::claiming ? "claiming" : kPhases[static_cast<std::size_t>(progress_.phase)];
  status.step = commit_.step;
  status.steps = run_.steps;
  status.batch = run_.batch;
  status.epoch = commit_.step == 0 ? 1 : epoch_of(run_, commit_.step) + 1;
  status.epochs = epoch_of(run_, run_.steps) + 1;
  if (commit_.epoch.examples > 0) {
    status.loss = commit_.epoch.loss / static_cast<double>(commit_.epoch.examples);
  }
  status.timeline = timeline_;
  status.term = term_;
  status.plan = plan_.number;
  if (kept_) status.checkpoint = kept_->commit.step;
  for (const auto& [step, cut] : cuts_) {
    std::uint32_t open = 0;
    for (const auto& [id, member] : members_) {
      open += static_cast<std::uint32_t>(unwritten(cut, id).size());
    }
    status.open_checkpoints.push_back({step, run_.partitions - open, run_.partitions});
  }
  status.waiting = what_is_missing();
  status.waiting_seconds = in_seconds(now_ - progressed_);
  for (const auto& [id, member] : members_) {
    MemberStatus shown{.id = id,
                       .role = member.role,
                       .host = member.host,
                       .endpoint = member.endpoint,
                       .state = !member.ready        ? "joining"
                                : member.leaving     ? "leaving"
                                : member.rests_until ? "resting"
                                                     : "member",
                       .heard_seconds = in_seconds(now_ - member.heard),
                       .leaves = {},
                       .version = {},
                       .waiting = member.waiting};
    if (!member.waiting.empty()) {
      shown.waiting_seconds =
          static_cast<std::uint64_t>((now_ - member.waiting_since) / std::chrono::seconds(1));
    }
    for (const wire::Assignment& assignment : plan_.workers) {
      if (assignment.worker == id) shown.leaves = assignment.leaves;
    }
    for (const wire::Replica& copy : copies()) {
      if (copy.server != id) continue;
      const bool owned = placement_.owners[index(copy.partition)] == id;
      ++(owned ? shown.owns : shown.replicates);
      const bool has = in_step_.contains(copy) || (state_ == State::restoring && member.restored);
      if (has) shown.version = commit_.step;
      if (!has) ++shown.lacks;
    }
    const auto counted = counted_.find(id);  // Relaxed: each is where its own clocks are.
    if (counted != counted_.end()) shown.version = counted->second.floor;
    const auto prepared = prepared_.find(id);
    shown.prepared = prepared != prepared_.end() && prepared->second.step == commit_.step + 1;
    status.members.push_back(std::move(shown));
  }
  return status;
}

}  // namespace ballast

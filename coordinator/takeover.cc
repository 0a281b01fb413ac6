// R13: a coordinator that was restarted, or lost sight of the last copy of a partition, goes on
// from what the members hold. Only where they do not hold a whole version the run goes back to a
// checkpoint.
//
// It first makes sure that nobody listens to an older coordinator: a Hello counts when it follows
// our term, and what it says that it holds can then be changed by us alone. Any copy at the highest
// version heard of is good, since copies at a version have the same bits on every timeline; so is
// one that has the gradient of that version and waits for the commit. Should a server that is not
// heard have been further still, the steps up to it are committed again, to the same bits.

#include <algorithm>
#include <iterator>
#include <utility>

#include "common/runtime/membership.h"
#include "coordinator/coordinator.h"

namespace ballast {

// ---- older and newer selves ---------------------------------------------------------------------

void Coordinator::hear_of(Term term, Effects<Job>& effects) {
  // Its own claim, on its way, may settle it; whoever said so says it again.
  if (state_ == State::claiming || now_ < raise_again_) return;
  if (std::exchange(is_raising_, true)) return;
  effects.jobs.push_back(RaiseClaim{.holding = term_, .above = term});
}

void Coordinator::on_raised(const ClaimRaised& raised, Effects<Job>& effects) {
  is_raising_ = false;
  if (raised.superseded) return abdicate("another coordinator has taken over this run", effects);
  if (raised.error.empty()) term_ = raised.term;
  if (unrestorable_) return finish(*unrestorable_, effects);
  if (!raised.error.empty() && raised.may_pass) {
    effects.note(NoteLevel::error, raised.error);
    raise_again_ = now_ + options_.store_retry;
    return;
  }
  if (!raised.error.empty()) return abdicate(raised.error, effects);
  plan_.number = std::max(plan_.number, term_ << 32);
  if (state_ == State::training) new_plan(effects);
}

// Without a word to the members: they are the other one's.
void Coordinator::abdicate(const std::string& reason, Effects<Job>& effects) {
  effects.note(NoteLevel::error, reason);
  state_ = State::over;
  ending_ = {ExitCode::fault, reason, true};
  members_.clear();
}

// ---- looking for what is left -------------------------------------------------------------------

// Everybody says again what it holds. A server whose connection broke comes back in a moment.
void Coordinator::regather(const std::string& why, Effects<Job>& effects) {
  effects.note(NoteLevel::warning, why + "; asking the servers what they hold");
  state_ = State::gathering;
  progressed_ = now_;
  gather_until_ = now_ + return_within();
  forget_step();
  for (const auto& [id, member] : members_) effects.send(id, wire::Rejoin{});
  members_.clear();
}

const wire::Plan* Coordinator::latest_plan() const {
  const wire::Plan* latest = has_begun_ && !plan_.owners.empty() ? &plan_ : nullptr;
  for (const auto& [id, member] : members_) {
    if (!member.held || member.held->plan.number == 0) continue;
    const wire::Plan& plan = member.held->plan;
    if (latest == nullptr || plan.number > latest->number) latest = &plan;
  }
  return latest;
}

std::vector<wire::ServerAddress> Coordinator::not_back(const wire::Plan& plan) const {
  std::vector<wire::ServerAddress> away;
  for (const wire::ServerAddress& server : plan.servers) {
    const auto member = members_.find(server.server);
    const bool back =
        (member != members_.end() && member->second.ready) || is_recovered(server.server);
    if (!back && !gone_.contains(server.server)) away.push_back(server);
  }
  return away;
}

// Somebody has what this one kept.
bool Coordinator::is_recovered(MemberId server) const {
  return std::any_of(members_.begin(), members_.end(), [&](const auto& entry) {
    const Member& member = entry.second;
    if (!member.ready || !member.held) return false;
    const std::vector<MemberId>& formers = member.held->formers;
    return std::find(formers.begin(), formers.end(), server) != formers.end();
  });
}

// With nothing but a checkpoint to come back with, it is its connection that broke, or it is gone.
Duration Coordinator::return_within() const {
  return run_.cluster.durability == DurabilityMode::step ? seconds(run_.cluster.return_seconds)
                                                         : options_.return_within;
}

// ---- taking over --------------------------------------------------------------------------------

bool Coordinator::is_in_step(const Member& member, Timeline timeline, PartitionId partition,
                             Step version) const {
  if (!member.ready || !member.held || member.held->timeline != timeline) return false;
  const wire::Held& held = *member.held;
  if (held.commits.empty()) return false;
  const auto has = [&](const std::vector<PartitionId>& partitions) {
    return std::find(partitions.begin(), partitions.end(), partition) != partitions.end();
  };
  const Step applied = held.commits.back().step;
  if (applied == version) return has(held.partitions);
  return applied + 1 == version && held.promised == version && has(held.prepared);
}

// The plan's, as far as its copies are in step; owners that are not are replaced.
std::optional<Placement> Coordinator::placement_of(const wire::Plan& plan, Step version) const {
  Placement placement;
  for (std::uint32_t p = 0; p < run_.partitions; ++p) {
    const PartitionId id{p};
    std::vector<MemberId> holders;  // Those that the plan names first.
    const auto consider = [&](MemberId server) {
      const auto member = members_.find(server);
      const bool known = std::find(holders.begin(), holders.end(), server) != holders.end();
      if (!known && member != members_.end() &&
          is_in_step(member->second, plan.timeline, id, version)) {
        holders.push_back(server);
      }
    };
    consider(plan.owners[p]);
    for (const wire::Replica& replica : plan.replicas) {
      if (replica.partition == id) consider(replica.server);
    }
    if (holders.empty()) {
      for (const auto& [server, member] : members_) consider(server);
      if (holders.empty()) return std::nullopt;
      holders.resize(1);
    }
    placement.owners.push_back(holders.front());
    holders.erase(holders.begin());
    std::sort(holders.begin(), holders.end());
    placement.replicas.push_back(std::move(holders));
  }
  return placement;
}

bool Coordinator::take_over(const wire::Plan& plan, Effects<Job>& effects) {
  if (plan.owners.size() != run_.partitions) return false;
  std::map<Step, Commit> commits;
  for (const auto& [id, member] : members_) {
    if (!member.ready || !member.held || member.held->timeline != plan.timeline) continue;
    for (const Commit& commit : member.held->commits) commits.try_emplace(commit.step, commit);
  }
  // What a member said may be from before our own last commit reached it.
  if (!is_relaxed(run_) && has_begun_ && plan.timeline == timeline_) {
    commits.try_emplace(commit_.step, commit_);
  }
  std::optional<Placement> placement;
  while (!commits.empty() && !(placement = placement_of(plan, commits.rbegin()->first))) {
    commits.erase(std::prev(commits.end()));
  }
  if (!placement) return false;
  const Commit latest = commits.rbegin()->second;
  // In a relaxed run the commit is the one that the timeline began from: clocks say how far it is.
  const Step reached = is_relaxed(run_) ? held_floor(*placement) : latest.step;
  if (kept_ && kept_->commit.step > reached) return false;

  timeline_ = plan.timeline;
  commit_ = latest;
  // The lines of the history are gone on with from there; what it kept was of these very clocks.
  const bool kept_here = kept_ && kept_->timeline == timeline_;
  if (is_relaxed(run_) && kept_here && kept_->commit.step > latest.step) commit_ = kept_->commit;
  plan_.number = std::max(plan_.number, plan.number);
  plan_.timeline = timeline_;
  forget_step();
  stop_cut_.reset();
  final_metrics_.clear();
  threshold_.reset();
  gather_until_ = {};
  gone_.clear();
  has_begun_ = true;
  claim_is_new_ = false;
  state_ = State::training;
  progressed_ = now_;
  cut_at_ = committed_at_ = kept_at_ = now_;
  if (options_.counters != nullptr) options_.counters->takeovers += 1;
  adopt(std::move(*placement));
  for (const wire::Replica& copy : copies()) in_step_.insert(copy);
  std::set<MemberId> behind;  // They wait for the commit.
  const std::vector<MemberId> keepers = holders();
  for (auto& [id, member] : members_) {
    const bool keeps = std::binary_search(keepers.begin(), keepers.end(), id);
    member.named_since = keeps ? 0 : plan_.number + 1;
    if (member.held && !member.held->commits.empty() &&
        member.held->commits.back().step < commit_.step) {
      behind.insert(id);
    }
    member.held.reset();
  }
  effects.note(NoteLevel::info, "going on from version " + std::to_string(commit_.step) +
                                    ", which the servers hold");
  repair_history(commits, effects);
  if (commit_.last && (!kept_ || kept_->commit.step != commit_.step)) open_cut();
  new_plan(effects);
  for (const MemberId server : holders()) {
    if (behind.contains(server) && !is_relaxed(run_)) say_commit(server, effects);
  }
  ask_again_for_cuts(effects);
  begin_evaluation(effects);
  export_when_complete(effects);
  may_improve_ = true;
  rebalance(effects);
  return true;
}

// Lines that the coordinator before may not have written. Those before an evaluation are: no commit
// follows it before its line is there. Nor does one follow when the lines lag behind for longer
// than servers remember.
void Coordinator::repair_history(const std::map<Step, Commit>& commits, Effects<Job>& effects) {
  if (is_relaxed(run_)) {  // Nobody remembers what they said.
    effects.jobs.emplace_back(history_.restart(kept_ ? kept_->history_lines : 0));
    epoch_line_open_ = false;
    return;
  }
  Step first = commit_.step;
  while (first > 1 && commits.contains(first - 1) && !evaluates_at(run_, first - 1)) --first;
  std::vector<History::Line> lines;
  for (auto commit = commits.lower_bound(first); commit != commits.end(); ++commit) {
    if (!logs_at(run_, commit->first)) continue;
    lines.push_back({commit->first, history_line(run_, commit->second)});
  }
  effects.jobs.emplace_back(history_.restart(history_lines_before(run_, first), std::move(lines)));
  epoch_line_open_ = false;
}

}  // namespace ballast

// How runs and jobs stand, for monitors (counters.h). What people are told is status.cc.

#include <algorithm>

#include "coordinator/coordinator.h"
#include "coordinator/fleet.h"

namespace ballast {

// ---- a run --------------------------------------------------------------------------------------

Wait Coordinator::wait() const {
  switch (state_) {
    case State::claiming:
    case State::exporting:
      return Wait::store;
    case State::gathering:
      return listing_ ? Wait::store : Wait::members;
    case State::restoring:
      return Wait::restoring;
    case State::training:
      return wait_of_step();
    case State::over:
      break;
  }
  return Wait::nothing;
}

Wait Coordinator::wait_of_step() const {
  if (plan_.workers.empty()) return Wait::workers;
  if (evaluation_) return Wait::evaluation;
  if (history_lags()) return Wait::history;
  if (commit_.last && cuts_.empty() && !end_again_) return Wait::history;
  if (commit_.last || stop_cut_) return Wait::checkpoints;
  // A step that must be kept is not committed while an earlier checkpoint is being written.
  if (!is_relaxed(run_) && !cuts_.empty() && unprepared().empty()) return Wait::checkpoints;
  return Wait::servers;
}

RunGauges Coordinator::gauges() const {
  RunGauges gauges;
  gauges.step = commit_.step;
  gauges.steps = run_.steps;
  gauges.wait = wait();
  gauges.open_checkpoints = cuts_.size();
  if (state_ == State::over) return gauges;
  gauges.waiting = now_ - progressed_;
  if (state_ == State::exporting) return gauges;
  gauges.leaves = run_.leaves;
  if (ready_members(wire::Role::worker).empty()) gauges.leaves_waiting = run_.leaves;
  for (const auto& [id, member] : members_) {
    if (member.rests_until) ++gauges.resting_workers;
  }
  if (state_ != State::training) return gauges;
  gauges.checkpoint_age = now_ - kept_at_;
  const std::vector<wire::Replica> all = copies();
  gauges.copies_in_step = in_step_.size();
  gauges.copies_behind = all.size() - in_step_.size();
  const std::uint64_t wanted = std::uint64_t{run_.partitions} * (1 + run_.cluster.replicas);
  gauges.copies_missing = wanted - std::min<std::uint64_t>(wanted, all.size());
  return gauges;
}

// ---- a job --------------------------------------------------------------------------------------

FleetGauges Fleet::gauges() const {
  FleetGauges sum;
  for (const auto& [id, run] : runs_) {
    if (!run.machine) continue;
    const RunGauges one = run.machine->gauges();
    sum.active += 1;
    sum.runs.step += one.step;
    sum.runs.steps += one.steps;
    sum.runs.leaves += one.leaves;
    sum.runs.leaves_waiting += one.leaves_waiting;
    sum.runs.resting_workers += one.resting_workers;
    sum.runs.copies_in_step += one.copies_in_step;
    sum.runs.copies_behind += one.copies_behind;
    sum.runs.copies_missing += one.copies_missing;
    sum.runs.open_checkpoints += one.open_checkpoints;
    sum.runs.checkpoint_age = std::max(sum.runs.checkpoint_age, one.checkpoint_age);
    Duration& waiting = sum.waiting.at(static_cast<std::size_t>(one.wait));
    waiting = std::max(waiting, one.waiting);
  }
  sum.ended = ended_.size();
  sum.failed =
      static_cast<std::uint64_t>(std::count_if(ended_.begin(), ended_.end(), [](const RunEnd& end) {
        return end.exit.code != ExitCode::done;
      }));
  for (const auto& [id, member] : members_) {
    MemberCounts& counts = member.role == wire::Role::server ? sum.servers : sum.workers;
    ++(member.leaving ? counts.leaving : member.orders.empty() ? counts.idle : counts.serving);
  }
  return sum;
}

}  // namespace ballast

// A relaxed run (bounded, async): there is no commit. Servers say how far their clocks are; the
// lowest of all, the floor, stands for the step that the run has reached. It is what is shown,
// logged and checkpointed by, and when it is the last step the run ends as any other: a checkpoint,
// an evaluation, the model.
//
// Each partition is cut at a moment of its own, with its account; a checkpoint is named by a floor
// that none of them is below.

#include <algorithm>
#include <set>
#include <utility>

#include "common/base/member_text.h"
#include "common/math/schedule.h"
#include "common/runtime/membership.h"
#include "coordinator/coordinator.h"

namespace ballast {

void Coordinator::on_counted(MemberId from, const wire::Counted& counted, Effects<Job>& effects) {
  if (state_ != State::training || counted.timeline != timeline_ || !is_relaxed(run_)) return;
  const std::vector<MemberId> all = holders();
  const bool fits =
      counted.floor <= run_.steps && std::all_of(counted.slowest.begin(), counted.slowest.end(),
                                                 [&](Leaf leaf) { return leaf < run_.leaves; });
  if (!fits || !std::binary_search(all.begin(), all.end(), from)) {
    effects.note(NoteLevel::warning, name(from) + " sent a Counted that cannot be: dropped");
    return;
  }
  wire::Counted& latest = counted_[from];
  const bool overtaken =
      counted.floor < latest.floor || counted.figures.examples < latest.figures.examples;
  if (overtaken) return;
  latest = counted;
  go_on_when_counted(effects);
}

// The lowest clock of all, once every server has said its own.
std::optional<Step> Coordinator::floor() const {
  Step floor = run_.steps;
  for (const MemberId server : holders()) {
    const auto counted = counted_.find(server);
    if (counted == counted_.end()) return std::nullopt;
    floor = std::min(floor, counted->second.floor);
  }
  return floor;
}

// The lowest clock of what is held. REQUIRES: the owners are members that said what they hold.
Step Coordinator::held_floor(const Placement& placement) const {
  Step floor = run_.steps;
  for (const MemberId owner : placement.owners) {
    floor = std::min(floor, members_.at(owner).held->floor);
  }
  return floor;
}

// As far as a commit makes sense: what is shown of it, and what a checkpoint is named by.
Commit Coordinator::next_floor(Step floor) const {
  Commit next;
  next.step = floor;
  next.last = floor == run_.steps;
  next.cut = next.last;
  next.learning_rate = static_cast<float>(learning_rate_at(run_.optimizer, floor, run_.steps));
  const auto first = counted_.find(placement_.owners.front());
  const Figures now = first->second.figures;
  Figures more;
  if (figures_) {
    more = {now.loss - figures_->loss, now.examples - figures_->examples,
            now.correct - figures_->correct, 0};
  }
  next.figures = since_line_ + more;
  const bool same_epoch = commit_.step > 0 && epoch_of(run_, commit_.step) == epoch_of(run_, floor);
  next.epoch = same_epoch ? commit_.epoch + more : more;
  return next;
}

void Coordinator::go_on_when_counted(Effects<Job>& effects) {
  if (state_ != State::training || stop_cut_ || commit_.last || history_lags()) return;
  const std::optional<Step> reached = floor();
  if (!reached) return;
  const Figures figures = counted_.at(placement_.owners.front()).figures;
  // Of a server that another coordinator heard, what it said before may arrive late.
  const bool is_old = kept_ && *reached < kept_->commit.step;
  if (is_old || *reached <= commit_.step) {
    if (!figures_) figures_ = figures;
    return;
  }
  const Commit next = next_floor(*reached);
  // One checkpoint at a time; one that must be kept waits.
  if ((next.last || stopping_) && !cuts_.empty()) return;
  const auto passes = [&](Step every) {
    return every != 0 && next.step / every != commit_.step / every;
  };
  const bool logs = (passes(run_.training.log_every) || next.last) && next.figures.examples > 0;
  const CheckpointSpec& spec = run_.checkpoint;
  bool cut = passes(spec.every_steps) ||
             (spec.every_seconds > 0.0 && now_ - cut_at_ >= seconds(spec.every_seconds));
  for (auto& [id, member] : members_) cut |= member.leaving;
  count_commit(next.step - commit_.step, figures.examples - (figures_ ? figures_->examples : 0));
  commit_ = next;
  cut_lines_.reset();
  progressed_ = now_;
  figures_ = figures;
  since_line_ = logs ? Figures{} : next.figures;

  if (stopping_) stop_cut_ = commit_.step;
  commit_.cut = commit_.last || stop_cut_ || (cut && cuts_.empty());
  if (logs) write_history(history_line(run_, commit_), effects);
  if (commit_.cut) {
    open_cut();
    for (auto& [id, member] : members_) {
      if (member.leaving && !member.leaves_at) member.leaves_at = commit_.step;
    }
    ask_again_for_cuts(effects);
  }
  begin_evaluation(effects);
}

// Whose microbatches hold the floor where it is.
std::string Coordinator::who_is_behind() const {
  Step lowest = run_.steps;
  std::set<Leaf> slowest;
  std::vector<MemberId> silent;
  for (const MemberId server : holders()) {
    const auto counted = counted_.find(server);
    if (counted == counted_.end()) {
      silent.push_back(server);
      continue;
    }
    if (counted->second.floor < lowest) {
      lowest = counted->second.floor;
      slowest.clear();
    }
    if (counted->second.floor > lowest) continue;
    slowest.insert(counted->second.slowest.begin(), counted->second.slowest.end());
  }
  if (!silent.empty()) return names(silent) + " to say what it has counted";
  if (lowest > commit_.step && !cuts_.empty()) return who_writes(cuts_.begin()->first);
  const std::vector<Leaf> leaves(slowest.begin(), slowest.end());
  std::string text;
  for (const wire::Assignment& assignment : plan_.workers) {
    const bool computes = std::any_of(leaves.begin(), leaves.end(),
                                      [&](Leaf leaf) { return assignment.leaves.contains(leaf); });
    if (!computes) continue;
    text += (text.empty() ? "" : ", ") + name(assignment.worker);
    const auto member = members_.find(assignment.worker);
    if (member == members_.end() || member->second.waiting.empty()) continue;
    text += " (which waits for " + member->second.waiting + ")";
  }
  const std::string what = leaves.empty() ? "the microbatches" : text_of(leaves);
  return what + " of step " + std::to_string(lowest + 1) + (text.empty() ? "" : " from " + text);
}

// A server that wants to leave has nobody to hand over to while the run goes on: it stays until a
// checkpoint holds what it kept, and the others go on from that.
void Coordinator::release_leaving(Effects<Job>& effects) {
  if (commit_.last) return;  // The run is about to end for all.
  std::vector<MemberId> may_go;
  for (const auto& [id, member] : members_) {
    if (member.leaves_at && kept_ && kept_->commit.step >= *member.leaves_at) may_go.push_back(id);
  }
  for (const MemberId id : may_go) {
    effects.send(id, wire::Released{});
    on_lost(id, "it said goodbye", Return::never, effects);
  }
}

}  // namespace ballast

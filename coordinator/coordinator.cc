#include "coordinator/coordinator.h"

#include <algorithm>
#include <utility>

#include "common/base/check.h"
#include "common/base/nodes.h"
#include "common/base/overloaded.h"
#include "common/job/run_json.h"
#include "common/runtime/membership.h"
#include "coordinator/status.h"

namespace ballast {

Coordinator::Coordinator(CoordinatorOptions options)
    : options_(std::move(options)),
      run_(*options_.run),
      fingerprint_(fingerprint_of_run(run_to_json(run_), options_.checkpoints)) {}

void Coordinator::step(Time now, Input<Outcome> input, Effects<Job>& effects) {
  const bool first = now_ == Time{};
  // A coordinator that was itself stopped or starved for long has heard nobody: that is its own
  // silence, not theirs.
  if (!first && now - now_ > seconds(run_.cluster.silence_seconds) / 2) {
    for (auto& [id, member] : members_) member.heard = now;
  }
  now_ = now;
  if (first) {
    progressed_ = now;
    cut_at_ = now;
    state_ = State::claiming;
    effects.jobs.push_back(ClaimTimeline{0});
  }
  std::visit(Overloaded{
                 [&](Received& received) { on_message(received.message, effects); },
                 [&](Disconnected& lost) {
                   on_lost(lost.peer, "its connection closed", Return::possible, effects);
                   greeters_.erase(lost.peer);
                   if (state_ == State::over) members_.erase(lost.peer);
                 },
                 [&](Tick&) {},
                 [&](StopAsked&) { stop(ExitCode::interrupted, "stopped by the user", effects); },
                 [&](Done<Outcome>& done) { on_outcome(std::move(done.outcome), effects); },
             },
             input);
  if (state_ != State::over) {
    on_tick(effects);
  }
  if (state_ == State::over && (members_.empty() || now_ >= farewell_until_)) {
    effects.exit = ending_;
  }
  update_progress();
  effects.term = term_;
  effects.wake_at = now + options_.retry;
  if (state_ == State::gathering && gather_until_ > now) {
    effects.wake_at = std::min(*effects.wake_at, gather_until_);
  }
}

void Coordinator::on_message(const wire::Message& message, Effects<Job>& effects) {
  const MemberId from = message.from;
  if (std::holds_alternative<wire::AskStatus>(message.body)) {  // Of whoever it is, always.
    effects.send(from, wire::StatusReport{to_json(status())});
    return;
  }
  const auto member = members_.find(from);
  if (state_ == State::over) {
    if (std::holds_alternative<wire::Goodbye>(message.body)) {
      members_.erase(from);
    } else {
      effects.send(from, farewell());  // It has not heard that the run is over.
    }
    return;
  }
  if (term_ == 0) {  // Who greets is asked again when there is a term to follow.
    greeters_.insert(from);
    effects.send(from, wire::Heartbeat{});
    return;
  }
  if (message.term > term_) return hear_of(message.term, effects);
  if (member == members_.end()) {
    // R13: whoever joins has promised to listen to no older coordinator; what it says that it holds
    // cannot be overtaken by one.
    const auto* const hello = std::get_if<wire::Hello>(&message.body);
    if (hello != nullptr && message.term == term_) {
      on_hello(from, *hello, effects);
    } else {
      effects.send(from, wire::Rejoin{});
    }
    return;
  }
  member->second.heard = now_;
  std::visit(Overloaded{
                 [&](const wire::Hello& hello) {
                   if (message.term == term_) {
                     on_hello(from, hello, effects);
                   } else {  // Said before it heard of us: what it holds may be another by now.
                     answer_hello(from, effects);
                   }
                 },
                 [&](const wire::Ready& ready) { on_ready(from, ready, effects); },
                 [&](const wire::Heartbeat& beat) {
                   member->second.waiting = beat.waiting;
                   member->second.waiting_since = now_ - std::chrono::seconds(beat.waiting_seconds);
                   effects.send(from, wire::Heartbeat{});
                   if (state_ == State::training && member->second.ready) effects.send(from, plan_);
                 },
                 [&](const wire::Goodbye&) { on_goodbye(from, effects); },
                 [&](const wire::Fault& fault) {
                   finish({ExitCode::fault, name(from) + ": " + fault.reason}, effects);
                 },
                 [&](const wire::Restored& restored) { on_restored(from, restored, effects); },
                 [&](const wire::Prepared& prepared) { on_prepared(from, prepared, effects); },
                 [&](const wire::Late& late) { on_late(late, effects); },
                 [&](const wire::Counted& counted) { on_counted(from, counted, effects); },
                 [&](const wire::CutDone& done) { on_cut_done(from, done, effects); },
                 [&](const wire::Evaluated& evaluated) { on_evaluated(evaluated, effects); },
                 [&](const wire::MalformedReply& reply) {
                   effects.note(NoteLevel::warning,
                                name(from) + " could not read us: " + reply.reason);
                 },
                 [](const auto&) {},
             },
             message.body);
}

void Coordinator::on_outcome(CoordinatorOutcome outcome, Effects<Job>& effects) {
  if (state_ == State::over) return;
  std::visit(Overloaded{
                 [&](TimelineClaimed& claimed) { on_claimed(claimed, effects); },
                 [&](ClaimRaised& raised) { on_raised(raised, effects); },
                 [&](CheckpointKept& kept) { on_kept(kept, effects); },
                 [&](HistoryAppended& appended) { on_appended(appended, effects); },
                 [&](ModelExported& exported) { on_exported(exported, effects); },
             },
             outcome);
}

// ---- waiting and repeating ----------------------------------------------------------------------

void Coordinator::on_tick(Effects<Job>& effects) {
  expire(effects);
  end_rests(effects);
  if (stopping_ && now_ >= stop_deadline_) {
    finish(*stopping_, effects);
    return;
  }
  if (claim_again_ && now_ >= *claim_again_) {
    claim_again_.reset();
    effects.jobs.push_back(ClaimTimeline{term_});
  }
  if (end_again_ && now_ >= *end_again_) {
    end_again_.reset();
    try_end_again(effects);
  }
  if (state_ == State::gathering && now_ >= gather_until_) {
    if (!family_) choose_family(effects);
    begin_when_enough(effects);
  }
  if (now_ >= next_repeat_) {
    next_repeat_ = now_ + 4 * options_.retry;
    if (state_ == State::restoring) {
      for (const MemberId server : holders()) {
        if (!members_.at(server).restored) send_restore(server, effects);
      }
    }
    if (evaluation_ && !evaluation_->complete()) {
      if (now_ >= pass_on_at_) {
        evaluation_->pass_on();
        pass_on_after_ *= 2;
        pass_on_at_ = now_ + pass_on_after_;
      }
      deal_evaluation(effects);
    }
    if (history_.has_failed()) effects.jobs.emplace_back(history_.again());
    if (state_ == State::training) {
      ask_again_for_cuts(effects);
      if (now_ >= balance_at_ && weighed_ >= options_.weighed_min) {
        balance_at_ = now_ + options_.balance_every;
        may_improve_ = true;
      }
      rebalance(effects);
    }
  }
  if (now_ - progressed_ < options_.loud || now_ - noticed_ < options_.loud) return;
  noticed_ = now_;
  const std::string missing = what_is_missing();
  if (missing.empty()) return;
  effects.note(NoteLevel::warning,
               "waiting for " + missing + " since " +
                   std::to_string((now_ - progressed_) / std::chrono::seconds(1)) + " s");
}

// ---- timelines and plans ------------------------------------------------------------------------

void Coordinator::on_claimed(const TimelineClaimed& claimed, Effects<Job>& effects) {
  if (state_ != State::claiming) return;
  if (claimed.superseded) return abdicate("another coordinator has taken over this run", effects);
  if (!claimed.error.empty() && !claimed.may_pass) {
    finish({ExitCode::user_error, claimed.error}, effects);
    return;
  }
  if (!claimed.error.empty()) {
    if (claimed.error != store_error_) effects.note(NoteLevel::error, claimed.error);
    store_error_ = claimed.error;
    claim_again_ = now_ + options_.store_retry;
    return;
  }
  store_error_.clear();
  if (!has_begun_) gathering_since_ = now_;
  for (const std::string& damage : claimed.damaged) {
    effects.note(NoteLevel::warning, "passing over a damaged checkpoint: " + damage);
  }
  term_ = claimed.timeline;
  claim_is_new_ = true;
  plan_.number = std::max(plan_.number, term_ << 32);  // Above those of every earlier coordinator.
  base_ = claimed.latest.value_or(Checkpoint{});
  base_.commit = resumed(run_, base_.commit);
  kept_ = claimed.latest;
  broken_ = false;
  if (claimed.latest) {
    family_ = base_.family;
    canary_ = base_.canary;
    blas_version_ = base_.blas_version;
  } else if (run_.cluster.kernel != KernelFamily::automatic) {
    family_ = run_.cluster.kernel;
  }
  state_ = State::gathering;
  for (const MemberId greeter : std::exchange(greeters_, {})) {
    effects.send(greeter, wire::Rejoin{});
  }
  choose_family(effects);
  begin_when_enough(effects);
}

void Coordinator::begin_when_enough(Effects<Job>& effects) {
  if (state_ != State::gathering || listing_) return;
  if (const wire::Plan* const plan = latest_plan(); plan != nullptr) {
    if (!not_back(*plan).empty() && now_ < gather_until_) return;
    if (take_over(*plan, effects)) return;
  }
  const std::size_t servers = ready_members(wire::Role::server).size();
  const std::size_t workers = ready_members(wire::Role::worker).size();
  if (!is_enough(servers, workers)) return;
  if (!claim_is_new_) {  // What the members held is not enough: a new timeline.
    effects.note(NoteLevel::warning, "going back to the last complete checkpoint");
    state_ = State::claiming;
    progressed_ = now_;
    effects.jobs.push_back(ClaimTimeline{term_});
    return;
  }
  if (!has_begun_ && (servers < options_.servers || workers < options_.workers)) {
    effects.note(NoteLevel::warning, "beginning with " + std::to_string(servers) + " of " +
                                         std::to_string(options_.servers) + " servers and " +
                                         std::to_string(workers) + " of " +
                                         std::to_string(options_.workers) +
                                         " workers; the others may join at any time");
  }
  begin_restore(effects);
}

// The first plan waits for everybody who was announced, for a while; later ones go on with whoever
// is left.
bool Coordinator::is_enough(std::size_t servers, std::size_t workers) const {
  if (has_begun_) return servers >= 1;
  if (servers >= options_.servers && workers >= options_.workers) return true;
  return servers >= 1 && workers >= 1 && now_ - gathering_since_ >= options_.begin_within;
}

void Coordinator::begin_restore(Effects<Job>& effects) {
  state_ = State::restoring;
  progressed_ = now_;
  next_repeat_ = now_ + 4 * options_.retry;
  timeline_ = term_;
  claim_is_new_ = false;
  if (has_begun_ && options_.counters != nullptr) options_.counters->rollbacks += 1;
  has_begun_ = true;
  unrestorable_.reset();
  if (base_.commit.step > 0) {
    effects.note(NoteLevel::info,
                 "going on from the checkpoint of step " + std::to_string(base_.commit.step));
  } else if (timeline_ > 1) {
    effects.note(NoteLevel::info, "going on from the beginning, since there is no checkpoint yet");
  }
  for (auto& [id, member] : members_) member.held.reset();
  effects.jobs.emplace_back(history_.restart(base_.history_lines));
  epoch_line_open_ = false;
  commit_ = base_.commit;
  forget_step();
  stop_cut_.reset();
  final_metrics_.clear();
  threshold_.reset();

  plan_.timeline = timeline_;
  plan_.committed = commit_.step;
  adopt(place(run_.partitions, ready_members(wire::Role::server), run_.cluster.replicas));
  for (auto& [copy, plan] : since_) plan = 0;  // Restored, before there is a plan.
  for (const MemberId server : holders()) {
    members_.at(server).restored = false;
    send_restore(server, effects);
  }
}

void Coordinator::send_restore(MemberId server, Effects<Job>& effects) {
  wire::Restore restore{
      .timeline = timeline_, .partitions = {}, .commit = base_.commit, .files = {}};
  std::set<PartitionId> kept;
  for (const wire::Replica& copy : copies()) {
    if (copy.server == server) kept.insert(copy.partition);
  }
  restore.partitions.assign(kept.begin(), kept.end());
  for (const wire::SnapshotFile& file : base_.files) {
    if (kept.contains(file.partition)) restore.files.push_back(file);
  }
  effects.send(server, std::move(restore));
}

void Coordinator::on_restored(MemberId from, const wire::Restored& restored,
                              Effects<Job>& effects) {
  if (state_ != State::restoring || restored.timeline != timeline_) return;
  if (!restored.error.empty() && restored.may_pass) {  // Restore is repeated.
    std::string& trouble = members_.at(from).trouble;
    if (trouble != restored.error) {
      effects.note(NoteLevel::error, name(from) + " cannot restore version " +
                                         std::to_string(base_.commit.step) + ": " + restored.error +
                                         "; trying again");
    }
    trouble = restored.error;
    return;
  }
  if (!restored.error.empty()) {
    // Perhaps a successor that we have not heard of has tidied the files away; then it is no fault.
    unrestorable_ =
        Exit{ExitCode::fault, name(from) + " cannot restore version " +
                                  std::to_string(base_.commit.step) + ": " + restored.error};
    if (!std::exchange(is_raising_, true)) {
      effects.jobs.push_back(RaiseClaim{.holding = term_, .above = term_});
    }
    return;
  }
  members_.at(from).restored = true;
  members_.at(from).trouble.clear();
  progressed_ = now_;
  const std::vector<MemberId> all = holders();
  if (std::all_of(all.begin(), all.end(),
                  [&](MemberId server) { return members_.at(server).restored; })) {
    for (const wire::Replica& copy : copies()) in_step_.insert(copy);
    begin_training(effects);
  }
}

void Coordinator::begin_training(Effects<Job>& effects) {
  state_ = State::training;
  cut_at_ = committed_at_ = kept_at_ = now_;
  figures_ = Figures();  // Who restores counts from nothing.
  new_plan(effects);
  // The next commit may depend on an evaluation at the version we start from; it is done again.
  begin_evaluation(effects);
  export_when_complete(effects);
}

void Coordinator::new_plan(Effects<Job>& effects) {
  plan_.number += 1;
  plan_.committed = commit_.step;
  plan_.workers.clear();
  assisted_.clear();  // Perhaps a helper is gone.
  const std::vector<MemberId> workers = working();
  const auto ranges = assign_leaves(run_.leaves, static_cast<std::uint32_t>(workers.size()));
  for (std::size_t i = 0; i < workers.size(); ++i) plan_.workers.push_back({workers[i], ranges[i]});
  plan_.servers.clear();
  for (const MemberId server : holders()) {
    const Member& member = members_.at(server);
    plan_.servers.push_back({server, member.endpoint, member.named_since});
  }
  for (const auto& [id, member] : members_) {
    if (member.ready) effects.send(id, plan_);
  }
  if (evaluation_) deal_evaluation(effects);
}

std::vector<MemberId> Coordinator::ready_members(wire::Role role) const {
  std::vector<MemberId> ids;
  for (const auto& [id, member] : members_) {
    if (member.ready && member.role == role) ids.push_back(id);
  }
  return ids;
}

// ---- the end ------------------------------------------------------------------------------------

void Coordinator::stop(ExitCode code, const std::string& reason, Effects<Job>& effects) {
  if (stopping_ || state_ == State::over) return;
  if (state_ == State::exporting) {  // Its checkpoint is durable: nothing is lost.
    if (end_again_) finish({code, reason}, effects);
    return;
  }
  stopping_ = Exit{code, reason};
  stop_deadline_ = now_ + options_.stop_within;
  if (state_ == State::training && commit_.last) {  // Its cut is on its way, or kept.
    stop_cut_ = commit_.step;
    stop_when_kept(effects);
    return;
  }
  const bool can_commit = state_ == State::training && !plan_.workers.empty() && !commit_.last;
  // Without a step to come there is nothing to keep that is not kept already; what was done since
  // the last checkpoint will be done again, to the same bits.
  if (!can_commit) finish(*stopping_, effects);
}

void Coordinator::stop_when_kept(Effects<Job>& effects) {
  if (stopping_ && stop_cut_ && kept_ && kept_->commit.step >= *stop_cut_) {
    finish(*stopping_, effects);
  }
}

// Members leave with a Goodbye; whoever is still there a little later has lost us anyway.
void Coordinator::finish(Exit exit, Effects<Job>& effects) {
  state_ = State::over;
  ending_ = std::move(exit);
  farewell_until_ = now_ + options_.farewell;
  for (const auto& [id, member] : members_) effects.send(id, farewell());
}

wire::Finish Coordinator::farewell() const {
  return {.ending = ending_of(ending_.code), .reason = ending_.reason};
}

void Coordinator::update_progress() {
  using Phase = RunProgress::Phase;
  switch (state_) {
    case State::claiming:
    case State::gathering:
      progress_.phase = Phase::gathering;
      break;
    case State::restoring:
      progress_.phase = Phase::restoring;
      break;
    case State::training:
      progress_.phase = evaluation_    ? Phase::evaluating
                        : commit_.last ? Phase::saving
                                       : Phase::training;
      break;
    case State::exporting:
      progress_.phase = Phase::saving;
      break;
    case State::over:
      progress_.phase = Phase::done;
      break;
  }
  progress_.commit = commit_;
  progress_.timeline = timeline_;
  progress_.workers = static_cast<std::uint32_t>(ready_members(wire::Role::worker).size());
  progress_.servers = static_cast<std::uint32_t>(ready_members(wire::Role::server).size());
  if (kept_) progress_.checkpoint = kept_->commit.step;
  progress_.waiting_for = now_ - progressed_ >= options_.loud ? what_is_missing() : "";
}

}  // namespace ballast

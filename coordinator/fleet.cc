#include "coordinator/fleet.h"

#include <algorithm>
#include <utility>

#include "common/base/overloaded.h"
#include "coordinator/assign.h"
#include "coordinator/status.h"

namespace ballast {

Fleet::Fleet(FleetOptions options, std::unique_ptr<Agenda> agenda)
    : options_(std::move(options)), agenda_(std::move(agenda)) {}

void Fleet::step(Time now, Input<Outcome> input, Effects<Job>& effects) {
  const bool first = now_ == Time{};
  // Whoever stood still itself has heard nobody.
  if (!first && now - now_ > options_.silence / 2) {
    for (auto& [id, member] : members_) member.heard = now;
  }
  now_ = now;
  if (first) {
    began_ = now;
    is_claiming_ = true;
    effects.jobs.push_back(claim_);
  }
  std::visit(Overloaded{
                 [&](Received& received) { on_message(std::move(received.message), effects); },
                 [&](Disconnected& lost) {
                   members_.erase(lost.peer);
                   for (auto& [id, run] : runs_) run.greeters.erase(lost.peer);
                   give_all(Disconnected{lost.peer}, effects);
                 },
                 [&](Tick&) {},
                 [&](StopAsked&) { on_stop(effects); },
                 [&](Done<Outcome>& done) { on_outcome(std::move(done.outcome), effects); },
             },
             input);
  for (const auto& [id, run] : runs_) {
    if (run.machine && run.wake_at <= now) give(id, Tick{}, effects);
  }
  on_tick(effects);
  effects.term = term_;
  effects.wake_at = now + options_.retry;
  for (const auto& [id, run] : runs_) {
    if (run.machine) effects.wake_at = std::min(*effects.wake_at, run.wake_at);
  }
  if (time_up_at_ && !is_time_up_) effects.wake_at = std::min(*effects.wake_at, *time_up_at_);
}

void Fleet::on_tick(Effects<Job>& effects) {
  std::erase_if(members_,
                [&](const auto& entry) { return now_ - entry.second.heard > options_.silence; });
  if (claim_again_ && now_ >= *claim_again_) {
    claim_again_.reset();
    is_claiming_ = true;
    effects.jobs.push_back(claim_);
  }
  for (auto& [id, run] : runs_) {
    if (!run.record_again || now_ < *run.record_again) continue;
    run.record_again.reset();
    effects.jobs.push_back(RecordEnd{id, run.exit});
  }
  if (conclude_again_ && now_ >= *conclude_again_) {
    conclude_again_.reset();
    effects.jobs.push_back(conclusion_);
  }
  end_on_time(effects);
  if (state_ == State::working) {
    begin_runs(effects);
    deal(effects);
  }
  if (state_ == State::over && (members_.empty() || now_ >= farewell_until_)) {
    effects.exit = ending_;
  }
}

// ---- messages -----------------------------------------------------------------------------------

void Fleet::on_message(wire::Message message, Effects<Job>& effects) {
  const MemberId from = message.from;
  if (std::holds_alternative<wire::AskStatus>(message.body)) {
    return answer_status(std::move(message), effects);
  }
  if (auto* const ask = std::get_if<wire::AskFiles>(&message.body)) {
    effects.jobs.push_back(FileWork{message.run, from, message.term, std::move(*ask)});
    return;
  }
  if (message.run != kFleet) {
    const RunId id = message.run;
    const auto run = runs_.find(id);
    if (run != runs_.end() && run->second.machine) {
      return give(id, Received{std::move(message)}, effects);
    }
    const bool is_making = run != runs_.end() && run->second.state == Run::State::making;
    if (is_making && std::holds_alternative<wire::Hello>(message.body)) {
      run->second.greeters[from] = std::move(message);
      return;
    }
    const bool is_over = run != runs_.end() && (run->second.state == Run::State::recording ||
                                                run->second.state == Run::State::ended);
    if (is_over && state_ != State::over) {  // It has not heard.
      const Exit& exit = run->second.exit;
      effects.sends.push_back(
          {from, wire::Finish{ending_of(exit.code), exit.reason}, id, message.term});
    }
    return;
  }
  if (const auto* const enlist = std::get_if<wire::Enlist>(&message.body)) {
    if (message.term > term_) {  // Another coordinator has taken over, or the store was emptied.
      if (term_ == 0 || std::exchange(is_claiming_, true)) return;
      claim_ = {.holding = term_, .above = message.term};
      effects.jobs.push_back(claim_);
      return;
    }
    on_enlist(from, *enlist, effects);
  } else if (const auto* const reply = std::get_if<wire::MalformedReply>(&message.body)) {
    effects.note(NoteLevel::warning, "a member could not read us: " + reply->reason);
  }
}

void Fleet::answer_status(wire::Message ask, Effects<Job>& effects) {
  if (options_.job.empty()) {  // The asker repeats itself until there is a run.
    const auto run = runs_.find(SingleRun::kRun);
    if (run != runs_.end()) give(run->first, Received{std::move(ask)}, effects);
    return;
  }
  JobStatus status;
  status.job = options_.job;
  status.ended = ended_.size();
  status.left = agenda_->left();
  status.seconds = std::chrono::duration<double>(now_ - began_).count();
  if (time_up_at_) {
    status.seconds_left = std::max(0.0, std::chrono::duration<double>(*time_up_at_ - now_).count());
  }
  for (const RunEnd& end : ended_) {
    if (end.exit.code != ExitCode::done) ++status.failed;
  }
  for (const auto& [id, member] : members_) {
    ++(member.role == wire::Role::server ? status.servers : status.workers);
  }
  for (const auto& [id, run] : runs_) {
    if (run.machine) status.runs.push_back(run.machine->status());
  }
  effects.send(ask.from, wire::StatusReport{to_json(status)});
}

void Fleet::on_enlist(MemberId from, const wire::Enlist& enlist, Effects<Job>& effects) {
  if (enlist.protocol != wire::kProtocol || enlist.version != options_.version) {
    const std::string reason = "the coordinator is Ballast " + options_.version + " (protocol " +
                               std::to_string(wire::kProtocol) + ") and this member is " +
                               enlist.version + " (protocol " + std::to_string(enlist.protocol) +
                               "); run the same version everywhere";
    effects.note(NoteLevel::warning, "refused a member at " + enlist.host + ": " + reason);
    effects.send(from, wire::Refused{reason});
    return;
  }
  if (enlist.leaving && enlist.runs.empty()) {  // Gone.
    members_.erase(from);
    return;
  }
  Member& member = members_[from];
  member.role = enlist.role;
  member.host = enlist.host;
  member.serves = {enlist.runs.begin(), enlist.runs.end()};
  member.leaving = enlist.leaving;
  member.heard = now_;
  if (state_ == State::working) {
    begin_runs(effects);
    deal(effects);
  }
  if (term_ != 0) say_orders(from, member, effects);
}

// ---- outcomes -----------------------------------------------------------------------------------

void Fleet::on_outcome(FleetOutcome outcome, Effects<Job>& effects) {
  std::visit(
      Overloaded{
          [&](FleetClaimed& claimed) { on_claimed(claimed, effects); },
          [&](RunMade& made) { on_made(made, effects); },
          [&](RunWorked& worked) {
            give(worked.run, Done<CoordinatorOutcome>{std::move(worked.outcome)}, effects);
          },
          [&](EndRecorded& recorded) { on_recorded(recorded, effects); },
          [&](JobConcluded& concluded) { on_concluded(concluded, effects); },
          [&](FileWorked& worked) {
            effects.sends.push_back({worked.to, std::move(worked.files), worked.run, worked.term});
          },
      },
      outcome);
}

void Fleet::on_claimed(const FleetClaimed& claimed, Effects<Job>& effects) {
  is_claiming_ = false;
  if (state_ == State::over) return;
  if (claimed.superseded) {
    return abdicate("another coordinator has taken over this job", effects);
  }
  if (!claimed.error.empty() && !claimed.may_pass) {
    return end_job({ExitCode::user_error, claimed.error}, effects);
  }
  if (!claimed.error.empty()) {
    if (claimed.error != store_error_) effects.note(NoteLevel::error, claimed.error);
    store_error_ = claimed.error;
    claim_again_ = now_ + options_.store_retry;
    return;
  }
  store_error_.clear();
  term_ = claimed.term;
  number_ = std::max(number_, term_ << 32);
  if (state_ != State::claiming) return;
  state_ = State::working;
  if (options_.budget > Duration::zero()) time_up_at_ = now_ + options_.budget;
}

void Fleet::on_made(const RunMade& made, Effects<Job>& effects) {
  const auto entry = runs_.find(made.run);
  if (entry == runs_.end() || entry->second.state != Run::State::making) return;
  if (state_ != State::working) return;
  if (!made.error.empty()) return end_run(made.run, {ExitCode::user_error, made.error}, effects);
  Run& run = entry->second;
  run.config = made.config;
  run.state = Run::State::active;
  CoordinatorOptions options = options_.run;
  options.run = made.config;
  options.checkpoints = made.checkpoints;
  options.version = options_.version;
  run.machine = std::make_unique<Coordinator>(std::move(options));
  give(made.run, Tick{}, effects);
  for (auto& [member, hello] : std::exchange(run.greeters, {})) {
    give(made.run, Received{std::move(hello)}, effects);
  }
  if (stopping_ || is_time_up_) give(made.run, StopAsked{}, effects);
}

void Fleet::on_concluded(const JobConcluded& concluded, Effects<Job>& effects) {
  if (state_ != State::concluding) return;
  if (concluded.error.empty() && conclusion_.conclusion == Conclusion::time_is_up) {
    return end_job({ExitCode::unfinished,
                    "job.seconds is over, so the job ends with what it has; which runs that are "
                    "depends on how fast the machines were"},
                   effects);
  }
  if (concluded.error.empty()) return end_job(agenda_->exit(), effects);
  if (!concluded.may_pass) return end_job({ExitCode::fault, concluded.error}, effects);
  if (concluded.error != store_error_) effects.note(NoteLevel::error, concluded.error);
  store_error_ = concluded.error;
  conclude_again_ = now_ + options_.store_retry;
}

// ---- runs ---------------------------------------------------------------------------------------

// Steps the coordinator of a run, and makes what follows ours.
void Fleet::give(RunId id, Input<CoordinatorOutcome> input, Effects<Job>& effects) {
  const auto entry = runs_.find(id);
  if (entry == runs_.end() || !entry->second.machine) return;
  Run& run = entry->second;
  Effects<CoordinatorJob> inner;
  run.machine->step(now_, std::move(input), inner);
  for (Send& send : inner.sends) {
    effects.sends.push_back({send.to, std::move(send.body), id, inner.term});
  }
  for (CoordinatorJob& job : inner.jobs) effects.jobs.push_back(RunWork{id, std::move(job)});
  for (Note& note : inner.notes) {
    if (!options_.job.empty()) note.text = run.config->name + ": " + note.text;
    note.run = id;
    note.step = run.machine->progress().commit.step;
    effects.notes.push_back(std::move(note));
  }
  run.wake_at = inner.wake_at.value_or(Time::max());
  run.progress = run.machine->progress();
  if (run.progress.phase == RunProgress::Phase::done) run.state = Run::State::ending;
  if (inner.exit) end_run(id, std::move(*inner.exit), effects);
}

void Fleet::give_all(const Input<CoordinatorOutcome>& input, Effects<Job>& effects) {
  for (const auto& [id, run] : runs_) {
    if (run.machine) give(id, input, effects);
  }
}

void Fleet::end_run(RunId id, Exit exit, Effects<Job>& effects) {
  Run& run = runs_.at(id);
  run.machine.reset();
  run.state = Run::State::ended;
  if (exit.of_process) return abdicate(exit.reason, effects);
  run.exit = exit;
  if (stopping_ && exit.code == ExitCode::interrupted) {  // It goes on another time.
    stopping_ = std::move(exit);
    return;
  }
  if (is_time_up_ && exit.code == ExitCode::interrupted) {  // As above, with what it has.
    has_cut_ = true;
    return;
  }
  run.state = Run::State::recording;
  effects.jobs.push_back(RecordEnd{id, run.exit});
}

void Fleet::on_recorded(const EndRecorded& recorded, Effects<Job>& effects) {
  const auto entry = runs_.find(recorded.run);
  if (entry == runs_.end() || entry->second.state != Run::State::recording) return;
  Run& run = entry->second;
  if (!recorded.error.empty() && !recorded.may_pass) {
    return end_job({ExitCode::fault, recorded.error}, effects);
  }
  if (!recorded.error.empty()) {
    if (recorded.error != store_error_) effects.note(NoteLevel::error, recorded.error);
    store_error_ = recorded.error;
    run.record_again = now_ + options_.store_retry;
    return;
  }
  run.state = Run::State::ended;
  ended_.push_back({recorded.run, run.exit, run.progress});
  agenda_->on_end(ended_.back());
}

void Fleet::begin_runs(Effects<Job>& effects) {
  const auto is_idle = [&] {
    return std::all_of(runs_.begin(), runs_.end(),
                       [](const auto& entry) { return entry.second.state == Run::State::ended; });
  };
  if (stopping_) {
    if (is_idle()) end_job(*stopping_, effects);
    return;
  }
  if (is_time_up_) {
    if (is_idle()) conclude(effects);
    return;
  }
  while (room() > 0 || is_ahead_of_us()) {
    const auto next = agenda_->next();
    if (!next) break;
    runs_.try_emplace(*next);
    effects.jobs.push_back(MakeRun{*next});
  }
  if (is_idle() && agenda_->is_over()) conclude(effects);
}

void Fleet::conclude(Effects<Job>& effects) {
  const bool is_whole = agenda_->is_over() && !has_cut_;
  conclusion_.conclusion = is_whole ? Conclusion::whole : Conclusion::time_is_up;
  state_ = State::concluding;
  effects.jobs.push_back(conclusion_);
}

// Runs under way stop as if the user had asked, each at a checkpoint.
void Fleet::end_on_time(Effects<Job>& effects) {
  if (!time_up_at_ || now_ < *time_up_at_ || is_time_up_) return;
  if (state_ != State::working || stopping_) return;
  is_time_up_ = true;
  effects.note(NoteLevel::info, "job.seconds is over: no run begins any more");
  give_all(StopAsked{}, effects);
}

// Runs that are begun before there is a worker for them only wait, but the first one: it says so.
std::size_t Fleet::room() const {
  std::size_t busy = 0;
  for (const auto& [id, run] : runs_) {
    if (run.state == Run::State::making || run.state == Run::State::active) ++busy;
  }
  std::size_t wanted = options_.runs_at_once;
  if (wanted == 0) {
    const auto workers = static_cast<std::size_t>(
        std::count_if(members_.begin(), members_.end(), [](const auto& entry) {
          return entry.second.role == wire::Role::worker && !entry.second.leaving;
        }));
    wanted = std::max<std::size_t>(1, workers / options_.workers_per_run);
  }
  return wanted > busy ? wanted - busy : 0;
}

// A member serves a run that an earlier coordinator began: it should go on at once. One that has
// ended since is no reason to begin others.
bool Fleet::is_ahead_of_us() const {
  return std::any_of(members_.begin(), members_.end(), [&](const auto& entry) {
    const std::vector<RunId>& serves = entry.second.serves;
    return std::any_of(serves.begin(), serves.end(),
                       [&](RunId run) { return agenda_->offers(run); });
  });
}

void Fleet::on_stop(Effects<Job>& effects) {
  if (stopping_ || state_ == State::over) return;
  stopping_ = Exit{ExitCode::interrupted, "stopped by the user"};
  if (state_ != State::working) return end_job(*stopping_, effects);
  give_all(StopAsked{}, effects);
}

void Fleet::end_job(Exit exit, Effects<Job>& effects) {
  if (state_ == State::over) return;
  state_ = State::over;
  ending_ = std::move(exit);
  farewell_until_ = now_ + options_.farewell;
  number_ += 1;
  for (const auto& [id, member] : members_) say_orders(id, member, effects);
}

// Without a word to the members: they are the other one's.
void Fleet::abdicate(const std::string& reason, Effects<Job>& effects) {
  effects.note(NoteLevel::error, reason);
  state_ = State::over;
  ending_ = {ExitCode::fault, reason};
  members_.clear();
  for (auto& [id, run] : runs_) run.machine.reset();
}

// ---- who serves which run -----------------------------------------------------------------------

void Fleet::deal(Effects<Job>& effects) {
  if (state_ != State::working) return;
  // Those that are being made too: who is sent there waits a moment instead of moving twice.
  std::vector<RunId> runs;
  for (const auto& [id, run] : runs_) {
    if (run.state == Run::State::making || run.state == Run::State::active) runs.push_back(id);
  }
  std::map<MemberId, std::optional<RunId>> workers;
  for (const auto& [id, member] : members_) {
    if (member.role != wire::Role::worker || member.leaving) continue;
    // What it does counts, whatever we said: we may be new here.
    const std::vector<RunId>& serves = member.orders.empty() ? member.serves : member.orders;
    workers[id] = serves.empty() ? std::nullopt : std::optional(serves.front());
  }
  const auto assigned = assign_workers(workers, runs);
  std::vector<MemberId> changed;
  for (auto& [id, member] : members_) {
    std::vector<RunId> orders;
    if (member.role == wire::Role::server) orders = runs;
    if (const auto run = assigned.find(id); run != assigned.end()) orders = {run->second};
    if (orders == member.orders) continue;
    member.orders = std::move(orders);
    changed.push_back(id);
  }
  if (changed.empty()) return;
  number_ += 1;
  for (const MemberId id : changed) say_orders(id, members_.at(id), effects);
}

void Fleet::say_orders(MemberId to, const Member& member, Effects<Job>& effects) const {
  wire::Orders orders{.number = number_, .runs = member.orders};
  if (state_ == State::over) {
    orders = {.number = number_,
              .runs = {},
              .over = wire::Finish{ending_of(ending_.code), ending_.reason}};
  }
  effects.send(to, std::move(orders));
}

// ---- what people look at ------------------------------------------------------------------------

std::vector<RunId> Fleet::active() const {
  std::vector<RunId> ids;
  for (const auto& [id, run] : runs_) {
    if (run.state == Run::State::active) ids.push_back(id);
  }
  return ids;
}

const Coordinator* Fleet::machine(RunId run) const {
  const auto entry = runs_.find(run);
  return entry == runs_.end() ? nullptr : entry->second.machine.get();
}

const RunProgress* Fleet::progress(RunId run) const {
  const auto entry = runs_.find(run);
  return entry == runs_.end() || entry->second.config == nullptr ? nullptr
                                                                 : &entry->second.progress;
}

const RunConfig* Fleet::config(RunId run) const {
  const auto entry = runs_.find(run);
  return entry == runs_.end() ? nullptr : entry->second.config.get();
}

}  // namespace ballast

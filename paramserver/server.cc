#include "paramserver/server.h"

#include <algorithm>
#include <utility>

#include "common/base/hash.h"
#include "common/base/overloaded.h"
#include "common/job/run_json.h"
#include "paramserver/requests.h"

namespace ballast {

Server::Server(ServerOptions options)
    : options_(std::move(options)), membership_(options_.membership) {}

void Server::step(Time now, Input<Outcome> input, Effects<Job>& effects) {
  now_ = now;
  std::visit(Overloaded{
                 [&](Received& received) { on_message(received.message, effects); },
                 [&](Disconnected& lost) {
                   std::erase_if(parked_, [&](const Parked& p) { return p.from == lost.peer; });
                   waiting_.erase(lost.peer);
                   if (lost.peer == kCoordinator) membership_.rejoin(now_);
                 },
                 [&](Tick&) {},
                 [&](StopAsked&) {
                   if (!leaving_) {
                     leave_by_ = now_ + options_.goodbye;
                     leave_at_latest_ = now_ + options_.handover;
                   }
                   leaving_ = true;
                   if (run_ == nullptr) {
                     effects.exit = Exit{ExitCode::interrupted, "stopped before joining a run"};
                   }
                 },
                 [&](Done<Outcome>& done) { on_outcome(std::move(done.outcome), effects); },
             },
             input);
  membership_.tick(
      now, effects, [this](wire::Held& held) { hold(held); }, [this] { return wait(); });
  repeat_unanswered(effects);
  say_late(effects);
  if (leaving_) {
    if (now_ >= next_goodbye_) {
      effects.send(kCoordinator, wire::Goodbye{});
      next_goodbye_ = now_ + options_.retry;
    }
    if (now_ >= leave_by_) {
      effects.exit = Exit{ExitCode::interrupted, "stopped; the coordinator did not answer"};
    }
  }
  effects.wake_at = std::min(membership_.next(), now + options_.retry);
  if (const auto late = late_at()) {
    effects.wake_at = std::min(*effects.wake_at, std::max(*late, late_again_));
  }
}

void Server::on_message(const wire::Message& message, Effects<Job>& effects) {
  if (const auto* const reply = std::get_if<wire::MalformedReply>(&message.body)) {
    const std::string who = message.from == kCoordinator ? "the coordinator" : "a worker";
    effects.note(NoteLevel::warning, who + " could not read us: " + reply->reason);
  }
  if (message.from == kCoordinator) {
    if (!membership_.heard(message.term, now_)) return;
    // It lets us go once others have what we keep.
    if (leaving_) leave_by_ = std::min(now_ + options_.goodbye, leave_at_latest_);
    on_coordinator(message.body, effects);
  } else {
    on_peer(message.from, message.body, effects);
  }
}

// Workers and other servers. Anything else is not for a server; the host has counted it.
void Server::on_peer(MemberId from, const wire::Body& body, Effects<Job>& effects) {
  std::visit(Overloaded{
                 [&](const wire::Pull& pull) { on_pull(from, pull, effects); },
                 [&](const wire::Push& push) { on_push(from, push, effects); },
                 [&](const wire::Lacking& lacking) { on_lacking(from, lacking, effects); },
                 [&](const wire::PartitionCopy& copy) { on_copy(copy, effects); },
                 [](const auto&) {},
             },
             body);
}

void Server::on_coordinator(const wire::Body& body, Effects<Job>& effects) {
  std::visit(Overloaded{
                 [&](const wire::Welcome& welcome) { on_welcome(welcome, effects); },
                 [&](const wire::Refused& refused) {
                   effects.exit = Exit{ExitCode::user_error, refused.reason, true};
                 },
                 [&](const wire::Rejoin&) { membership_.rejoin(now_); },
                 [&](const wire::Plan& plan) { on_plan(plan, effects); },
                 [&](const wire::Restore& restore) { on_restore(restore, effects); },
                 [&](const wire::CommitStep& commit) { on_commit(commit, effects); },
                 [&](const wire::CutKnown& known) {
                   const auto cut = cuts_.find(known.step);
                   if (known.timeline == timeline_ && cut != cuts_.end() && cut->second.jobs == 0) {
                     cuts_.erase(cut);
                   }
                 },
                 [&](const wire::Released&) {
                   // Not what an earlier life of ours in the run asked for.
                   if (!leaving_) return;
                   effects.exit = Exit{ExitCode::done, "released by the coordinator"};
                 },
                 [&](const wire::Finish& finish) {
                   effects.send(kCoordinator,
                                wire::Goodbye{});  // So that it need not say it again.
                   effects.exit = Exit{exit_code_of(finish.ending), finish.reason};
                 },
                 [](const auto&) {},
             },
             body);
}

// ---- joining and restoring ----------------------------------------------------------------------

void Server::on_welcome(const wire::Welcome& welcome, Effects<Job>& effects) {
  // A coordinator that greets a member has forgotten it: it was silent for too long, or the
  // coordinator is new.
  if (membership_.state() == Membership::State::member) membership_.rejoin(now_);
  if (membership_.state() != Membership::State::greeting) return;
  auto run = run_from_json(welcome.run_json);
  if (!run) {
    effects.exit = Exit{ExitCode::user_error, run.error().message, true};
    return;
  }
  if (membership_.welcomed(welcome, *run, now_) == Membership::Load::not_needed) {
    return;
  }
  reset();
  run_ = std::make_shared<const RunConfig>(std::move(*run));
  fingerprint_ = fingerprint_of_run(welcome.run_json, welcome.checkpoints);
  effects.jobs.push_back(ServerLoad{run_, welcome.family, welcome.checkpoints, fingerprint_});
}

void Server::on_restore(const wire::Restore& restore, Effects<Job>& effects) {
  membership_.planned();
  if (run_ == nullptr || restore.timeline < timeline_) return;
  if (restore.timeline == timeline_ && state_ != State::joining) {  // A repeat.
    if (state_ == State::serving) effects.send(kCoordinator, wire::Restored{timeline_, ""});
    return;
  }
  drop_copies();
  timeline_ = restore.timeline;
  state_ = State::restoring;
  applied_ = restore.commit.step;
  commits_ = {restore.commit};
  change_copies();
  fault_.reset();
  for (const Parked& parked : parked_) effects.send(parked.from, wire::Stale{timeline_});
  parked_.clear();
  effects.jobs.push_back(
      ServerRestore{run_, timeline_, restore.commit.step, restore.partitions, restore.files});
}

void Server::on_outcome(ServerOutcome outcome, Effects<Job>& effects) {
  std::visit(
      Overloaded{
          [&](ServerLoaded& loaded) {
            if (!loaded.error.empty()) {
              effects.exit = Exit{ExitCode::user_error, loaded.error, true};
            } else {
              membership_.loaded(loaded.canary, loaded.blas_version, now_);
              if (loaded.recovered != nullptr && state_ == State::joining) {
                on_recovered(*loaded.recovered);
                membership_.rejoin(now_);  // With what we hold.
              }
            }
          },
          [&](ServerRestored& restored) {
            if (restored.timeline != timeline_ || state_ != State::restoring) return;
            if (!restored.error.empty()) {
              state_ = State::joining;  // Another Restore, perhaps of other files, may follow.
              timeline_ -= 1;
              effects.send(kCoordinator,
                           wire::Restored{restored.timeline, restored.error, restored.may_pass});
              return;
            }
            for (auto& tables : restored.tables) {
              const PartitionId id = tables->partition();
              partitions_.try_emplace(id, *run_, std::move(tables), applied_);
            }
            state_ = State::serving;
            begin_step();
            membership_.made_progress();
            effects.send(kCoordinator, wire::Restored{timeline_, ""});
          },
          [&](ServerBased& based) { on_based(based, effects); },
          [&](ServerLogged& logged) { on_logged(logged, effects); },
          [&](ServerCutDone& ended) {
            const auto found = cuts_.find(ended.done.step);
            if (ended.done.timeline != timeline_ || found == cuts_.end()) return;
            OpenCut& cut = found->second;
            wire::CutDone& done = cut.done;
            const wire::CutDone& more = ended.done;
            done.files.insert(done.files.end(), more.files.begin(), more.files.end());
            done.unchanged.insert(done.unchanged.end(), more.unchanged.begin(),
                                  more.unchanged.end());
            if (done.error.empty()) done.error = more.error;
            if (--cut.jobs == 0) effects.send(kCoordinator, done);
            membership_.made_progress();
          },
      },
      outcome);
}

void Server::reset() {
  drop_copies();
  state_ = State::joining;
  timeline_ = 0;
  parked_.clear();
  plan_ = {};
  formers_.clear();
  fault_.reset();
}

// What a coordinator that does not know us has to hear (R13).
void Server::hold(wire::Held& held) const {
  if (state_ != State::serving) return;
  held.plan = plan_;
  held.timeline = timeline_;
  if (partitions_.empty()) return;
  held.commits = commits_;
  if (is_relaxed(*run_)) held.floor = floor();
  held.promised = promised_;
  held.formers = formers_;
  for (const auto& [id, partition] : partitions_) {
    held.partitions.push_back(id);
    if (partition.prepared()) held.prepared.push_back(id);
  }
}

void Server::remember(const std::vector<Commit>& commits) {
  commits_.insert(commits_.end(), commits.begin(), commits.end());
  if (commits_.size() > options_.commits_max) {
    commits_.erase(commits_.begin(),
                   commits_.end() - static_cast<std::ptrdiff_t>(options_.commits_max));
  }
}

// ---- pull ---------------------------------------------------------------------------------------

void Server::on_pull(MemberId from, const wire::Pull& pull, Effects<Job>& effects) {
  if (pull.timeline > timeline_ || state_ != State::serving) return;  // Asked again after silence.
  if (pull.timeline < timeline_) {
    effects.send(from, wire::Stale{timeline_});
    return;
  }
  if (is_relaxed(*run_)) return on_relaxed_pull(from, pull, effects);
  if (pull.version < applied_) {
    effects.send(from, wire::Passed{pull.request, timeline_, applied_});
    return;
  }
  if (const std::string fault = fault_in(*run_, pull); !fault.empty()) {
    effects.send(from, wire::MalformedReply{fault});
    return;
  }
  if (!holds_all(pull)) return;  // One of us has an older plan; asked again with a newer one.
  if (pull.version == applied_) {
    answer(from, pull, now_, effects);
    return;
  }
  park(from, pull, unpark(from, pull));
  // Also to one that is further: the others may have gone on before we came back with an older
  // disk.
  if (pull.again) effects.send(from, wire::Missing{timeline_, applied_ + 1, missing()});
}

Time Server::unpark(MemberId from, const wire::Pull& pull) {
  const auto first = std::find_if(parked_.begin(), parked_.end(), [&](const Parked& parked) {
    return parked.from == from && parked.pull.request == pull.request;
  });
  if (first == parked_.end()) return now_;
  const Time since = first->since;
  parked_.erase(first);
  return since;
}

void Server::park(MemberId from, const wire::Pull& pull, Time since) {
  if (parked_.size() < options_.parked_max) {
    parked_.push_back({from, pull, since});
  } else if (options_.counters != nullptr) {
    options_.counters->pulls_refused += 1;
  }
}

void Server::answer(MemberId to, const wire::Pull& pull, Time since, Effects<Job>& effects) {
  if (options_.counters != nullptr) {
    options_.counters->pulls += 1;
    options_.counters->pull_wait.add(now_ - since);
  }
  wire::Values values{pull.request, timeline_, pull.version, {}, clocks_of(pull.leaves)};
  for (const PartitionId id : pull.dense) {
    for (const DenseBlock& block : partitions_.at(id).tables().dense()) {
      values.sections.push_back({.node = {},
                                 .partition = id,
                                 .table = block.table,
                                 .block = block.block,
                                 .keys = {},
                                 .values = block.weights});
      traffic_[id] += block.weights.size();
    }
  }
  for (const wire::Section& asked : pull.keys) {
    const auto keys = asked.keys.as<Key>();
    const std::size_t width = floats_of(run_->tables[index(asked.table)]);
    std::vector<float> rows(keys.size() * width);
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const auto owner = partitions_.find(partition_of(asked.table, keys[i], run_->partitions));
      traffic_[owner->first] += sizeof(Key) + width * sizeof(float);
      owner->second.tables().read_row(asked.table, keys[i],
                                      std::span(rows).subspan(i * width, width));
    }
    values.sections.push_back({.node = {},
                               .partition = {},
                               .table = asked.table,
                               .block = 0,
                               .keys = {},
                               .values = Bytes::own(std::move(rows))});
  }
  effects.send(to, std::move(values));
}

void Server::answer_parked(Effects<Job>& effects) {
  std::vector<Parked> waiting;
  for (Parked& parked : parked_) {
    if (parked.pull.version == applied_) {
      if (holds_all(parked.pull)) answer(parked.from, parked.pull, parked.since, effects);
    } else {
      waiting.push_back(std::move(parked));
    }
  }
  parked_ = std::move(waiting);
}

ServerGauges Server::gauges() const {
  ServerGauges gauges{.partitions = partitions_.size(),
                      .parked_pulls = parked_.size(),
                      .buffered_bytes = buffered_bytes_,
                      .open_cuts = cuts_.size(),
                      .table_bytes = 0};
  for (const auto& [id, partition] : partitions_) gauges.table_bytes += partition.tables().bytes();
  return gauges;
}

// ---- what is here -------------------------------------------------------------------------------

bool Server::holds(TableId table, Key key) const {
  return partitions_.contains(partition_of(table, key, run_->partitions));
}

bool Server::holds_all(const wire::Pull& pull) const {
  return std::all_of(pull.dense.begin(), pull.dense.end(),
                     [&](PartitionId id) { return partitions_.contains(id); }) &&
         std::all_of(pull.keys.begin(), pull.keys.end(), [&](const wire::Section& section) {
           const auto keys = section.keys.as<Key>();
           return std::all_of(keys.begin(), keys.end(),
                              [&](Key key) { return holds(section.table, key); });
         });
}

}  // namespace ballast

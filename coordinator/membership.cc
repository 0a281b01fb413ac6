// The coordinator's dealings with members: who may join, who is taken for lost.

#include <algorithm>
#include <utility>

#include "common/job/run_json.h"
#include "common/math/blas.h"
#include "common/runtime/membership.h"
#include "coordinator/coordinator.h"

namespace ballast {

void Coordinator::refuse(MemberId who, const std::string& reason, Effects<Job>& effects) {
  effects.note(NoteLevel::warning, "refused " + name(who) + ": " + reason);
  effects.send(who, wire::Refused{reason});
  members_.erase(who);
}

void Coordinator::on_hello(MemberId from, const wire::Hello& hello, Effects<Job>& effects) {
  const auto [entry, fresh] = members_.try_emplace(from);
  Member& member = entry->second;
  member.heard = now_;
  keep_held(member, hello);
  if (!fresh) {  // Our answer was lost, or its connection broke.
    answer_hello(from, effects);
    return;
  }
  member.role = hello.role;
  member.endpoint = hello.endpoint;
  member.host = hello.host;
  member.families = hello.families;
  if (hello.protocol != wire::kProtocol || hello.version != options_.version) {
    refuse(from,
           "the coordinator is Ballast " + options_.version + " (protocol " +
               std::to_string(wire::kProtocol) + ") and this member is " + hello.version +
               " (protocol " + std::to_string(hello.protocol) +
               "); run the same version everywhere",
           effects);
    return;
  }
  if (hello.role == wire::Role::coordinator || hello.families.empty()) {
    refuse(from, "it is neither a worker nor a server with a CPU that can run this (AVX2)",
           effects);
    return;
  }
  answer_hello(from, effects);
  if (!family_) choose_family(effects);
}

// What it holds of another run, or of this one in another store, is none of our business.
void Coordinator::keep_held(Member& member, const wire::Hello& hello) {
  member.held.reset();
  if (!hello.held || hello.held->run != fingerprint_) return;
  if (state_ != State::gathering && state_ != State::claiming) return;
  member.held = hello.held;
  if (!family_) {  // Whatever it holds was computed with it.
    family_ = hello.held->family;
    canary_ = hello.held->canary;
    blas_version_ = hello.held->blas_version;
  }
  if (hello.held->plan.number != 0 && gather_until_ == Time{}) {
    // Those who did not see the connection close say so with a heartbeat.
    gather_until_ = now_ + return_within() + 2 * seconds(run_.cluster.heartbeat_seconds);
  }
}

// Before the family is fixed there is nothing to welcome with; the answer shows that we live.
void Coordinator::answer_hello(MemberId who, Effects<Job>& effects) {
  if (family_) {
    welcome(who, effects);
  } else {
    effects.send(who, wire::Heartbeat{});
  }
}

// Everybody who is announced is heard before the family is fixed, so that it is one that all can
// run; it stays for the whole run and is kept in every checkpoint.
void Coordinator::choose_family(Effects<Job>& effects) {
  if (state_ == State::claiming) return;
  if (!family_) {
    const auto count = [&](wire::Role role) {
      return static_cast<std::size_t>(
          std::count_if(members_.begin(), members_.end(),
                        [&](const auto& entry) { return entry.second.role == role; }));
    };
    if (!is_enough(count(wire::Role::server), count(wire::Role::worker))) return;
    for (const KernelFamily family : members_.begin()->second.families) {
      const bool common = std::all_of(members_.begin(), members_.end(), [&](const auto& entry) {
        const auto& families = entry.second.families;
        return std::find(families.begin(), families.end(), family) != families.end();
      });
      if (common) {
        family_ = family;
        break;
      }
    }
    if (!family_) {
      finish({ExitCode::user_error,
              "the members' CPUs have no kernel family in common; leave out the odd one"},
             effects);
      return;
    }
  }
  std::vector<MemberId> greeted;
  for (const auto& [id, member] : members_) {
    if (!member.ready) greeted.push_back(id);
  }
  for (const MemberId id : greeted) welcome(id, effects);
}

void Coordinator::welcome(MemberId who, Effects<Job>& effects) {
  const auto& families = members_.at(who).families;
  if (std::find(families.begin(), families.end(), *family_) == families.end()) {
    refuse(
        who,
        "this run computes with the kernel family " + to_string(*family_) +
            ", which this CPU cannot run; start the run with cluster.kernel: haswell to mix CPUs",
        effects);
    return;
  }
  effects.send(who, wire::Welcome{.run_json = run_to_json(run_),
                                  .family = *family_,
                                  .checkpoints = options_.checkpoints});
}

void Coordinator::on_ready(MemberId from, const wire::Ready& ready, Effects<Job>& effects) {
  Member& member = members_.at(from);
  if (member.ready) {
    if (state_ == State::training) {
      effects.send(from, plan_);
    } else {
      effects.send(from, wire::Heartbeat{});
    }
    return;
  }
  if (canary_ && *canary_ != ready.canary) {  // R5
    refuse(from,
           "its arithmetic differs from this run's: canary " + std::to_string(ready.canary) +
               " with " + ready.blas_version + ", expected " + std::to_string(*canary_) + " with " +
               blas_version_ + "; use the same OpenBLAS build and kernel family",
           effects);
    return;
  }
  canary_ = ready.canary;
  blas_version_ = ready.blas_version;
  member.ready = true;
  progressed_ = now_;
  // What it kept before it came is counted on only when the run is taken over with it.
  member.named_since = state_ == State::training ? plan_.number + 1 : 0;
  effects.note(NoteLevel::info, name(from) + " joined");
  if (state_ == State::gathering) {
    begin_when_enough(effects);
  } else if (state_ == State::training) {
    if (member.role == wire::Role::worker) {
      new_plan(effects);
    } else {
      effects.send(from, plan_);
      may_improve_ = true;
      rebalance(effects);
    }
  }
}

void Coordinator::on_lost(MemberId who, const std::string& why, Return may_return,
                          Effects<Job>& effects) {
  const auto lost = members_.find(who);
  if (lost == members_.end() || state_ == State::over) return;
  const bool ready = lost->second.ready;
  const wire::Role role = lost->second.role;
  effects.note(ready ? NoteLevel::warning : NoteLevel::info, "lost " + name(who) + ": " + why);
  members_.erase(lost);
  if (!ready) return;
  if (may_return == Return::possible && options_.counters != nullptr) {
    const bool is_server = role == wire::Role::server;
    ++(is_server ? options_.counters->lost_servers : options_.counters->lost_workers);
  }
  if (role == wire::Role::worker) {
    if (state_ == State::training) new_plan(effects);
    return;
  }
  if (state_ == State::gathering) return;  // Others may yet come back with what it kept.
  const bool running = state_ == State::restoring || state_ == State::training;
  const std::vector<MemberId> all = holders();
  if (!running || std::find(all.begin(), all.end(), who) == all.end()) return;
  if (state_ == State::training) {
    if (survive(who, effects)) return;
    if (may_return == Return::never) gone_.insert(who);
    regather("it kept the only copies of some partitions", effects);
    return;
  }
  // Nobody has a complete version of this timeline: another one.
  forget_step();
  state_ = State::claiming;
  progressed_ = now_;
  effects.jobs.push_back(ClaimTimeline{term_});
}

// What was known of the step under way and of who keeps what.
void Coordinator::forget_step() {
  prepared_.clear();
  late_workers_.clear();
  assisted_.clear();
  counted_.clear();
  figures_.reset();
  since_line_ = {};
  evaluation_.reset();
  watched_.reset();
  cut_lines_.reset();
  cuts_.clear();
  end_again_.reset();
  placement_ = {};
  since_.clear();
  in_step_.clear();
}

// Whatever a leaving worker has pushed still counts; what it has not is computed by those who stay,
// so it may go at once (R9). A server goes when others have copies of all that it keeps.
void Coordinator::on_goodbye(MemberId from, Effects<Job>& effects) {
  Member& member = members_.at(from);
  if (member.role == wire::Role::server && member.ready && state_ == State::training) {
    member.leaving = true;
    may_improve_ = true;
    rebalance(effects);
    const std::vector<MemberId> all = holders();
    const bool keeps = std::find(all.begin(), all.end(), from) != all.end();
    // Alone it has nobody to hand over to: the run goes back to its last checkpoint.
    const std::vector<MemberId> servers = ready_members(wire::Role::server);
    const bool alone = std::all_of(servers.begin(), servers.end(),
                                   [&](MemberId id) { return members_.at(id).leaving; });
    if (keeps && !alone) return;
  }
  effects.send(from, wire::Released{});
  on_lost(from, "it said goodbye", Return::never, effects);
}

void Coordinator::expire(Effects<Job>& effects) {
  const Duration silence = seconds(run_.cluster.silence_seconds);
  std::vector<MemberId> silent;
  for (const auto& [id, member] : members_) {
    if (now_ - member.heard >= silence) silent.push_back(id);
  }
  for (const MemberId id : silent) {
    on_lost(id, "silent for " + std::to_string(silence / std::chrono::seconds(1)) + " s",
            Return::possible, effects);
  }
}

}  // namespace ballast

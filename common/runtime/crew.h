#pragma once

// A process in a fleet: a server takes part in several runs of a job at once, a worker is moved
// from one to the next. A Crew holds one machine per run, each the same that serves a run alone,
// and is itself a machine. The coordinator's Fleet says which runs there should be.
//
//   enlisting --Orders--> serving {runs} --Orders: over--> (exit)
//                           |   ^
//          a run in Orders: its machine is made and greets that run's coordinator
//          not in Orders any more: it is asked to stop, drains, and goes when it exits
//
// Invariants
//   W1  Enlist is said every `beat`, at once when what we serve has changed, and tells all of it:
//       a coordinator that was restarted knows from it what it has to know.
//   W2  Orders are whole and numbered: the highest number counts, of the highest term. What is
//       lost, late or twice changes nothing.
//   W3  A run that ended here is taken up again only by Orders that are newer than those under
//       which it ended or was asked to leave. Each life of a run's machine has a number; jobs that
//       come back to another life than asked for them are dropped.
//   W4  Peers that several runs are connected to stay connected until the last one lets them go.
//
// Pure: see machine.h.

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "common/base/overloaded.h"
#include "common/runtime/machine.h"

namespace ballast {

// The run has left this process: what its jobs keep in memory can go and, where the run is over,
// on disk.
struct CloseRun {
  bool is_over = false;
};
struct RunClosed {};

struct CrewOptions {
  wire::Enlist enlist;
  std::string coordinator;                          // Endpoint, for messages to people.
  Duration retry = std::chrono::milliseconds(500);  // Enlist, until there are Orders, ...
  Duration beat = std::chrono::seconds(1);          // ... and then.
  Duration loud = std::chrono::seconds(10);         // Between notices of a wait.
  Duration give_up = std::chrono::seconds(0);       // Never heard for so long: exit; 0: never.
};

template <class Machine>
class Crew {
 public:
  using Life = std::uint64_t;
  struct Job {
    RunId run{};
    Life life = 0;
    std::variant<typename Machine::Job, CloseRun> work;
  };
  struct Outcome {
    RunId run{};
    Life life = 0;
    std::variant<typename Machine::Outcome, RunClosed> result;
  };
  // A machine for a run. Of a process the lives count up: what machines number for others, such as
  // their requests, must not be the same in two lives.
  using Make = std::function<std::unique_ptr<Machine>(RunId run, Life life)>;

  Crew(CrewOptions options, Make make) : options_(std::move(options)), make_(std::move(make)) {}

  void step(Time now, Input<Outcome> input, Effects<Job>& effects) {
    now_ = now;
    if (!began_) began_ = now;
    std::visit(Overloaded{
                   [&](Received& received) { on_message(std::move(received.message), effects); },
                   [&](Disconnected& lost) {
                     if (lost.peer == kCoordinator) next_enlist_ = now;
                     for (const RunId run : runs()) give(run, Disconnected{lost.peer}, effects);
                   },
                   [&](Tick&) {},
                   [&](StopAsked&) { leave(effects); },
                   [&](Done<Outcome>& done) { on_outcome(std::move(done.outcome), effects); },
               },
               input);
    for (const RunId run : runs()) {
      if (served_.at(run).wake_at <= now) give(run, Tick{}, effects);
    }
    end_when_left(effects);
    enlist_when_due(effects);
    effects.term = term_;
    effects.wake_at = next_enlist_;
    for (const auto& [run, served] : served_) {
      effects.wake_at = std::min(*effects.wake_at, served.wake_at);
    }
  }

  [[nodiscard]] std::vector<RunId> runs() const {
    std::vector<RunId> runs;
    for (const auto& [run, served] : served_) runs.push_back(run);
    return runs;
  }
  // Whether the coordinator has said something within `silence`: the process is part of its fleet.
  [[nodiscard]] bool is_heard(Duration silence) const {
    return heard_ && now_ - *heard_ <= silence;
  }
  [[nodiscard]] bool serves(RunId run) const { return served_.contains(run); }
  // REQUIRES: it serves the run.
  [[nodiscard]] const Machine& machine(RunId run) const { return *served_.at(run).machine; }

 private:
  struct Served {
    std::unique_ptr<Machine> machine;
    Life life = 0;
    Time wake_at{};
    std::set<MemberId> peers;              // That it is connected to.
    std::optional<std::uint64_t> left_by;  // The orders by which it was asked to stop.
  };

  void on_message(wire::Message message, Effects<Job>& effects) {
    if (message.run != kFleet) {
      const RunId run = message.run;
      if (message.from == kCoordinator) heard_ = now_;
      if (served_.contains(run)) give(run, Received{std::move(message)}, effects);
      return;
    }
    if (const auto* const reply = std::get_if<wire::MalformedReply>(&message.body)) {
      effects.note(NoteLevel::warning, "a peer could not read us: " + reply->reason);
    }
    if (message.from != kCoordinator || message.term < term_) return;
    heard_ = now_;
    if (message.term > term_) {
      term_ = message.term;
      orders_ = {};
    }
    if (const auto* const refused = std::get_if<wire::Refused>(&message.body)) {
      effects.exit = Exit{ExitCode::user_error, refused->reason, true};
    }
    if (auto* const orders = std::get_if<wire::Orders>(&message.body)) {
      follow(std::move(*orders), effects);
    }
  }

  void follow(wire::Orders orders, Effects<Job>& effects) {
    if (orders_ && orders.number < orders_->number) return;
    orders_ = std::move(orders);
    if (orders_->over) {
      say_enlist(true, effects);
      effects.exit = Exit{exit_code_of(orders_->over->ending), orders_->over->reason};
      return;
    }
    if (leaving_) return;
    const std::set<RunId> wanted(orders_->runs.begin(), orders_->runs.end());
    for (const RunId run : runs()) {
      if (!wanted.contains(run)) ask_to_stop(run, effects);
    }
    for (const RunId run : wanted) {
      const auto ended = ended_.find(run);
      const bool is_old = ended != ended_.end() && orders_->number <= ended->second;
      if (!served_.contains(run) && !is_old) begin(run, effects);
    }
  }

  void begin(RunId run, Effects<Job>& effects) {
    Served& served = served_[run];
    served.life = ++lives_;
    served.machine = make_(run, served.life);
    next_enlist_ = now_;
    give(run, Tick{}, effects);
  }

  void ask_to_stop(RunId run, Effects<Job>& effects) {
    std::optional<std::uint64_t>& left_by = served_.at(run).left_by;
    if (left_by) return;
    left_by = orders_ ? orders_->number : 0;
    give(run, StopAsked{}, effects);
  }

  void leave(Effects<Job>& effects) {
    leaving_ = true;
    next_enlist_ = now_;
    for (const RunId run : runs()) ask_to_stop(run, effects);
  }

  void on_outcome(Outcome outcome, Effects<Job>& effects) {
    auto* const result = std::get_if<typename Machine::Outcome>(&outcome.result);
    const auto served = served_.find(outcome.run);
    if (result == nullptr || served == served_.end() || served->second.life != outcome.life) return;
    give(outcome.run, Done<typename Machine::Outcome>{std::move(*result)}, effects);
  }

  // Steps the machine of a run, and makes what follows ours.
  void give(RunId run, Input<typename Machine::Outcome> input, Effects<Job>& effects) {
    const auto served = served_.find(run);
    if (served == served_.end()) return;
    Served& of = served->second;
    Effects<typename Machine::Job> inner;
    of.machine->step(now_, std::move(input), inner);
    for (const MemberId peer : inner.disconnections) {
      of.peers.erase(peer);
      let_go(peer, effects);
    }
    for (Connection& connection : inner.connections) {
      of.peers.insert(connection.peer);
      std::erase(effects.disconnections, connection.peer);
      effects.connections.push_back(std::move(connection));
    }
    for (Send& send : inner.sends) {
      effects.sends.push_back({send.to, std::move(send.body), run, inner.term});
    }
    for (auto& job : inner.jobs) effects.jobs.push_back({run, of.life, std::move(job)});
    for (Note& note : inner.notes) {
      note.run = run;
      note.step = of.machine->at_step();
      effects.notes.push_back(std::move(note));
    }
    of.wake_at = inner.wake_at.value_or(Time::max());
    if (inner.exit) on_exit(run, std::move(*inner.exit), effects);
  }

  // Disconnections come before connections: a peer that was connected in this very step stays.
  void let_go(MemberId peer, Effects<Job>& effects) const {
    const bool needed = std::any_of(served_.begin(), served_.end(), [&](const auto& entry) {
      return entry.second.peers.contains(peer);
    });
    if (needed) return;
    effects.disconnections.push_back(peer);
    // Last words of a machine that goes have nowhere to go.
    std::erase_if(effects.sends, [&](const Send& send) { return send.to == peer; });
  }

  void on_exit(RunId run, Exit exit, Effects<Job>& effects) {
    const Served served = std::move(served_.at(run));
    served_.erase(run);
    for (const MemberId peer : served.peers) let_go(peer, effects);
    // Who was asked to leave is let go with the same code, and others go on.
    const bool is_over = exit.code == ExitCode::done && !served.left_by;
    effects.jobs.push_back({run, served.life, CloseRun{is_over}});
    ended_[run] = served.left_by.value_or(orders_ ? orders_->number : 0);
    next_enlist_ = now_;
    if (exit.of_process) {
      effects.exit = std::move(exit);
    } else {
      last_ = std::move(exit);
    }
  }

  void end_when_left(Effects<Job>& effects) {
    if (!leaving_ || !served_.empty() || effects.exit) return;
    say_enlist(true, effects);
    effects.exit = last_.value_or(Exit{ExitCode::interrupted, "stopped before joining a run"});
  }

  void enlist_when_due(Effects<Job>& effects) {
    if (effects.exit) return;
    if (!heard_ && options_.give_up > Duration::zero() && now_ - *began_ >= options_.give_up) {
      effects.exit = Exit{ExitCode::user_error,
                          "no coordinator answers at " + options_.coordinator + " for " +
                              std::to_string((now_ - *began_) / std::chrono::seconds(1)) +
                              " s; check the address, that it runs, and that both have "
                              "keys of one making, or neither has any",
                          true};
      return;
    }
    if (now_ < next_enlist_) return;
    say_enlist(leaving_, effects);
    next_enlist_ = now_ + (orders_ ? options_.beat : options_.retry);
    say_wait(effects);
  }

  void say_enlist(bool leaving, Effects<Job>& effects) const {
    wire::Enlist enlist = options_.enlist;
    enlist.runs = runs();
    enlist.leaving = leaving;
    effects.sends.push_back({kCoordinator, std::move(enlist), kFleet, term_});
  }

  // What is waited for within a run its machine says.
  void say_wait(Effects<Job>& effects) {
    if (!served_.empty()) {
      idle_since_.reset();
      return;
    }
    if (!idle_since_) idle_since_ = noticed_ = now_;
    if (now_ - noticed_ < options_.loud) return;
    noticed_ = now_;
    const bool silent = !heard_ || now_ - *heard_ >= options_.loud;
    effects.note(
        silent ? NoteLevel::warning : NoteLevel::info,
        "waiting for the coordinator at " + options_.coordinator +
            (silent ? ", which does not answer, since " : " to give it a part in a run since ") +
            std::to_string((now_ - *idle_since_) / std::chrono::seconds(1)) + " s");
  }

  const CrewOptions options_;
  const Make make_;
  Time now_{};
  std::optional<Time> began_;
  std::optional<Time> heard_;  // The coordinator, in whatever run.
  Term term_ = 0;              // The highest that we have heard the fleet's coordinator have.
  std::optional<wire::Orders> orders_;
  std::map<RunId, Served> served_;
  std::map<RunId, std::uint64_t> ended_;  // Under which orders; a number per run of the job.
  Life lives_ = 0;
  Time next_enlist_{};
  std::optional<Time> idle_since_;
  Time noticed_{};
  bool leaving_ = false;
  std::optional<Exit> last_;  // Of the run that ended last.
};

}  // namespace ballast

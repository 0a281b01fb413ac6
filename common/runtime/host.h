#pragma once

// A Host runs one machine on one thread: it turns what happens (messages, closed connections, time,
// finished jobs, a wish to stop) into inputs, and does what the machine answers. The contract of
// inputs and effects is machine.h; this file adds nothing to it but the real world.
//
// Sockets are served on the machine's own thread, because each hop to another thread costs 20-28
// us; jobs run on a pool. Several hosts may live in one process, each in a thread that calls run().
//
// What peers send never ends a host: frames that cannot be read are counted, logged and answered
// with MalformedReply, at most once per peer and minute. Links that are refused are logged as
// rarely.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "common/base/check.h"
#include "common/math/kernels.h"
#include "common/net/transport.h"
#include "common/observe/log.h"
#include "common/runtime/loop.h"
#include "common/runtime/machine.h"
#include "common/runtime/pool.h"
#include "common/wire/codec.h"

namespace ballast {

struct HostCounters {
  std::uint64_t steps = 0;
  std::uint64_t malformed = 0;    // Messages that could not be read.
  std::uint64_t unconnected = 0;  // Connections that could not be made.
  std::uint64_t jobs_given = 0;
  std::uint64_t jobs_done = 0;  // Of them; what lies between waits, or is being worked on.
};

[[nodiscard]] inline LogLevel to_log_level(NoteLevel level) {
  switch (level) {
    case NoteLevel::debug:
      return LogLevel::debug;
    case NoteLevel::info:
      return LogLevel::info;
    case NoteLevel::warning:
      return LogLevel::warning;
    case NoteLevel::error:
      break;
  }
  return LogLevel::error;
}

template <class Machine>
class Host {
 public:
  using Job = typename Machine::Job;
  using Outcome = typename Machine::Outcome;
  using Executor = std::function<Outcome(Job&&)>;

  struct Options {
    MemberId self{};
    std::string role{};  // For the log.
    unsigned threads = 1;
    // What thread `thread` of the pool does with a job. Called for each thread, one after another,
    // by the constructor.
    std::function<Executor(unsigned thread)> make_executor{};
    // Jobs of one lane are done one after another; unset: each by whichever thread is free.
    std::function<std::size_t(const Job&)> lane_of{};
    // Called on the machine's thread after every step; for showing progress.
    std::function<void(const Machine&)> after_step{};
    wire::Limits limits{};
    int batch_max = 64;  // Messages in a row before alarms and outcomes have their turn.
    Duration complaint_interval = std::chrono::minutes(1);
  };

  // The transport is bound and connected as far as the machine takes for granted. Everything given
  // by reference outlives the host.
  Host(Machine& machine, Transport& transport, Log& log, Options options)
      : machine_(machine),
        transport_(transport),
        log_(log),
        options_(std::move(options)),
        source_{options_.role, options_.self},
        pool_(
            make_executors(), [this] { loop_.post([this] { on_outcomes(); }); }, options_.lane_of) {
  }

  // Runs the machine until it exits. Once.
  [[nodiscard]] Exit run() {
    pin_floating_point_mode();
    loop_.watch(transport_.descriptor(), [this] { on_readable(); });
    step(Tick{});
    on_readable();
    if (!exit_) loop_.run();
    return *exit_;
  }

  // Asks the machine to stop; it may take its time. Any thread, any number of times.
  void stop() {
    loop_.post([this] {
      step(StopAsked{});
      on_readable();
    });
  }

  // What something came to that goes on by itself, such as a process. Any thread.
  void give(Outcome outcome) {
    loop_.post([this, outcome = std::move(outcome)]() mutable {
      step(Done<Outcome>{std::move(outcome)});
      on_readable();
    });
  }

  // REQUIRES: the machine's thread, or run() has returned.
  [[nodiscard]] const HostCounters& counters() const { return counters_; }

 private:
  // ---- what happens -----------------------------------------------------------------------------

  // Takes what the transport has. Called after everything else too, since a send may notice what
  // the descriptor will then not announce.
  void on_readable() {
    for (int i = 0; i < options_.batch_max; ++i) {
      if (exit_) return;
      std::optional<TransportEvent> event = transport_.next();
      if (!event) {
        complain_about_strangers();
        return;
      }
      if (auto* const delivery = std::get_if<Delivery>(&*event)) {
        on_delivery(*delivery);
      } else if (const auto* const closed = std::get_if<PeerClosed>(&*event)) {
        step(Disconnected{closed->peer});
      } else {
        on_refused(std::get<LinkRefused>(*event));
      }
    }
    if (std::exchange(is_posted_, true)) return;
    loop_.post([this] {
      is_posted_ = false;
      on_readable();
    });
  }

  void on_delivery(const Delivery& delivery) {
    Result<wire::Message> message = wire::decode(delivery.frames, options_.limits);
    if (!message) return on_malformed(delivery.from, message.error().message);
    if (message->from != delivery.from) {
      return on_malformed(delivery.from, "malformed message: it says it is from " +
                                             to_string(message->from) + " and came from " +
                                             to_string(delivery.from));
    }
    step(Received{std::move(*message)});
  }

  // The machine is not told: to it, a peer that cannot be reached is a silent one.
  void on_refused(const LinkRefused& refused) {
    if (!may_complain(Complaint::refused, refused.peer.value_or(options_.self), refused.reason)) {
      return;
    }
    log_.write(
        LogLevel::warning, source_,
        refused.why + " (refusals so far: " + std::to_string(transport_.counters().refused) + ")");
  }

  void on_outcomes() {
    for (Outcome& outcome : pool_.take()) {
      if (exit_) return;
      counters_.jobs_done += 1;
      step(Done<Outcome>{std::move(outcome)});
    }
    on_readable();
  }

  void on_malformed(MemberId peer, const std::string& reason) {
    counters_.malformed += 1;
    if (!may_complain(Complaint::malformed, peer)) return;
    log_.write(LogLevel::warning, source_, "dropped what " + to_string(peer) + " sent: " + reason);
    send(peer, {options_.self, wire::MalformedReply{reason}, term_});
  }

  // ---- stepping ---------------------------------------------------------------------------------

  void step(Input<Outcome> input) {
    if (exit_) return;
    counters_.steps += 1;
    Effects<Job> effects;
    machine_.step(now(), std::move(input), effects);
    perform(effects);
    if (options_.after_step) options_.after_step(machine_);
  }

  void perform(Effects<Job>& effects) {
    term_ = effects.term;
    for (const MemberId peer : effects.disconnections) transport_.disconnect(peer);
    for (const Connection& connection : effects.connections) connect(connection);
    for (Send& message : effects.sends) {
      send(message.to, {options_.self, std::move(message.body), message.term.value_or(effects.term),
                        message.run});
    }
    counters_.jobs_given += effects.jobs.size();
    for (Job& job : effects.jobs) pool_.give(std::move(job));
    for (const Note& note : effects.notes) {
      log_.write(to_log_level(note.level), source_, note.text,
                 {.run = note.run, .step = note.step});
    }
    if (effects.wake_at) {
      loop_.wake_at(*effects.wake_at, [this] {
        step(Tick{});
        on_readable();
      });
    }
    if (effects.exit) {
      exit_ = std::move(effects.exit);
      loop_.stop();
    }
  }

  void connect(const Connection& connection) {
    const Status connected = transport_.connect(connection.peer, connection.endpoint);
    if (connected) return;
    counters_.unconnected += 1;
    if (!may_complain(Complaint::unconnected, connection.peer)) return;
    log_.write(LogLevel::error, source_, connected.error().message);
  }

  void send(MemberId to, const wire::Message& message) {
    if (transport_.send(to, wire::encode(message)) == Sent::handed_over) return;
    if (!log_.shows(LogLevel::debug)) return;
    log_.write(LogLevel::debug, source_,
               std::string("lost a ") + wire::name_of(message.body) + " to " + to_string(to));
  }

  // ---- complaints -------------------------------------------------------------------------------

  [[nodiscard]] static Time now() { return std::chrono::steady_clock::now(); }

  enum class Complaint { malformed, unconnected, strangers, refused };

  // Of each peer each thing only now and then; what nobody in particular did counts as our own.
  bool may_complain(Complaint about, MemberId peer, Refusal reason = {}) {
    const Time time = now();
    const auto last = complained_.find({about, peer, reason});
    if (last != complained_.end() && time - last->second < options_.complaint_interval) {
      return false;
    }
    if (complained_.size() >= kComplaintsMax) complained_.clear();
    complained_[{about, peer, reason}] = time;
    return true;
  }

  void complain_about_strangers() {
    const std::uint64_t strangers = transport_.counters().strangers;
    if (strangers == strangers_) return;
    strangers_ = strangers;
    if (!may_complain(Complaint::strangers, options_.self)) return;
    log_.write(LogLevel::warning, source_,
               "dropped " + std::to_string(strangers) +
                   " messages so far from senders that are no members, or meant for another one");
  }

  [[nodiscard]] std::vector<Executor> make_executors() const {
    std::vector<Executor> executors;
    for (unsigned i = 0; i < options_.threads; ++i) executors.push_back(options_.make_executor(i));
    return executors;
  }

  static constexpr std::size_t kComplaintsMax = 1024;

  Machine& machine_;
  Transport& transport_;
  Log& log_;
  const Options options_;
  const LogSource source_;
  HostCounters counters_;
  std::optional<Exit> exit_;
  Term term_ = 0;  // The machine's, for what the host says itself.
  bool is_posted_ = false;
  std::uint64_t strangers_ = 0;
  std::map<std::tuple<Complaint, MemberId, Refusal>, Time> complained_;
  Loop loop_;
  Pool<Job, Outcome> pool_;  // Last: its threads end before what they call does.
};

// Where what goes on beside a host leaves its outcomes, whether the host is there yet, or any more.
// Any thread.
template <class Machine>
class Outlet {
 public:
  void lead_to(Host<Machine>* host) {
    const std::lock_guard lock(mutex_);
    host_ = host;
  }
  void give(typename Machine::Outcome outcome) {
    const std::lock_guard lock(mutex_);
    if (host_ != nullptr) host_->give(std::move(outcome));
  }

 private:
  std::mutex mutex_;
  Host<Machine>* host_ = nullptr;  // Guarded by mutex_.
};

}  // namespace ballast

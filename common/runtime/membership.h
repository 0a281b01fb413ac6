#pragma once

// How a server or a worker becomes and stays a member of a run: the part that both roles share.
//
//   greeting --Welcome--> loading --loaded()--> ready --Plan--> member
//      ^   |                                      ^               |
//      |   +--- Welcome to what is loaded already +               |
//      +---- Rejoin, or the connection closed --------------------+
//
// Invariants
//   M1  Hello and Ready are repeated until they are answered.
//   M2  Heartbeats go out from the Welcome on. A coordinator that was restarted knows nobody and
//       answers them with Rejoin; a silent one is announced loudly.
//   M3  Hello is said by whoever greets, never by a member: it would be taken for a new one that
//       greets, and wait for a Welcome that it passes over.
//   M4  A member that greets anew keeps what it holds and says so: only a Welcome to another run,
//       or another kernel family, makes it forget.
//   M5  Whoever has heard a coordinator listens to none of a lower term (R13).
//   M6  A member that gets nothing done for long says what it waits for: in its log, and to the
//       coordinator with its heartbeats.
//
// Pure; one machine owns it.

#include <cstdint>
#include <optional>
#include <string>

#include "common/base/ids.h"
#include "common/base/time.h"
#include "common/job/run.h"
#include "common/runtime/machine.h"
#include "common/wire/messages.h"

namespace ballast {

struct MembershipOptions {
  wire::Hello hello;
  std::string coordinator;  // Endpoint, for messages to people.
  Duration retry = std::chrono::milliseconds(500);
  Duration loud = std::chrono::seconds(10);    // Between repeated notices.
  Duration give_up = std::chrono::seconds(0);  // Never heard for so long: exit; 0: never.
};

class Membership {
 public:
  enum class State { greeting, loading, ready, member };

  explicit Membership(MembershipOptions options);

  // To be called once per step; says Hello, Ready, Heartbeat when due. `hold(held)` adds to a Hello
  // what the role keeps of the run; `wait()` says what the role waits for as a member, or "".
  template <class Job, class Hold, class Wait>
  void tick(Time now, Effects<Job>& effects, const Hold& hold, const Wait& wait) {
    Outbox out;
    tick(now, out);
    if (now - progressed_ >= options_.loud && (now >= next_wait_ || !out.sends.empty())) {
      say_wait(now, state_ == State::member ? wait() : joining(), out);
    }
    for (wire::Body& body : out.sends) {
      if (auto* const hello = std::get_if<wire::Hello>(&body); hello != nullptr && hello->held) {
        hold(*hello->held);
      }
      effects.send(kCoordinator, std::move(body));
    }
    effects.term = term_;
    for (Note& note : out.notes) effects.notes.push_back(std::move(note));
    if (out.exit) effects.exit = out.exit;
  }

  // For every message from a coordinator. False: of one whose time is over; not to be looked at.
  [[nodiscard]] bool heard(Term term, Time now);
  // Greets again: the coordinator does not know us, or may not.
  void rejoin(Time now);

  enum class Load { needed, not_needed };
  // Not needed: this run is loaded already, with this family, or is being loaded.
  // REQUIRES: state() is greeting.
  [[nodiscard]] Load welcomed(const wire::Welcome& welcome, const RunConfig& run, Time now);
  // The load that was needed last has succeeded.
  void loaded(std::uint64_t canary, std::string blas_version, Time now);
  void planned() {
    if (state_ != State::ready) return;
    state_ = State::member;
    has_progressed_ = true;
  }
  void made_progress() {
    ++progress_;
    has_progressed_ = true;
  }

  [[nodiscard]] State state() const { return state_; }
  // When tick() has something to do again.
  [[nodiscard]] Time next() const;

 private:
  struct Outbox {
    std::vector<wire::Body> sends;
    std::vector<Note> notes;
    std::optional<Exit> exit;
  };
  void tick(Time now, Outbox& out);
  [[nodiscard]] wire::Hello hello() const;
  void watch_silence(Time now, Outbox& out);
  [[nodiscard]] std::string joining() const;
  void say_wait(Time now, const std::string& what, Outbox& out);

  const MembershipOptions options_;
  State state_ = State::greeting;
  Term term_ = 0;
  std::optional<wire::Held>
      held_;  // Of the run that is loaded or being loaded: what we know of it.
  bool is_loaded_ = false;
  std::uint64_t progress_ = 0;
  bool has_progressed_ = true;  // Since the last tick.
  Time progressed_{};           // When it last got something done.
  Time next_wait_{};            // When to say again what it waits for.
  Duration heartbeat_ = std::chrono::seconds(1);
  Duration silence_ = std::chrono::seconds(10);
  std::optional<Time> heard_;
  std::optional<Time> noticed_;
  std::optional<Time> first_;
  Time next_send_{};
};

[[nodiscard]] Duration seconds(double value);

// By which a member and a coordinator see that they speak of the same run, with the same store.
[[nodiscard]] std::uint64_t fingerprint_of_run(const std::string& run_json,
                                               const std::string& checkpoints);

}  // namespace ballast

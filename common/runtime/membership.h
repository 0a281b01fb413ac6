#pragma once

// How a server or a worker becomes and stays a member of a run: the part that both roles share.
//
//   greeting --Welcome--> loading --loaded()--> ready --Plan--> member
//      ^                                                          |
//      +----------------------- Rejoin ---------------------------+
//
// Invariants
//   M1  Hello and Ready are repeated until they are answered.
//   M2  Heartbeats go out from the Welcome on. A coordinator that was restarted knows nobody and
//       answers them with Rejoin; a silent one is announced loudly.
//   M3  Hello is said by whoever greets, never by a member: it would be taken for a new one that
//       greets, and wait for a Welcome that it passes over.
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

  // To be called once per step, before anything else; says Hello, Ready, Heartbeat when due.
  template <class Job>
  void tick(Time now, Effects<Job>& effects) {
    Outbox out;
    tick(now, out);
    for (wire::Body& body : out.sends) effects.send(kCoordinator, std::move(body));
    for (Note& note : out.notes) effects.notes.push_back(std::move(note));
    if (out.exit) effects.exit = out.exit;
  }

  // Any message from the coordinator shows that it lives.
  void heard(Time now) { heard_ = now; }
  // REQUIRES: state() is greeting.
  void welcomed(const RunConfig& run, Time now);
  // Rejoin, or a Welcome to another run: back to the start.
  void reset(Time now);
  // REQUIRES: state() is loading.
  void loaded(std::uint64_t canary, std::string blas_version, Time now);
  void planned() {
    if (state_ == State::ready) state_ = State::member;
  }
  void made_progress() { ++progress_; }

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
  void watch_silence(Time now, Outbox& out);

  const MembershipOptions options_;
  State state_ = State::greeting;
  std::uint64_t canary_ = 0;
  std::string blas_version_;
  std::uint64_t progress_ = 0;
  Duration heartbeat_ = std::chrono::seconds(1);
  Duration silence_ = std::chrono::seconds(10);
  std::optional<Time> heard_;
  std::optional<Time> noticed_;
  std::optional<Time> first_;
  Time next_send_{};
};

[[nodiscard]] Duration seconds(double value);

}  // namespace ballast

#pragma once

// The shape of every role's logic. A machine takes one input at a time and says, as plain data,
// what should follow; it has no thread, clock, socket or file. common/runtime drives it with
// ZeroMQ, Asio and a pool of threads; tests/simulation drives the same object with a seeded
// network, clock and disk. Order is part of the contract: a host performs the effects of one step
// in the order of the fields below and, within a field, in the order given, before the next step.
//
// A machine M has
//   using Job = ...;      heavy or blocking work, as data, that the host runs elsewhere
//   using Outcome = ...;  what a Job gives back, as a later input
//   void step(Time now, Input<Outcome> input, Effects<Job>& effects);

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "common/base/ids.h"
#include "common/base/time.h"
#include "common/wire/messages.h"

namespace ballast {

// ---- inputs -------------------------------------------------------------------------------------

struct Received {
  wire::Message message;
};
struct Disconnected {  // The connection with this peer closed; it may come back.
  MemberId peer{};
};
struct Tick {};       // The start, or the time asked for by wake_at has come.
struct StopAsked {};  // The user or the system asks for a clean stop.
template <class Outcome>
struct Done {
  Outcome outcome;
};

template <class Outcome>
using Input = std::variant<Received, Disconnected, Tick, StopAsked, Done<Outcome>>;

// ---- effects ------------------------------------------------------------------------------------

struct Connection {  // Make this member reachable at this endpoint. Repeating it changes nothing.
  MemberId peer{};
  std::string endpoint;
};
struct Send {  // May be lost. REQUIRES: the coordinator, a connected peer, or one that wrote to us.
  MemberId to{};
  wire::Body body;
  RunId run = kFleet;          // Set by whoever drives machines of several runs, ...
  std::optional<Term> term{};  // ... and theirs, instead of that of all effects.
};
enum class NoteLevel { debug, info, warning, error };
struct Note {  // For people and logs; never decides anything.
  NoteLevel level = NoteLevel::info;
  std::string text;
  std::optional<RunId> run{};  // Set by whoever drives machines of several runs, ...
  std::optional<Step> step{};  // ... and where that run is, if it is known.
};
// Shell-friendly: 0 done, 2 the user's mistake, 3 stopped by a fault, 4 a job that ends with what
// its budget reached for, 130 interrupted.
enum class ExitCode : int {
  done = 0,
  user_error = 2,
  fault = 3,
  unfinished = 4,
  interrupted = 130
};
// A run that is over ends its members the way it ended itself.
[[nodiscard]] constexpr ExitCode exit_code_of(wire::Ending ending) {
  constexpr ExitCode kCodes[] = {ExitCode::done, ExitCode::user_error, ExitCode::fault,
                                 ExitCode::interrupted};
  return kCodes[static_cast<std::size_t>(ending)];
}
[[nodiscard]] constexpr wire::Ending ending_of(ExitCode code) {
  switch (code) {
    case ExitCode::done:
    case ExitCode::unfinished:  // Members have done what was asked of them.
      return wire::Ending::done;
    case ExitCode::user_error:
      return wire::Ending::user_error;
    case ExitCode::interrupted:
      return wire::Ending::interrupted;
    case ExitCode::fault:
      break;
  }
  return wire::Ending::fault;
}
struct Exit {
  ExitCode code = ExitCode::done;
  std::string reason;
  // It is this process that cannot or must not go on, whatever becomes of others in it.
  bool of_process = false;
};

template <class Job>
struct Effects {
  std::vector<MemberId> disconnections;  // Not to be reached any more; what waits is dropped.
  std::vector<Connection> connections;
  std::vector<Send> sends;
  std::vector<Job> jobs;
  std::vector<Note> notes;
  Term term = 0;                // Goes with every one of the sends.
  std::optional<Time> wake_at;  // Replaces the earlier wish; a Tick comes then or a little later.
  std::optional<Exit> exit;     // After the sends have been handed over.

  void send(MemberId to, wire::Body body) { sends.push_back({.to = to, .body = std::move(body)}); }
  void note(NoteLevel level, std::string text) {
    notes.push_back({.level = level, .text = std::move(text)});
  }
};

}  // namespace ballast

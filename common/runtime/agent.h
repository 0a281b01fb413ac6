#pragma once

// An agent lends its machine to a service: it starts and ends the members of jobs, a process each,
// as the service says. What a member does there is between it and the coordinator of its job.
//
//   offering --Postings--> serving {jobs} --StopAsked--> leaving: members drain --> (exit)
//
//   a member: --StartMember--> running --not posted any more, or leaving--> ending --MemberEnded-->
//   gone
//               ^                 |
//               +---- after a pause, when it ended by itself while it is wanted; not after code 2,
//                     with which it says that trying again cannot help
//
// Invariants
//   A1  Postings are whole and numbered: the highest number counts, of the highest term.
//   A2  One process per job. Of a job that began anew the old one is gone before the new one
//   starts. A3  Silence of the service ends no member: what runs can go on without it. A4  A member
//   that was asked to end and does not is killed after `grace`.
//
// Pure: see machine.h.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/runtime/machine.h"

namespace ballast {

struct StartMember {
  wire::ServedJob of;
  std::string coordinator;
};
enum class EndMemberBy { asking, killing };
struct EndMember {
  JobId job{};
  EndMemberBy by = EndMemberBy::asking;
};
// What members of other jobs have left on disk can go: those are over, or have what was here.
struct TidyHomes {
  std::vector<JobId> keep;
};
using AgentJob = std::variant<StartMember, EndMember, TidyHomes>;

struct MemberEnded {
  JobId job{};
  int code = 0;  // Its exit code; of one that was killed 128 and the signal.
};
struct MemberOrdered {};  // A job was done that has no more to say.
using AgentOutcome = std::variant<MemberEnded, MemberOrdered>;

struct AgentOptions {
  wire::Role role = wire::Role::worker;
  std::string version;
  std::string host;
  std::uint32_t threads = 1;
  std::string service;                                    // Endpoint, for messages to people.
  Duration retry = std::chrono::milliseconds(500);        // Offer, until there are Postings, ...
  Duration beat = std::chrono::seconds(1);                // ... and then.
  Duration first_pause = std::chrono::milliseconds(500);  // Before a member is started again, ...
  Duration longest_pause = std::chrono::seconds(10);      // ... doubled each time, ...
  Duration sound = std::chrono::seconds(60);              // ... unless it lived so long.
  Duration grace = std::chrono::seconds(25);
  Duration loud = std::chrono::seconds(10);
  Duration give_up = std::chrono::seconds(0);  // Never heard for so long: exit; 0: never.
};

class Agent {
 public:
  using Job = AgentJob;
  using Outcome = AgentOutcome;

  explicit Agent(AgentOptions options) : options_(std::move(options)) {}

  void step(Time now, Input<Outcome> input, Effects<Job>& effects);

  // Whether the service has said something within `silence`.
  [[nodiscard]] bool is_heard(Duration silence) const {
    return heard_ && now_ - *heard_ <= silence;
  }
  // Jobs that it has, or had and will have again, a member in.
  [[nodiscard]] std::size_t members() const { return members_.size(); }

 private:
  struct Member {
    wire::ServedJob of;
    enum class State { running, ending, pausing, refused } state = State::running;
    Time started{};
    Duration pause{};
    Time start_at{};  // pausing
    Time kill_at{};   // ending
    int code = 0;     // refused
  };

  void on_message(const wire::Message& message, Effects<Job>& effects);
  void on_ended(const MemberEnded& ended, Effects<Job>& effects);
  void reconcile(Effects<Job>& effects);
  void start(const wire::Posting& posting, Duration pause, Effects<Job>& effects);
  void offer_when_due(Effects<Job>& effects);
  void say_offer(Effects<Job>& effects);
  void tidy(Effects<Job>& effects);
  [[nodiscard]] const wire::Posting* posting(const wire::ServedJob& of) const;

  const AgentOptions options_;
  Time now_{};
  std::optional<Time> began_;
  std::optional<Time> heard_;
  Time noticed_{};
  Term term_ = 0;
  std::optional<wire::Postings> postings_;
  std::map<JobId, Member> members_;
  Time next_offer_{};
  bool leaving_ = false;
  bool has_tidied_ = false;
};

}  // namespace ballast

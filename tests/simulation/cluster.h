#pragma once

// A whole cluster in one thread: processes that die, stall, leave and join on a bad network, with
// one store that outlives them. It runs until the model is written, or something that must hold
// does not, or nothing comes of it long after the last fault.

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/simulation/accounts.h"
#include "tests/simulation/agenda.h"
#include "tests/simulation/invariants.h"
#include "tests/simulation/network.h"
#include "tests/simulation/process.h"
#include "tests/simulation/scenario.h"
#include "tests/simulation/store.h"
#include "tests/simulation/trace.h"
#include "worker/executor.h"

namespace ballast::simulation {

struct Verdict {
  std::string failure;  // Empty: passed.
  std::uint64_t events = 0;
  std::uint64_t faults = 0;
  std::uint64_t timelines = 0;
  std::uint64_t assists = 0;  // Parts of a step that were given to others, ...
  std::uint64_t moves = 0;    // ... and rounds of copies made to even out servers.
  std::uint64_t digest = 0;   // Of everything that happened: a seed always happens the same.
  Duration simulated{};
};

class Cluster {
 public:
  // Everything given outlives the cluster.
  Cluster(const Scenario& scenario, const SampleJob& job, const PlainRun& oracle, Trace& trace);
  ~Cluster();

  [[nodiscard]] Verdict run();

 private:
  struct Thread {
    Time free_at{};
  };
  // A member's own: it started anywhere, runs at its own rate and may jump ahead, never back.
  struct Clock {
    Time set_at{};
    Time set_to{};
    double rate = 1.0;

    [[nodiscard]] Time read(Time now) const { return set_to + scaled(now - set_at, rate); }
    // When it will show `time`.
    [[nodiscard]] Time when(Time time) const { return set_at + scaled(time - set_to, 1.0 / rate); }
    void jump(Time now, Duration ahead) {
      set_to = read(now) + ahead;
      set_at = now;
    }
    [[nodiscard]] static Duration scaled(Duration duration, double factor) {
      return Duration(static_cast<std::int64_t>(static_cast<double>(duration.count()) * factor));
    }
  };
  struct Member {
    MemberId id{};
    std::uint64_t life = 0;  // Of all lives: a coordinator keeps its id when it is restarted.
    MemberId place{};        // On the network: of this life alone.
    MemberId coordinator{};  // Servers, workers: the place that they took for the coordinator's.
    Term heard = 0;          // The highest of a coordinator that they have heard.
    std::optional<std::uint64_t> goes_back_to;  // Its life, once another one has been heard.
    wire::Role role = wire::Role::worker;
    std::string name;
    std::unique_ptr<WorkerSite> site;     // Workers; outlives the process.
    std::shared_ptr<SimulatedHome> home;  // Servers.
    std::unique_ptr<Process> process;
    std::vector<Thread> threads;
    std::map<JobId, bool> open_jobs;
    std::deque<ProcessInput> inbox;  // What came while it stood still.
    Time paused_until{};
    Time slow_until{};
    double slowness = 1.0;  // Until then.
    Time busy_until{};      // With messages that it has not got to.
    Clock clock;
    std::optional<Time> wish;  // To be woken, by its own clock.
    std::uint64_t wishes = 0;  // Wake-ups asked for; only the last one counts.
    bool asked_to_stop = false;
  };

  // Members.
  void start_coordinator();
  void start_server();
  void start_worker();
  MembershipOptions membership(MemberId id, wire::Role role);
  Member& add(std::unique_ptr<Member> member);
  [[nodiscard]] std::shared_ptr<SimulatedHome> take_home();
  void remove(std::uint64_t life, Network::Death death);
  void staff_later();
  void staff();
  [[nodiscard]] Member* living(std::uint64_t life);
  [[nodiscard]] Member* at(MemberId place);
  [[nodiscard]] MemberId id_at(MemberId place) const;
  void find_coordinators();
  void go_to(Member& member, const Member& coordinator);
  [[nodiscard]] std::vector<Member*> all(wire::Role role);
  [[nodiscard]] Member* any(wire::Role role);
  [[nodiscard]] Member* any();
  [[nodiscard]] Member* newest_coordinator();

  // Events.
  void input(Member& member, ProcessInput what);
  void hear(Member& member, ProcessInput what);
  void step(Member& member, ProcessInput what);
  void wake_when_wished(Member& member);
  [[nodiscard]] double slowness_of(const Member& member) const;
  void perform(Member& member, ProcessEffects effects);
  void send(Member& member, const Send& message, Term term);
  void start_job(Member& member, const StartedJob& job);
  void on_job_ended(std::uint64_t life, JobId job, unsigned thread);
  void on_exit(std::uint64_t life, const Exit& exit);
  [[nodiscard]] static bool is_declared(const Exit& exit);
  void on_coordinator_exit(const Member& member, const Exit& exit);
  void observe(Member& member, const wire::Push* push);
  [[nodiscard]] std::optional<wire::Message> through_codec(const wire::Message& message);

  // Faults.
  void fault_later();
  void ask_later();
  void fault(FaultKind kind);
  [[nodiscard]] bool is_drawn(FaultKind kind) const {
    return (scenario_.fault_mask >> static_cast<unsigned>(kind) & 1U) == 1;
  }
  void kill(Member* member);
  void kill_source_of_copy(MemberId source);
  void pause(Member& member, Duration longest);
  void split();
  void fill_up();
  void slow_down(Member& member);
  void replace_coordinator();
  void flap(Member& old);
  void move_later(Member& member, Duration wait);
  void go_back_when_heard(Member& member, Term term);
  void end_rivalry();
  void jump(Member& member);
  void become_calm();

  // The end.
  [[nodiscard]] bool over() const;
  [[nodiscard]] std::string failure();
  [[nodiscard]] std::string states() const;
  void fail(std::string why);
  void say(const std::string& text) {
    if (trace_.is_on()) trace_.line(agenda_.now(), text);
  }
  [[nodiscard]] std::string name_of(MemberId place) const;
  [[nodiscard]] Duration retry() { return prng_.between(scenario_.retry_min, scenario_.retry_max); }

  const Scenario& scenario_;
  const SampleJob& job_;
  const PlainRun& oracle_;
  Trace& trace_;
  Prng prng_;
  Agenda agenda_;
  SimulatedStore store_;
  Network network_;
  Invariants invariants_;
  Accounts accounts_;
  const std::shared_ptr<const RunConfig> run_;

  std::map<std::uint64_t, std::unique_ptr<Member>> members_;  // By life; the living.
  std::map<MemberId, std::string> names_;                     // By place.
  std::vector<std::shared_ptr<SimulatedHome>> homes_;         // Of servers that have died.
  std::uint64_t lives_ = 0;
  std::uint32_t workers_wanted_ = 1;
  std::uint32_t servers_wanted_ = 1;
  bool calm_ = false;
  std::uint64_t faults_ = 0;
  std::uint64_t assists_ = 0;
  std::uint64_t moves_ = 0;
  std::uint64_t at_this_time_ = 0;
  std::uint64_t digest_ = 0;
  std::optional<Time> done_at_;
  std::set<MemberId> released_;  // Told that the run is over, in calm: they have to go.
  std::string failure_;
  std::deque<std::string> warnings_;  // The latest.
};

// The plain loop of every shape, for whoever is forked from here; otherwise each is made when a
// seed needs it.
void make_oracles();

// One seed, from the scenario to the verdict. Oracles are kept between calls.
[[nodiscard]] Verdict simulate(std::uint64_t seed, Trace& trace);

}  // namespace ballast::simulation

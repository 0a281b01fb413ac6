#pragma once

// A whole cluster in one thread: processes that die, stall, leave and join on a bad network, with
// a job of one run or several, whose stores outlive them. It goes on until every run's model is
// written, or something that must hold does not, or nothing comes of it long after the last fault.

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/runtime/crew_executor.h"
#include "tests/simulation/accounts.h"
#include "tests/simulation/agenda.h"
#include "tests/simulation/fleet_invariants.h"
#include "tests/simulation/invariants.h"
#include "tests/simulation/job.h"
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

struct Oracle {
  SampleJob job;
  PlainRun run;
};

class Cluster {
 public:
  // `oracles`: of the scenario's runs. Everything given outlives the cluster.
  Cluster(const Scenario& scenario, const std::vector<const Oracle*>& oracles, Trace& trace);
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
  // A run of the job, and what of it outlives every process.
  struct Run {
    Run(RunId number, const RunConfig& drawn, const Oracle& plain, Duration loud,
        SimulatedDisk& disk)
        : id(number),
          oracle(plain),
          config(std::make_shared<const RunConfig>(drawn)),
          store(disk),
          invariants(*config, plain.run, loud),
          accounts(*config) {}

    const RunId id;
    const Oracle& oracle;
    const std::shared_ptr<const RunConfig> config;
    SimulatedStore store;
    Invariants invariants;
    Accounts accounts;
  };
  // What servers of one place keep on its disk, by run.
  using Homes = std::map<RunId, std::shared_ptr<SimulatedHome>>;
  struct OpenJob {
    RunId run{};
    bool on_disk = false;
  };
  struct Member {
    MemberId id{};
    std::uint64_t life = 0;  // Of all lives: a coordinator keeps its id when it is restarted.
    MemberId place{};        // On the network: of this life alone.
    MemberId coordinator{};  // Servers, workers: the place that they took for the coordinator's.
    std::map<RunId, Term> heard;                // The highest of a coordinator, within each run.
    std::optional<std::uint64_t> goes_back_to;  // Its life, once another one has been heard.
    wire::Role role = wire::Role::worker;
    std::string name;
    std::unique_ptr<Sites<WorkerSite>> sites;           // Workers; they outlive the process.
    std::shared_ptr<Homes> homes;                       // Servers.
    std::unique_ptr<Sites<SimulatedServerDisk>> disks;  // Servers, as sites.
    std::unique_ptr<Process> process;
    std::set<RunId> takes_part;  // When it was looked at last.
    std::vector<Thread> threads;
    std::map<JobId, OpenJob> open_jobs;
    std::deque<ProcessInput> inbox;  // What came while it stood still.
    Time paused_until{};
    Time slow_until{};
    double slowness = 1.0;  // Until then.
    Time busy_until{};      // With messages that it has not got to.
    Clock clock;
    std::optional<Time> wish;  // To be woken, by its own clock.
    std::uint64_t wishes = 0;  // Wake-ups asked for; only the last one counts.
    bool asked_to_stop = false;

    [[nodiscard]] Term heard_in(RunId run) const {
      const auto found = heard.find(run);
      return found == heard.end() ? 0 : found->second;
    }
  };

  // Members.
  void start_coordinator();
  void start_server();
  void start_worker();
  MembershipOptions membership(MemberId id, wire::Role role);
  CrewOptions crew(MemberId id, wire::Role role);
  Member& add(std::unique_ptr<Member> member);
  [[nodiscard]] std::shared_ptr<Homes> take_homes();
  [[nodiscard]] SimulatedHome& home(const Member& server, RunId run) const;
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
  void reach(Member& member, const StartedJob& job);
  void on_run_end(const Member& member, RunId run, const Exit& exit);
  void on_exit(std::uint64_t life, const Exit& exit);
  [[nodiscard]] static bool is_declared(const Exit& exit);
  void on_coordinator_exit(const Member& member, const Exit& exit);
  [[nodiscard]] bool has_successor(const Member& coordinator) const;
  void hears(Member& member, const wire::Message& message);
  void observe(Member& member, const wire::Message* push);
  void forget(Member& member, RunId run);
  void forget_what_it_left(Member& member);
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
  void damage();
  void split();
  void fill_up();
  void slow_down(Member& member);
  void replace_coordinator();
  void flap(Member& old);
  void move_later(Member& member, Duration wait);
  void go_back_when_heard(Member& member, const wire::Message& message);
  void end_rivalry();
  void jump(Member& member);
  void become_calm();

  // The end.
  [[nodiscard]] bool over() const;
  [[nodiscard]] std::optional<std::string> violation() const;
  [[nodiscard]] std::string failure();
  [[nodiscard]] std::string difference(Run& run);
  [[nodiscard]] std::string states() const;
  void fail(std::string why);
  [[nodiscard]] Run& run_at(RunId run) { return *runs_.at(run); }
  // ", run 2": where there are several.
  [[nodiscard]] std::string label(RunId run) const;
  void say(const std::string& text) {
    if (trace_.is_on()) trace_.line(agenda_.now(), text);
  }
  [[nodiscard]] std::string name_of(MemberId place) const;
  [[nodiscard]] Duration retry() { return prng_.between(scenario_.retry_min, scenario_.retry_max); }

  const Scenario& scenario_;
  Trace& trace_;
  Prng prng_;
  Agenda agenda_;
  SimulatedDisk disk_;
  JobStore job_;
  std::map<RunId, std::unique_ptr<Run>> runs_;  // All that there may be.
  SimulatedJobDisk::Places places_;             // The same.
  Network network_;
  FleetInvariants invariants_;  // Those of the job; each run has its own.

  std::map<std::uint64_t, std::unique_ptr<Member>> members_;  // By life; the living.
  std::map<MemberId, std::string> names_;                     // By place.
  std::vector<std::shared_ptr<Homes>> homes_;                 // Of servers that have died.
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
  std::set<MemberId> released_;  // Told that the job is over, in calm: they have to go.
  std::string failure_;
  std::deque<std::string> warnings_;  // The latest.
};

// The plain loop of every shape, for whoever is forked from here; otherwise each is made when a
// seed needs it.
void make_oracles();

// One seed, from the scenario to the verdict. Oracles are kept between calls.
[[nodiscard]] Verdict simulate(std::uint64_t seed, Trace& trace);

}  // namespace ballast::simulation

#pragma once

// One simulated process: a machine and what its jobs run on. A job is performed when it ends, so
// that what it reads and writes lies as late as it can.

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "common/base/check.h"
#include "common/runtime/crew.h"
#include "common/runtime/machine.h"
#include "coordinator/fleet.h"
#include "paramserver/server.h"
#include "worker/trainer.h"

namespace ballast::simulation {

enum class JobId : std::uint64_t {};
enum class JobKind { load, light, compute, disk };

struct JobEnded {
  JobId job{};
  unsigned thread = 0;
};
using ProcessInput = std::variant<Received, Disconnected, Tick, StopAsked, JobEnded>;

// What a fleet or a crew comes to by starting a job.
using Milestone = std::variant<std::monostate, MakeRun, RecordEnd, ConcludeJob, CloseRun>;

struct StartedJob {
  JobId id{};
  JobKind kind = JobKind::light;
  RunId run = kFleet;
  Milestone milestone{};
};
struct ProcessEffects {
  std::vector<MemberId> disconnections;
  std::vector<Connection> connections;
  std::vector<Send> sends;
  std::vector<StartedJob> jobs;
  std::vector<Note> notes;
  Term term = 0;
  std::optional<Time> wake_at;
  std::optional<Exit> exit;
};

class Process {
 public:
  virtual ~Process() = default;
  [[nodiscard]] virtual ProcessEffects step(Time now, ProcessInput input) = 0;
  // A job that ends although its process is gone.
  virtual void perform_unheard(JobId job) = 0;
  [[nodiscard]] virtual std::string state() const = 0;

  [[nodiscard]] virtual const Fleet* fleet() const { return nullptr; }
  [[nodiscard]] virtual const Crew<Server>* servers() const { return nullptr; }
  [[nodiscard]] virtual const Crew<Worker>* workers() const { return nullptr; }

  // Its machine of this run, if it has one and is what is asked for.
  [[nodiscard]] const Coordinator* coordinator(RunId run) const {
    return fleet() == nullptr ? nullptr : fleet()->machine(run);
  }
  [[nodiscard]] const Server* server(RunId run) const {
    return servers() != nullptr && servers()->serves(run) ? &servers()->machine(run) : nullptr;
  }
};

// But for the id.
[[nodiscard]] StartedJob describe(const FleetJob& job);
[[nodiscard]] StartedJob describe(const Crew<Server>::Job& job);
[[nodiscard]] StartedJob describe(const Crew<Worker>::Job& job);
[[nodiscard]] std::string state_of(const Fleet& fleet);
[[nodiscard]] std::string state_of(const Crew<Server>& crew);
[[nodiscard]] std::string state_of(const Crew<Worker>& crew);

template <class Machine>
class MachineProcess final : public Process {
 public:
  using Job = typename Machine::Job;
  using Outcome = typename Machine::Outcome;
  using Executor = std::function<Outcome(Job&&)>;

  // One executor per thread.
  MachineProcess(std::unique_ptr<Machine> machine, std::vector<Executor> executors)
      : executors_(std::move(executors)), machine_(std::move(machine)) {}

  [[nodiscard]] ProcessEffects step(Time now, ProcessInput input) override {
    Effects<Job> effects;
    machine_->step(now, to_machine(std::move(input)), effects);
    ProcessEffects out{.disconnections = std::move(effects.disconnections),
                       .connections = std::move(effects.connections),
                       .sends = std::move(effects.sends),
                       .jobs = {},
                       .notes = std::move(effects.notes),
                       .term = effects.term,
                       .wake_at = effects.wake_at,
                       .exit = std::move(effects.exit)};
    for (Job& job : effects.jobs) {
      const JobId id{next_job_++};
      out.jobs.push_back(describe(job));
      out.jobs.back().id = id;
      jobs_.emplace(id, std::move(job));
    }
    return out;
  }

  void perform_unheard(JobId id) override { static_cast<void>(perform({id, 0})); }

  [[nodiscard]] std::string state() const override { return state_of(*machine_); }
  [[nodiscard]] const Fleet* fleet() const override { return as<Fleet>(); }
  [[nodiscard]] const Crew<Server>* servers() const override { return as<Crew<Server>>(); }
  [[nodiscard]] const Crew<Worker>* workers() const override { return as<Crew<Worker>>(); }

 private:
  template <class M>
  [[nodiscard]] const M* as() const {
    if constexpr (std::is_same_v<M, Machine>) return machine_.get();
    return nullptr;
  }

  Input<Outcome> to_machine(ProcessInput input) {
    return std::visit(
        [&](auto& concrete) -> Input<Outcome> {
          if constexpr (std::is_same_v<std::decay_t<decltype(concrete)>, JobEnded>) {
            return Done<Outcome>{perform(concrete)};
          } else {
            return std::move(concrete);
          }
        },
        input);
  }

  Outcome perform(JobEnded ended) {
    auto job = jobs_.extract(ended.job);
    BALLAST_CHECK(!job.empty());
    return executors_[ended.thread](std::move(job.mapped()));
  }

  std::vector<Executor> executors_;
  std::unique_ptr<Machine> machine_;
  std::map<JobId, Job> jobs_;
  std::uint64_t next_job_ = 1;
};

}  // namespace ballast::simulation

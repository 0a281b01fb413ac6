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
#include "common/runtime/machine.h"
#include "coordinator/coordinator.h"
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

struct StartedJob {
  JobId id{};
  JobKind kind = JobKind::light;
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

  [[nodiscard]] virtual const Coordinator* coordinator() const { return nullptr; }
  [[nodiscard]] virtual const Server* server() const { return nullptr; }
};

[[nodiscard]] JobKind kind_of(const CoordinatorJob& job);
[[nodiscard]] JobKind kind_of(const ServerJob& job);
[[nodiscard]] JobKind kind_of(const WorkerJob& job);
[[nodiscard]] std::string state_of(const Coordinator& machine);
[[nodiscard]] std::string state_of(const Server& machine);
[[nodiscard]] std::string state_of(const Worker& machine);

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
      out.jobs.push_back({id, kind_of(job)});
      jobs_.emplace(id, std::move(job));
    }
    return out;
  }

  void perform_unheard(JobId id) override { static_cast<void>(perform({id, 0})); }

  [[nodiscard]] std::string state() const override { return state_of(*machine_); }
  [[nodiscard]] const Coordinator* coordinator() const override { return as<Coordinator>(); }
  [[nodiscard]] const Server* server() const override { return as<Server>(); }

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

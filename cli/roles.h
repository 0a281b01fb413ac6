#pragma once

// One function per role: build what it needs, top to bottom, and run its host until it exits. The
// same three functions make the embedded cluster, the local one and the real one; only endpoints
// differ.

#include <functional>
#include <memory>
#include <string>

#include "cli/job_file.h"
#include "cli/links.h"
#include "cli/role_http.h"
#include "common/net/zmq_transport.h"
#include "common/observe/log.h"
#include "common/runtime/machine.h"
#include "coordinator/fleet_executor.h"
#include "paramserver/server.h"

namespace ballast {

// What every role of a process shares.
struct Process {
  ZmqContext& context;
  Log& log;
  Links links{};
};

[[nodiscard]] std::unique_ptr<Transport> make_transport(const Process& process, MemberId self);
// For people: "node-7:4711", where this process runs.
[[nodiscard]] std::string host_and_process();

// How a host can be asked to stop from outside; called at most once, before run, with the way.
using OnStoppable = std::function<void(std::function<void()> stop)>;

// What a coordinator works on: a training run, or a job of many (job_site.h).
struct Work {
  std::string output;  // The directory of it.
  std::string terms;   // Where its terms are claimed, as a checkpoint store; empty: in `output`.
  FleetExecutorOptions edge;
  std::function<std::unique_ptr<Agenda>()> agenda;
  std::uint32_t runs_at_once = 0;  // As FleetOptions.
  std::uint32_t workers_per_run = 1;
  Duration budget{};
  std::string job;         // Its name; empty: training.
  bool is_scored = false;  // Its runs are for scores, not for a model.
  std::string metric;      // What they are compared by; empty: nothing.
};
[[nodiscard]] Work training(const JobFile& job, const std::string& output);

[[nodiscard]] inline LogSource coordinator_source() { return {"coordinator", kCoordinator}; }

struct CoordinatorRole {
  Work work;
  std::string listen;
  std::string ask_at;  // Where `ballast status` finds it too; empty: where it listens.
  std::uint32_t workers = 1;
  std::uint32_t servers = 1;
  HttpFlags http{};
  // The port is bound and the output directory ours: the run may begin, members may come.
  std::function<Status(const std::string& endpoint)> listening;
  std::function<void(const Fleet&)> progress;
  OnStoppable stoppable;
};
[[nodiscard]] Exit run_coordinator(const Process& process, const CoordinatorRole& role);

struct ServerRole {
  std::string coordinator;
  std::string listen;
  std::string advertise;  // Where workers reach it; empty: where it listens.
  std::string home;
  std::size_t buffered_bytes_max = ServerOptions{}.buffered_bytes_max;
  HttpFlags http{};
  Duration give_up = std::chrono::seconds(60);  // Without an answer from the coordinator; 0: never.
  OnStoppable stoppable;
};
[[nodiscard]] Exit run_server(const Process& process, const ServerRole& role);

struct WorkerRole {
  std::string coordinator;
  std::uint32_t threads = 1;
  // Where prepared data is kept that is fetched from the coordinator.
  std::string cache;
  HttpFlags http{};
  Duration give_up = std::chrono::seconds(60);
  OnStoppable stoppable;
};
[[nodiscard]] Exit run_worker(const Process& process, const WorkerRole& role);

}  // namespace ballast

#include "cli/roles.h"

#include <unistd.h>

#include <array>
#include <utility>

#include "cli/version.h"
#include "common/math/blas.h"
#include "common/runtime/host.h"
#include "common/runtime/member_id.h"
#include "common/storage/directory_store.h"
#include "common/storage/files.h"
#include "coordinator/store_executor.h"
#include "paramserver/disk.h"
#include "paramserver/optimizer.h"
#include "worker/data/run_data.h"
#include "worker/executor.h"

namespace ballast {
namespace {

Exit user_error(const Error& error) { return {ExitCode::user_error, error.message}; }

std::string host_and_process() {
  std::array<char, 256> name{};
  const bool known = gethostname(name.data(), name.size() - 1) == 0;
  return std::string(known ? name.data() : "unknown") + ":" + std::to_string(getpid());
}

MembershipOptions membership(wire::Role role, const std::string& coordinator, Duration give_up,
                             std::string endpoint) {
  return {.hello = {.role = role,
                    .protocol = wire::kProtocol,
                    .version = kVersion,
                    .endpoint = std::move(endpoint),
                    .host = host_and_process(),
                    .families = families_of_this_cpu(),
                    .held = {}},
          .coordinator = coordinator,
          .give_up = give_up};
}

std::unique_ptr<Transport> make_transport(const Process& process, MemberId self) {
  return make_zmq_transport(
      process.context, {.self = self, .keys = process.links.keys, .reach = process.links.reach});
}

template <class Machine>
Exit run_host(Machine& machine, Transport& transport, Log& log,
              typename Host<Machine>::Options options, const OnStoppable& stoppable) {
  Host<Machine> host(machine, transport, log, std::move(options));
  if (stoppable) stoppable([&host] { host.stop(); });
  Exit exit = host.run();
  if (stoppable) stoppable({});
  return exit;
}

}  // namespace

Exit run_coordinator(const Process& process, const CoordinatorRole& role) {
  // First, so that a port that is taken leaves nothing behind.
  auto transport = make_transport(process, kCoordinator);
  auto endpoint = transport->bind(role.listen);
  if (!endpoint) return user_error(endpoint.error());
  if (!role.ask_at.empty()) {
    if (const auto asked = transport->bind(role.ask_at); !asked) return user_error(asked.error());
  }
  if (const Status made = make_directories(role.output); !made) return user_error(made.error());
  auto store = open_directory_store(checkpoints_of(role.output), OpenMode::create);
  if (!store) return user_error(store.error());
  // Timelines fence a coordinator that lives elsewhere; the lock tells one on this machine at once.
  auto lock = FileLock::acquire(join_path(role.output, "lock"));
  if (!lock) {
    return user_error({ErrorCode::conflict, "another process is training in " + role.output +
                                                "; wait for it or choose another --out"});
  }
  const auto run = std::make_shared<const RunConfig>(role.job.run);
  StoreExecutor executor({.run = run,
                          .output = role.output,
                          .version = kVersion,
                          .slots = slots(run->optimizer),
                          .transforms_json = role.job.transforms_json},
                         **store);
  if (role.listening) {
    if (const Status begun = role.listening(*endpoint); !begun) return user_error(begun.error());
  }

  Coordinator machine({.run = run,
                       .checkpoints = checkpoints_of(role.output),
                       .version = kVersion,
                       .workers = role.workers,
                       .servers = role.servers});
  return run_host<Coordinator>(machine, *transport, process.log,
                               {.self = kCoordinator,
                                .role = "coordinator",
                                .threads = 1,
                                .make_executor =
                                    [&](unsigned) {
                                      return [&executor](CoordinatorJob&& job) {
                                        return executor(std::move(job));
                                      };
                                    },
                                .after_step =
                                    [&](const Coordinator& coordinator) {
                                      if (role.progress) role.progress(coordinator.progress());
                                    }},
                               role.stoppable);
}

Exit run_server(const Process& process, const ServerRole& role) {
  const MemberId self = fresh_member_id();
  auto transport = make_transport(process, self);
  auto endpoint = transport->bind(role.listen);
  if (!endpoint) return user_error(endpoint.error());
  const std::string reached = role.advertise.empty() ? *endpoint : role.advertise;
  for (const char* any : {"//0.0.0.0:", "//[::]:", "//*:"}) {
    if (reached.find(any) == std::string::npos) continue;
    return user_error(
        {ErrorCode::invalid, reached + ": listens everywhere, and workers need one address; "
                                       "give --advertise tcp://ADDRESS:PORT"});
  }
  if (const Status done = transport->connect(kCoordinator, role.coordinator); !done) {
    return user_error(done.error());
  }
  if (const Status made = make_directories(role.home); !made) return user_error(made.error());
  ServerDisk disk(role.home);
  Server machine(
      {.self = self,
       .membership = membership(wire::Role::server, role.coordinator, role.give_up, reached),
       .buffered_bytes_max = role.buffered_bytes_max});
  return run_host<Server>(
      machine, *transport, process.log,
      {.self = self,
       .role = "server",
       .threads = 1,
       .make_executor =
           [&](unsigned) { return [&disk](ServerJob&& job) { return disk(std::move(job)); }; }},
      role.stoppable);
}

Exit run_worker(const Process& process, const WorkerRole& role) {
  const MemberId self = fresh_member_id();
  auto transport = make_transport(process, self);
  if (const Status done = transport->connect(kCoordinator, role.coordinator); !done) {
    return user_error(done.error());
  }
  RunData data({.threads = role.threads});
  WorkerSite site([&data](const RunConfig& run) -> Result<std::shared_ptr<const Dataset>> {
    auto dataset = data.open(run);
    if (!dataset) {
      return Error{dataset.error().code, dataset.error().message +
                                             "; a worker must see the prepared data under the "
                                             "same path as the coordinator"};
    }
    return dataset;
  });
  Worker machine({.membership = membership(wire::Role::worker, role.coordinator, role.give_up, "")},
                 self);
  return run_host<Worker>(machine, *transport, process.log,
                          {.self = self,
                           .role = "worker",
                           .threads = role.threads,
                           .make_executor =
                               [&](unsigned) {
                                 return
                                     [executor = std::make_shared<WorkerExecutor>(site)](
                                         WorkerJob&& job) { return (*executor)(std::move(job)); };
                               }},
                          role.stoppable);
}

}  // namespace ballast

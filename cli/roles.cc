#include "cli/roles.h"

#include <unistd.h>

#include <array>
#include <utility>

#include "cli/coordinator_metrics.h"
#include "cli/member_metrics.h"
#include "cli/version.h"
#include "common/base/address.h"
#include "common/math/blas.h"
#include "common/observe/disk.h"
#include "common/remote/open_store.h"
#include "common/runtime/crew_executor.h"
#include "common/runtime/file_link.h"
#include "common/runtime/host.h"
#include "common/runtime/link_store.h"
#include "common/runtime/member_id.h"
#include "common/storage/directory_store.h"
#include "common/storage/files.h"
#include "common/storage/store_mark.h"
#include "coordinator/fleet_executor.h"
#include "paramserver/disk.h"
#include "paramserver/optimizer.h"
#include "worker/data/fold_files.h"
#include "worker/data/run_data.h"
#include "worker/executor.h"

namespace ballast {

std::string host_and_process() {
  std::array<char, 256> name{};
  const bool known = gethostname(name.data(), name.size() - 1) == 0;
  return std::string(known ? name.data() : "unknown") + ":" + std::to_string(getpid());
}

std::unique_ptr<Transport> make_transport(const Process& process, MemberId self) {
  return make_zmq_transport(
      process.context, {.self = self, .keys = process.links.keys, .reach = process.links.reach});
}

namespace {

Exit user_error(const Error& error) { return {ExitCode::user_error, error.message}; }

// Within a run; who does not answer at all is the crew's to notice.
MembershipOptions membership(wire::Role role, const std::string& coordinator,
                             std::string endpoint) {
  return {.hello = {.role = role,
                    .protocol = wire::kProtocol,
                    .version = kVersion,
                    .endpoint = std::move(endpoint),
                    .host = host_and_process(),
                    .families = families_of_this_cpu(),
                    .held = {}},
          .coordinator = coordinator};
}

CrewOptions crew(wire::Role role, const std::string& coordinator, Duration give_up) {
  return {.enlist = {.role = role,
                     .protocol = wire::kProtocol,
                     .version = kVersion,
                     .host = host_and_process(),
                     .runs = {}},
          .coordinator = coordinator,
          .give_up = give_up};
}

// What is done after every step besides what the options say.
template <class Machine>
using AfterStep = std::function<void(const Machine&, const HostCounters&)>;

template <class Machine>
Exit run_host(Machine& machine, Transport& transport, Log& log,
              typename Host<Machine>::Options options, const OnStoppable& stoppable,
              const AfterStep<Machine>& after_step = {}) {
  const Host<Machine>* self = nullptr;
  if (after_step) {
    options.after_step = [&self, &after_step](const Machine& stepped) {
      after_step(stepped, self->counters());
    };
  }
  Host<Machine> host(machine, transport, log, std::move(options));
  self = &host;
  if (stoppable) stoppable([&host] { host.stop(); });
  Exit exit = host.run();
  if (stoppable) stoppable({});
  return exit;
}

}  // namespace

Work training(const JobFile& job, const std::string& output) {
  const auto run = std::make_shared<const RunConfig>(job.run);
  Work work;
  work.output = output;
  if (run->checkpoint.store) work.terms = place_below(*run->checkpoint.store, "terms");
  work.edge.make = [run, output, transforms = job.transforms_json](RunId) -> Result<RunPlace> {
    return RunPlace{.options = {.run = run,
                                .output = output,
                                .version = kVersion,
                                .slots = slots(run->optimizer),
                                .transforms_json = transforms},
                    .checkpoints = checkpoints_of(output, *run)};
  };
  work.edge.record_end = [](RunId, const Exit&) { return Status(); };
  work.edge.conclude = [](Conclusion) { return Status(); };
  work.agenda = [] { return std::make_unique<SingleRun>(); };
  return work;
}

Exit run_coordinator(const Process& process, const CoordinatorRole& role) {
  // First, so that a port that is taken leaves nothing behind.
  auto transport = make_transport(process, kCoordinator);
  auto endpoint = transport->bind(role.listen);
  if (!endpoint) return user_error(endpoint.error());
  if (!role.ask_at.empty()) {
    if (const auto asked = transport->bind(role.ask_at); !asked) return user_error(asked.error());
  }
  const std::string& output = role.work.output;
  if (const Status made = make_directories(output); !made) return user_error(made.error());
  // Terms fence a coordinator that lives elsewhere; the lock tells one on this machine at once.
  auto lock = FileLock::acquire(join_path(output, "lock"));
  if (!lock) {
    return user_error({ErrorCode::conflict, "another process is training in " + output +
                                                "; wait for it or choose another --out"});
  }
  const std::string terms_at =
      role.work.terms.empty() ? join_path(output, "terms") : role.work.terms;
  auto terms =
      open_checkpoint_store(terms_at, OpenMode::create, join_path(output, "fetched-terms"));
  if (!terms) return user_error(terms.error());
  FleetExecutor executor(role.work.edge, **terms);
  const auto http = open_role_http(role.http, coordinator_source(), process.log,
                                   "it waits for the store that says whose the run is");
  if (!http) return user_error(http.error());
  show_disk((*http)->metrics, "output", output);
  CoordinatorMetrics metrics(**http);
  if (role.listening) {
    if (const Status begun = role.listening(*endpoint); !begun) return user_error(begun.error());
  }

  FleetOptions options;
  options.job = role.work.job;
  options.version = kVersion;
  options.runs_at_once = role.work.runs_at_once;
  options.workers_per_run = role.work.workers_per_run;
  options.budget = role.work.budget;
  options.run.workers = role.work.is_scored ? 1 : role.workers;
  options.run.servers = role.servers;
  options.run.keeps_outputs = role.work.is_scored;
  options.run.metric = role.work.metric;
  options.run.counters = &metrics.counters();
  Fleet machine(std::move(options), role.work.agenda());
  return run_host<Fleet>(
      machine, *transport, process.log,
      {.self = kCoordinator,
       .role = "coordinator",
       .threads = 2,
       .make_executor =
           [&](unsigned) {
             return [&executor](FleetJob&& job) { return executor(std::move(job)); };
           },
       // Whoever reads files holds up no claim and no manifest.
       .lane_of =
           [](const FleetJob& job) { return std::size_t{std::holds_alternative<FileWork>(job)}; }},
      role.stoppable, [&](const Fleet& fleet, const HostCounters& counters) {
        metrics.after_step(fleet, counters, transport->counters());
        if (role.progress) role.progress(fleet);
      });
}

namespace {

std::unique_ptr<FileLink> make_file_link(const Process& process, const std::string& coordinator,
                                         RunId run) {
  const MemberId self = fresh_member_id();
  auto transport = make_transport(process, self);
  // The address is the one by which the member itself came; what is wrong with it was said then.
  static_cast<void>(transport->connect(kCoordinator, coordinator));
  return std::make_unique<FileLink>(std::move(transport),
                                    FileLinkOptions{.self = self, .run = run});
}

// Where the files of the coordinator can be seen, from there; else over the link.
Result<std::unique_ptr<CheckpointStore>> open_checkpoints(const Process& process,
                                                          const ServerRole& role, RunId run,
                                                          const std::string& home,
                                                          const std::string& address) {
  if (is_address(address)) {
    return open_checkpoint_store(address, OpenMode::create, join_path(home, "fetched"));
  }
  if (sees_store(address)) {
    return open_directory_store(directory_of_store(address), OpenMode::create);
  }
  return make_link_store(make_file_link(process, role.coordinator, run), join_path(home, "link"));
}

// The prepared data of runs, where a worker finds it: at the coordinator's own path, or in its
// cache once it was fetched.
class DataSource {
 public:
  DataSource(const Process& process, const WorkerRole& role)
      : process_(process), role_(role), data_({.threads = role.threads}) {}

  [[nodiscard]] Result<std::shared_ptr<const Dataset>> open(const RunConfig& run, RunId id) {
    auto there = data_.open(run);
    if (there && (*there)->digest() == run.dataset_digest) return there;
    RunConfig fetched = run;
    if (const Status done = fetch(fetched, id); !done) {
      return Error{done.error().code,
                   done.error().message + "; it is not at the coordinator's path here either" +
                       (there ? ", where there is other data" : ": " + there.error().message)};
    }
    return data_.open(fetched);
  }

 private:
  // By content, so that whatever has the name is what it should be.
  [[nodiscard]] Status fetch(RunConfig& run, RunId id) const {
    const auto link = make_file_link(process_, role_.coordinator, id);
    const std::string dataset = kept(run.dataset_digest);
    if (const Status made = make_directories(directory_of(dataset)); !made) return made;
    if (const Status done = link->fetch_all(wire::FilesPlace::dataset, dataset); !done) {
      return done;
    }
    run.dataset = dataset;
    if (run.packed.empty()) return {};
    const auto fold = read_fold(dataset);
    if (!fold) return fold.error();
    const std::string packed = kept(fold->fold.packed_digest);
    if (const Status done = link->fetch_all(wire::FilesPlace::packed, packed); !done) return done;
    run.packed = packed;
    return {};
  }
  [[nodiscard]] std::string kept(const std::string& digest) const {
    return join_path(join_path(role_.cache, "fetched"), digest);
  }

  const Process& process_;
  const WorkerRole& role_;
  RunData data_;
};

// Writes of one run go to the disk one after another; runs need not wait for each other's, which is
// mostly for the disk to say that it has them.
constexpr unsigned kDiskThreads = 4;

class DiskExecutor {
 public:
  explicit DiskExecutor(ServerDisk& disk) : disk_(disk) {}
  ServerOutcome operator()(ServerJob&& job) { return disk_(std::move(job)); }

 private:
  ServerDisk& disk_;
};

// Of the only run of a job the home itself.
std::string home_of_run(const std::string& home, RunId run) {
  return run == SingleRun::kRun ? home : join_path(home, "run-" + std::to_string(index(run)));
}

}  // namespace

Exit run_server(const Process& process, const ServerRole& role) {
  const MemberId self = fresh_member_id();
  const auto http = open_role_http(role.http, {"server", self}, process.log);
  if (!http) return user_error(http.error());
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
  show_disk((*http)->metrics, "home", role.home);
  ServerMetrics metrics(**http);
  Sites<ServerDisk> disks(
      [&](RunId run) {
        const std::string home = home_of_run(role.home, run);
        return std::make_shared<ServerDisk>(
            home,
            [&, run, home](const std::string& address) {
              return open_checkpoints(process, role, run, home, address);
            },
            [&metrics, run](const KvFigures& figures) { metrics.show_home(run, figures); });
      },
      [&](RunId run) {
        if (run == SingleRun::kRun) return;  // The home itself.
        if (const Status gone = remove_directory(home_of_run(role.home, run)); !gone) {
          process.log.write(LogLevel::warning, {"server", self}, gone.error().message);
        }
      });
  Crew<Server> machine(
      crew(wire::Role::server, role.coordinator, role.give_up), [&](RunId, std::uint64_t) {
        return std::make_unique<Server>(
            ServerOptions{.self = self,
                          .membership = membership(wire::Role::server, role.coordinator, reached),
                          .buffered_bytes_max = role.buffered_bytes_max,
                          .counters = &metrics.counters()});
      });
  return run_host<Crew<Server>>(
      machine, *transport, process.log,
      {.self = self,
       .role = "server",
       .threads = kDiskThreads,
       .make_executor =
           [&](unsigned) {
             using Executor = CrewExecutor<Server, DiskExecutor, ServerDisk>;
             return [executor = std::make_shared<Executor>(disks)](Crew<Server>::Job&& job) {
               return (*executor)(std::move(job));
             };
           },
       .lane_of = [](const Crew<Server>::Job& job) { return std::size_t{index(job.run)}; }},
      role.stoppable, [&](const Crew<Server>& crew, const HostCounters& counters) {
        metrics.after_step(crew, counters, transport->counters());
      });
}

Exit run_worker(const Process& process, const WorkerRole& role) {
  const MemberId self = fresh_member_id();
  const auto http = open_role_http(role.http, {"worker", self}, process.log);
  if (!http) return user_error(http.error());
  auto transport = make_transport(process, self);
  if (const Status done = transport->connect(kCoordinator, role.coordinator); !done) {
    return user_error(done.error());
  }
  if (!role.cache.empty()) show_disk((*http)->metrics, "cache", role.cache);
  WorkerMetrics metrics(**http);
  DataSource data(process, role);
  Sites<WorkerSite> sites([&data](RunId id) {
    return std::make_shared<WorkerSite>(
        [&data, id](const RunConfig& run) { return data.open(run, id); });
  });
  Crew<Worker> machine(
      crew(wire::Role::worker, role.coordinator, role.give_up), [&](RunId, std::uint64_t life) {
        return std::make_unique<Worker>(
            WorkerOptions{.membership = membership(wire::Role::worker, role.coordinator, ""),
                          .first_request = life << 32,
                          .counters = &metrics.counters()},
            self);
      });
  return run_host<Crew<Worker>>(
      machine, *transport, process.log,
      {.self = self,
       .role = "worker",
       .threads = role.threads,
       .make_executor =
           [&](unsigned) {
             using Executor = CrewExecutor<Worker, WorkerExecutor, WorkerSite>;
             return [executor = std::make_shared<Executor>(sites)](Crew<Worker>::Job&& job) {
               return (*executor)(std::move(job));
             };
           }},
      role.stoppable, [&](const Crew<Worker>& crew, const HostCounters& counters) {
        metrics.after_step(crew, counters, transport->counters());
      });
}

}  // namespace ballast

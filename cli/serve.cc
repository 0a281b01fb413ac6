// ballast serve: the coordinator as a service, with a queue of jobs.

#include <fmt/core.h>
#include <unistd.h>

#include <charconv>
#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <utility>

#include "cli/links.h"
#include "cli/log_flags.h"
#include "cli/role_http.h"
#include "cli/roles.h"
#include "cli/run_options.h"
#include "cli/service_metrics.h"
#include "cli/verbs.h"
#include "cli/version.h"
#include "common/http/monitoring.h"
#include "common/http/server.h"
#include "common/observe/disk.h"
#include "common/observe/process.h"
#include "common/runtime/host.h"
#include "common/runtime/host_metrics.h"
#include "common/runtime/processes.h"
#include "common/runtime/signals.h"
#include "common/storage/files.h"
#include "coordinator/service/api.h"
#include "coordinator/service/board.h"
#include "coordinator/service/service.h"
#include "coordinator/service/site.h"

namespace ballast {
namespace {

constexpr std::uint32_t kJobsAtOnceMax = 256;

struct ServeOptions {
  std::string state;
  std::string listen = "tcp://127.0.0.1:7700";
  std::string advertise;
  std::uint32_t ports = 0;
  HttpFlags http{
      .listen = "127.0.0.1:8080", .certificate = "", .key = "", .tokens = "", .insecure = false};
  std::uint32_t jobs_at_once = 4;
  std::uint32_t jobs_per_owner = 0;
  std::uint32_t threads = 1;
  LogFlags log;
  LinkOptions links;
};

// ---- where the coordinators of jobs listen ------------------------------------------------------

struct JobEndpoints {
  std::vector<std::string> listen;
  std::vector<std::string> reached;  // By members.
};

Error mistake(std::string what) { return {ErrorCode::invalid, std::move(what)}; }

bool is_everywhere(const Endpoint& endpoint) {
  return endpoint.host == "*" || endpoint.host == "0.0.0.0" || endpoint.host == "::";
}

Result<JobEndpoints> job_endpoints(const ServeOptions& options, const Links& links) {
  auto endpoint = parse_endpoint(options.listen, EndpointUse::bind, links.reach);
  if (!endpoint) return endpoint.error();
  JobEndpoints jobs;
  if (endpoint->scheme == Scheme::inproc) {
    return mistake("--listen: members are other processes; expected tcp:// or ipc://");
  }
  if (endpoint->scheme == Scheme::ipc) {
    for (std::uint32_t slot = 0; slot < options.jobs_at_once; ++slot) {
      jobs.listen.push_back(fmt::format("ipc://{}-job-{}", endpoint->path, slot));
    }
    jobs.reached = jobs.listen;
    return jobs;
  }
  if (is_everywhere(*endpoint) && options.advertise.empty()) {
    return mistake(options.listen +
                   ": listens everywhere, and members need one address; give --advertise HOST");
  }
  std::uint32_t first = options.ports;
  if (first == 0) {
    std::uint32_t own = 0;
    const std::string& port = endpoint->port;
    const auto read = std::from_chars(port.data(), port.data() + port.size(), own);
    if (read.ec != std::errc() || own == 0) {
      return mistake(
          "--listen: with any port the coordinators of jobs need ports of their own; "
          "give --ports FIRST");
    }
    first = own + 1;
  }
  if (first + options.jobs_at_once > 65536) {
    return mistake(fmt::format("--ports: {} jobs from port {} on go beyond 65535",
                               options.jobs_at_once, first));
  }
  Endpoint reached = *endpoint;
  if (!options.advertise.empty()) reached.host = options.advertise;
  for (std::uint32_t slot = 0; slot < options.jobs_at_once; ++slot) {
    endpoint->port = reached.port = std::to_string(first + slot);
    jobs.listen.push_back(endpoint->text());
    jobs.reached.push_back(reached.text());
  }
  return jobs;
}

Milliseconds wall_at_zero() {
  using std::chrono::duration_cast;
  using std::chrono::milliseconds;
  return duration_cast<milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count() -
         duration_cast<milliseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// ---- what monitors see --------------------------------------------------------------------------

http::Route metrics_route(const MetricRegistry& metrics) {
  return {.method = http::Method::get,
          .pattern = "/metrics",
          .access = http::Access::view,
          .handle = [&metrics](const http::Request&, http::Reply reply) {
            http::Response response;
            response.type = kMetricsType;
            response.body = metrics.text();
            std::move(reply).send(std::move(response));
          }};
}

// ---- the verb -----------------------------------------------------------------------------------

int serve(const ServeOptions& options) {
  auto log = open_log(options.log);
  if (!log) return user_mistake(log.error().message);
  auto links = open_links(options.links, KeyRole::coordinator);
  if (!links) return user_mistake(links.error().message);
  const auto endpoints = job_endpoints(options, *links);
  if (!endpoints) return user_mistake(endpoints.error().message);
  ZmqContext context;
  const Process process{context, **log, *links};
  auto transport = make_transport(process, kCoordinator);
  const auto endpoint = transport->bind(options.listen);
  if (!endpoint) return user_mistake(endpoint.error().message);

  const JobPlaces places(options.state);
  for (const std::string& directory : {places.state(), places.uploads()}) {
    if (const Status made = make_directories(directory); !made) {
      return user_mistake(made.error().message);
    }
  }
  auto store = JobStore::open(places.queue());
  if (!store) return user_mistake(store.error().message);
  const LogSource source{"service", kCoordinator};

  Outlet<Service> outlet;
  Processes processes(
      [&](Processes::Id id, int code) {
        const JobId job{id};
        outlet.give(JobProcessEnded{job, code, last_words(places.log(job))});
      },
      [&](Processes::Id, const std::string& why) { (*log)->write(LogLevel::error, source, why); });
  Answers answers;
  ServiceSite site({.listen = endpoints->listen,
                    .process = {.listen = "",
                                .threads = options.threads,
                                .log = {"--log-level", options.log.level},  // People read it.
                                .keys = options.links.keys,
                                .insecure = options.links.insecure}},
                   places, **store, processes, answers, **log);
  ServiceBoard board([&](std::uint32_t slot) {
    return std::make_unique<JobProbe>(context, ProbeLinks{links->keys, links->reach},
                                      reachable_here(endpoints->listen.at(slot)), **log);
  });
  ServiceOptions service_options;
  service_options.version = kVersion;
  service_options.jobs_at_once = options.jobs_at_once;
  service_options.jobs_per_owner = options.jobs_per_owner;
  service_options.endpoints = endpoints->reached;
  service_options.wall_at_zero = wall_at_zero();
  Service machine(std::move(service_options), (*store)->term(), (*store)->take_jobs());
  board.update(machine);
  ServiceApi api({.version = kVersion}, places, board, answers,
                 [&outlet](ServiceOutcome outcome) { outlet.give(std::move(outcome)); });
  MetricRegistry metrics;
  show_process(metrics, source.role, kVersion);
  show_disk(metrics, "state", options.state);
  show_service(metrics, board, api, processes);
  http::HttpOptions http_with = http_options(options.http);
  http_with.uploads = places.uploads();
  http_with.on_served = http::count_requests(metrics);
  std::vector<http::Route> routes = api.routes();
  routes.push_back(metrics_route(metrics));
  auto http = http::HttpServer::start(std::move(http_with), std::move(routes), **log, source);
  if (!http) return user_mistake(http.error().message);
  show_connections(metrics, **http);

  HostMetrics host_metrics(metrics);
  const Host<Service>* stepped = nullptr;
  Host<Service> host(
      machine, *transport, **log,
      {.self = kCoordinator,
       .role = "service",
       .threads = 1,
       .make_executor =
           [&](unsigned) { return [&](ServiceJob&& job) { return site(std::move(job)); }; },
       .after_step =
           [&](const Service& service) {
             board.update(service);
             host_metrics.show(stepped->counters(), transport->counters());
           }});
  stepped = &host;
  outlet.lead_to(&host);
  std::optional<Signals> signals;
  signals.emplace([&host](int) { host.stop(); });
  fmt::print("service listens at {}\nhttp at {}\n", *endpoint, (*http)->url());
  std::fflush(stdout);  // Somebody may be reading the log for it.
  const Exit exit = host.run();
  signals.reset();
  outlet.lead_to(nullptr);
  (*http)->stop();
  return exit_code(exit);
}

}  // namespace

void add_serve(CLI::App& app, Chosen& chosen) {
  const auto options = std::make_shared<ServeOptions>();
  CLI::App* verb = app.add_subcommand("serve", "Be a service that jobs are submitted to");
  verb->add_option("--state", options->state,
                   "Directory of its queue, its uploads and all that jobs write")
      ->required();
  verb->add_option("--listen", options->listen, "Where servers and workers come to")
      ->capture_default_str();
  verb->add_option("--advertise", options->advertise,
                   "The host that members are given, where it is not the one of --listen");
  verb->add_option("--ports", options->ports,
                   "The first of as many ports as there are jobs at once, one for the coordinator "
                   "of each; default: those after --listen's")
      ->check(CLI::Range(1, 65535));
  verb->add_option("--http", options->http.listen, "Where people and scripts come to: ADDRESS:PORT")
      ->capture_default_str();
  CLI::Option* const certificate =
      verb->add_option("--http-certificate", options->http.certificate,
                       "Speak HTTPS, with the certificate in this file (PEM, with its chain); read "
                       "again when it changes");
  verb->add_option("--http-key", options->http.key, "The key of the certificate (PEM)")
      ->needs(certificate);
  verb->add_option(
      "--http-tokens", options->http.tokens,
      "Ask for a token that this file has (`ballast keys --token`); read again when it "
      "changes");
  verb->add_flag("--http-insecure", options->http.insecure,
                 "Allow --http beyond this machine without a certificate or without tokens: "
                 "everybody on the network may do everything");
  verb->add_option("--jobs", options->jobs_at_once, "How many jobs at once")
      ->check(CLI::Range(1U, kJobsAtOnceMax))
      ->capture_default_str();
  verb->add_option("--jobs-per-owner", options->jobs_per_owner,
                   "How many at once of one token; 0: as many as there is room for")
      ->check(CLI::Range(0U, kJobsAtOnceMax))
      ->capture_default_str();
  verb->add_option("--threads", options->threads, "For preparing the data of a job")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  add_log(*verb, options->log);
  add_links(*verb, options->links, KeyRole::coordinator);
  verb->footer(
      "\nThen, on this or other machines:\n"
      "  ballast server --service tcp://127.0.0.1:7700 --home /var/lib/ballast\n"
      "  ballast worker --service tcp://127.0.0.1:7700 --threads 4\n"
      "  BALLAST_COORDINATOR=http://127.0.0.1:8080 ballast submit examples/digits/mlp.yaml --data "
      "examples/digits --follow\n"
      "Stopped by SIGTERM it keeps a checkpoint of every job, and goes on when it is started "
      "again.");
  verb->callback([options, &chosen] { chosen = [options] { return serve(*options); }; });
}

}  // namespace ballast

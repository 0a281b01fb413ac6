// ballast server, and ballast worker: join a coordinator.

#include <fmt/format.h>

#include <map>
#include <memory>
#include <thread>
#include <utility>

#include "cli/agent.h"
#include "cli/cache.h"
#include "cli/log_flags.h"
#include "cli/role_http.h"
#include "cli/roles.h"
#include "cli/run_options.h"
#include "cli/verbs.h"
#include "common/base/member_text.h"
#include "common/runtime/cgroup.h"
#include "common/runtime/membership.h"
#include "common/runtime/signals.h"
#include "common/storage/files.h"

namespace ballast {
namespace {

constexpr std::uint64_t kBufferBytesMin = std::uint64_t{1} << 20;
constexpr std::uint64_t kBufferBytesMax = std::uint64_t{1} << 50;  // Above, "-5" had been read.
constexpr double kWaitSecondsMax = 1e9;  // Some thirty years; for ever has a word of its own.

struct MemberOptions {
  std::string coordinator;
  std::string service;
  std::string listen = "tcp://127.0.0.1:*";
  std::string advertise;
  std::string home;
  LogFlags log;
  std::uint64_t buffer_bytes = 0;  // 0, here and below: what this process's place allows.
  std::uint32_t threads = 0;
  std::string cache = default_cache();
  double wait_seconds = 60.0;
  std::string note;  // What was chosen for it; for the log.
  LinkOptions links;
  HttpFlags http;
};

// Puts a number where nobody gave one, and says which: in a container it follows its limits.
void fit_threads(MemberOptions& options) {
  if (options.threads != 0) return;
  const CgroupLimits limits = cgroup_limits();
  options.threads = threads_within(limits, std::thread::hardware_concurrency());
  options.note = "computes on " + counted(options.threads, "thread");
  if (limits.cpus) options.note += fmt::format("; the CPU limit here is {:.3g}", *limits.cpus);
}

void fit_buffer(MemberOptions& options) {
  if (options.buffer_bytes != 0) return;
  const CgroupLimits limits = cgroup_limits();
  options.buffer_bytes = buffer_within(limits, ServerOptions{}.buffered_bytes_max, kBufferBytesMin);
  options.note =
      fmt::format("keeps up to {} MiB of gradients that wait", options.buffer_bytes >> 20);
  if (limits.memory_bytes) {
    options.note += fmt::format("; the memory limit here is {} MiB", *limits.memory_bytes >> 20);
  }
}

// A signal asks the host to say goodbye; the coordinator then lets it go.
template <class Role, class Run>
int join(const MemberOptions& options, KeyRole key_role, Role role, Run run) {
  auto log = open_log(options.log);
  if (!log) return user_mistake(log.error().message);
  if (!options.note.empty()) {
    const std::string role_name = key_role == KeyRole::worker ? "worker" : "server";
    (*log)->write(LogLevel::info, {role_name, MemberId{}}, options.note);
  }
  auto links = open_links(options.links, key_role);
  if (!links) return user_mistake(links.error().message);
  ZmqContext context;
  const Process process{context, **log, std::move(*links)};
  role.give_up = seconds(options.wait_seconds);
  role.http = options.http;
  std::unique_ptr<Signals> signals;
  role.stoppable = [&signals](std::function<void()> stop) {
    signals.reset();
    if (stop) signals = std::make_unique<Signals>([stop](int) { stop(); });
  };
  return exit_code(run(process, role));
}

// What the members of jobs are told on their command lines, as we were.
std::vector<std::string> common_words(const MemberOptions& options) {
  std::vector<std::string> words = words_of(options.log);
  words.insert(words.end(), {"--wait", "0"});
  if (!options.links.keys.empty()) words.insert(words.end(), {"--keys", options.links.keys});
  if (options.links.insecure) words.emplace_back("--insecure");
  return words;
}

AgentRole agent_role(const MemberOptions& options, wire::Role role,
                     std::vector<std::string> words) {
  const std::vector<std::string> common = common_words(options);
  words.insert(words.end(), common.begin(), common.end());
  AgentRole agent;
  agent.role = role;
  agent.service = options.service;
  agent.threads = options.threads;
  agent.member = std::move(words);
  return agent;
}

int lend_server(const MemberOptions& options) {
  if (!options.advertise.empty()) {
    return user_mistake(
        "--advertise: each job has a server of its own here, at a port of its own, so no address "
        "can stand for all; give --listen an address that workers reach, such as "
        "'tcp://10.0.0.2:*'");
  }
  AgentRole agent = agent_role(options, wire::Role::server,
                               {"server", "--buffer", std::to_string(options.buffer_bytes)});
  agent.listen = options.listen;
  agent.homes = options.home;
  return join(options, KeyRole::server, agent, run_agent);
}

int lend_worker(const MemberOptions& options) {
  return join(options, KeyRole::worker,
              agent_role(options, wire::Role::worker,
                         {"worker", "--threads", std::to_string(options.threads), "--cache",
                          options.cache}),
              run_agent);
}

void add_common_options(CLI::App& verb, MemberOptions& options, KeyRole key_role) {
  CLI::Option_group* const where = verb.add_option_group("where");
  where->add_option("--coordinator", options.coordinator, "The endpoint of a run's coordinator");
  where->add_option("--service", options.service,
                    "The endpoint of a service (ballast serve): serve whatever jobs it has");
  where->require_option(1);
  verb.add_option("--wait", options.wait_seconds,
                  "Seconds to wait for a coordinator that does not answer; 0: for ever")
      ->check(CLI::Range(0.0, kWaitSecondsMax))
      ->capture_default_str();
  add_log(verb, options.log);
  add_links(verb, options.links, key_role);
  add_role_http(verb, options.http);
}

}  // namespace

void add_server(CLI::App& app, Chosen& chosen) {
  const auto options = std::make_shared<MemberOptions>();
  CLI::App* verb = app.add_subcommand("server", "Join a run as a parameter server");
  add_common_options(*verb, *options, KeyRole::server);
  verb->add_option("--listen", options->listen, "Where workers reach this server")
      ->capture_default_str();
  verb->add_option("--advertise", options->advertise,
                   "The address that workers are given, where it is not the one it listens at");
  verb->add_option("--home", options->home, "Directory for its tables on disk")->required();
  verb->add_option(
          "--buffer", options->buffer_bytes,
          "Memory for gradients that wait for others of their step, such as 256mb; over it "
          "they are asked for again later")
      ->transform(CLI::AsSizeValue(false))
      ->check(CLI::Range(kBufferBytesMin, kBufferBytesMax))
      ->default_str("1gb, or a quarter of what its control group allows");
  verb->footer(
      "\nEach server needs a --home of its own, and an address that workers reach. Between "
      "machines:\n"
      "  ballast server --coordinator tcp://10.0.0.1:7700 --listen 'tcp://10.0.0.2:*' \\\n"
      "      --home /var/lib/ballast --keys keys\n"
      "With --service it serves whatever jobs a service has, each from a process of its own.");
  verb->callback([options, &chosen] {
    chosen = [options] {
      fit_buffer(*options);
      ServerRole role;
      role.coordinator = options->coordinator;
      role.listen = options->listen;
      role.advertise = options->advertise;
      role.home = options->home;
      role.buffered_bytes_max = options->buffer_bytes;
      if (const Status place = check_writable_directory(role.home); !place) {
        return user_mistake(place.error().message + "; choose another --home");
      }
      if (!options->service.empty()) return lend_server(*options);
      return join(*options, KeyRole::server, role, run_server);
    };
  });
}

void add_worker(CLI::App& app, Chosen& chosen) {
  const auto options = std::make_shared<MemberOptions>();
  CLI::App* verb = app.add_subcommand("worker", "Join a run as a worker");
  add_common_options(*verb, *options, KeyRole::worker);
  verb->add_option(
          "--threads", options->threads,
          "Computing threads; auto, or 0: as many as its control group and its cores allow")
      ->transform(CLI::Transformer(std::map<std::string, std::string>{{"auto", "0"}}))
      ->check(CLI::Range(0, 1024))
      ->default_str("auto");
  verb->add_option("--cache", options->cache,
                   "Where prepared data is kept that comes from the coordinator ($BALLAST_CACHE)")
      ->capture_default_str();
  verb->footer(
      "\nA worker that does not see the coordinator's files fetches the prepared data from it, "
      "once, "
      "into\n"
      "--cache. It may join or leave at any time:\n"
      "  ballast worker --coordinator tcp://127.0.0.1:7700 --threads 4\n"
      "With --service it goes from job to job as the service says.");
  verb->callback([options, &chosen] {
    chosen = [options] {
      fit_threads(*options);
      if (!options->service.empty()) return lend_worker(*options);
      WorkerRole role;
      role.coordinator = options->coordinator;
      role.threads = options->threads;
      role.cache = options->cache;
      return join(*options, KeyRole::worker, role, run_worker);
    };
  });
}

}  // namespace ballast

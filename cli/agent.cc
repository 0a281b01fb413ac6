#include "cli/agent.h"

#include <signal.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <set>
#include <utility>

#include "cli/job_texts.h"
#include "cli/member_metrics.h"
#include "cli/version.h"
#include "common/base/overloaded.h"
#include "common/observe/disk.h"
#include "common/runtime/agent.h"
#include "common/runtime/host.h"
#include "common/runtime/member_id.h"
#include "common/runtime/processes.h"
#include "common/storage/files.h"

namespace ballast {
namespace {

std::string home_name(JobId job) { return "job-" + std::to_string(index(job)); }

// Does the agent's jobs, on one thread.
class AgentExecutor {
 public:
  AgentExecutor(const AgentRole& role, Log& log, LogSource source, Processes& processes)
      : role_(role), log_(log), source_(std::move(source)), processes_(processes) {}

  AgentOutcome operator()(AgentJob&& job) {
    std::visit(Overloaded{[&](const StartMember& start) { run(start); },
                          [&](const EndMember& end) { run(end); },
                          [&](const TidyHomes& tidy) { run(tidy); }},
               job);
    return MemberOrdered{};
  }

 private:
  void run(const StartMember& start) {
    std::vector<std::string> words = role_.member;
    words.insert(words.end(), {"--coordinator", start.coordinator, "--log-job",
                               std::to_string(index(start.of.job))});
    if (role_.role == wire::Role::server) {
      const std::string name = home_name(start.of.job);
      const bool is_path = role_.listen.starts_with("ipc://");
      words.insert(words.end(), {"--listen", is_path ? role_.listen + "-" + name : role_.listen,
                                 "--home", join_path(role_.homes, name)});
    }
    log_.write(LogLevel::info, source_,
               "joining job " + std::to_string(index(start.of.job)) + " at " + start.coordinator);
    processes_.start(index(start.of.job),
                     {.arguments = std::move(words), .log = "", .is_shown = true});
  }

  void run(const EndMember& end) {
    processes_.signal(index(end.job), end.by == EndMemberBy::asking ? SIGTERM : SIGKILL);
  }

  void run(const TidyHomes& tidy) {
    if (role_.homes.empty()) return;
    std::set<std::string> keep;
    for (const JobId job : tidy.keep) keep.insert(home_name(job));
    std::error_code error;
    std::vector<std::string> gone;
    for (const auto& entry : std::filesystem::directory_iterator(role_.homes, error)) {
      const std::string name = entry.path().filename();
      if (name.starts_with("job-") && !keep.contains(name)) gone.push_back(entry.path());
    }
    for (const std::string& path : gone) {
      if (const Status removed = remove_directory(path); !removed) {
        log_.write(LogLevel::warning, source_, removed.error().message);
      }
    }
  }

  const AgentRole& role_;
  Log& log_;
  const LogSource source_;
  Processes& processes_;
};

}  // namespace

Exit run_agent(const Process& process, const AgentRole& role) {
  const MemberId self = fresh_member_id();
  const LogSource source{"agent", self};
  const auto http = open_role_http(role.http, source, process.log);
  if (!http) return {ExitCode::user_error, http.error().message};
  auto transport = make_transport(process, self);
  if (const Status done = transport->connect(kCoordinator, role.service); !done) {
    return {ExitCode::user_error, done.error().message};
  }
  if (!role.homes.empty()) {
    if (const Status made = make_directories(role.homes); !made) {
      return {ExitCode::user_error, made.error().message};
    }
  }
  Agent machine({.role = role.role,
                 .version = kVersion,
                 .host = host_and_process(),
                 .threads = role.threads,
                 .service = role.service,
                 .give_up = role.give_up});
  Outlet<Agent> outlet;
  Processes processes(
      [&outlet](Processes::Id id, int code) {
        outlet.give(MemberEnded{JobId{id}, code});
      },
      [&](Processes::Id, const std::string& why) {
        process.log.write(LogLevel::error, source, why);
      });
  AgentExecutor executor(role, process.log, source, processes);
  if (!role.homes.empty()) show_disk((*http)->metrics, "home", role.homes);
  (*http)->metrics.also([&processes] { return texts_of_jobs(processes); });
  AgentMetrics metrics(**http);
  const Host<Agent>* stepped = nullptr;
  Host<Agent> host(
      machine, *transport, process.log,
      {.self = self,
       .role = "agent",
       .threads = 1,
       .make_executor =
           [&](unsigned) { return [&](AgentJob&& job) { return executor(std::move(job)); }; },
       .after_step =
           [&](const Agent& agent) {
             metrics.after_step(agent, stepped->counters(), transport->counters());
           }});
  stepped = &host;
  outlet.lead_to(&host);
  if (role.stoppable) role.stoppable([&host] { host.stop(); });
  Exit exit = host.run();
  if (role.stoppable) role.stoppable({});
  outlet.lead_to(nullptr);
  if ((*http)->server) (*http)->server->stop();  // It looks at the processes.
  return exit;
}

}  // namespace ballast

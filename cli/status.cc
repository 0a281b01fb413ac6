// ballast status: asks a coordinator what its run does, and on whom it waits.

#include <fmt/core.h>

#include <memory>
#include <utility>

#include "cli/job_directory.h"
#include "cli/job_file.h"
#include "cli/links.h"
#include "cli/run_options.h"
#include "cli/service_verbs.h"
#include "cli/verbs.h"
#include "common/base/member_text.h"
#include "common/net/zmq_transport.h"
#include "common/runtime/host.h"
#include "common/runtime/member_id.h"
#include "common/runtime/membership.h"
#include "common/storage/files.h"
#include "coordinator/status.h"

namespace ballast {
namespace {

struct StatusOptions {
  std::string coordinator;
  std::string output;
  std::optional<std::uint64_t> job;  // Of a service.
  LinkOptions links;
  double wait_seconds = 3.0;
  bool json = false;
};

// Asks until it is answered, or its time is up. A machine like the roles, and no member of the run.
class Inquirer {
 public:
  struct Job {};
  struct Outcome {};

  Inquirer(std::string coordinator, Duration wait)
      : coordinator_(std::move(coordinator)), wait_(wait) {}

  void step(Time now, Input<Outcome> input, Effects<Job>& effects) {
    if (!until_) until_ = now + wait_;
    if (auto* const received = std::get_if<Received>(&input)) {
      if (auto* const report = std::get_if<wire::StatusReport>(&received->message.body)) {
        report_ = std::move(report->json);
        effects.exit = Exit{};
        return;
      }
      if (auto* const reply = std::get_if<wire::MalformedReply>(&received->message.body)) {
        effects.exit = Exit{ExitCode::fault, "the coordinator at " + coordinator_ +
                                                 " does not understand the question; is it of "
                                                 "another version? It says: " +
                                                 reply->reason};
        return;
      }
    }
    if (std::holds_alternative<StopAsked>(input)) {
      effects.exit = Exit{ExitCode::interrupted, ""};
      return;
    }
    if (now >= *until_) {
      effects.exit =
          Exit{ExitCode::fault, "nobody answers at " + coordinator_ +
                                    "; check the address, that the coordinator runs, and that "
                                    "both have keys of one making, or neither has any"};
      return;
    }
    if (now >= ask_again_) {
      effects.send(kCoordinator, wire::AskStatus{});
      ask_again_ = now + std::chrono::milliseconds(250);
    }
    effects.wake_at = std::min(ask_again_, *until_);
  }

  [[nodiscard]] const std::string& report() const { return report_; }

 private:
  const std::string coordinator_;
  const Duration wait_;
  std::optional<Time> until_;
  Time ask_again_{};
  std::string report_;
};

// ---- whom to ask --------------------------------------------------------------------------------

// Whatever role's secret is there: a coordinator answers all of them.
Result<Links> open_any_links(const LinkOptions& options) {
  if (options.keys.empty()) return open_links(options, KeyRole::worker);
  for (const KeyRole role : {KeyRole::worker, KeyRole::server, KeyRole::coordinator}) {
    if (path_exists(join_path(options.keys, name_of(role) + ".secret"))) {
      return open_links(options, role);
    }
  }
  return Error{ErrorCode::not_found, options.keys +
                                         ": expected worker.secret, server.secret or "
                                         "coordinator.secret there, as `ballast keys` makes them"};
}

// ---- showing ------------------------------------------------------------------------------------

std::string part_of(const MemberStatus& member) {
  if (member.role == wire::Role::worker) {
    if (member.leaves.empty()) return "no leaves";
    return fmt::format("leaves {} to {}", member.leaves.begin, member.leaves.end - 1);
  }
  std::string text =
      fmt::format("owns {} partitions, replicates {}", member.owns, member.replicates);
  if (member.lacks > 0) text += fmt::format(", lacks {} of them", member.lacks);
  if (member.version) text += fmt::format(", version {}", *member.version);
  if (member.prepared) text += ", has prepared the next";
  return text;
}

void print(const RunStatus& status) {
  fmt::print("run         {}: {}, epoch {}/{}, step {}/{}{}\n", status.run, status.phase,
             status.epoch, status.epochs, status.step, status.steps,
             status.loss ? fmt::format(", loss {:.4f}", *status.loss) : "");
  fmt::print("timeline    {}, term {}, plan {}\n", status.timeline, status.term, status.plan);
  fmt::print("checkpoint  {}\n", status.checkpoint ? fmt::format("step {}", *status.checkpoint)
                                                   : std::string("none yet"));
  for (const OpenCheckpoint& open : status.open_checkpoints) {
    fmt::print("            step {} is being written: {} of {} partitions\n", open.step,
               open.written, open.partitions);
  }
  if (!status.waiting.empty()) {
    fmt::print("waiting     for {} since {:.1f} s\n", status.waiting, status.waiting_seconds);
  }
  for (const MemberStatus& member : status.members) {
    fmt::print("{:<10}  {}  {}  {}; {}; heard {:.1f} s ago\n",
               member.role == wire::Role::server ? "server" : "worker", to_string(member.id),
               member.host, member.state, part_of(member), member.heard_seconds);
    if (!member.waiting.empty()) {
      fmt::print("            waits for {} since {} s\n", member.waiting, member.waiting_seconds);
    }
  }
}

// ---- the verb -----------------------------------------------------------------------------------

int nobody(const std::string& why) { return exit_code({ExitCode::fault, why}); }

// A model, or results, are what is left at the end: nothing waits to be gone on with.
std::string why_nobody(const std::string& output) {
  const std::string nobody_there = output + ": no coordinator runs there: ";
  if (path_exists(join_path(output, "model.safetensors"))) {
    return nobody_there + "the run is over, and its model is written; see `ballast inspect " +
           output + "`";
  }
  if (path_exists(join_path(output, "cv.json"))) {
    return nobody_there + "the job is over, and its results are written; see " +
           join_path(output, "report.html") + "; if it says that something is missing, `ballast " +
           "resume " + output + "` goes on";
  }
  return nobody_there + "the run is over, or was stopped; go on with it by `ballast resume " +
         output + "`";
}

int ask(const StatusOptions& options) {
  if (options.coordinator.empty() && options.output.empty()) {
    return show_service_status(options.job, options.json);
  }
  std::string endpoint = options.coordinator;
  if (!options.output.empty()) {
    const auto many = read_job_origin(options.output);
    if (!many) return user_mistake(many.error().message);
    if (!*many) {
      if (const auto job = read_job_file(options.output); !job) {
        return user_mistake(job.error().message);
      }
    }
    auto written = read_endpoint(options.output);
    if (!written) return nobody(why_nobody(options.output));
    endpoint = reachable_here(std::move(*written));
  }
  auto log = open_log(LogFlags{.level = "warning"});
  if (!log) return user_mistake(log.error().message);
  auto links = open_any_links(options.links);
  if (!links) return user_mistake(links.error().message);
  const MemberId self = fresh_member_id();
  ZmqContext context;
  auto transport = make_zmq_transport(context, {.self = self,
                                                .keys = links->keys,
                                                .reach = links->reach,
                                                .linger = std::chrono::milliseconds(0)});
  if (const Status done = transport->connect(kCoordinator, endpoint); !done) {
    return user_mistake(done.error().message);
  }
  Inquirer machine(endpoint, seconds(options.wait_seconds));
  Host<Inquirer> host(machine, *transport, **log, {.self = self, .role = "status", .threads = 0});
  if (const Exit exit = host.run(); exit.code != ExitCode::done) return exit_code(exit);
  if (options.json) {
    fmt::print("{}\n", machine.report());
    return 0;
  }
  const auto status = job_status_from_json(machine.report());
  if (!status) return nobody(status.error().message);
  if (!status->job.empty()) {
    fmt::print("job         {}: {} ended, {} of them failed, {} left; {}, {}\n", status->job,
               counted(status->ended, "run"), status->failed, status->left,
               counted(status->servers, "server"), counted(status->workers, "worker"));
    if (status->seconds_left) {
      fmt::print("budget      {:.0f} s are left until no run begins any more\n",
                 *status->seconds_left);
    }
  }
  for (const RunStatus& run : status->runs) print(run);
  return 0;
}

}  // namespace

void add_status(CLI::App& app, Chosen& chosen) {
  const auto options = std::make_shared<StatusOptions>();
  CLI::App* verb = app.add_subcommand("status", "What a run does now, and on whom it waits");
  CLI::Option_group* const where = verb->add_option_group("where");
  where->add_option("--coordinator", options->coordinator, "The coordinator's endpoint");
  where->add_option("--out", options->output,
                    "The output directory of a run whose coordinator is on this machine");
  where->add_option("JOB", options->job,
                    "The number of a job of the service at $BALLAST_COORDINATOR; without any of "
                    "these all of its jobs");
  where->require_option(0, 1);
  verb->add_flag("--json", options->json, "The whole answer, for scripts");
  verb->add_option("--wait", options->wait_seconds, "Seconds to wait for an answer")
      ->check(CLI::Range(0.1, 3600.0))
      ->capture_default_str();
  CLI::Option* const keys = verb->add_option("--keys", options->links.keys,
                                             "Directory with the keys of any role of the cluster");
  verb->add_flag("--insecure", options->links.insecure,
                 "Allow an endpoint beyond this machine without keys")
      ->excludes(keys);
  verb->footer(
      "\nExamples\n"
      "  ballast status --out runs/digits\n"
      "  ballast status --coordinator tcp://10.0.0.1:7700 --keys keys --json\n"
      "  BALLAST_COORDINATOR=http://127.0.0.1:8080 ballast status 12\n"
      "\nExit codes: 0 answered, 2 a mistake in what was asked, 3 nobody answers.");
  verb->callback([options, &chosen] { chosen = [options] { return ask(*options); }; });
}

}  // namespace ballast

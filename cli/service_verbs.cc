// ballast logs, metrics, cancel and download: what users do with the jobs of a service.

#include "cli/service_verbs.h"

#include <fmt/core.h>

#include <charconv>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "cli/run_options.h"
#include "cli/service_client.h"
#include "cli/verbs.h"
#include "common/base/member_text.h"
#include "common/job/json_text.h"
#include "common/storage/files.h"
#include "coordinator/service/api_files.h"

namespace ballast {
namespace {

using Json = nlohmann::ordered_json;

std::string path_of(std::uint64_t job, const std::string& rest = "") {
  return fmt::format("/api/v1/jobs/{}{}", job, rest);
}

int fail(const Error& error) {
  if (error.code != ErrorCode::unavailable && error.code != ErrorCode::io) {
    return user_mistake(error.message);
  }
  return exit_code({ExitCode::fault, error.message});
}

Result<Json> get_json(ServiceClient& client, const std::string& path) {
  const auto text = client.get(path);
  if (!text) return text.error();
  Json json = parse_shallow_json_if<Json>(*text);
  if (json.is_object()) return json;
  return Error{ErrorCode::unavailable, "the service answers nonsense"};
}

void print_row(const Json& job) {
  fmt::print("{:>6}  {:<10}  {:<6}  {:>4}  {:<24}  {:<12}  {}\n", job.value("id", std::uint64_t{0}),
             job.value("state", ""), job.value("kind", ""), job.value("priority", 0),
             job["submitted_at"].is_string() ? job["submitted_at"].get<std::string>() : "-",
             job.value("owner", "").empty() ? "-" : job.value("owner", ""),
             job.value("name", "") +
                 (job.value("reason", "").empty() ? "" : ": " + job.value("reason", "")));
}

void print_run(const Json& run) {
  fmt::print("run         {}: {}, epoch {}/{}, step {}/{}{}\n", run.value("run", ""),
             run.value("phase", ""), run.value("epoch", 0), run.value("epochs", 0),
             run.value("step", 0), run.value("steps", 0),
             run.contains("loss") && run["loss"].is_number()
                 ? fmt::format(", loss {:.4f}", run["loss"].get<double>())
                 : "");
  if (const std::string waiting = run.value("waiting", ""); !waiting.empty()) {
    fmt::print("waiting     for {}\n", waiting);
  }
}

int show_all(ServiceClient& client, bool json) {
  const auto jobs = get_json(client, "/api/v1/jobs");
  if (!jobs) return fail(jobs.error());
  const auto service = get_json(client, "/api/v1/service");
  if (!service) return fail(service.error());
  if (json) {
    fmt::print("{}\n", json_text(*jobs, -1, BadUtf8::replace));
    return 0;
  }
  fmt::print("service     {}: Ballast {}, {}, {}\n", client.address(),
             service->value("version", ""),
             counted(service->value("servers", std::uint64_t{0}), "server"),
             counted(service->value("workers", std::uint64_t{0}), "worker"));
  fmt::print("{:>6}  {:<10}  {:<6}  {:>4}  {:<24}  {:<12}  {}\n", "job", "state", "kind", "prio",
             "submitted", "owner", "name");
  for (const Json& job : jobs->at("jobs")) print_row(job);
  return 0;
}

int show_one(ServiceClient& client, std::uint64_t id, bool json) {
  auto job = get_json(client, path_of(id));
  if (!job) return fail(job.error());
  const auto report = get_json(client, path_of(id, "/status"));
  if (report) (*job)["status"] = *report;
  if (json) {
    fmt::print("{}\n", json_text(*job, -1, BadUtf8::replace));
    return 0;
  }
  print_row(*job);
  if (!report) {
    fmt::print("            {}\n", report.error().message);
    return 0;
  }
  const Json& said = report->at("report");
  if (!said.is_object()) return 0;
  if (said.contains("runs")) {
    for (const Json& run : said["runs"]) print_run(run);
  } else {
    print_run(said);
  }
  return 0;
}

// ---- the verbs ----------------------------------------------------------------------------------

struct JobOptions {
  std::uint64_t job = 0;
  bool follow = false;
  std::string output;
  std::vector<std::string> files;
};

int logs(ServiceClient& client, const JobOptions& options) {
  if (options.follow) return follow_job(client, options.job);
  for (std::string offset = "0";;) {
    const auto part = client.call("GET", path_of(options.job, "/log?offset=" + offset));
    if (!part) return fail(part.error());
    if (part->body.empty()) return 0;
    std::fwrite(part->body.data(), 1, part->body.size(), stdout);
    offset = part->header("Ballast-Next-Offset").value_or(offset);
  }
}

int metrics(ServiceClient& client, const JobOptions& options) {
  const auto text = client.get(path_of(options.job, "/metrics"));
  if (!text) return fail(text.error());
  fmt::print("{}\n", *text);
  return 0;
}

int cancel(ServiceClient& client, const JobOptions& options) {
  const auto answer = client.call("POST", path_of(options.job, "/cancel"));
  if (!answer) return fail(answer.error());
  fmt::print("job {} keeps a checkpoint and ends; it goes on with: ballast resume {}\n",
             options.job, options.job);
  return 0;
}

int download(ServiceClient& client, const JobOptions& options) {
  const std::string output =
      options.output.empty() ? fmt::format("job-{}", options.job) : options.output;
  const auto listed = get_json(client, path_of(options.job, "/files"));
  if (!listed) return fail(listed.error());
  std::size_t count = 0;
  for (const Json& file : listed->at("files")) {
    const auto path = file.at("path").get<std::string>();
    const bool is_wanted =
        options.files.empty() ||
        std::find(options.files.begin(), options.files.end(), path) != options.files.end();
    // A service that lies must not write elsewhere.
    if (!is_wanted || !is_result_file(path) || path.find("..") != std::string::npos) continue;
    std::string encoded;
    for (std::size_t begin = 0; begin <= path.size();) {
      const std::size_t end = std::min(path.find('/', begin), path.size());
      encoded += "/" + path_part(path.substr(begin, end - begin));
      begin = end + 1;
    }
    const Status got =
        client.download(path_of(options.job, "/files" + encoded), join_path(output, path));
    if (!got) return fail(got.error());
    ++count;
  }
  if (count == 0) {
    return user_mistake(fmt::format("job {} has none of these files yet", options.job));
  }
  fmt::print("{} in {}\n", counted(count, "file"), output);
  return 0;
}

using Act = int (*)(ServiceClient& client, const JobOptions& options);

CLI::App* add_job_verb(CLI::App& app, Chosen& chosen, const std::string& name,
                       const std::string& help, const std::shared_ptr<JobOptions>& options,
                       Act act) {
  CLI::App* verb = app.add_subcommand(name, help);
  verb->add_option("JOB", options->job, "Its number")->required();
  verb->footer(
      "\nOf the service at $BALLAST_COORDINATOR, with the token in the file $BALLAST_TOKEN_FILE.");
  verb->callback([options, &chosen, act] {
    chosen = [options, act] {
      auto client = ServiceClient::open();
      if (!client) return user_mistake(client.error().message);
      return act(**client, *options);
    };
  });
  return verb;
}

}  // namespace

std::optional<std::uint64_t> job_number(const std::string& text) {
  std::uint64_t number = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool is_number = read.ec == std::errc() && read.ptr == text.data() + text.size();
  if (!is_number || !ServiceClient::is_meant() || path_exists(text)) return std::nullopt;
  return number;
}

int show_service_status(const std::optional<std::uint64_t>& job, bool json) {
  auto client = ServiceClient::open();
  if (!client) return user_mistake(client.error().message);
  return job ? show_one(**client, *job, json) : show_all(**client, json);
}

int resume_service_job(std::uint64_t job) {
  auto client = ServiceClient::open();
  if (!client) return user_mistake(client.error().message);
  const auto answer = (*client)->call("POST", path_of(job, "/resume"));
  if (!answer) return fail(answer.error());
  fmt::print("job {} is in the queue again\n", job);
  return 0;
}

void add_service_verbs(CLI::App& app, Chosen& chosen) {
  const auto logs_options = std::make_shared<JobOptions>();
  CLI::App* verb =
      add_job_verb(app, chosen, "logs", "What a job of a service says", logs_options, logs);
  verb->add_flag("--follow", logs_options->follow, "Until it has ended, and exit as it did");
  add_job_verb(app, chosen, "metrics", "The final metrics of a job of a service",
               std::make_shared<JobOptions>(), metrics);
  add_job_verb(app, chosen, "cancel", "Stop a job of a service, at a checkpoint",
               std::make_shared<JobOptions>(), cancel);
  const auto download_options = std::make_shared<JobOptions>();
  verb = add_job_verb(app, chosen, "download", "Fetch what a job of a service wrote",
                      download_options, download);
  verb->add_option("FILES", download_options->files, "Some of its files; default: all");
  verb->add_option("--out", download_options->output, "Where to; default job-N");
}

}  // namespace ballast

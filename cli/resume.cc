// ballast resume: go on with a run from its last complete checkpoint, on any shape.

#include <fmt/core.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cli/job_directory.h"
#include "cli/run_options.h"
#include "cli/run_show.h"
#include "cli/service_verbs.h"
#include "cli/verbs.h"
#include "common/job/parse.h"
#include "common/runtime/signals.h"
#include "common/storage/files.h"

namespace ballast {
namespace {

struct ResumeOptions {
  RunOptions run;
  std::vector<std::string> overrides;
  std::string listen;
};

// What is done already was done by the spec, so nothing of it may change but how the job goes on.
int resume_job(const JobOrigin& record, const ResumeOptions& options) {
  for (const std::string& override : options.overrides) {
    if (override.starts_with("job.")) continue;
    return user_mistake("--set " + override +
                        ": a job goes on by the spec that it was begun with, so only job.seconds, "
                        "job.steps and other fields of job may change; start another one with "
                        "another --out");
  }
  auto spec = parse_spec(record.spec, record.spec_directory + "/spec.yaml", options.overrides);
  if (!spec) return user_mistake(spec.error().message);
  return run_job(std::move(*spec), options.run, options.listen,
                 options.overrides.empty() ? Begin::again : Begin::changed);
}

int resume(const ResumeOptions& options) {
  if (const auto job = job_number(options.run.output)) return resume_service_job(*job);
  const auto record = read_job_origin(options.run.output);
  if (!record) return user_mistake(record.error().message);
  if (!*record && !options.overrides.empty()) {
    return user_mistake("--set " + options.overrides[0] + ": " + options.run.output +
                        " is a training run, which goes on as it was begun; leave --set out");
  }
  if (*record) return resume_job(**record, options);
  auto log = open_log(options.run.log);
  if (!log) return user_mistake(log.error().message);
  auto links = open_links(options.run.links, KeyRole::coordinator);
  if (!links) return user_mistake(links.error().message);
  if (const Status shown = check_role_http(options.run.http, coordinator_source(), **log); !shown) {
    return user_mistake(shown.error().message);
  }
  auto job = read_job_file(options.run.output);
  if (!job) return user_mistake(job.error().message);
  if (!options.listen.empty()) {
    if (const Status sound = check_listen(options.listen, *links); !sound) {
      return user_mistake(sound.error().message);
    }
  }

  Display display(stdout);
  const Status data = [&] {
    const Signals signals(end_while_preparing);
    return restore_dataset(*job, setup_options(options.run, display));
  }();
  display.clear();
  if (!data) return failed_attempt(data.error());
  LaunchOptions launch_with = launch_options(options.run);
  if (!options.listen.empty()) {
    launch_with.shape = Shape::cluster;
    launch_with.listen = options.listen;
    launch_with.links = std::move(*links);
  }
  RunShow show(job->run, options.run.output, display);
  return static_cast<int>(
      launch(training(*job, options.run.output), launch_with, **log, show).code);
}

}  // namespace

void add_resume(CLI::App& app, Chosen& chosen) {
  const auto options = std::make_shared<ResumeOptions>();
  CLI::App* verb =
      app.add_subcommand("resume", "Go on with a run from its last checkpoint, or with a job");
  verb->add_option("DIR", options->run.output,
                   "The output directory of the run; or the number of a job of a service "
                   "($BALLAST_COORDINATOR)")
      ->required();
  verb->add_option("--set", options->overrides,
                   "Of a job: changes its budget, --set job.seconds=3600 (repeatable)")
      ->take_all();
  add_shape(*verb, options->run);
  add_common(*verb, options->run);
  CLI::Option* const listen =
      verb->add_option("--listen", options->listen,
                       "Be the coordinator of a cluster at this endpoint, instead of running here");
  add_links(*verb, options->run.links, KeyRole::coordinator);
  for (const char* name : {"--keys", "--insecure"}) verb->get_option(name)->needs(listen);
  verb->footer(
      "\nThe number of workers, servers and threads may differ from before: the digest of\n"
      "the model does not.");
  verb->callback([options, &chosen] { chosen = [options] { return resume(*options); }; });
}

}  // namespace ballast

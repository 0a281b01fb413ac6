// ballast train, and ballast coordinator: start a run from a spec.

#include <fmt/core.h>

#include <memory>
#include <utility>

#include "cli/run_options.h"
#include "cli/run_show.h"
#include "cli/run_store.h"
#include "cli/verbs.h"
#include "common/job/parse.h"
#include "common/job/run_json.h"
#include "common/runtime/signals.h"
#include "common/storage/files.h"
#include "worker/data/dataset.h"

namespace ballast {
namespace {

struct TrainOptions {
  RunOptions run;
  std::string spec;
  std::vector<std::string> overrides;
  std::string seed;    // Read as the spec's own is.
  std::string listen;  // coordinator
  bool overwrite = false;
};

bool holds_run(const std::string& output) { return path_exists(join_path(output, "job.json")); }

// A run never lands on top of another: its checkpoints would be taken for this one's.
Status check_output(const TrainOptions& options, Shape shape) {
  if (options.overwrite || !holds_run(options.run.output)) return {};
  if (shape == Shape::cluster) return {};  // It may be this one.
  return Error{ErrorCode::conflict,
               options.run.output + ": holds a run already; go on with it by `ballast resume " +
                   options.run.output + "`, choose another --out, or give --overwrite"};
}

Status check_before_data(const TrainOptions& options, const Spec& spec, const Links& links,
                         Shape shape) {
  if (const Status place = check_output_place(options.run.output); !place) return place;
  // A run that is here already holds its store itself.
  if (spec.checkpoint.store && !options.overwrite && !holds_run(options.run.output)) {
    if (const Status free = check_store_is_free(*spec.checkpoint.store); !free) return free;
  }
  if (shape == Shape::cluster) return check_listen(options.listen, links);
  return check_kernel(spec.cluster.kernel, shape);
}

Status clear_output(const std::string& output) {
  if (!holds_run(output)) return {};
  const auto lock = FileLock::acquire(join_path(output, "lock"));
  if (!lock) return lock.error();
  for (const char* name : {"checkpoints", "servers", "terms"}) {
    if (const Status gone = remove_directory(join_path(output, name)); !gone) return gone;
  }
  for (const char* name : {"job.json", "endpoint", "history.jsonl", "model.safetensors",
                           "model.json", "metrics.json", "optimizer.safetensors"}) {
    if (const Status gone = remove_file(join_path(output, name)); !gone) return gone;
  }
  return {};
}

std::string difference(const RunConfig& there, const RunConfig& here) {
  if (there.seed != here.seed) {
    return fmt::format("its seed is {}, this one's is {}", there.seed, here.seed);
  }
  if (there.spec != here.spec) return "its spec is another one";
  if (there.dataset_digest != here.dataset_digest) return "its data is another one";
  return "it was set up otherwise, perhaps by another version";
}

// A coordinator that is started again by the same command goes on with its run: the job that the
// directory holds, whose members know it by what is written there.
Result<JobFile> same_job(const std::string& output, const JobFile& here) {
  auto there = read_job_file(output);
  if (!there) return there.error();
  RunConfig run = here.run;
  run.dataset = there->run.dataset;  // A place, and not what the run is.
  run.spec_directory = there->run.spec_directory;
  if (run_to_json(run) != run_to_json(there->run) ||
      here.transforms_json != there->transforms_json) {
    return Error{ErrorCode::conflict,
                 output + ": holds another run (" + difference(there->run, run) +
                     "); choose another --out, give --overwrite to replace it, or go on with it "
                     "by `ballast resume " +
                     output + "`"};
  }
  if (const auto data = open_dataset(there->run.dataset);
      !data || (*data)->digest() != here.run.dataset_digest) {
    there->run.dataset = here.run.dataset;
  }
  return there;
}

int start(TrainOptions options, Shape shape) {
  if (!options.seed.empty()) options.overrides.push_back("seed=" + options.seed);
  auto spec = load_spec(options.spec, options.overrides);
  if (!spec) return user_mistake(spec.error().message);
  if (options.run.output.empty()) options.run.output = "runs/" + spec->name;
  auto log = open_log(options.run.log);
  if (!log) return user_mistake(log.error().message);
  auto links = open_links(options.run.links, KeyRole::coordinator);
  if (!links) return user_mistake(links.error().message);
  if (const Status shown = check_role_http(options.run.http, coordinator_source(), **log); !shown) {
    return user_mistake(shown.error().message);
  }
  if (const Status free = check_output(options, shape); !free)
    return user_mistake(free.error().message);
  if (const Status sound = check_before_data(options, *spec, *links, shape); !sound) {
    return user_mistake(sound.error().message);
  }

  Display display(stdout);
  auto setup = [&] {
    const Signals signals(end_while_preparing);
    return set_up_run(*spec, setup_options(options.run, display));
  }();
  display.clear();
  if (!setup) return failed_attempt(setup.error());
  for (const std::string& notice : setup->notices) fmt::print("{}\n", notice);
  const bool goes_on = !options.overwrite && holds_run(options.run.output);
  if (goes_on) {
    auto job = same_job(options.run.output, setup->job);
    if (!job) return user_mistake(job.error().message);
    setup->job = std::move(*job);
    fmt::print("{} holds this run already: going on with it\n", options.run.output);
  } else {
    if (const Status made = make_directories(options.run.output); !made) {
      return user_mistake(made.error().message);
    }
    if (const Status cleared = clear_output(options.run.output); !cleared) {
      return user_mistake(cleared.error().message);
    }
    if (options.overwrite && spec->checkpoint.store) {
      const Status cleared = clear_store(*spec->checkpoint.store);
      if (!cleared) return user_mistake(cleared.error().message);
    }
  }
  LaunchOptions launch_with = launch_options(options.run);
  if (shape == Shape::cluster) launch_with.shape = Shape::cluster;
  launch_with.listen = options.listen;
  launch_with.links = std::move(*links);
  if (!goes_on) {
    launch_with.begin = [&] { return write_job_file(options.run.output, setup->job); };
  }
  RunShow show(setup->job.run, options.run.output, display);
  return static_cast<int>(
      launch(training(setup->job, options.run.output), launch_with, **log, show).code);
}

CLI::App* add_verb(CLI::App& app, const std::shared_ptr<TrainOptions>& options,
                   const std::string& name, const std::string& help) {
  CLI::App* verb = app.add_subcommand(name, help);
  verb->add_option("SPEC", options->spec, "The job spec (docs/spec.md)")->required();
  verb->add_option("--out", options->run.output, "Output directory; default runs/<name>");
  verb->add_option("--seed", options->seed, "Overrides the spec's seed")->check(whole_number());
  verb->add_option("--set", options->overrides,
                   "Overrides a field: --set training.epochs=3 (repeatable)")
      ->take_all();
  verb->add_flag("--overwrite", options->overwrite, "Replace the run that is in --out");
  add_common(*verb, options->run);
  return verb;
}

}  // namespace

void add_train(CLI::App& app, Chosen& chosen) {
  const auto options = std::make_shared<TrainOptions>();
  CLI::App* verb = add_verb(app, options, "train", "Train a model, here or with local processes");
  add_shape(*verb, options->run);
  verb->footer(
      "\nWrites model.safetensors, model.json, metrics.json and history.jsonl into the output\n"
      "directory. `sha256sum model.safetensors` is the digest of the model: the same spec and "
      "seed\n"
      "give the same digest on every --workers, --servers and --threads.");
  verb->callback(
      [options, &chosen] { chosen = [options] { return start(*options, Shape::embedded); }; });
}

void add_coordinator(CLI::App& app, Chosen& chosen) {
  const auto options = std::make_shared<TrainOptions>();
  options->run.log.level = "info";
  CLI::App* verb =
      add_verb(app, options, "coordinator",
               "Start a run, or go on with it, and wait for servers and workers to join");
  verb->add_option("--listen", options->listen, "Endpoint, such as tcp://127.0.0.1:7700")
      ->required();
  verb->add_option("--workers", options->run.workers,
                   "How many workers to wait for at the start, for 30 s at most")
      ->check(CLI::Range(1, 1024));
  verb->add_option("--servers", options->run.servers,
                   "How many servers to wait for at the start, for 30 s at most")
      ->check(CLI::Range(1, 1024));
  add_links(*verb, options->run.links, KeyRole::coordinator);
  verb->footer(
      "\nThen, on this or other machines that see the same files:\n"
      "  ballast server --coordinator tcp://127.0.0.1:7700 --listen tcp://127.0.0.1:7701 --home "
      "/var/lib/ballast\n"
      "  ballast worker --coordinator tcp://127.0.0.1:7700 --threads 4\n"
      "Between machines, give each of them --keys DIR; see ballast keys --help.\n"
      "The same command again goes on with the run that is in --out.");
  verb->callback(
      [options, &chosen] { chosen = [options] { return start(*options, Shape::cluster); }; });
}

}  // namespace ballast

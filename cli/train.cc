// ballast train, and ballast coordinator: start a run from a spec.

#include <fmt/core.h>

#include <memory>
#include <utility>

#include "cli/run_options.h"
#include "cli/verbs.h"
#include "common/job/parse.h"
#include "common/runtime/signals.h"
#include "common/storage/files.h"

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

// A run never lands on top of another: its checkpoints would be taken for this one's.
Status check_output(const TrainOptions& options) {
  if (options.overwrite || !path_exists(join_path(options.run.output, "job.json"))) return {};
  return Error{ErrorCode::conflict,
               options.run.output + ": holds a run already; go on with it by `ballast resume " +
                   options.run.output + "`, choose another --out, or give --overwrite"};
}

Status clear_output(const std::string& output) {
  if (!path_exists(join_path(output, "job.json"))) return {};
  const auto lock = FileLock::acquire(join_path(output, "lock"));
  if (!lock) return lock.error();
  for (const char* name : {"checkpoints", "servers"}) {
    if (const Status gone = remove_directory(join_path(output, name)); !gone) return gone;
  }
  for (const char* name : {"job.json", "history.jsonl", "model.safetensors", "model.json",
                           "metrics.json", "optimizer.safetensors"}) {
    if (const Status gone = remove_file(join_path(output, name)); !gone) return gone;
  }
  return {};
}

int start(TrainOptions options, Shape shape) {
  if (!options.seed.empty()) options.overrides.push_back("seed=" + options.seed);
  auto spec = load_spec(options.spec, options.overrides);
  if (!spec) return user_mistake(spec.error().message);
  if (options.run.output.empty()) options.run.output = "runs/" + spec->name;
  auto log = open_log(options.run.log_level);
  if (!log) return user_mistake(log.error().message);
  auto links = open_links(options.run.links, KeyRole::coordinator);
  if (!links) return user_mistake(links.error().message);
  if (const Status free = check_output(options); !free) return user_mistake(free.error().message);

  Display display(stdout);
  auto setup = [&] {
    const Signals signals(end_while_preparing);
    return set_up_run(*spec, setup_options(options.run, display));
  }();
  display.clear();
  if (!setup) return user_mistake(setup.error().message);
  for (const std::string& notice : setup->notices) fmt::print("{}\n", notice);
  if (const Status made = make_directories(options.run.output); !made) {
    return user_mistake(made.error().message);
  }
  if (const Status cleared = clear_output(options.run.output); !cleared) {
    return user_mistake(cleared.error().message);
  }
  LaunchOptions launch_with = launch_options(options.run);
  if (shape == Shape::cluster) launch_with.shape = Shape::cluster;
  launch_with.listen = options.listen;
  launch_with.links = std::move(*links);
  launch_with.begin = [&] { return write_job_file(options.run.output, setup->job); };
  return static_cast<int>(launch(setup->job, launch_with, **log, display).code);
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
  options->run.log_level = "info";
  CLI::App* verb =
      add_verb(app, options, "coordinator", "Start a run and wait for servers and workers to join");
  verb->add_option("--listen", options->listen, "Endpoint, such as tcp://127.0.0.1:7700")
      ->required();
  verb->add_option("--workers", options->run.workers, "How many workers to wait for at the start")
      ->check(CLI::Range(1, 1024));
  verb->add_option("--servers", options->run.servers, "How many servers to wait for at the start")
      ->check(CLI::Range(1, 1024));
  add_links(*verb, options->run.links, KeyRole::coordinator);
  verb->footer(
      "\nThen, on this or other machines that see the same files:\n"
      "  ballast server --coordinator tcp://127.0.0.1:7700 --listen tcp://127.0.0.1:7701 --home "
      "/var/lib/ballast\n"
      "  ballast worker --coordinator tcp://127.0.0.1:7700 --threads 4\n"
      "Between machines, give each of them --keys DIR; see ballast keys --help.");
  verb->callback(
      [options, &chosen] { chosen = [options] { return start(*options, Shape::cluster); }; });
}

}  // namespace ballast

// ballast cv, and ballast search: many runs on one fleet.

#include <fmt/core.h>

#include <memory>
#include <utility>

#include "cli/job_directory.h"
#include "cli/job_show.h"
#include "cli/job_site.h"
#include "cli/run_options.h"
#include "cli/verbs.h"
#include "common/job/parse.h"
#include "common/runtime/signals.h"
#include "common/storage/files.h"

namespace ballast {
namespace {

struct JobOptions {
  RunOptions run;
  std::string spec;
  std::vector<std::string> overrides;
  std::string seed;
  std::string listen;
  bool overwrite = false;
};

enum class Kind { cross_validation, search };

Status check_kind(const Spec& spec, Kind kind, const std::string& path) {
  if (kind == Kind::search && !spec.search) {
    return Error{ErrorCode::invalid, path +
                                         ": expected a section `search`, saw none; list the "
                                         "parameters to try there, or use `ballast cv`"};
  }
  if (kind == Kind::cross_validation && spec.search) {
    return Error{ErrorCode::invalid,
                 path + ": has a section `search`; use `ballast search`, or leave it out"};
  }
  return {};
}

// What the spec can say and jobs do not do: better refused than passed over.
Status check_supported(const Spec& spec) {
  const auto refused = [&](const std::string& field, const std::string& why) {
    return Error{ErrorCode::unsupported, spec.name + ": " + field + ": " + why};
  };
  if (!spec.data.validation.paths.empty() || spec.data.validation_fraction > 0.0) {
    return refused("data.validation",
                   "expected none, since each fold is the validation split of its runs; leave it "
                   "out");
  }
  if (spec.checkpoint.store) {
    return refused("checkpoint.store",
                   "expected none, since the many runs of a job keep theirs in --out while they "
                   "last; leave it out");
  }
  const bool has_rungs = spec.search && (spec.search->method == SearchMethod::halving ||
                                         spec.search->method == SearchMethod::hyperband);
  if (has_rungs && spec.training.consistency != Consistency::synchronous) {
    return refused("search.method",
                   "halving and hyperband stop at a step that all share: leave out "
                   "training.consistency, or choose grid or random");
  }
  return {};
}

Status check_before_data(const Spec& spec, const RunOptions& options, const std::string& listen,
                         const Links& links) {
  if (const Status place = check_output_place(options.output); !place) return place;
  if (!listen.empty()) return check_listen(listen, links);
  return check_kernel(spec.cluster.kernel, launch_options(options).shape);
}

int start(JobOptions options, Kind kind) {
  if (!options.seed.empty()) options.overrides.push_back("seed=" + options.seed);
  auto spec = load_spec(options.spec, options.overrides);
  if (!spec) return user_mistake(spec.error().message);
  if (const Status fits = check_kind(*spec, kind, options.spec); !fits) {
    return user_mistake(fits.error().message);
  }
  if (options.run.output.empty()) options.run.output = "runs/" + spec->name;
  const std::string& output = options.run.output;
  if (!options.overwrite && path_exists(join_path(output, "job.json"))) {
    return user_mistake(output + ": holds a job or run already; go on with it by `ballast resume " +
                        output + "`, choose another --out, or give --overwrite");
  }
  return run_job(std::move(*spec), options.run, options.listen, Begin::anew);
}

void add_verb(CLI::App& app, Chosen& chosen, Kind kind, const std::string& name,
              const std::string& help, const std::string& footer) {
  const auto options = std::make_shared<JobOptions>();
  CLI::App* verb = app.add_subcommand(name, help);
  verb->add_option("SPEC", options->spec, "The job spec (docs/spec.md)")->required();
  verb->add_option("--out", options->run.output, "Output directory; default runs/<name>");
  verb->add_option("--seed", options->seed, "Overrides the spec's seed")->check(whole_number());
  verb->add_option("--set", options->overrides,
                   "Overrides a field: --set cross_validation.folds=10 (repeatable)")
      ->take_all();
  verb->add_flag("--overwrite", options->overwrite, "Replace what is in --out");
  add_shape(*verb, options->run);
  add_common(*verb, options->run);
  CLI::Option* const listen =
      verb->add_option("--listen", options->listen,
                       "Be the coordinator of a cluster at this endpoint, instead of running here");
  add_links(*verb, options->run.links, KeyRole::coordinator);
  for (const char* needy : {"--keys", "--insecure"}) verb->get_option(needy)->needs(listen);
  verb->footer(footer);
  verb->callback(
      [options, &chosen, kind] { chosen = [options, kind] { return start(*options, kind); }; });
}

}  // namespace

int run_job(Spec spec, const RunOptions& options, const std::string& listen, Begin begin) {
  auto log = open_log(options.log);
  if (!log) return user_mistake(log.error().message);
  auto links = open_links(options.links, KeyRole::coordinator);
  if (!links) return user_mistake(links.error().message);
  if (const Status shown = check_role_http(options.http, coordinator_source(), **log); !shown) {
    return user_mistake(shown.error().message);
  }
  if (const Status supported = check_supported(spec); !supported) {
    return user_mistake(supported.error().message);
  }
  if (const Status sound = check_before_data(spec, options, listen, *links); !sound) {
    return user_mistake(sound.error().message);
  }
  if (begin == Begin::anew) {
    if (const Status made = make_directories(options.output); !made) {
      return user_mistake(made.error().message);
    }
    if (const Status cleared = clear_job(options.output); !cleared) {
      return user_mistake(cleared.error().message);
    }
  }
  if (!spec.cross_validation) spec.cross_validation = default_cross_validation(spec.model.task);
  const JobOrigin record{.spec = spec.source, .spec_directory = spec.directory};

  Display display(stdout);
  auto site = [&] {
    const Signals signals(end_while_preparing);
    return JobSite::create(std::move(spec),
                           {.output = options.output, .setup = setup_options(options, display)});
  }();
  display.clear();
  if (!site) return failed_attempt(site.error());
  for (const std::string& notice : (*site)->notices()) fmt::print("{}\n", notice);

  LaunchOptions launch_with = launch_options(options);
  if (!listen.empty()) {
    launch_with.shape = Shape::cluster;
    launch_with.listen = listen;
    launch_with.links = std::move(*links);
  }
  // A run is small: in one process each thread has its own.
  if (launch_with.shape == Shape::embedded) {
    launch_with.embedded_workers = std::exchange(launch_with.threads, 1);
  }
  if (begin != Begin::again) {
    launch_with.begin = [&] { return write_job_origin(options.output, record); };
  }
  JobShow show(**site, stdout);
  return static_cast<int>(launch((*site)->work(), launch_with, **log, show).code);
}

void add_cv(CLI::App& app, Chosen& chosen) {
  add_verb(app, chosen, Kind::cross_validation, "cv",
           "Cross-validate: train on each split, score on what was held out",
           "\nWrites cv.json, results.csv, predictions.csv and report.html into the output "
           "directory.\nThe scores are the same on every --workers, --servers and --threads, "
           "whatever died.");
}

void add_search(CLI::App& app, Chosen& chosen) {
  add_verb(app, chosen, Kind::search, "search",
           "Search for a good configuration by cross-validation",
           "\nWrites cv.json, results.csv, predictions.csv and report.html into the output "
           "directory,\nand the best model, trained on all data, into refit/.");
}

}  // namespace ballast

#include "cli/run_setup.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <utility>

#include "common/job/parse.h"
#include "worker/model/model.h"

namespace ballast {
namespace {

Error in_spec(const Spec& spec, const std::string& message) {
  return {ErrorCode::invalid, spec.name + ": " + message};
}

// Steps of the whole run: whole epochs, or a part of the last one rounded up.
double steps_of(const TrainingSpec& training, std::uint64_t steps_per_epoch) {
  if (training.steps != 0) return static_cast<double>(training.steps);
  return std::ceil(training.epochs * static_cast<double>(steps_per_epoch));
}

}  // namespace

Result<RunConfig> make_run(const Spec& spec, const RunShape& shape, const Model& model) {
  RunConfig run;
  run.name = spec.name;
  run.seed = spec.seed;
  run.spec = spec.source;
  run.spec_directory = spec.directory;
  run.dataset = shape.dataset;
  run.dataset_digest = shape.digest;
  run.tables = model.tables();
  run.partitions = spec.cluster.partitions;
  run.batch = spec.training.batch;
  run.train_examples = shape.train;
  run.validation_examples = shape.validation;
  run.test_examples = shape.test;
  if (run.train_examples == 0) return in_spec(spec, "the training split has no examples");
  run.batch = static_cast<std::uint32_t>(std::min<std::uint64_t>(run.batch, run.train_examples));
  TrainingSpec training = spec.training;
  training.batch = run.batch;
  run.leaves = leaves_of(training);
  run.leaf_examples = (run.batch + run.leaves - 1) / run.leaves;
  run.steps_per_epoch = (run.train_examples + run.batch - 1) / run.batch;
  const double steps = steps_of(training, run.steps_per_epoch);
  if (steps > static_cast<double>(kStepsMax)) {
    return in_spec(spec, "training.epochs asks for more than " + std::to_string(kStepsMax) +
                             " steps; ask for fewer epochs");
  }
  run.steps = static_cast<Step>(steps);
  run.outputs = model.outputs();
  run.task = spec.model.task;
  run.loss = spec.model.loss;
  run.classes = shape.classes;
  run.optimizer = spec.optimizer;
  run.training = spec.training;
  run.checkpoint = spec.checkpoint;
  run.cluster = spec.cluster;
  return run;
}

std::string default_cache() {
  if (const char* cache = std::getenv("BALLAST_CACHE"); cache != nullptr && *cache != '\0') {
    return cache;
  }
  if (const char* cache = std::getenv("XDG_CACHE_HOME"); cache != nullptr && *cache != '\0') {
    return std::string(cache) + "/ballast";
  }
  if (const char* home = std::getenv("HOME"); home != nullptr && *home != '\0') {
    return std::string(home) + "/.cache/ballast";
  }
  return ".ballast-cache";
}

Result<Setup> set_up_run(const Spec& spec, const SetupOptions& options) {
  auto prepared = prepare(
      spec, {.cache = options.cache, .threads = options.threads, .progress = options.progress});
  if (!prepared) return prepared.error();
  auto dataset = open_dataset(prepared->directory);
  if (!dataset) return dataset.error();
  auto model = Model::create(spec, (*dataset)->schema());
  if (!model) return model.error();
  auto run = make_run(spec,
                      {.dataset = prepared->directory,
                       .digest = (*dataset)->digest(),
                       .classes = (*dataset)->schema().classes,
                       .train = (*dataset)->examples(Split::train),
                       .validation = (*dataset)->examples(Split::validation),
                       .test = (*dataset)->examples(Split::test)},
                      **model);
  if (!run) return run.error();

  Setup setup{{std::move(*run), std::move(prepared->transforms_json)}, {}};
  if (prepared->rows_skipped > 0) {
    std::string notice = std::to_string(prepared->rows_skipped) + " bad rows were skipped, such as";
    for (const std::string& sample : prepared->skipped_samples) notice += "\n  " + sample;
    setup.notices.push_back(std::move(notice));
  }
  if (prepared->duplicates_dropped > 0) {
    setup.notices.push_back(std::to_string(prepared->duplicates_dropped) +
                            " duplicate training rows were dropped");
  }
  return setup;
}

Status restore_dataset(JobFile& job, const SetupOptions& options) {
  const auto there = open_dataset(job.run.dataset);
  if (there && (*there)->digest() == job.run.dataset_digest) return {};
  auto spec = parse_spec(job.run.spec, job.run.spec_directory + "/spec.yaml");
  if (!spec) return spec.error();
  auto prepared = prepare(
      *spec, {.cache = options.cache, .threads = options.threads, .progress = options.progress});
  if (!prepared) return prepared.error();
  const auto dataset = open_dataset(prepared->directory);
  if (!dataset) return dataset.error();
  if ((*dataset)->digest() != job.run.dataset_digest) {
    return Error{ErrorCode::conflict,
                 "the data of run " + job.run.name + " has changed since it started (digest " +
                     (*dataset)->digest() + ", expected " + job.run.dataset_digest +
                     "); put the original files back, or start a new run"};
  }
  job.run.dataset = prepared->directory;
  return {};
}

}  // namespace ballast

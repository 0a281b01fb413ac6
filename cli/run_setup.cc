#include "cli/run_setup.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "common/job/parse.h"
#include "worker/data/weigh.h"
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

// What a run must know of its data, encoded or not yet.
struct DataFigures {
  std::string digest;
  std::uint64_t train = 0;
  std::uint64_t validation = 0;
  std::uint64_t test = 0;
  std::vector<std::string> classes;
  std::optional<ExampleWeights> weights;
};

Result<std::optional<ExampleWeights>> weights_of(const Spec& spec, const Dataset& dataset) {
  std::vector<float> labels;
  for (std::uint64_t i = 0; i < dataset.examples(Split::train); ++i) {
    labels.push_back(dataset.label(Split::train, i));
  }
  return weigh(spec, {.classes = dataset.schema().classes,
                      .labels = labels,
                      .weights = dataset.weights(Split::train)});
}

Result<std::optional<ExampleWeights>> weights_of(const Spec& spec, const PackedTable& packed,
                                                 const FoldExamples& fold) {
  if (spec.data.weight.empty() && spec.class_weights.kind == ClassWeighting::none) {
    return std::optional<ExampleWeights>();
  }
  const std::vector<float> all_labels = example_labels(packed);
  const std::vector<double> all_weights = example_weights(packed);
  std::vector<float> labels;
  std::vector<double> weights;
  for (const std::uint32_t example : fold.train) {
    labels.push_back(all_labels[example]);
    if (!all_weights.empty()) weights.push_back(all_weights[example]);
  }
  return weigh(spec, {.classes = packed.classes, .labels = labels, .weights = weights});
}

DataFigures figures_of(const Dataset& dataset) {
  return {.digest = dataset.digest(),
          .train = dataset.examples(Split::train),
          .validation = dataset.examples(Split::validation),
          .test = dataset.examples(Split::test),
          .classes = dataset.schema().classes,
          .weights = {}};
}

Result<RunConfig> make_run(const Spec& spec, const DataFigures& data, const Model& model) {
  RunConfig run;
  run.name = spec.name;
  run.seed = spec.seed;
  run.spec = spec.source;
  run.spec_directory = spec.directory;
  run.dataset_digest = data.digest;
  run.tables = model.tables();
  run.partitions = spec.cluster.partitions;
  run.batch = spec.training.batch;
  run.train_examples = data.train;
  run.validation_examples = data.validation;
  run.test_examples = data.test;
  if (run.train_examples == 0) return in_spec(spec, "the training split has no examples");
  run.batch = static_cast<std::uint32_t>(std::min<std::uint64_t>(run.batch, run.train_examples));
  TrainingSpec training = spec.training;
  training.batch = run.batch;
  run.leaves = leaves_of(training);
  run.leaf_examples = (run.batch + run.leaves - 1) / run.leaves;
  run.steps_per_epoch = (run.train_examples + run.batch - 1) / run.batch;
  const Result<Step> steps = steps_on(spec, run.train_examples);
  if (!steps) return steps.error();
  run.steps = *steps;
  run.outputs = model.outputs();
  run.task = spec.model.task;
  run.loss = spec.model.loss;
  run.classes = data.classes;
  run.weights = data.weights;
  run.optimizer = spec.optimizer;
  run.training = spec.training;
  run.checkpoint = spec.checkpoint;
  run.cluster = spec.cluster;
  return run;
}

}  // namespace

Result<Step> steps_on(const Spec& spec, std::uint64_t train_examples) {
  const std::uint64_t batch = std::min<std::uint64_t>(spec.training.batch, train_examples);
  if (batch == 0) return in_spec(spec, "the training split has no examples");
  const double steps = steps_of(spec.training, (train_examples + batch - 1) / batch);
  if (steps > static_cast<double>(kStepsMax)) {
    return in_spec(spec, "training.epochs asks for more than " + std::to_string(kStepsMax) +
                             " steps; ask for fewer epochs");
  }
  return static_cast<Step>(steps);
}

Result<Setup> set_up_run(const Spec& spec, const SetupOptions& options) {
  auto prepared = prepare(
      spec, {.cache = options.cache, .threads = options.threads, .progress = options.progress});
  if (!prepared) return prepared.error();
  auto dataset = open_dataset(prepared->directory);
  if (!dataset) return dataset.error();
  auto model = Model::create(spec, (*dataset)->schema());
  if (!model) return model.error();
  DataFigures figures = figures_of(**dataset);
  auto weights = weights_of(spec, **dataset);
  if (!weights) return in_spec(spec, weights.error().message);
  figures.weights = *std::move(weights);
  auto run = make_run(spec, figures, **model);
  if (!run) return run.error();
  if (run->training.threshold && run->validation_examples == 0) {
    return in_spec(spec,
                   "training.threshold is chosen on the validation split, and there is none; add "
                   "data.validation, such as 0.1");
  }
  run->dataset = prepared->directory;

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

Result<JobFile> set_up_fold(const Spec& spec, const PackedTable& packed,
                            const FoldExamples& examples, const FoldOptions& options) {
  Result<std::string> transforms = options.transforms_json;
  if (transforms->empty()) transforms = fit_fold(packed, spec, examples, options.threads);
  if (!transforms) return transforms.error();
  auto schema = schema_of_transforms(*transforms);
  if (!schema) return schema.error();
  auto model = Model::create(spec, *schema);
  if (!model) return model.error();
  auto weights = weights_of(spec, packed, examples);
  if (!weights) return in_spec(spec, weights.error().message);
  auto written = write_fold(
      options.folds,
      {.packed_digest = packed.digest, .examples = examples, .transforms_json = *transforms});
  if (!written) return written.error();
  auto run = make_run(spec,
                      {.digest = written->digest,
                       .train = examples.train.size(),
                       .validation = examples.validation.size(),
                       .test = packed.test ? packed.test->selection.examples() : 0,
                       .classes = schema->classes,
                       .weights = *std::move(weights)},
                      **model);
  if (!run) return run.error();
  run->dataset = written->directory;
  run->packed = packed.directory;
  return JobFile{*std::move(run), *std::move(transforms)};
}

namespace {

// The data of a fold is not made again: whoever has the job does that, for all of its folds.
Status check_fold_data(const RunConfig& run) {
  const auto fold = read_fold(run.dataset);
  if (!fold) return fold.error();
  const auto packed = open_packed_table(run.packed);
  if (!packed) return packed.error();
  if (fold->digest == run.dataset_digest && (*packed)->digest == fold->fold.packed_digest) {
    return {};
  }
  return Error{ErrorCode::conflict, "the data of run " + run.name +
                                        " has changed since it started; start its job again"};
}

}  // namespace

Status restore_dataset(JobFile& job, const SetupOptions& options) {
  if (!job.run.packed.empty()) return check_fold_data(job.run);
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

#pragma once

// What the roles must agree on before a run starts, derived from the spec and the prepared data by
// whoever starts the coordinator. It travels to every member in `Welcome` as JSON (run_json.h) and
// is kept in every manifest. Nothing in it depends on the cluster.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/job/spec.h"
#include "common/job/tables.h"

namespace ballast {

enum class Split : std::uint8_t { train, validation, test };

// What training multiplies the loss of an example by: its own weight, that of its class, and a
// scale which makes the mean over the training examples 1, so that neither the learning rate nor
// any other limit depends on the unit of the weights.
struct ExampleWeights {
  bool has_own = false;         // Whether examples have weights, in every split.
  std::vector<double> classes;  // By class; empty: 1 for each.
  double scale = 1.0;

  friend bool operator==(const ExampleWeights&, const ExampleWeights&) = default;
};

// Above which output an example is of class 1, and what says so: chosen on the validation split of
// the run, or on what the models of a cross-validation said of examples that they had not seen.
enum class ThresholdSource { validation, out_of_fold };

struct ChosenThreshold {
  ThresholdMetric metric = ThresholdMetric::f1;
  double value = 0.5;
  double score = 0.0;  // The metric there.
  ThresholdSource source = ThresholdSource::validation;

  friend bool operator==(const ChosenThreshold&, const ChosenThreshold&) = default;
};

struct RunConfig {
  std::string name;
  std::uint64_t seed = 0;
  std::string spec;  // The effective YAML.
  std::string spec_directory;
  std::string dataset;         // Directory of the prepared data set, or of a fold.
  std::string dataset_digest;  // Of its manifest: every member checks what it opened.
  std::string packed;          // Directory of the packed table that the fold is of; else empty.

  std::vector<TableSpec> tables;  // By id: tables[i].id == i.
  std::uint32_t partitions = 64;
  std::uint32_t leaves = 1;         // A power of two.
  std::uint32_t leaf_examples = 0;  // Rows of a leaf: ceil(batch / leaves).
  std::uint32_t batch = 0;

  std::uint64_t train_examples = 0;
  std::uint64_t validation_examples = 0;
  std::uint64_t test_examples = 0;
  std::uint64_t steps_per_epoch = 0;     // ceil(train_examples / batch)
  Step steps = 0;                        // The last step of the run.
  std::optional<Step> until = {};        // Where this leg of it ends (coordinator/search/race.h).
  std::uint32_t evaluation_batch = 256;  // Fixed, padded at the end.
  std::uint32_t outputs = 1;             // Numbers the model gives per example: classes, or 1.

  Task task = Task::multiclass;
  LossKind loss = LossKind::cross_entropy;
  std::vector<std::string> classes;
  std::optional<ExampleWeights> weights = {};     // Nothing: every example counts alike.
  std::optional<ChosenThreshold> threshold = {};  // Before the run; else it chooses by `training`.
  OptimizerSpec optimizer;
  TrainingSpec training;
  CheckpointSpec checkpoint;
  ClusterSpec cluster;

  friend bool operator==(const RunConfig&, const RunConfig&) = default;
};

[[nodiscard]] std::uint64_t examples_of(const RunConfig& run, Split split);
// Evaluation batches of a split: ceil(examples / evaluation_batch).
[[nodiscard]] std::uint32_t evaluation_batches(const RunConfig& run, Split split);
// Whether the validation split is evaluated at this version (and the history gets an entry).
[[nodiscard]] bool evaluates_at(const RunConfig& run, Step step);
// Whether microbatches are counted one by one instead of in steps that all share (bounded, async).
[[nodiscard]] bool is_relaxed(const RunConfig& run);
// Relaxed: how many microbatches of each leaf the weights must hold from which one of step t is
// computed.
[[nodiscard]] Step clock_needed(const RunConfig& run, Step step);
// The last step before the run ends, or pauses.
[[nodiscard]] Step end_of(const RunConfig& run);
// The epoch that a step belongs to, from 0.
[[nodiscard]] std::uint64_t epoch_of(const RunConfig& run, Step step);

}  // namespace ballast

#pragma once

// The job spec: what a user submits, parsed and validated. docs/spec.md describes every field with
// its default and an example; the parser (parse.h) is the only place that knows YAML. A Spec is a
// plain value: all names resolved, all defaults filled in, so that the code behind it never asks
// what was written and what was not.

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace ballast {

// ---- data -------------------------------------------------------------------------------------

enum class DataFormat { csv, tsv, libsvm, idx, jsonl };
enum class ColumnType { number, category, text, skip };
enum class BadRow { stop, skip };

struct ColumnSpec {
  std::string name;
  ColumnType type = ColumnType::number;

  friend bool operator==(const ColumnSpec&, const ColumnSpec&) = default;
};

// The examples of one split: files or globs in order. IDX keeps features and labels apart.
struct SourceSpec {
  std::vector<std::string> paths;
  std::vector<std::string> label_paths;  // IDX only, one per path.

  friend bool operator==(const SourceSpec&, const SourceSpec&) = default;
};

struct DataSpec {
  DataFormat format = DataFormat::csv;
  SourceSpec train;
  SourceSpec validation;             // Empty when a fraction or nothing is asked for.
  double validation_fraction = 0.0;  // Of the training examples, by seeded hash of the example.
  SourceSpec test;                   // May be empty.

  bool header = true;
  char delimiter = ',';
  std::vector<ColumnSpec> columns;   // Empty: names from the header, types inferred.
  std::vector<std::string> missing;  // Cell texts that mean "no value"; empty cells always do.
  std::string comment;               // Lines with this prefix are passed over; empty: none.

  std::string label;                   // Column name; LibSVM and IDX call it "label".
  std::vector<std::string> classes;    // In order of class index; empty: sorted as found.
  std::string label_strip_suffix;      // Removed from label texts ("." in adult.test).
  std::string weight;                  // Column that says how much an example counts; empty: none.
  std::uint32_t libsvm_dimension = 0;  // Largest index; 0: the largest seen in training.
  bool libsvm_dense = false;           // A dense vector instead of sparse rows.
  BadRow on_bad_row = BadRow::stop;
  // Of files by address: the SHA-256 that they must have, 64 lower-case hexadecimal digits.
  std::vector<std::pair<std::string, std::string>> sha256;

  friend bool operator==(const DataSpec&, const DataSpec&) = default;
};

// ---- features ---------------------------------------------------------------------------------

enum class TransformKind {
  drop_duplicates,
  impute,
  clip,
  standardize,
  min_max,
  one_hot,
  hash,
  bucketize,
  tokenize,
  scale
};
enum class ImputeWith { mean, median, most_frequent, constant };
enum class ClipBy { iqr, z_score };

// One entry of `features:`, in the order written. Columns that no transform turns into features
// and that are numeric pass through as dense features; categories and text must be transformed.
struct TransformSpec {
  TransformKind kind = TransformKind::standardize;
  std::vector<std::string> columns;  // Names, patterns ("*") or types ("number", ...), as written.

  ImputeWith impute_with = ImputeWith::mean;
  std::string impute_constant;
  ClipBy clip_by = ClipBy::iqr;
  double clip_factor = 1.5;           // IQR multiples, or standard deviations.
  std::uint32_t min_count = 1;        // one_hot, tokenize: rarer values become "other"/dropped.
  std::uint32_t buckets = 0;          // hash, tokenize: modulus of keys; 0 keeps all 64 bits.
  std::uint32_t bins = 0;             // bucketize by quantiles, or:
  std::vector<double> boundaries;     // bucketize at these.
  bool bucketize_as_sparse = false;   // Key per bucket (for embeddings) instead of one-hot dense.
  std::uint32_t word_ngrams_max = 1;  // tokenize: words of 1 .. n. 0: no words.
  std::uint32_t character_ngrams_min = 0;  // tokenize: characters n .. m; 0: none.
  std::uint32_t character_ngrams_max = 0;
  bool lowercase = true;
  double factor = 1.0;     // scale: x * factor (1/255 for images).
  std::string output;      // Name of the sparse group; by default the column's.
  std::uint32_t line = 0;  // Where in the spec, for messages.

  friend bool operator==(const TransformSpec&, const TransformSpec&) = default;
};

// ---- model ------------------------------------------------------------------------------------

enum class LayerKind {
  dense,
  relu,
  sigmoid,
  tanh,
  gelu,
  dropout,
  layer_norm,
  embedding,
  embedding_bag
};
enum class Combine { sum, mean, sqrt_n };
enum class Initializer { zeros, uniform_fan_in, he_uniform, glorot_uniform, normal };

// One entry of `model.layers`. embedding and embedding_bag read sparse groups and stand first;
// their outputs and the dense features, in this order [dense features, layers as listed], are
// concatenated into what the first other layer reads.
struct LayerSpec {
  LayerKind kind = LayerKind::dense;
  std::string name;                   // Table prefix; by default kind and position, "dense_0".
  std::uint32_t width = 0;            // dense, embedding, embedding_bag: outputs.
  bool bias = true;                   // dense
  double rate = 0.5;                  // dropout: share of units zeroed
  Combine combine = Combine::mean;    // embedding_bag
  std::vector<std::string> features;  // embedding, embedding_bag: sparse groups; empty: all.
  std::optional<Initializer> initializer;
  double initial_scale = 1.0;
  double epsilon = 1e-5;  // layer_norm
  std::uint32_t line = 0;

  friend bool operator==(const LayerSpec&, const LayerSpec&) = default;
};

enum class ModelKind { linear, logistic, softmax, layers };
enum class LossKind {
  cross_entropy,
  binary_cross_entropy,
  focal,
  binary_focal,
  mean_squared_error,
  huber
};
enum class Task { binary, multiclass, regression };

struct ModelSpec {
  ModelKind kind = ModelKind::softmax;
  bool bias = true;               // linear, logistic, softmax
  std::vector<LayerSpec> layers;  // kind == layers; the output layer is listed too.
  LossKind loss = LossKind::cross_entropy;
  double huber_delta = 1.0;
  double focal_gamma = 2.0;         // focal, binary_focal
  std::vector<double> focal_alpha;  // focal: by class; binary_focal: of class 1; empty: no weights.
  Task task = Task::multiclass;     // Follows from kind and loss.

  friend bool operator==(const ModelSpec&, const ModelSpec&) = default;
};

// ---- training ---------------------------------------------------------------------------------

enum class OptimizerKind { sgd, adagrad, adam, adamw, rmsprop, ftrl };
enum class ScheduleKind { constant, step, cosine, linear, inverse_sqrt };

struct ScheduleSpec {
  ScheduleKind kind = ScheduleKind::constant;
  std::uint64_t warmup_steps = 0;  // Linear from 0 to the base rate, before any kind.
  std::uint64_t step_every = 0;    // step: in steps
  double step_factor = 0.1;        // step
  double final_factor = 0.0;       // cosine, linear: rate at the last step, as a factor

  friend bool operator==(const ScheduleSpec&, const ScheduleSpec&) = default;
};

struct OptimizerSpec {
  OptimizerKind kind = OptimizerKind::adam;
  double learning_rate = 0.001;
  double momentum = 0.0;  // sgd, rmsprop
  bool nesterov = false;  // sgd
  double beta1 = 0.9;     // adam, adamw
  double beta2 = 0.999;   // adam, adamw
  double rho = 0.99;      // rmsprop: decay of the mean square
  double epsilon = 1e-8;
  double initial_accumulator = 0.0;  // adagrad
  double ftrl_beta = 1.0;
  double l1 = 0.0;            // ftrl
  double l2 = 0.0;            // ftrl: the proximal term; others: added to the gradient (coupled)
  double weight_decay = 0.0;  // adamw: decoupled, scaled by the learning rate
  bool decay_bias = false;    // Whether l1, l2 and weight_decay reach biases and layer norms.
  ScheduleSpec schedule;

  friend bool operator==(const OptimizerSpec&, const OptimizerSpec&) = default;
};

// What a threshold between two classes is to make as large as possible.
enum class ThresholdMetric { f1, balanced_accuracy, accuracy, youden, matthews };

enum class NonFinite { stop, skip };

// What a microbatch may be computed from: of one version that all share, of weights that lack at
// most `staleness` steps of any leaf (stale synchronous: Ho et al. 2013), or of whatever is there.
enum class Consistency { synchronous, bounded, async };

struct EarlyStopSpec {
  std::string metric;          // Of the validation split; empty: no early stop.
  std::uint32_t patience = 3;  // Evaluations without gain.
  double min_gain = 0.0;
  std::optional<double> target = {};  // Reaching it ends training too.

  friend bool operator==(const EarlyStopSpec&, const EarlyStopSpec&) = default;
};

// How much the classes count in the loss that training minimizes, beside the weights of examples.
enum class ClassWeighting { none, balanced, given };

struct ClassWeightSpec {
  std::string label;
  double weight = 1.0;
  std::uint32_t line = 0;

  friend bool operator==(const ClassWeightSpec&, const ClassWeightSpec&) = default;
};

struct ClassWeightsSpec {
  ClassWeighting kind = ClassWeighting::none;
  std::vector<ClassWeightSpec> given;  // A class that is not listed has 1.

  friend bool operator==(const ClassWeightsSpec&, const ClassWeightsSpec&) = default;
};

// Longer than anybody trains; beyond 2^53 a double would not count steps one by one.
inline constexpr std::uint64_t kStepsMax = 1'000'000'000'000'000;

struct TrainingSpec {
  double epochs = 10.0;  // Fractions allowed; ignored when steps > 0.
  std::uint64_t steps = 0;
  std::uint32_t batch = 256;
  std::uint32_t leaves = 0;  // 0: the largest power of two <= batch / 64, at least 1.
  bool shuffle = true;
  double clip_norm = 0.0;  // 0: no clipping
  NonFinite on_nonfinite = NonFinite::stop;
  std::uint64_t log_every = 50;      // steps
  std::uint64_t evaluate_every = 0;  // steps; 0: at the end of every epoch
  EarlyStopSpec early_stop;
  Consistency consistency = Consistency::synchronous;
  std::uint64_t staleness = 1;  // bounded: in steps; 0 has one barrier a step
  // The mean loss of a step above which the run has diverged and ends.
  std::optional<double> diverged_above = {};
  std::optional<ThresholdMetric> threshold = {};  // Nothing: 0.5 tells the two classes apart.

  friend bool operator==(const TrainingSpec&, const TrainingSpec&) = default;
};

struct CheckpointSpec {
  std::uint64_t every_steps = 0;  // 0: not by steps
  double every_seconds = 60.0;    // 0: not by time
  std::uint32_t keep = 2;
  std::optional<std::string> store = {};  // "s3://BUCKET/PREFIX"; nothing: the output directory.

  friend bool operator==(const CheckpointSpec&, const CheckpointSpec&) = default;
};

enum class KernelFamily { automatic, haswell, zen, skylakex, cooperlake, sapphirerapids };

// What a server that dies takes with it where no replica is left: the steps since the checkpoint,
// or nothing, once it is back.
enum class DurabilityMode { checkpoint, step };

struct ClusterSpec {
  std::uint32_t partitions = 64;
  KernelFamily kernel = KernelFamily::automatic;
  double heartbeat_seconds = 1.0;
  double silence_seconds = 10.0;  // A member unheard for so long is taken for dead.
  std::uint32_t replicas = 0;     // Of each partition, beside its owner.
  DurabilityMode durability = DurabilityMode::checkpoint;
  double return_seconds = 60.0;  // DurabilityMode::step: for a server to come back from its disk.

  friend bool operator==(const ClusterSpec&, const ClusterSpec&) = default;
};

// ---- jobs of many runs ------------------------------------------------------------------------

enum class SplitKind {
  k_fold,
  stratified,
  grouped,
  stratified_grouped,
  leave_one_group_out,
  shuffled,
  stratified_shuffled,
  expanding,
  sliding,
  given
};

// What a kind of split asks of the data, and whether each of its splits draws anew which examples
// are validation, so that these overlap.
[[nodiscard]] bool needs_classes(SplitKind kind);
[[nodiscard]] bool needs_groups(SplitKind kind);
[[nodiscard]] bool needs_times(SplitKind kind);
[[nodiscard]] bool holds_out(SplitKind kind);

// How examples are dealt to training and validation, again and again: worker/data/folds.h.
struct CrossValidationSpec {
  SplitKind split = SplitKind::k_fold;
  std::uint32_t folds = 5;  // Not leave_one_group_out and given, which have what the data says.
  std::uint32_t repeats = 1;
  double fraction = 0.2;     // shuffled, stratified_shuffled: of the examples, for validation
  std::string group;         // Column; grouped, stratified_grouped, leave_one_group_out.
  std::string time;          // Column; expanding, sliding.
  std::uint64_t gap = 0;     // expanding, sliding: examples between training and validation
  std::uint32_t window = 0;  // sliding: folds of training; 0: one
  std::string column;        // given: the fold of each example
  bool shuffle = true;       // k_fold

  friend bool operator==(const CrossValidationSpec&, const CrossValidationSpec&) = default;
};

// Far above what anybody waits for; a search of more has a mistake in it.
inline constexpr std::uint64_t kSplitsMax = 10'000;
inline constexpr std::uint64_t kConfigurationsMax = 100'000;

enum class SearchMethod { grid, random, halving, hyperband };
enum class ChoiceRule { best, one_standard_error };
enum class ParameterKind { choice, uniform, log_uniform, integer };

// One field of the spec that a search tries values of.
struct ParameterSpec {
  std::string field;  // As `--set` takes it: "optimizer.learning_rate".
  ParameterKind kind = ParameterKind::choice;
  std::vector<std::string> choices;  // choice: each as YAML.
  double low = 0.0;                  // The others: both ends belong to the range.
  double high = 0.0;
  std::uint32_t line = 0;

  friend bool operator==(const ParameterSpec&, const ParameterSpec&) = default;
};

struct SearchSpec {
  SearchMethod method = SearchMethod::grid;
  std::string metric = "loss";        // By its mean over the splits.
  std::uint32_t configurations = 20;  // random, halving
  std::uint32_t reduction = 3;        // halving, hyperband: one of so many goes on
  std::uint64_t steps_min = 100;      // halving, hyperband: the smallest budget
  ChoiceRule choose = ChoiceRule::best;
  bool refit = true;
  std::vector<ParameterSpec> parameters;      // In the order written.
  std::optional<CrossValidationSpec> nested;  // Splits of each split's training examples.

  friend bool operator==(const SearchSpec&, const SearchSpec&) = default;
};

// How the runs of a job share a fleet. Nothing of it enters a result, but for what a budget leaves
// undone: the same each time for steps, another each time for seconds.
struct JobSpec {
  std::uint32_t runs_at_once = 0;  // 0: as many as there are workers.
  std::uint32_t workers_per_run = 1;
  double seconds = 0.0;     // Of each sitting. 0: no budget.
  std::uint64_t steps = 0;  // Of all runs together. 0: no budget.

  friend bool operator==(const JobSpec&, const JobSpec&) = default;
};

struct Spec {
  std::string name;
  std::uint64_t seed = 0;
  DataSpec data;
  std::vector<TransformSpec> features;
  ModelSpec model;
  OptimizerSpec optimizer;
  TrainingSpec training;
  ClassWeightsSpec class_weights;
  CheckpointSpec checkpoint;
  ClusterSpec cluster;
  std::optional<CrossValidationSpec> cross_validation;
  std::optional<SearchSpec> search;
  JobSpec job;

  std::string source;     // The YAML as effective (after --set), kept with the model.
  std::string directory;  // Of the spec file; relative paths in it start here.

  friend bool operator==(const Spec&, const Spec&) = default;
};

// What cross-validation is when the spec says nothing: five folds, stratified where there are
// classes.
[[nodiscard]] CrossValidationSpec default_cross_validation(Task task);

// Leaves per step: what the spec says, else the largest power of two <= batch / 64, at least 1.
[[nodiscard]] std::uint32_t leaves_of(const TrainingSpec& training);

}  // namespace ballast

#pragma once

// Specs that the tests of the parser start from.

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "common/job/parse.h"

namespace ballast {

inline constexpr std::string_view kSmallSpec = "data: {train: a.csv, label: y}\nmodel: logistic\n";

// Everything that one spec can say; the field tests check the rest field by field.
inline constexpr std::string_view kFullSpec = R"(name: adult-logistic
seed: 18446744073709551615
data:
  format: csv
  train: [a.data.gz, "b/*.data"]
  test: adult.test.gz
  validation: 0.1
  header: false
  delimiter: ";"
  columns:
    - age: number
    - hours: number
    - fnlwgt: skip
    - workclass: category
    - city: category
    - review: text
    - income: category
  missing: ["?", NA]
  comment: "#"
  label: {column: income, classes: ["<=50K", ">50K"], strip: "."}
  weight: fnlwgt
  on_bad_row: skip
features:
  - drop_duplicates
  - impute: {columns: number, with: median}
  - impute: {columns: workclass, value: unknown}
  - clip: {columns: hours, by: z_score}
  - clip: age
  - standardize: [hours]
  - min_max
  - scale: {columns: "h*", factor: 1/255}
  - one_hot: {columns: workclass, min_count: 5}
  - hash: {columns: category, buckets: 1024}
  - bucketize: {columns: age, bins: 8, as: keys, output: decade}
  - bucketize: {columns: hours, boundaries: [-1.5, 0, 1e3]}
  - tokenize: {columns: text, words: 2, characters: [3, 5], buckets: 2097152, min_count: 3,
               lowercase: false, output: words}
model:
  layers:
    - embedding: {width: 8, features: [city, decade], initializer: normal, initial_scale: 0.1}
    - embedding_bag: {width: 16, combine: sqrt_n, features: words, name: bag}
    - dense: {width: 64, bias: false, name: first, initializer: he_uniform, initial_scale: 2}
    - layer_norm: {epsilon: 1e-3, name: norm}
    - relu
    - gelu
    - tanh
    - sigmoid
    - dropout: 0.2
    - dense: 1
  loss: {binary_focal: {gamma: 1.5, alpha: 0.25}}
optimizer:
  sgd:
    learning_rate: 0.5
    momentum: 0.9
    nesterov: true
    l2: 0.001
    decay_bias: true
    schedule: {cosine: {warmup_steps: 100, final_factor: 0.1}}
training:
  epochs: 2.5
  batch: 512
  leaves: 4
  shuffle: false
  clip_norm: 1.5
  on_nonfinite: skip
  log_every: 7
  evaluate_every: 100
  early_stop: {metric: roc_auc, patience: 4, min_gain: 0.01, target: 0.99}
  diverged_above: 50
  class_weights: {"<=50K": 0.5, ">50K": 3}
  threshold: matthews
checkpoint: {every_steps: 500, every_seconds: 2m, keep: 5}
cluster: {partitions: 32, kernel: haswell, heartbeat: 250ms, silence: 5s}
cross_validation: {split: stratified_grouped, folds: 4, repeats: 3, group: city}
search:
  method: hyperband
  metric: accuracy
  reduction: 4
  steps_min: 25
  choose: one_standard_error
  refit: false
  parameters:
    optimizer.learning_rate: {log_uniform: [1e-3, 1]}
    optimizer.sgd.momentum: {uniform: [0.5, 0.99]}
    training.batch: {integer: [64, 512]}
    model.layers.8.dropout: [0.1, 0.5]
    optimizer.schedule: {choice: [constant, {step: {every: 10}}]}
  nested: {split: shuffled, folds: 2, fraction: 0.25}
job: {runs_at_once: 6, workers_per_run: 2, seconds: 1h}
)";

// A spec without what depends on the lines it was written in.
inline Spec without_lines(Spec spec) {
  for (TransformSpec& transform : spec.features) transform.line = 0;
  for (LayerSpec& layer : spec.model.layers) layer.line = 0;
  for (ClassWeightSpec& entry : spec.class_weights.given) entry.line = 0;
  if (spec.search) {
    for (ParameterSpec& parameter : spec.search->parameters) parameter.line = 0;
  }
  return spec;
}

inline std::string file_text(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// The specs under examples/, sorted. Tests run in the root of the tree.
inline std::vector<std::filesystem::path> example_specs() {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::recursive_directory_iterator("examples")) {
    if (entry.path().extension() == ".yaml") paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

}  // namespace ballast

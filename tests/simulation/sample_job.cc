#include "tests/simulation/sample_job.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/check.h"
#include "common/job/parse.h"
#include "tests/simulation/prng.h"

namespace ballast::simulation {
namespace {

// What the shapes are made of. Two sparse groups: a bag of words of any length, and a city.
struct Shape {
  const char* layers;
  const char* loss;
  const char* optimizer;
  const char* training;
  std::uint32_t partitions;
  std::uint32_t dense;
  std::uint32_t classes;  // 0: a regression.
  std::uint64_t train;
  std::uint64_t validation;
  std::uint64_t test;
};

constexpr const char* kMixed = R"(
    - embedding_bag: {width: 3, features: words, initial_scale: 2}
    - embedding: {width: 2, features: city}
    - dense: 6
    - relu
    - dropout: 0.3
    - dense: 3)";
constexpr const char* kBinary = R"(
    - embedding_bag: {width: 4, features: words, combine: sum}
    - dense: 5
    - layer_norm
    - tanh
    - dropout: 0.5
    - dense: 1)";
// More than one block in a table.
constexpr const char* kWide = R"(
    - embedding_bag: {width: 8, features: words}
    - dense: 1100
    - relu
    - dropout: 0.2
    - dense: 3)";
constexpr const char* kDenseOnly = R"(
    - dense: 8
    - gelu
    - dropout: 0.25
    - dense: 1)";

constexpr Shape kAll[kShapes] = {
    {kMixed, "cross_entropy", "adam: {learning_rate: 0.02}",
     "{epochs: 3, batch: 32, leaves: 8, log_every: 1}", 8, 4, 3, 203, 37, 29},
    {kMixed, "cross_entropy", "sgd: {learning_rate: 0.3, momentum: 0.9, nesterov: true}",
     "{epochs: 2.5, batch: 24, leaves: 4, clip_norm: 0.05, log_every: 3}", 5, 4, 3, 180, 0, 21},
    {kBinary, "binary_cross_entropy", "adagrad: {learning_rate: 0.1}",
     "{epochs: 4, batch: 40, leaves: 8, log_every: 2, evaluate_every: 2,"
     " early_stop: {metric: roc_auc, patience: 3}}",
     16, 3, 2, 170, 45, 0},
    {kBinary, "binary_cross_entropy", "adamw: {learning_rate: 0.01, weight_decay: 0.1}",
     "{steps: 23, batch: 16, leaves: 4, log_every: 1000, clip_norm: 0.5}", 7, 3, 2, 120, 31, 31},
    {kMixed, "cross_entropy", "ftrl: {learning_rate: 0.5, l1: 0.01, l2: 0.1}",
     "{epochs: 3, batch: 32, leaves: 8, log_every: 4, evaluate_every: 1}", 11, 4, 3, 200, 20, 0},
    {kWide, "cross_entropy", "rmsprop: {learning_rate: 0.005, momentum: 0.5}",
     "{steps: 12, batch: 32, leaves: 4, log_every: 5}", 9, 12, 3, 150, 17, 17},
    {kDenseOnly, "mean_squared_error",
     "adam: {learning_rate: 0.01, schedule: {cosine: {warmup_steps: 3}}}",
     "{epochs: 4, batch: 50, leaves: 1, log_every: 1, evaluate_every: 3,"
     " early_stop: {metric: rmse, patience: 1, min_gain: 0.05}}",
     6, 5, 0, 160, 33, 0},
    {kMixed, "cross_entropy", "adam: {learning_rate: 0.05}",
     "{epochs: 3, batch: 64, leaves: 16, log_every: 1, on_nonfinite: skip}", 13, 4, 3, 199, 0, 0},
    {kDenseOnly, "huber", "sgd: {learning_rate: 0.05}",
     "{epochs: 6, batch: 30, leaves: 2, shuffle: false, log_every: 7}", 5, 5, 0, 100, 11, 11},
    // On_nonfinite is drawn into the data below: see poison().
    {kBinary, "binary_cross_entropy", "adam: {learning_rate: 0.03, schedule: inverse_sqrt}",
     "{epochs: 3, batch: 32, leaves: 8, log_every: 2, on_nonfinite: skip, clip_norm: 1}", 10, 3, 2,
     190, 25, 25},
    // Microbatches that are counted one by one.
    {kMixed, "cross_entropy", "adam: {learning_rate: 0.01}",
     "{epochs: 2, batch: 32, leaves: 4, log_every: 2, consistency: async}", 6, 4, 3, 203, 37, 29},
    {kBinary, "binary_cross_entropy", "adagrad: {learning_rate: 0.1}",
     "{epochs: 3, batch: 40, leaves: 8, log_every: 3, consistency: {bounded: 2}}", 9, 3, 2, 170, 45,
     0},
    {kDenseOnly, "mean_squared_error",
     "sgd: {learning_rate: 0.01, momentum: 0.5, schedule: {cosine: {warmup_steps: 3}}}",
     "{epochs: 4, batch: 50, leaves: 2, log_every: 1, consistency: {bounded: 0}}", 5, 5, 0, 160, 0,
     0},
    {kMixed, "cross_entropy", "ftrl: {learning_rate: 0.3, l1: 0.01, l2: 0.1}",
     "{epochs: 2, batch: 64, leaves: 8, log_every: 1, on_nonfinite: skip, consistency: async}", 7,
     4, 3, 199, 17, 0},
    {kWide, "cross_entropy", "rmsprop: {learning_rate: 0.001, momentum: 0.5}",
     "{steps: 9, batch: 32, leaves: 16, log_every: 5, consistency: bounded}", 4, 12, 3, 150, 17,
     17},
};

bool reads(const Shape& shape, std::string_view group) {
  return std::string_view(shape.layers).find(group) != std::string_view::npos;
}

// Examples weigh as they please, some nothing, and their classes too.
bool is_weighted(std::uint64_t shape) {
  return shape == 2 || shape == 4 || shape == 6 || shape == 11;
}

bool is_poisoned(std::uint64_t shape) { return shape == 7 || shape == 9 || shape == 13; }

// ---- data ---------------------------------------------------------------------------------------

class SampleDataset final : public Dataset {
 public:
  struct Example {
    float label = 0.0F;
    std::vector<float> dense;
    std::vector<Key> words;
    std::vector<float> word_weights;
    std::vector<Key> city;
  };

  SampleDataset(const Shape& shape, std::uint64_t seed) {
    for (std::uint32_t i = 0; i < shape.dense; ++i)
      schema_.dense.push_back("x" + std::to_string(i));
    for (const char* group : {"words", "city"}) {
      if (reads(shape, group)) schema_.sparse_groups.emplace_back(group);
    }
    for (std::uint32_t i = 0; i < shape.classes; ++i) {
      schema_.classes.push_back("class " + std::to_string(i));
    }
    Prng prng(seed);
    const std::uint64_t counts[] = {shape.train, shape.validation, shape.test};
    for (std::size_t split = 0; split < 3; ++split) {
      for (std::uint64_t i = 0; i < counts[split]; ++i) {
        splits_[split].push_back(make_example(shape, prng));
      }
    }
    digest_ = "sample " + std::to_string(seed);
  }

  // Of numbers of their own, so that the examples stay what they are.
  void weigh(std::uint64_t seed) {
    Prng prng(seed);
    for (std::size_t split = 0; split < 3; ++split) {
      for (std::size_t i = 0; i < splits_[split].size(); ++i) {
        weights_[split].push_back(prng.chance(0.1) ? 0.0 : 3.0 * prng.unit());
      }
    }
  }

  // Makes one example's loss no number: R3 has something to do.
  void poison(std::uint64_t example) {
    for (float& x : splits_[0][example].dense) x = std::numeric_limits<float>::infinity();
  }

  [[nodiscard]] const DataSchema& schema() const override { return schema_; }
  [[nodiscard]] const std::string& digest() const override { return digest_; }
  [[nodiscard]] std::uint64_t examples(Split split) const override {
    return splits_[static_cast<std::size_t>(split)].size();
  }
  [[nodiscard]] float label(Split split, std::uint64_t i) const override {
    return at(split, i).label;
  }
  [[nodiscard]] std::span<const double> weights(Split split) const override {
    return weights_[static_cast<std::size_t>(split)];
  }
  [[nodiscard]] std::span<const float> dense(Split split, std::uint64_t i) const override {
    return at(split, i).dense;
  }
  [[nodiscard]] Bag bag(Split split, std::uint64_t i, std::uint32_t group) const override {
    const Example& example = at(split, i);
    if (schema_.sparse_groups[group] == "city") return {.keys = example.city, .values = {}};
    return {.keys = example.words, .values = example.word_weights};
  }

 private:
  [[nodiscard]] const Example& at(Split split, std::uint64_t i) const {
    return splits_[static_cast<std::size_t>(split)][i];
  }

  // Labels that can be learned: the model has something to converge to, so that a wrong sum shows.
  static Example make_example(const Shape& shape, Prng& prng) {
    Example example;
    double signal = 0.0;
    for (std::uint32_t i = 0; i < shape.dense; ++i) {
      const double x = 2.0 * prng.unit() - 1.0;
      example.dense.push_back(static_cast<float>(x));
      signal += i % 2 == 0 ? x : -0.5 * x;
    }
    const std::uint64_t words = prng.below(6);
    for (std::uint64_t i = 0; i < words; ++i) {
      // Few frequent words and many rare ones, each a far apart 64-bit key.
      const std::uint64_t rank = prng.below(1 + prng.below(60));
      example.words.push_back(mix(rank, 5));
      if (rank < 4) signal += rank % 2 == 0 ? 0.7 : -0.7;
    }
    std::sort(example.words.begin(), example.words.end());
    if (prng.chance(0.3)) {
      for (std::uint64_t i = 0; i < words; ++i) {
        example.word_weights.push_back(static_cast<float>(prng.unit() * 2.0));
      }
    }
    example.city.push_back(prng.below(9));
    if (shape.classes == 0) {
      example.label = static_cast<float>(signal);
    } else {
      const double place = (signal + 1.5) / 3.0 * shape.classes;
      const double top = static_cast<double>(shape.classes) - 1.0;
      example.label = static_cast<float>(std::clamp(std::floor(place), 0.0, top));
    }
    return example;
  }

  DataSchema schema_;
  std::string digest_;
  std::vector<Example> splits_[3];
  std::vector<double> weights_[3];  // Empty: examples have none.
};

// ---- run ----------------------------------------------------------------------------------------

std::string yaml_of(const Shape& shape, std::uint64_t number) {
  return "name: sample-" + std::to_string(number) + "\nseed: " + std::to_string(100 + number) +
         "\ndata: {train: memory.csv, label: y" +
         (shape.validation > 0 ? ", validation: memory.csv" : "") +
         "}\nmodel:\n  layers:" + shape.layers + "\n  loss: " + shape.loss + "\noptimizer:\n  " +
         shape.optimizer + "\ntraining: " + shape.training +
         "\ncluster: {partitions: " + std::to_string(shape.partitions) + "}\n";
}

template <class T>
T must(Result<T> result) {
  if (!result) check_failed(result.error().message.c_str(), __FILE__, __LINE__);
  return std::move(*result);
}

}  // namespace

SampleJob make_sample_job(std::uint64_t number) {
  BALLAST_CHECK(number < kShapes);
  const Shape& shape = kAll[number];
  auto dataset = std::make_shared<SampleDataset>(shape, number + 1);
  if (is_poisoned(number)) dataset->poison(number * 3);
  if (is_weighted(number)) dataset->weigh(number + 1000);
  const std::string yaml = yaml_of(shape, number);
  const Spec spec = must(parse_spec(yaml, "sample.yaml"));
  std::shared_ptr<const Model> model = must(Model::create(spec, dataset->schema()));

  RunConfig run;
  run.name = spec.name;
  run.seed = spec.seed;
  run.spec = spec.source;
  run.spec_directory = spec.directory;
  run.dataset = "memory";
  run.dataset_digest = dataset->digest();
  run.tables = model->tables();
  run.partitions = spec.cluster.partitions;
  run.batch = spec.training.batch;
  run.leaves = leaves_of(spec.training);
  run.leaf_examples = (run.batch + run.leaves - 1) / run.leaves;
  run.train_examples = shape.train;
  run.validation_examples = shape.validation;
  run.test_examples = shape.test;
  run.steps_per_epoch = (shape.train + run.batch - 1) / run.batch;
  run.steps = spec.training.steps != 0
                  ? spec.training.steps
                  : static_cast<Step>(
                        std::ceil(spec.training.epochs * static_cast<double>(run.steps_per_epoch)));
  run.evaluation_batch = 8;
  run.outputs = model->outputs();
  run.task = spec.model.task;
  run.loss = spec.model.loss;
  run.classes = dataset->schema().classes;
  if (is_weighted(number)) {
    run.weights = ExampleWeights{.has_own = true, .classes = {}, .scale = 0.7};
    for (std::size_t k = 0; k < run.classes.size(); ++k) {
      run.weights->classes.push_back(0.5 + static_cast<double>(k));
    }
  }
  run.optimizer = spec.optimizer;
  run.training = spec.training;
  run.checkpoint = spec.checkpoint;
  run.cluster = spec.cluster;
  return {std::move(run), std::move(dataset), std::move(model), is_poisoned(number)};
}

std::shared_ptr<const Blas> shared_blas() {
  static const std::shared_ptr<const Blas> blas = must(Blas::load(kFamily));
  return blas;
}

}  // namespace ballast::simulation

#include "worker/model/engine.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <utility>

#include "common/base/check.h"
#include "common/math/kernels.h"
#include "worker/model/loss.h"
#include "worker/model/network.h"

namespace ballast {
namespace {

bool is_finite(const Gradient& gradient) {
  return std::all_of(gradient.tables.begin(), gradient.tables.end(),
                     [](const Gradient::Table& table) { return all_finite(table.values); });
}

class NetworkEngine final : public Engine {
 public:
  NetworkEngine(const Architecture& architecture, const RunConfig& run,
                std::shared_ptr<const Blas> blas)
      : architecture_(architecture),
        loss_{.kind = architecture.loss,
              .huber_delta = architecture.huber_delta,
              .focal_gamma = architecture.focal_gamma,
              .focal_alpha = architecture.focal_alpha},
        example_weights_(run.weights),
        seed_(run.seed),
        leaf_examples_(run.leaf_examples),
        evaluation_batch_(run.evaluation_batch),
        blas_(std::move(blas)) {
    BALLAST_CHECK(leaf_examples_ > 0 && evaluation_batch_ > 0);
  }

  void compute(const Dataset& dataset, std::span<const std::uint32_t> examples, Step step,
               Leaf leaf, const Weights& weights, Gradient& gradient) override {
    BALLAST_CHECK(examples.size() <= leaf_examples_);
    begin(examples.empty(), gradient);
    if (examples.empty()) return;
    check(weights);

    const Pass pass{.weights = weights,
                    .examples = static_cast<std::uint32_t>(examples.size()),
                    .mode = Mode::training,
                    .seed = seed_,
                    .step = step,
                    .leaf = leaf};
    Network& network = network_for(training_, leaf_examples_);
    const Matrix outputs = network.forward(pass, dataset, Split::train, examples);
    labels_.clear();
    for (const std::uint32_t example : examples) {
      labels_.push_back(dataset.label(Split::train, example));
    }
    weigh(dataset, examples);
    const LossSums sums = loss_and_gradient(
        loss_, outputs, {.labels = labels_, .weights = weights_}, network.output_gradient());
    network.backward(pass, gradient);
    gradient.figures = {.loss = sums.loss, .examples = examples.size(), .correct = sums.correct};
    if (!std::isfinite(sums.loss) || !is_finite(gradient)) refuse(gradient);
  }

  double predict(const Dataset& dataset, Split split, std::uint64_t first, std::uint32_t count,
                 const Weights& weights, std::span<float> outputs) override {
    BALLAST_CHECK(count <= evaluation_batch_);
    BALLAST_CHECK(outputs.size() == std::size_t{count} * architecture_.outputs);
    if (count == 0) return 0.0;
    check(weights);

    examples_.resize(count);
    std::iota(examples_.begin(), examples_.end(), static_cast<std::uint32_t>(first));
    const Pass pass{.weights = weights, .examples = count, .mode = Mode::prediction};
    Network& network = network_for(evaluation_, evaluation_batch_);
    const Matrix rows = network.forward(pass, dataset, split, examples_);
    labels_.clear();
    for (const std::uint32_t example : examples_) labels_.push_back(dataset.label(split, example));
    std::span<const double> own = dataset.weights(split);
    if (!own.empty()) own = own.subspan(first, count);
    return loss_and_predictions(loss_, rows, labels_, own, outputs);
  }

 private:
  // Made when first needed: most engines only train, a few only evaluate.
  Network& network_for(std::optional<Network>& network, std::uint32_t rows) {
    if (!network) network.emplace(architecture_, rows, *blas_);
    return *network;
  }

  // What the examples of `labels_` count in training; nothing where all count alike.
  void weigh(const Dataset& dataset, std::span<const std::uint32_t> examples) {
    weights_.clear();
    if (!example_weights_) return;
    const std::span<const double> own = dataset.weights(Split::train);
    for (std::size_t i = 0; i < examples.size(); ++i) {
      double weight = own.empty() ? 1.0 : own[examples[i]];
      if (!example_weights_->classes.empty()) {
        weight *= example_weights_->classes[static_cast<std::size_t>(labels_[i])];
      }
      weights_.push_back(static_cast<float>(weight * example_weights_->scale));
    }
  }

  // Dense tables get their full length, or none for a leaf without examples (R1).
  void begin(bool absent, Gradient& gradient) const {
    gradient.figures = {};
    gradient.tables.resize(architecture_.tables.size());
    for (const TableSpec& table : architecture_.tables) {
      Gradient::Table& part = gradient.tables[index(table.id)];
      part.keys.clear();
      const bool dense = table.kind == TableKind::dense && !absent;
      part.values.resize(dense ? floats_of(table) : 0);
    }
  }

  void check(const Weights& weights) const {
    BALLAST_CHECK(weights.tables.size() == architecture_.tables.size());
    for (const TableSpec& table : architecture_.tables) {
      const Weights::Table& values = weights.tables[index(table.id)];
      const std::uint64_t rows = table.kind == TableKind::dense ? 1 : values.keys.size();
      BALLAST_CHECK(values.values.size() == rows * floats_of(table));
    }
  }

  // R3. The numbers are of no use to anybody, and which NaN an operation gives is the processor's
  // choice: zeros keep the gradient's hash the same everywhere. Its keys stay.
  static void refuse(Gradient& gradient) {
    for (Gradient::Table& table : gradient.tables) {
      std::fill(table.values.begin(), table.values.end(), 0.0F);
    }
    gradient.figures.loss = 0.0;
    gradient.figures.correct = 0;
    gradient.figures.nonfinite = 1;
  }

  const Architecture& architecture_;
  const Loss loss_;
  const std::optional<ExampleWeights> example_weights_;
  const std::uint64_t seed_;
  const std::uint32_t leaf_examples_;
  const std::uint32_t evaluation_batch_;
  const std::shared_ptr<const Blas> blas_;
  std::optional<Network> training_;
  std::optional<Network> evaluation_;
  std::vector<float> labels_;
  std::vector<float> weights_;
  std::vector<std::uint32_t> examples_;
};

}  // namespace

std::unique_ptr<Engine> make_engine(const Architecture& architecture, const RunConfig& run,
                                    std::shared_ptr<const Blas> blas) {
  return std::make_unique<NetworkEngine>(architecture, run, std::move(blas));
}

}  // namespace ballast

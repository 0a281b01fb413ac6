#pragma once

// A model is a list of layers checked against the data's schema. It declares the tables it needs
// and makes engines; an engine computes one leaf: forward, loss, backward, in workspaces that are
// allocated once. A leaf's gradient is a pure function of (model, examples, weights, seed, step,
// leaf): one thread, fixed shapes (short leaves are padded with rows that count for nothing),
// single-threaded BLAS. That is what the whole promise stands on.
//
// Model is immutable and shared by threads; each computing thread has its own Engine.

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "common/base/ids.h"
#include "common/base/result.h"
#include "common/job/figures.h"
#include "common/job/run.h"
#include "common/job/tables.h"
#include "common/math/blas.h"
#include "worker/data/dataset.h"

namespace ballast {

// The weights of one version, as far as one leaf group needs them.
struct Weights {
  // By table id. Dense: the whole tensor, 64-byte aligned. Sparse: row i belongs to keys[i].
  struct Table {
    std::span<const float> values;
    std::span<const Key> keys;  // Sparse: sorted, unique. Dense: empty.
  };
  std::vector<Table> tables;
};

// The gradient of the summed (not averaged) loss over one leaf or node, examples weighed
// (RunConfig::weights).
struct Gradient {
  struct Table {
    // Dense: the whole tensor's gradient. Sparse: one row per key, in key order; a key is present
    // when an example has it, whatever the value (R1). Empty when no example took part.
    std::vector<float> values;
    std::vector<Key> keys;
  };
  std::vector<Table> tables;  // By table id.
  Figures figures;
};

// Keys that a set of examples needs, by table id; sorted, unique; empty for dense tables.
using KeySets = std::vector<std::vector<Key>>;

class Engine {
 public:
  virtual ~Engine() = default;

  // One leaf of one step. Examples: at most run.leaf_examples, all of Split::train.
  // REQUIRES: weights hold at least the keys of these examples.
  virtual void compute(const Dataset& dataset, std::span<const std::uint32_t> examples, Step step,
                       Leaf leaf, const Weights& weights, Gradient& gradient) = 0;

  // Predictions for up to run.evaluation_batch examples of a split, dropout off. outputs: one row
  // of model outputs per example: probabilities by class (softmax), the probability of class 1
  // (binary), or the value (regression). Returns the summed loss, each times the example's own
  // weight; NaN labels add nothing.
  virtual double predict(const Dataset& dataset, Split split, std::uint64_t first,
                         std::uint32_t count, const Weights& weights, std::span<float> outputs) = 0;
};

class Model {
 public:
  // Refuses, with the spec's line and the layer's name, what cannot fit the schema.
  [[nodiscard]] static Result<std::unique_ptr<Model>> create(const Spec& spec,
                                                             const DataSchema& schema);
  virtual ~Model() = default;

  [[nodiscard]] virtual const std::vector<TableSpec>& tables() const = 0;
  [[nodiscard]] virtual std::uint32_t outputs() const = 0;  // Per example; binary: 1.

  // The keys that these examples look up; `keys` is reused, table by table.
  virtual void gather(const Dataset& dataset, Split split, std::span<const std::uint32_t> examples,
                      KeySets& keys) const = 0;

  [[nodiscard]] virtual std::unique_ptr<Engine> make_engine(
      const RunConfig& run, std::shared_ptr<const Blas> blas) const = 0;
};

// a + b along the tree: elementwise for dense tables, by key for sparse ones; absent + x = x.
// REQUIRES: sum is neither of the two; what it held is overwritten, its memory reused.
void add_gradients(const Gradient& left, const Gradient& right, Gradient& sum);

}  // namespace ballast

#pragma once

// What a model is once its spec has met the data's schema: which columns and sparse groups it
// reads, which tables it needs, and the chain of layers between input and loss, with every width
// known. resolve() is where all mistakes in a spec's `model` are found; the code behind it meets
// only what fits.
//
// The input of the first layer is one row per example:
//
//   [ dense features | outputs of the sparse layers, in the order listed ]
//
// linear, logistic and softmax are the same machinery: one sparse layer that sums rows as wide as
// the output over all sparse groups, and one dense layer on the dense features which adds it.
//
// Tables, named after the layer (by default its kind and its place in the list, "dense_0"):
//
//   NAME.weight  [inputs, outputs]  dense: y = x * weight + bias. Row i holds the weights that
//                                   leave input i (the transpose of PyTorch's nn.Linear.weight).
//   NAME.bias    [outputs]          dense and layer norm
//   NAME.gain    [width]            layer norm, as its distance from one: y = x' * (1 + gain) +
//   bias NAME.rows    {width} by key     embedding, embedding_bag. A layer that reads several
//   groups has
//                                   one table; its keys are then mix(key, 1 + place of the group in
//                                   the layer's list), so that equal keys of two groups stay apart.
//
// Initial values: dense weights and biases uniform in +-1/sqrt(inputs), as PyTorch's; rows uniform
// in +-1/width, as fastText's; layer norms, linear, logistic and softmax zero. A spec's
// `initializer` replaces the one of weights and rows (then the bias starts at zero, except for
// uniform_fan_in), `initial_scale` multiplies its bound. With fan_in = inputs (rows: width) and
// fan_out = outputs (rows: width): uniform_fan_in 1/sqrt(fan_in), he_uniform sqrt(6/fan_in),
// glorot_uniform sqrt(6/(fan_in + fan_out)), normal a deviation of 1/sqrt(fan_in).

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/ids.h"
#include "common/base/result.h"
#include "common/job/spec.h"
#include "common/job/tables.h"
#include "worker/data/dataset.h"

namespace ballast {

// A layer that turns (key, value) entries into columns of the first layer's input.
struct SparseLayer {
  // One sparse group: where its output starts, and what is mixed into its keys (0: nothing).
  struct Source {
    std::uint32_t group = 0;
    std::uint32_t column = 0;
    std::uint64_t salt = 0;
  };

  std::string name;
  TableId table{};
  std::uint32_t width = 0;  // Of a row.
  // Embeddings are sums by source; a bag combines the entries of all its sources.
  Combine combine = Combine::sum;
  std::vector<Source> sources = {};
  std::uint32_t outputs = 0;  // Columns in all.
};

// One link of the chain: rows of `inputs` numbers to rows of `outputs`.
struct ChainLayer {
  LayerKind kind = LayerKind::dense;
  std::string name;
  std::uint32_t position = 0;  // In the spec's list; part of what dropout draws from.
  std::uint32_t inputs = 0;
  std::uint32_t outputs = 0;
  std::optional<TableId> weight =
      std::nullopt;  // dense, unless no input is multiplied; layer norm: the gain
  std::optional<TableId> bias = std::nullopt;  // dense, layer norm
  // dense: the last so many inputs are not multiplied but added to the outputs (0 or `outputs`).
  std::uint32_t added = 0;
  float rate = 0.0F;     // dropout
  float epsilon = 0.0F;  // layer norm
};

struct Architecture {
  std::vector<TableSpec> tables;  // By id.
  std::uint32_t dense_features = 0;
  std::vector<SparseLayer> sparse;
  std::vector<ChainLayer> chain;  // Never empty.
  std::uint32_t outputs = 1;
  LossKind loss = LossKind::cross_entropy;
  float huber_delta = 1.0F;
  double focal_gamma = 2.0;
  std::vector<double> focal_alpha;  // By class; empty: 1 for each.

  // Dense features and all outputs of sparse layers.
  [[nodiscard]] std::uint32_t inputs() const { return chain.front().inputs; }
};

[[nodiscard]] Result<Architecture> resolve(const Spec& spec, const DataSchema& schema);

}  // namespace ballast

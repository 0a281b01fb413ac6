#pragma once

// The chain between input and loss. A layer has two functions, each the other's counterpart:
// forward turns the rows of one activation into the next, backward turns the gradient of its
// output into that of its input and of its tables. What forward keeps for backward (a dropout mask,
// a layer norm's statistics) stays in the layer, so each engine has layers of its own.
//
// All work is on the full number of rows the workspaces have, whatever the number of examples: the
// bits of a row depend on the shape of the product it is in. Rows past the examples are zero on
// the way in, and layers may leave anything there; the network clears them (network.h).

#include <cstdint>
#include <memory>

#include "common/base/ids.h"
#include "common/math/blas.h"
#include "worker/model/architecture.h"
#include "worker/model/matrix.h"
#include "worker/model/model.h"

namespace ballast {

enum class Mode { training, prediction };

// What is the same for all layers while one leaf or evaluation batch goes through.
struct Pass {
  const Weights& weights;
  std::uint32_t examples = 0;  // Rows that count; at least 1.
  Mode mode = Mode::training;
  std::uint64_t seed = 0;  // These three are what dropout draws from.
  Step step = 0;
  Leaf leaf = 0;

  [[nodiscard]] std::span<const float> dense(TableId table) const {
    return weights.tables[index(table)].values;
  }
};

class Layer {
 public:
  virtual ~Layer() = default;

  virtual void forward(const Pass& pass, Matrix in, Matrix out) = 0;

  // Called after forward with the same pass, in and out. Writes the tables' gradients, which are
  // already as long as the tables, and in_gradient unless that is empty. Where the layer works in
  // place, in_gradient is empty or the very memory of out_gradient.
  virtual void backward(const Pass& pass, Matrix in, Matrix out, Matrix out_gradient,
                        Matrix in_gradient, Gradient& gradient) = 0;

  // Elementwise layers overwrite the gradient of their output with that of their input.
  [[nodiscard]] virtual bool works_in_place() const { return false; }
};

// What a layer is made with, besides its place in the architecture.
struct LayerOptions {
  const Blas& blas;
  std::uint32_t rows = 0;
  // Columns of in_gradient before this one are wanted by nobody: they belong to dense features.
  std::uint32_t gradient_from = 0;
};

[[nodiscard]] std::unique_ptr<Layer> make_layer(const ChainLayer& spec,
                                                const LayerOptions& options);

// One per kind, behind make_layer.
[[nodiscard]] std::unique_ptr<Layer> make_dense(const ChainLayer& spec,
                                                const LayerOptions& options);
[[nodiscard]] std::unique_ptr<Layer> make_relu();
[[nodiscard]] std::unique_ptr<Layer> make_sigmoid();
[[nodiscard]] std::unique_ptr<Layer> make_tanh();
[[nodiscard]] std::unique_ptr<Layer> make_gelu(const ChainLayer& spec, const LayerOptions& options);
[[nodiscard]] std::unique_ptr<Layer> make_dropout(const ChainLayer& spec,
                                                  const LayerOptions& options);
[[nodiscard]] std::unique_ptr<Layer> make_layer_norm(const ChainLayer& spec,
                                                     const LayerOptions& options);

}  // namespace ballast

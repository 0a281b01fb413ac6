#pragma once

// The layers of a model with workspaces for a fixed number of rows: one forward and one backward
// pass at a time. An engine has one for leaves and one for evaluation batches.
//
// Padding: rows past the examples are zero in every activation and every gradient before a product
// reads them, whatever layers left there, so they add nothing but zeros to any sum, even where a
// weight would have made them infinite.

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "worker/data/dataset.h"
#include "worker/model/layer.h"
#include "worker/model/sparse_input.h"

namespace ballast {

class Network {
 public:
  // `architecture` and `blas` outlive the network.
  Network(const Architecture& architecture, std::uint32_t rows, const Blas& blas);

  // The outputs; rows past the examples are zero. Valid until the next call.
  // REQUIRES: examples.size() == pass.examples, between 1 and rows.
  [[nodiscard]] Matrix forward(const Pass& pass, const Dataset& dataset, Split split,
                               std::span<const std::uint32_t> examples);

  // Where the loss writes its gradient, between forward and backward.
  [[nodiscard]] Matrix output_gradient() { return gradients_.back(); }

  // Writes the gradient of every table. Called after forward with the same pass.
  void backward(const Pass& pass, Gradient& gradient);

 private:
  void load(const Pass& pass, const Dataset& dataset, Split split,
            std::span<const std::uint32_t> examples);

  const Architecture& architecture_;
  std::vector<std::unique_ptr<Layer>> layers_;
  std::vector<SparseInput> sparse_;
  std::vector<Workspace> memory_;
  // activations_[i] is the input of layer i, gradients_[i] its gradient; the last ones belong to
  // the outputs. gradients_[0] is empty where no sparse layer wants it.
  std::vector<Matrix> activations_;
  std::vector<Matrix> gradients_;
};

}  // namespace ballast

#include "worker/model/network.h"

#include <algorithm>

#include "common/base/check.h"

namespace ballast {

Network::Network(const Architecture& architecture, std::uint32_t rows, const Blas& blas)
    : architecture_(architecture) {
  std::uint32_t column = architecture.dense_features;
  for (const SparseLayer& layer : architecture.sparse) {
    sparse_.emplace_back(layer, column);
    column += layer.outputs;
  }
  BALLAST_CHECK(column == architecture.inputs());

  const auto allocate = [&](std::uint32_t width) {
    memory_.emplace_back(rows, width);
    return memory_.back().view();
  };
  activations_.push_back(allocate(architecture.inputs()));
  gradients_.push_back(sparse_.empty() ? Matrix{} : allocate(architecture.inputs()));
  for (const ChainLayer& layer : architecture.chain) {
    const std::uint32_t from = layers_.empty() ? architecture.dense_features : 0;
    layers_.push_back(make_layer(layer, {.blas = blas, .rows = rows, .gradient_from = from}));
    activations_.push_back(allocate(layer.outputs));
    const bool in_place = layers_.back()->works_in_place() && !gradients_.back().empty();
    gradients_.push_back(in_place ? gradients_.back() : allocate(layer.outputs));
  }
}

Matrix Network::forward(const Pass& pass, const Dataset& dataset, Split split,
                        std::span<const std::uint32_t> examples) {
  BALLAST_CHECK(pass.examples > 0 && pass.examples <= activations_.front().rows);
  BALLAST_CHECK(examples.size() == pass.examples);
  load(pass, dataset, split, examples);
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    activations_[i].clear_from(pass.examples);
    layers_[i]->forward(pass, activations_[i], activations_[i + 1]);
  }
  activations_.back().clear_from(pass.examples);
  return activations_.back();
}

void Network::load(const Pass& pass, const Dataset& dataset, Split split,
                   std::span<const std::uint32_t> examples) {
  const Matrix input = activations_.front();
  if (architecture_.dense_features > 0) {
    for (std::uint32_t r = 0; r < pass.examples; ++r) {
      const std::span<const float> dense = dataset.dense(split, examples[r]);
      BALLAST_CHECK(dense.size() == architecture_.dense_features);
      std::copy(dense.begin(), dense.end(), input.row(r).begin());
    }
  }
  for (SparseInput& sparse : sparse_) {
    const Weights::Table& table = pass.weights.tables[index(sparse.table())];
    sparse.look_up(dataset, split, examples, table);
    sparse.forward(table, input);
  }
}

void Network::backward(const Pass& pass, Gradient& gradient) {
  for (std::size_t i = layers_.size(); i-- > 0;) {
    gradients_[i + 1].clear_from(pass.examples);
    layers_[i]->backward(pass, activations_[i], activations_[i + 1], gradients_[i + 1],
                         gradients_[i], gradient);
  }
  for (const SparseInput& sparse : sparse_) {
    sparse.backward(gradients_.front(), gradient.tables[index(sparse.table())]);
  }
}

}  // namespace ballast

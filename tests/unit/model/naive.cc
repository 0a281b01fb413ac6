#include "tests/unit/model/naive.h"

#include <algorithm>
#include <cmath>

#include "common/base/hash.h"
#include "common/base/philox.h"

namespace ballast::test {
namespace {

using Row = std::vector<double>;

const double* row_of(const NaiveWeights::Table& table, Key key, std::uint32_t width) {
  const auto found = std::find(table.keys.begin(), table.keys.end(), key);
  BALLAST_CHECK(found != table.keys.end());
  return table.values.data() + (found - table.keys.begin()) * width;
}

double divisor_of(const SparseLayer& layer, const Dataset& dataset, std::uint32_t example) {
  double sum = 0.0;
  double squares = 0.0;
  for (const SparseLayer::Source& source : layer.sources) {
    const Bag bag = dataset.bag(Split::train, example, source.group);
    for (std::size_t i = 0; i < bag.keys.size(); ++i) {
      const double value = bag.values.empty() ? 1.0 : double{bag.values[i]};
      sum += std::abs(value);
      squares += value * value;
    }
  }
  switch (layer.combine) {
    case Combine::sum:
      return 1.0;
    case Combine::mean:
      return sum;
    case Combine::sqrt_n:
      return std::sqrt(squares);
  }
  return 1.0;
}

Row sparse_outputs(const SparseLayer& layer, const NaivePass& pass, const NaiveWeights& weights,
                   std::uint32_t example) {
  Row out(layer.outputs, 0.0);
  const double divisor = divisor_of(layer, pass.dataset, example);
  if (divisor == 0.0) return out;
  for (const SparseLayer::Source& source : layer.sources) {
    const Bag bag = pass.dataset.bag(Split::train, example, source.group);
    for (std::size_t i = 0; i < bag.keys.size(); ++i) {
      const Key key = source.salt == 0 ? bag.keys[i] : mix(bag.keys[i], source.salt);
      const double value = bag.values.empty() ? 1.0 : double{bag.values[i]};
      const double* row = row_of(weights.tables[index(layer.table)], key, layer.width);
      for (std::uint32_t c = 0; c < layer.width; ++c) {
        out[source.column + c] += value / divisor * row[c];
      }
    }
  }
  return out;
}

Row dense(const ChainLayer& layer, const NaiveWeights& weights, const Row& x) {
  Row y(layer.outputs, 0.0);
  const std::uint32_t multiplied = layer.inputs - layer.added;
  for (std::uint32_t o = 0; o < layer.outputs; ++o) {
    for (std::uint32_t i = 0; i < multiplied; ++i) {
      y[o] += x[i] * weights.tables[index(*layer.weight)].values[i * layer.outputs + o];
    }
    if (layer.added > 0) y[o] += x[multiplied + o];
    if (layer.bias) y[o] += weights.tables[index(*layer.bias)].values[o];
  }
  return y;
}

Row layer_norm(const ChainLayer& layer, const NaiveWeights& weights, const Row& x) {
  const double n = static_cast<double>(x.size());
  double mean = 0.0;
  for (const double value : x) mean += value / n;
  double variance = 0.0;
  for (const double value : x) variance += (value - mean) * (value - mean) / n;
  Row y;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double normal = (x[i] - mean) / std::sqrt(variance + double{layer.epsilon});
    y.push_back(normal * (1.0 + weights.tables[index(*layer.weight)].values[i]) +
                weights.tables[index(*layer.bias)].values[i]);
  }
  return y;
}

Row dropout(const ChainLayer& layer, const NaivePass& pass, const Row& x, std::uint32_t row) {
  if (pass.dropout == NaiveDropout::off) return x;
  const PhiloxStream random(pass.seed, Purpose::dropout, pass.step,
                            std::uint64_t{pass.leaf} << 32 | layer.position);
  Row y;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double word = random.word(row * x.size() + i);
    y.push_back(word < double{layer.rate} * 4294967296.0 ? 0.0 : x[i] / (1.0 - double{layer.rate}));
  }
  return y;
}

double activation(LayerKind kind, double x) {
  switch (kind) {
    case LayerKind::relu:
      return x > 0.0 ? x : 0.0;
    case LayerKind::sigmoid:
      return 1.0 / (1.0 + std::exp(-x));
    case LayerKind::tanh:
      return std::tanh(x);
    case LayerKind::gelu:
      return 0.5 * x * (1.0 + std::erf(x / std::sqrt(2.0)));
    default:
      break;
  }
  BALLAST_CHECK(false && "not an activation");
  return 0.0;
}

double log_sum_exp(const Row& z) {
  const double shift = *std::max_element(z.begin(), z.end());
  double sum = 0.0;
  for (const double value : z) sum += std::exp(value - shift);
  return shift + std::log(sum);
}

// p: the probability of the example's own class.
double focal(const Architecture& architecture, std::size_t y, double p) {
  const double alpha = architecture.focal_alpha.empty() ? 1.0 : architecture.focal_alpha[y];
  return -alpha * std::pow(1.0 - p, architecture.focal_gamma) * std::log(p);
}

double loss_of(const Architecture& architecture, const Row& z, double y) {
  const double r = z[0] - y;
  const double delta = double{architecture.huber_delta};
  switch (architecture.loss) {
    case LossKind::cross_entropy:
      return log_sum_exp(z) - z[static_cast<std::size_t>(y)];
    case LossKind::binary_cross_entropy:
      return std::log1p(std::exp(y > 0.5 ? -z[0] : z[0]));
    case LossKind::focal:
      return focal(architecture, static_cast<std::size_t>(y),
                   std::exp(z[static_cast<std::size_t>(y)] - log_sum_exp(z)));
    case LossKind::binary_focal:
      return focal(architecture, y > 0.5 ? 1 : 0, 1.0 / (1.0 + std::exp(y > 0.5 ? -z[0] : z[0])));
    case LossKind::mean_squared_error:
      return r * r;
    case LossKind::huber:
      return std::abs(r) <= delta ? 0.5 * r * r : delta * (std::abs(r) - 0.5 * delta);
  }
  return 0.0;
}

}  // namespace

NaiveWeights::NaiveWeights(const StoredWeights& weights) {
  for (std::size_t t = 0; t < weights.size(); ++t) {
    const auto& values = weights[t].values;
    tables.push_back({.values = {values.begin(), values.end()}, .keys = weights[t].keys});
  }
}

Row naive_outputs(const NaivePass& pass, const NaiveWeights& weights,
                  std::span<const std::uint32_t> examples, std::uint32_t row) {
  const auto features = pass.dataset.dense(Split::train, examples[row]);
  Row x(features.begin(), features.end());
  for (const SparseLayer& layer : pass.architecture.sparse) {
    const Row more = sparse_outputs(layer, pass, weights, examples[row]);
    x.insert(x.end(), more.begin(), more.end());
  }
  for (const ChainLayer& layer : pass.architecture.chain) {
    switch (layer.kind) {
      case LayerKind::dense:
        x = dense(layer, weights, x);
        break;
      case LayerKind::layer_norm:
        x = layer_norm(layer, weights, x);
        break;
      case LayerKind::dropout:
        x = dropout(layer, pass, x, row);
        break;
      default:
        for (double& value : x) value = activation(layer.kind, value);
    }
  }
  return x;
}

Row naive_predictions(const Architecture& architecture, const Row& outputs) {
  Row p = outputs;
  if (architecture.loss == LossKind::cross_entropy || architecture.loss == LossKind::focal) {
    for (double& value : p) value = std::exp(value - log_sum_exp(outputs));
  } else if (architecture.loss == LossKind::binary_cross_entropy ||
             architecture.loss == LossKind::binary_focal) {
    p[0] = 1.0 / (1.0 + std::exp(-outputs[0]));
  }
  return p;
}

double naive_loss(const NaivePass& pass, const NaiveWeights& weights,
                  std::span<const std::uint32_t> examples) {
  double loss = 0.0;
  for (std::uint32_t row = 0; row < examples.size(); ++row) {
    const double weight = pass.weights.empty() ? 1.0 : pass.weights[examples[row]];
    loss += weight * loss_of(pass.architecture, naive_outputs(pass, weights, examples, row),
                             double{pass.dataset.label(Split::train, examples[row])});
  }
  return loss;
}

}  // namespace ballast::test

#pragma once

// The model a second time, as plain loops in float64 over one example at a time: what the fast
// engine is measured against. It shares with it the resolved architecture and the definition of
// dropout's random words, nothing else. Gradients come from central differences of naive_loss.

#include <cstdint>
#include <span>
#include <vector>

#include "tests/unit/model/fixture.h"
#include "worker/model/architecture.h"

namespace ballast::test {

enum class NaiveDropout { off, on };

struct NaivePass {
  const Architecture& architecture;
  const Dataset& dataset;
  std::uint64_t seed = 7;
  Step step = 1;
  Leaf leaf = 0;
  NaiveDropout dropout = NaiveDropout::on;
  std::vector<double> weights = {};  // By example; empty: 1 for each.
};

// By table id, in float64. Keys as in the engine's weights.
struct NaiveWeights {
  struct Table {
    std::vector<double> values;
    std::vector<Key> keys;
  };
  std::vector<Table> tables;

  explicit NaiveWeights(const StoredWeights& weights);
};

// The outputs (logits) of example examples[row].
[[nodiscard]] std::vector<double> naive_outputs(const NaivePass& pass, const NaiveWeights& weights,
                                                std::span<const std::uint32_t> examples,
                                                std::uint32_t row);

// The predictions of an example, from its outputs.
[[nodiscard]] std::vector<double> naive_predictions(const Architecture& architecture,
                                                    const std::vector<double>& outputs);

// Summed over the examples.
[[nodiscard]] double naive_loss(const NaivePass& pass, const NaiveWeights& weights,
                                std::span<const std::uint32_t> examples);

}  // namespace ballast::test

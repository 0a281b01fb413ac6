#pragma once

// A run of one dense and one sparse table, and contributions to it, for tests of the server.

#include <cstdint>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "common/base/hash.h"
#include "common/job/run.h"
#include "common/wire/messages.h"
#include "paramserver/contribution.h"

namespace ballast::test {

inline constexpr TableId kDense{0};
inline constexpr TableId kSparse{1};
inline constexpr std::uint32_t kDenseFloats = 5;
inline constexpr std::uint32_t kRowFloats = 2;

inline RunConfig small_run(std::uint32_t partitions, std::uint32_t leaves) {
  RunConfig run;
  run.name = "small";
  run.seed = 3;
  run.tables = {{.id = kDense,
                 .name = "dense",
                 .kind = TableKind::dense,
                 .shape = {kDenseFloats},
                 .initializer = Initializer::normal,
                 .initial_bound = 1.0F},
                {.id = kSparse,
                 .name = "rows",
                 .kind = TableKind::sparse,
                 .shape = {kRowFloats},
                 .initializer = Initializer::normal,
                 .initial_bound = 1.0F}};
  run.partitions = partitions;
  run.leaves = leaves;
  run.leaf_examples = 1;
  run.batch = leaves;
  run.train_examples = 10 * leaves;
  run.steps_per_epoch = 10;
  run.steps = 10;
  run.optimizer.kind = OptimizerKind::sgd;
  run.optimizer.learning_rate = 0.5;
  return run;
}

// A contribution with numbers whose float32 sums depend on the order of adding.
inline Contribution contribution_of(std::uint64_t seed, const std::vector<Key>& keys) {
  const auto number = [&](std::uint64_t i) {
    const auto exponent = static_cast<int>(mix(seed, i) % 24) - 12;
    const double mantissa = static_cast<double>(mix(seed, i + 100) % 20001) - 10000.0;
    return static_cast<float>(mantissa * (exponent < 0 ? 1.0 / (1 << -exponent) : 1 << exponent));
  };
  std::vector<float> block(kDenseFloats);
  for (std::size_t i = 0; i < block.size(); ++i) block[i] = number(i);
  Contribution contribution;
  contribution.dense.push_back({kDense, 0, Bytes::own(std::move(block))});
  if (!keys.empty()) {
    std::vector<float> rows(keys.size() * kRowFloats);
    for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = number(i + 1000);
    contribution.sparse.push_back({kSparse, Bytes::own(keys), Bytes::own(std::move(rows))});
  }
  contribution.figures = {.loss = number(7), .examples = 1, .correct = seed % 2};
  return contribution;
}

}  // namespace ballast::test

#include "paramserver/partition.h"

#include <algorithm>
#include <utility>

#include "common/base/check.h"
#include "paramserver/optimizer.h"

namespace ballast {
namespace {

UpdateScalars scalars_of(const Commit& commit) {
  return {.scale = commit.scale,
          .learning_rate = commit.learning_rate,
          .bias_correction1 = commit.bias_correction1,
          .bias_correction2 = commit.bias_correction2};
}

}  // namespace

Partition::Partition(const RunConfig& run, PartitionId id)
    : Partition(run, std::make_unique<Tables>(run, id), 0) {}

Partition::Partition(const RunConfig& run, std::unique_ptr<Tables> tables, Step applied)
    : run_(run), tables_(std::move(tables)), applied_(applied), tree_(run.tables, run.leaves) {}

Offer Partition::offer(Node node, Contribution contribution) {
  const Offer offer = tree_.offer(node, std::move(contribution));
  if (offer == Offer::counted && tree_.complete()) {
    summary_ = wire::PreparedPartition{.partition = id(),
                                       .hash = hash_of(tree_.sum()),
                                       .sum_of_squares = sum_of_squares(tree_.sum())};
  }
  return offer;
}

bool Partition::waits_for(Node node) const {
  const Leaf next = tree_.first_missing();
  return node.begin() <= next && next < node.end();
}

void Partition::apply(const Commit& commit) {
  BALLAST_CHECK(prepared());
  BALLAST_CHECK(commit.step == applied_ + 1);
  if (!commit.skip) {
    const UpdateScalars scalars = scalars_of(commit);
    for (const DenseGradient& gradient : tree_.sum().dense) {
      apply_dense(gradient, scalars, commit.step);
    }
    for (const SparseGradient& gradient : tree_.sum().sparse) {
      apply_sparse(gradient, scalars, commit.step);
    }
  }
  applied_ = commit.step;
  summary_.reset();
  tree_.reset();
}

void Partition::apply_dense(const DenseGradient& gradient, const UpdateScalars& scalars,
                            Step version) {
  DenseBlock* block = tables_->find_dense(gradient.table, gradient.block);
  BALLAST_CHECK(block != nullptr);
  const auto weights = block->weights.as<float>();
  auto next = tables_->next_weights(*block);
  const std::span<float> out(next.get(), weights.size());
  tables_->own_state(*block);
  apply_update(run_.optimizer, scalars, run_.tables[index(gradient.table)].decays,
               gradient.values.as<float>(), weights, out, block->state());
  block->weights = Bytes::share<float>(std::move(next), out);
  block->version = version;
}

void Partition::apply_sparse(const SparseGradient& gradient, const UpdateScalars& scalars,
                             Step version) {
  const TableSpec& table = run_.tables[index(gradient.table)];
  SparseTable& rows = tables_->sparse(gradient.table);
  const auto keys = gradient.keys.as<Key>();
  const auto values = gradient.values.as<float>();
  const std::size_t width = rows.width();
  const std::uint32_t slots_per_weight = slots(run_.optimizer);

  for (std::size_t i = 0; i < keys.size(); ++i) {
    std::uint32_t row = rows.find(keys[i]);
    const bool fresh = row == SparseTable::kNone;
    if (fresh) row = rows.insert(keys[i]);
    const std::span<float> floats = rows.mutable_row(row, version);
    const std::span<float> weights = floats.first(width);
    if (fresh) {
      initialize(table, run_.seed, keys[i], weights);
      for (std::uint32_t slot = 0; slot < slots_per_weight; ++slot) {
        const auto state = floats.subspan(width * (1 + slot), width);
        std::fill(state.begin(), state.end(), initial_slot(run_.optimizer, slot));
      }
    }
    apply_update(run_.optimizer, scalars, table.decays, values.subspan(i * width, width), weights,
                 weights, floats.subspan(width));
  }
}

}  // namespace ballast

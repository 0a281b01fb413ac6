// A partition of a relaxed run: microbatches are counted and applied one by one.

#include <cmath>

#include "common/math/kernels.h"
#include "paramserver/partition.h"

namespace ballast {
namespace {

// Adam corrects by how many updates there were: here, microbatches of the partition.
void correct_bias(const OptimizerSpec& optimizer, std::uint64_t updates, UpdateScalars& scalars) {
  const auto remaining = [&](double beta) {
    return beta > 0.0 ? 1.0 - pow_double(beta, static_cast<double>(updates)) : 1.0;
  };
  scalars.bias_correction1 = static_cast<float>(remaining(optimizer.beta1));
  scalars.bias_correction2 = static_cast<float>(remaining(optimizer.beta2));
}

}  // namespace

Partition::Counted Partition::count(Leaf leaf, Step step, const Contribution& contribution,
                                    const std::optional<UpdateScalars>& scalars) {
  Account& account = tables_->account();
  if (!account.expects(leaf, step)) return Counted::no;
  const bool finite = std::isfinite(sum_of_squares(contribution));
  account.count(leaf, step);
  if (!finite) return Counted::nonfinite;  // R3
  if (!scalars) return Counted::yes;
  UpdateScalars corrected = *scalars;
  correct_bias(run_.optimizer, account.counted(), corrected);
  for (const DenseGradient& gradient : contribution.dense) {
    apply_dense(gradient, corrected, account.counted());
  }
  for (const SparseGradient& gradient : contribution.sparse) {
    apply_sparse(gradient, corrected, account.counted());
  }
  return Counted::yes;
}

}  // namespace ballast

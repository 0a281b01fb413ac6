#pragma once

// One partition of a run: its tables at one version, and the reduction of the next step.
//
//            offer()...          apply(commit)
//   applied t-1 ---------> prepared t ---------> applied t
//
// Invariants
//   P1  Exactly one step is being reduced: applied() + 1.
//   P2  The reduced gradient of a step is kept until its commit is applied (R9).
//   P3  Weights change in apply() and count() alone; a pull changes nothing (R2).
//   P4  In a relaxed run there is no apply(): a contribution enters the weights in the same call
//       that counts it.
//
// One thread owns it.

#include <memory>
#include <optional>
#include <vector>

#include "common/job/commit.h"
#include "common/job/run.h"
#include "common/wire/messages.h"
#include "paramserver/optimizer.h"
#include "paramserver/tables.h"
#include "paramserver/tree.h"

namespace ballast {

class Partition {
 public:
  // At version 0. REQUIRES: run outlives this.
  Partition(const RunConfig& run, PartitionId id);
  // At the version of `applied`, with tables restored from a snapshot.
  Partition(const RunConfig& run, std::unique_ptr<Tables> tables, Step applied);

  [[nodiscard]] PartitionId id() const { return tables_->partition(); }
  [[nodiscard]] Step applied() const { return applied_; }

  // REQUIRES: not prepared() or the offer is covered; the contribution fits the tables.
  Offer offer(Node node, Contribution contribution);
  [[nodiscard]] bool prepared() const { return summary_.has_value(); }
  // REQUIRES: prepared().
  [[nodiscard]] const wire::PreparedPartition& summary() const { return *summary_; }
  [[nodiscard]] const Contribution& gradient() const { return tree_.sum(); }
  [[nodiscard]] const Figures& figures() const { return tree_.sum().figures; }
  [[nodiscard]] std::vector<Node> missing() const { return tree_.missing(); }
  // Whether this node holds the leftmost leaf that is lacking: credit is kept for it (R11).
  [[nodiscard]] bool waits_for(Node node) const;
  [[nodiscard]] bool covers(Node node) const { return tree_.covers(node); }
  [[nodiscard]] std::size_t buffered_bytes() const { return tree_.bytes(); }

  // REQUIRES: prepared(), commit.step == applied() + 1.
  void apply(const Commit& commit);

  // Relaxed runs: counts the microbatch of a leaf and applies its contribution at once, when it is
  // the next one of the leaf; else nothing happens. The contribution is counted but not applied
  // where `scalars` says nothing, or its numbers are not finite.
  enum class Counted { no, yes, nonfinite };
  Counted count(Leaf leaf, Step step, const Contribution& contribution,
                const std::optional<UpdateScalars>& scalars);
  [[nodiscard]] const Account& account() const { return tables_->account(); }

  [[nodiscard]] const Tables& tables() const { return *tables_; }
  [[nodiscard]] Snapshot snapshot() const { return tables_->snapshot(applied_); }

 private:
  void apply_dense(const DenseGradient& gradient, const UpdateScalars& scalars, Step version);
  void apply_sparse(const SparseGradient& gradient, const UpdateScalars& scalars, Step version);

  const RunConfig& run_;
  std::unique_ptr<Tables> tables_;
  Step applied_ = 0;
  ReductionTree tree_;
  std::optional<wire::PreparedPartition> summary_;
};

}  // namespace ballast

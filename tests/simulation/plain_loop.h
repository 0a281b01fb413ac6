#pragma once

// The oracle: the same training as one plain loop in one process, written without a thought about
// clusters. Every leaf in order, added along the tree by recursion, one commit, one update of every
// touched block and row in plain maps. It shares with the machines the leaf's arithmetic (Engine,
// add_gradients), the commit (next_commit) and the update of one row (apply_update), nothing else.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "common/job/commit.h"
#include "tests/simulation/sample_job.h"

namespace ballast::simulation {

// One block or row with its optimizer state.
struct Row {
  Step version = 0;
  std::vector<float> floats;  // Weights, then slots.
};
using Rows = std::map<std::pair<TableId, Key>, Row>;

// Of everything that a checkpoint keeps of these rows, in canonical order.
[[nodiscard]] std::uint64_t digest_of(const Rows& rows);
// ... with the account of a partition, which has no clocks in a synchronous run.
[[nodiscard]] std::uint64_t digest_of(const Rows& rows, const std::vector<Step>& clocks);

struct PlainRun {
  std::vector<Commit> commits;  // By step; commits[0] is the start. `cut` is left false.
  std::vector<std::vector<std::uint64_t>> partition_digests;  // By version, by partition.
  std::vector<Rows> changed;  // By step: what it changed, as it was afterwards.
  std::uint32_t partitions = 1;
  std::vector<std::string> history;
  std::uint64_t digest = 0;  // Of all rows at the end.
};

// The rows of a partition at version `step` that changed after `since`.
[[nodiscard]] Rows changes(const PlainRun& run, PartitionId partition, Step since, Step step);

[[nodiscard]] PlainRun plain_loop(const SampleJob& job);

}  // namespace ballast::simulation

#include "paramserver/recovered_copies.h"

#include <bit>
#include <utility>

#include "paramserver/requests.h"

namespace ballast {
namespace {

// The roots of a step, as an owner feeds them to replicas.
std::map<PartitionId, Contribution> contributions_of(const RunConfig& run, const wire::Push& push) {
  std::map<PartitionId, Contribution> all;
  for (const PartitionId id : push.partitions) {
    Contribution& contribution = all[id];
    if (id == PartitionId{0} && !push.nodes.empty()) contribution.figures = push.nodes[0].figures;
  }
  for (const wire::Section& section : push.sections) {
    Contribution& contribution = all[section.partition];
    if (run.tables[index(section.table)].kind == TableKind::dense) {
      contribution.dense.push_back({section.table, section.block, section.values});
    } else {
      contribution.sparse.push_back({section.table, section.keys, section.values});
    }
  }
  return all;
}

}  // namespace

bool replay(const RunConfig& run, const Commit& previous, const wire::Push& push,
            RecoveredCopies& copies) {
  const Node root{static_cast<std::uint32_t>(std::countr_zero(run.leaves)), 0};
  if (push.nodes.size() != 1 || push.nodes[0].node != root) return false;
  if (push.step != previous.step + 1 || !fault_in(run, push).empty()) return false;
  if (previous.step == copies.commits.back().step + 1) {
    if (copies.promised != previous.step) return false;
    for (auto& [id, partition] : copies.partitions) partition.apply(previous);
    copies.commits.push_back(previous);
  }
  if (previous.step != copies.commits.back().step) return false;
  auto roots = contributions_of(run, push);
  // What is not in the record was given to others before.
  std::erase_if(copies.partitions, [&](const auto& entry) { return !roots.contains(entry.first); });
  for (auto& [id, partition] : copies.partitions) {
    if (!partition.prepared()) partition.offer(push.nodes[0].node, std::move(roots.at(id)));
  }
  copies.promised = push.step;
  return true;
}

}  // namespace ballast

#include "paramserver/requests.h"

#include <algorithm>
#include <bit>
#include <tuple>

#include "common/base/hash.h"
#include "common/base/nodes.h"

namespace ballast {
namespace {

std::string fault_in(const RunConfig& run, const wire::Section& section) {
  const std::string where = "push to table " + std::to_string(index(section.table));
  if (index(section.table) >= run.tables.size()) return where + ", which this run does not have";
  const TableSpec& table = run.tables[index(section.table)];
  if (!section.values.holds_array_of<float>()) return where + " whose values are not float32";
  const std::size_t floats = section.values.size() / sizeof(float);
  if (table.kind == TableKind::dense) {
    const bool fits = section.block < blocks_of(table) &&
                      floats == floats_of_block(table, section.block) &&
                      partition_of(table.id, section.block, run.partitions) == section.partition;
    return fits ? "" : where + " with a block that does not fit it";
  }
  if (!section.keys.holds_array_of<Key>()) return where + " whose keys are not 64-bit words";
  const auto keys = section.keys.as<Key>();
  if (keys.empty() || floats != keys.size() * floats_of(table)) {
    return where + " with another number of values than its keys need";
  }
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (i > 0 && keys[i - 1] >= keys[i]) return where + " with keys out of order";
    if (partition_of(table.id, keys[i], run.partitions) != section.partition) {
      return where + " with a key of another partition";
    }
  }
  return "";
}

}  // namespace

std::string fault_in(const RunConfig& run, const wire::Pull& pull) {
  const wire::Section* last = nullptr;
  for (const wire::Section& section : pull.keys) {
    if (last != nullptr && last->table >= section.table) return "pull with tables out of order";
    last = &section;
    if (index(section.table) >= run.tables.size() ||
        run.tables[index(section.table)].kind != TableKind::sparse) {
      return "pull of keys of table " + std::to_string(index(section.table)) +
             ", which is not a sparse table of this run";
    }
    if (!section.keys.holds_array_of<Key>()) return "pull whose keys are not 64-bit words";
  }
  for (const Leaf leaf : pull.leaves) {
    if (leaf >= run.leaves || !is_relaxed(run)) return "pull that asks for clocks there are not";
  }
  return "";
}

std::string fault_in(const RunConfig& run, const wire::Push& push) {
  const Node root{static_cast<std::uint32_t>(std::countr_zero(run.leaves)), 0};
  Leaf next = 0;
  for (const auto& [node, figures] : push.nodes) {
    if (node.level > 0 && is_relaxed(run)) return "push of a sum where microbatches are counted";
    if (node.level > root.level || !root.covers(node)) {
      return "push for node " + std::to_string(node.level) + "/" + std::to_string(node.position) +
             " outside the " + std::to_string(run.leaves) + " leaves of this run";
    }
    if (node.begin() < next) return "push whose nodes do not follow each other from left to right";
    next = node.end();
  }
  for (const PartitionId& partition : push.partitions) {
    if (index(partition) >= run.partitions) {
      return "push to partition " + std::to_string(index(partition)) + " of " +
             std::to_string(run.partitions);
    }
    if (&partition != &push.partitions.front() && *(&partition - 1) >= partition) {
      return "push that does not list its partitions in rising order";
    }
  }
  const auto listed = [&](const wire::Section& section) {
    const auto node =
        std::lower_bound(push.nodes.begin(), push.nodes.end(), section.node.begin(),
                         [](const auto& mine, Leaf begin) { return mine.node.begin() < begin; });
    return node != push.nodes.end() && node->node == section.node &&
           std::binary_search(push.partitions.begin(), push.partitions.end(), section.partition);
  };
  const wire::Section* last = nullptr;
  for (const wire::Section& section : push.sections) {
    if (!listed(section)) return "push with a section for a node or partition it does not list";
    if (const std::string fault = fault_in(run, section); !fault.empty()) return fault;
    const auto place = [](const wire::Section& s) {
      return std::tuple(s.node, s.partition, s.table, s.block);
    };
    if (last != nullptr && place(*last) >= place(section)) return "push with sections out of order";
    last = &section;
  }
  return "";
}

}  // namespace ballast

#include "tests/simulation/accounts.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>
#include <utility>

#include "common/job/json_text.h"
#include "common/math/kernels.h"
#include "common/math/schedule.h"
#include "paramserver/optimizer.h"
#include "tests/simulation/text.h"

namespace ballast::simulation {
namespace {

std::string place(PartitionId id, Leaf leaf, Step step) {
  return "partition " + number(index(id)) + ", leaf " + number(leaf) + ", step " + number(step);
}

Rows rows_of(const Snapshot& snapshot) {
  Rows rows;
  snapshot.for_each([&](const RowView& view) {
    Row row{view.version, {view.weights.begin(), view.weights.end()}};
    row.floats.insert(row.floats.end(), view.slots.begin(), view.slots.end());
    rows.emplace(std::pair(view.table, view.key), std::move(row));
  });
  return rows;
}

std::vector<Step> clocks_of(const Partition& partition) {
  const auto clocks = partition.account().clocks();
  return {clocks.begin(), clocks.end()};
}

Step lowest(const std::vector<Step>& clocks) {
  return *std::min_element(clocks.begin(), clocks.end());
}

// All that a push brings to a partition for a leaf.
std::vector<const wire::Section*> sections_of(const wire::Push& push, PartitionId id, Leaf leaf) {
  std::vector<const wire::Section*> sections;
  for (const wire::Section& section : push.sections) {
    if (section.partition == id && section.node == Node{0, leaf}) sections.push_back(&section);
  }
  return sections;
}

}  // namespace

void Accounts::violated(int which, const std::string& how) {
  if (!violation_) violation_ = "invariant " + std::to_string(which) + ": " + how;
}

// ---- servers ------------------------------------------------------------------------------------

void Accounts::server_stepped(MemberId id, const Server& server, const wire::Push* push) {
  Seen& seen = servers_[id];
  if (seen.timeline != server.timeline()) seen = {server.timeline(), {}};
  std::erase_if(seen.partitions,
                [&](const auto& entry) { return !server.partitions().contains(entry.first); });
  for (const auto& [partition_id, partition] : server.partitions()) {
    const auto [shadow, fresh] = seen.partitions.try_emplace(partition_id);
    if (fresh) {
      adopt(partition, shadow->second);
    } else {
      follow(partition, push, shadow->second);
    }
  }
}

void Accounts::adopt(const Partition& partition, Shadow& shadow) {
  shadow = {rows_of(partition.snapshot()), clocks_of(partition)};
  auto& states = states_[partition.id()];
  if (states.empty()) {
    Tables initial(run_, partition.id());
    const std::vector<Step> nothing(run_.leaves);
    states[digest_of(rows_of(initial.snapshot(0)), nothing)] = 0;
  }
  if (!states.contains(digest_of(shadow.rows, shadow.clocks))) {
    violated(28, "partition " + number(index(partition.id())) + " restored to what it never was");
  }
}

void Accounts::follow(const Partition& partition, const wire::Push* push, Shadow& shadow) {
  const std::vector<Step> now = clocks_of(partition);
  if (now == shadow.clocks && push == nullptr) return;
  for (Leaf leaf = 0; leaf < now.size(); ++leaf) {
    if (now[leaf] == shadow.clocks[leaf]) continue;
    const bool brought =
        push != nullptr && push->step == now[leaf] &&
        std::binary_search(push->partitions.begin(), push->partitions.end(), partition.id()) &&
        std::any_of(push->nodes.begin(), push->nodes.end(), [&](const auto& node) {
          return node.node == Node{0, leaf};
        });
    if (now[leaf] != shadow.clocks[leaf] + 1 || !brought) {
      violated(26, place(partition.id(), leaf, now[leaf]) + " after step " +
                       number(shadow.clocks[leaf]) + (brought ? "" : ", which no push brought"));
      return;
    }
    shadow.clocks[leaf] = now[leaf];
    apply(partition.id(), leaf, *push, shadow);
  }
  const std::uint64_t digest = digest_of(shadow.rows, shadow.clocks);
  if (digest_of(rows_of(partition.snapshot()), now) != digest) {
    violated(27, "partition " + number(index(partition.id())) +
                     " has other weights than its microbatches make");
  }
  states_[partition.id()][digest] = lowest(now);
}

void Accounts::apply(PartitionId id, Leaf leaf, const wire::Push& push, Shadow& shadow) const {
  const auto node = std::find_if(push.nodes.begin(), push.nodes.end(), [&](const auto& candidate) {
    return candidate.node == Node{0, leaf};
  });
  const Figures& figures = node->figures;
  const auto sections = sections_of(push, id, leaf);
  const bool finite =
      figures.nonfinite == 0 && std::isfinite(figures.loss) &&
      std::all_of(sections.begin(), sections.end(), [](const wire::Section* section) {
        return std::isfinite(sum_of_squares(section->values.as<float>()));
      });
  if (!finite || figures.examples == 0) return;

  const std::uint64_t updates =
      std::accumulate(shadow.clocks.begin(), shadow.clocks.end(), std::uint64_t{0});
  const auto correction = [&](double beta) {
    return static_cast<float>(beta > 0.0 ? 1.0 - pow_double(beta, static_cast<double>(updates))
                                         : 1.0);
  };
  const UpdateScalars scalars{
      .scale = static_cast<float>(1.0 / static_cast<double>(figures.examples)),
      .learning_rate = static_cast<float>(learning_rate_at(run_.optimizer, push.step, run_.steps)),
      .bias_correction1 = correction(run_.optimizer.beta1),
      .bias_correction2 = correction(run_.optimizer.beta2)};
  for (const wire::Section* section : sections) {
    const TableSpec& table = run_.tables[index(section->table)];
    const bool dense = table.kind == TableKind::dense;
    const auto values = section->values.as<float>();
    const auto keys = section->keys.as<Key>();
    const std::size_t rows = dense ? 1 : keys.size();
    const std::size_t width = values.size() / rows;
    for (std::size_t i = 0; i < rows; ++i) {
      const Key key = dense ? section->block : keys[i];
      const auto [row, fresh] = shadow.rows.try_emplace({table.id, key});
      if (fresh) {
        row->second.floats.resize(width);
        initialize(table, run_.seed, key, row->second.floats);
        for (std::uint32_t slot = 0; slot < slots(run_.optimizer); ++slot) {
          row->second.floats.insert(row->second.floats.end(), width,
                                    initial_slot(run_.optimizer, slot));
        }
      }
      const std::span<float> floats = row->second.floats;
      apply_update(run_.optimizer, scalars, table.decays, values.subspan(i * width, width),
                   floats.first(width), floats.first(width), floats.subspan(width));
      row->second.version = updates;
    }
  }
}

// ---- messages -----------------------------------------------------------------------------------

void Accounts::sent(MemberId from, const Server* server, MemberId to, const wire::Body& body) {
  if (const auto* const pull = std::get_if<wire::Pull>(&body)) {
    pulls_[{from, pull->request}] = *pull;
  } else if (const auto* const push = std::get_if<wire::Push>(&body)) {
    check_push(from, to, *push);
  } else if (const auto* const values = std::get_if<wire::Values>(&body)) {
    if (server != nullptr) {
      check_values(*server, to, *values);
      const wire::Pull& asked = pulls_[{to, values->request}];
      if (asked.dense.empty()) return;
      for (const Leaf leaf : asked.leaves) given_.emplace(to, from, leaf, asked.reached + 1);
    }
  } else if (const auto* const done = std::get_if<wire::CutDone>(&body)) {
    check_cut(*done);
  }
}

void Accounts::check_values(const Server& server, MemberId to, const wire::Values& values) {
  const wire::Pull& pull = pulls_[{to, values.request}];
  if (pull.dense.empty()) return;  // It asked for clocks alone.
  const Step step = pull.reached + 1;
  const bool evaluates = pull.leaves.empty();
  for (const auto& [id, partition] : server.partitions()) {
    for (Leaf leaf = 0; leaf < run_.leaves; ++leaf) {
      const Step clock = partition.account().clock(leaf);
      if (evaluates) {
        if (clock != run_.steps) violated(30, place(id, leaf, clock) + " is evaluated");
        continue;
      }
      const bool own = std::find(pull.leaves.begin(), pull.leaves.end(), leaf) != pull.leaves.end();
      if (own && clock + 1 < step) {
        violated(29, place(id, leaf, clock) + " sent for step " + number(step));
      }
      const bool bounded = run_.training.consistency == Consistency::bounded;
      if (bounded && clock + run_.training.staleness + 1 < step) {
        violated(29, place(id, leaf, clock) + " is too old for step " + number(step));
      }
    }
  }
}

void Accounts::check_push(MemberId from, MemberId to, const wire::Push& push) {
  for (const auto& node : push.nodes) {
    if (node.node.level == 0 && given_.contains({from, to, node.node.begin(), push.step})) continue;
    violated(29, "leaf " + number(node.node.begin()) + ", step " + number(push.step) +
                     " is pushed by a worker that was given no weights for it");
  }
}

void Accounts::check_cut(const wire::CutDone& done) {
  for (const wire::SnapshotFile& file : done.files) {
    const auto& states = states_[file.partition];
    const auto state = std::find_if(states.begin(), states.end(), [&](const auto& entry) {
      return file.checksum == number(entry.first);
    });
    if (state == states.end()) {
      violated(28, "partition " + number(index(file.partition)) + " written as it never was");
    } else if (state->second < done.step) {
      violated(28, "partition " + number(index(file.partition)) + " written at " +
                       number(state->second) + " for step " + number(done.step));
    }
  }
}

// ---- the end ------------------------------------------------------------------------------------

void Accounts::check_end(const SimulatedStore& store) {
  if (store.model->commit.step != run_.steps) violated(31, "the model is of an earlier step");
  const auto last =
      std::find_if(store.manifests.rbegin(), store.manifests.rend(),
                   [&](const auto& entry) { return entry.second.commit.step == run_.steps; });
  if (last == store.manifests.rend() && !store.has_removed) {
    violated(31, "the last checkpoint is not there");
  }
  std::set<PartitionId> partitions;
  for (const wire::SnapshotFile& file : store.model->files) {
    partitions.insert(file.partition);
    const std::vector<Step>& clocks = store.clocks.at(file.name);
    const bool complete = clocks.size() == run_.leaves && lowest(clocks) == run_.steps;
    if (!complete)
      violated(31, "partition " + number(index(file.partition)) + " lacks microbatches");
  }
  if (partitions.size() != run_.partitions) violated(31, "the model lacks partitions");
  Step before = 0;
  for (const std::string& line : store.history) {
    const Step step = parse_json<nlohmann::json>(line).at("step").get<Step>();
    if (step < before) violated(32, "step " + number(step) + " after " + number(before));
    before = step;
  }
  if (before != run_.steps) violated(32, "the history ends at step " + number(before));
}

}  // namespace ballast::simulation

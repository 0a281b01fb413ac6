// A server's dealings with the other servers: what plans make it keep, replicas that it feeds, and
// copies that it fetches. README.md has the invariants.

#include <algorithm>
#include <bit>
#include <utility>

#include "paramserver/server.h"

namespace ballast {

// ---- plans --------------------------------------------------------------------------------------

void Server::on_plan(const wire::Plan& plan, Effects<Job>& effects) {
  membership_.planned();
  if (run_ == nullptr || plan.owners.size() != run_->partitions) return;
  if (plan.number <= plan_.number) return;
  if (state_ == State::restoring && plan.timeline == timeline_) return;
  // Whoever restores nothing on a timeline begins it with nothing. So does who comes back to one
  // that went on without it, and perhaps has not seen the plans that left it out (S10).
  const auto us = std::find_if(plan.servers.begin(), plan.servers.end(),
                               [&](const auto& entry) { return entry.server == options_.self; });
  const bool left_out = us != plan.servers.end() && us->since > plan_.number;
  if (plan.timeline != timeline_ || left_out) {
    drop_copies();
    timeline_ = plan.timeline;
    state_ = State::serving;
  }
  plan_ = plan;
  owners_ = plan.owners;
  replicas_.clear();
  lacking_.clear();
  for (std::uint32_t p = 0; p < owners_.size(); ++p) {
    if (owners_[p] == options_.self) lacking_.insert(PartitionId{p});
  }
  for (const wire::Replica& replica : plan.replicas) {
    if (index(replica.partition) >= owners_.size()) continue;
    if (replica.server == options_.self) lacking_.insert(replica.partition);
    if (owns(replica.partition)) replicas_[replica.server].push_back(replica.partition);
  }
  std::vector<PartitionId> superfluous;
  for (const auto& [id, partition] : partitions_) {
    if (lacking_.erase(id) == 0) superfluous.push_back(id);
  }
  for (const PartitionId id : superfluous) drop_copy(id);
  peers_.become(plan.servers, options_.self, effects);
  fed_ = false;
  prepared_said_ = false;
  say_lacking(effects);
  next_repeat_ = now_ + options_.retry;
  after_contributions(effects);
}

bool Server::owns(PartitionId partition) const {
  return index(partition) < owners_.size() && owners_[index(partition)] == options_.self;
}

void Server::drop_copies() {
  partitions_.clear();
  change_copies();
  buffered_bytes_ = 0;
  deferred_.clear();
  cuts_.clear();
  owners_.clear();
  replicas_.clear();
  lacking_.clear();
  waiting_.clear();
  early_.clear();
  counted_ = {};
  applied_ = 0;
  promised_ = 0;
  prepared_said_ = false;
  fed_ = false;
}

void Server::drop_copy(PartitionId id) {
  const auto copy = partitions_.find(id);
  buffered_bytes_ -= copy->second.buffered_bytes();
  partitions_.erase(copy);
}

// ---- replicas -----------------------------------------------------------------------------------

// One push for each replica and step, when everything that we own is reduced.
void Server::feed_replicas(Effects<Job>& effects) {
  if (fed_ || replicas_.empty()) return;
  const bool reduced = std::all_of(partitions_.begin(), partitions_.end(), [&](const auto& entry) {
    return entry.second.prepared() || !owns(entry.first);
  });
  if (!reduced) return;
  fed_ = true;
  for (const auto& [server, partitions] : replicas_) feed(server, partitions, effects);
}

// The roots of those that are reduced. Whoever gets one counts it like any node, so an owner and a
// replica that differ are found out (R6).
void Server::feed(MemberId to, const std::vector<PartitionId>& partitions,
                  Effects<Job>& effects) const {
  wire::Push push = roots_of(partitions);
  if (!push.partitions.empty()) effects.send(to, std::move(push));
}

wire::Push Server::roots_of(const std::vector<PartitionId>& partitions) const {
  const Node root{static_cast<std::uint32_t>(std::countr_zero(run_->leaves)), 0};
  wire::Push push{.timeline = timeline_,
                  .step = applied_ + 1,
                  .nodes = {{root, {}}},
                  .partitions = {},
                  .sections = {}};
  for (const PartitionId id : partitions) {
    const auto copy = partitions_.find(id);
    if (copy == partitions_.end() || !copy->second.prepared()) continue;
    push.partitions.push_back(id);
    const Contribution& sum = copy->second.gradient();
    if (id == PartitionId{0}) push.nodes[0].figures = sum.figures;
    for (const DenseGradient& dense : sum.dense) {
      push.sections.push_back({.node = root,
                               .partition = id,
                               .table = dense.table,
                               .block = dense.block,
                               .keys = {},
                               .values = dense.values});
    }
    for (const SparseGradient& sparse : sum.sparse) {
      push.sections.push_back({.node = root,
                               .partition = id,
                               .table = sparse.table,
                               .block = 0,
                               .keys = sparse.keys,
                               .values = sparse.values});
    }
  }
  std::sort(push.sections.begin(), push.sections.end(), [](const auto& a, const auto& b) {
    return std::tuple(a.partition, a.table, a.block) < std::tuple(b.partition, b.table, b.block);
  });
  return push;
}

// ---- what is lacking ----------------------------------------------------------------------------

void Server::say_lacking(Effects<Job>& effects) const {
  if (owners_.empty()) return;
  std::map<MemberId, wire::Lacking> asked;
  const auto ask = [&](PartitionId id) -> wire::Lacking& {
    wire::Lacking& lacking = asked[owners_[index(id)]];
    lacking.timeline = timeline_;
    lacking.has_version = !partitions_.empty();
    lacking.applied = applied_;
    return lacking;
  };
  for (const PartitionId id : lacking_) ask(id).copies.push_back(id);
  for (const auto& [id, partition] : partitions_) {
    if (!owns(id) && !partition.prepared()) ask(id).gradients.push_back(id);
  }
  for (auto& [owner, lacking] : asked) {
    if (owner != options_.self) effects.send(owner, std::move(lacking));
  }
}

void Server::on_lacking(MemberId from, const wire::Lacking& lacking, Effects<Job>& effects) {
  if (state_ != State::serving || lacking.timeline != timeline_ || partitions_.empty()) return;
  if (!peers_.contains(from)) return;  // One of us has an older plan; asked again with a newer one.
  if (lacking.has_version && lacking.applied > applied_) {
    waiting_[from] = lacking;
    return;
  }
  std::vector<PartitionId> copies = lacking.copies;
  if (lacking.has_version && lacking.applied == applied_) {
    feed(from, lacking.gradients, effects);
  } else if (lacking.has_version) {
    // Left behind: the gradient of its step is kept nowhere any more. (A step is not committed
    // before every copy has it; this one became a copy later, at a version from before.)
    copies.insert(copies.end(), lacking.gradients.begin(), lacking.gradients.end());
  }
  for (const PartitionId id : copies) {
    const auto copy = partitions_.find(id);
    if (copy != partitions_.end()) effects.send(from, copy_of(copy->second));
  }
}

void Server::on_copy(const wire::PartitionCopy& copy, Effects<Job>& effects) {
  if (state_ != State::serving || copy.timeline != timeline_) return;
  const Step version = copy.commits.back().step;
  if (!partitions_.empty() && version > applied_) {
    // Either a commit is on its way to us, or we were left out of plans that we have not seen and
    // what we keep is of no use: nobody commits a step that we take part in without our Prepared.
    if (version == applied_ + 1 && promised_ == version) return;
    for (const auto& [id, partition] : partitions_) lacking_.insert(id);
    partitions_.clear();
    change_copies();
    buffered_bytes_ = 0;
    deferred_.clear();
    cuts_.clear();
    early_.clear();
    say_lacking(effects);
    return;
  }
  if (!lacking_.contains(copy.partition) || (!partitions_.empty() && version < applied_)) return;

  auto tables = std::make_unique<Tables>(*run_, copy.partition);
  for (const wire::Records& records : copy.records) {
    const auto keys = records.keys.as<Key>();
    const auto versions = records.versions.as<Step>();
    const auto floats = records.floats.as<float>();
    const std::size_t stride = floats.size() / keys.size();
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (!tables->load(records.table, keys[i], versions[i], floats.subspan(i * stride, stride))) {
        effects.note(NoteLevel::error, "a copy of partition " +
                                           std::to_string(index(copy.partition)) +
                                           " does not fit this run's tables; asking again");
        return;
      }
    }
  }
  if (partitions_.empty()) {
    applied_ = version;
    commits_.clear();
    begin_step();
    remember(copy.commits);
    promised_ = 0;
  }
  partitions_.try_emplace(copy.partition, *run_, std::move(tables), version);
  change_copies();
  lacking_.erase(copy.partition);
  prepared_said_ = false;
  membership_.made_progress();
  if (lacking_.empty()) say_lacking(effects);  // Of the step to come, which may be reduced already.
}

wire::PartitionCopy Server::copy_of(const Partition& partition) const {
  struct Columns {
    std::vector<Key> keys;
    std::vector<Step> versions;
    std::vector<float> floats;
  };
  wire::PartitionCopy copy{
      .timeline = timeline_, .commits = commits_, .partition = partition.id(), .records = {}};
  std::map<std::pair<TableId, Key>, Columns> tables;
  partition.snapshot().for_each([&](const RowView& row) {
    const bool dense = run_->tables[index(row.table)].kind == TableKind::dense;
    Columns& columns = tables[{row.table, dense ? row.key : 0}];
    columns.keys.push_back(row.key);
    columns.versions.push_back(row.version);
    columns.floats.insert(columns.floats.end(), row.weights.begin(), row.weights.end());
    columns.floats.insert(columns.floats.end(), row.slots.begin(), row.slots.end());
  });
  for (auto& [place, columns] : tables) {
    copy.records.push_back({.table = place.first,
                            .keys = Bytes::own(std::move(columns.keys)),
                            .versions = Bytes::own(std::move(columns.versions)),
                            .floats = Bytes::own(std::move(columns.floats))});
  }
  return copy;
}

}  // namespace ballast

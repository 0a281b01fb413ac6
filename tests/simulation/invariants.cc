#include "tests/simulation/invariants.h"

#include <algorithm>
#include <utility>

#include "common/base/overloaded.h"

namespace ballast::simulation {
namespace {

std::string number(std::uint64_t value) { return std::to_string(value); }

std::string at(Timeline timeline, Step step) {
  return "timeline " + number(timeline) + ", step " + number(step);
}

}  // namespace

void Invariants::violated(int which, const std::string& how) {
  if (!violation_) violation_ = "invariant " + std::to_string(which) + ": " + how;
}

// ---- the coordinator ----------------------------------------------------------------------------

void Invariants::coordinator_started() { plan_ = {}; }

void Invariants::coordinator_stepped(Time now, const Coordinator& coordinator) {
  if (const Term term = coordinator.term(); term != 0) {
    if (term < term_) violated(1, "term " + number(term) + " after " + number(term_));
    term_ = term;
  }
  const wire::Plan& plan = coordinator.plan();
  const RunProgress& progress = coordinator.progress();
  const bool in_force = progress.phase == RunProgress::Phase::training ||
                        progress.phase == RunProgress::Phase::evaluating ||
                        progress.phase == RunProgress::Phase::saving;
  if (plan.number != 0 && in_force) check_plan(plan);

  const bool changed =
      progress.phase != progress_.phase || progress.timeline != progress_.timeline ||
      progress.commit.step != progress_.commit.step ||
      progress.evaluations != progress_.evaluations || progress.workers != progress_.workers ||
      progress.servers != progress_.servers;
  if (changed) {
    changed_ = now;
    progress_ = progress;
  }
  // Beyond what it takes to notice: batches of an evaluation and cuts are progress too, and go on
  // for a while.
  if (now - changed_ > 4 * loud_ + std::chrono::seconds(60) && progress.waiting_for.empty() &&
      progress.phase != RunProgress::Phase::done) {
    violated(15, "nothing happens for a minute and nobody is told");
  }
}

void Invariants::check_plan(const wire::Plan& plan) {
  if (plan.number < plan_.number) {
    violated(3, "plan " + number(plan.number) + " after " + number(plan_.number));
  }
  if (plan.number == plan_.number) {
    if (plan.workers != plan_.workers || plan.owners != plan_.owners) {
      violated(3, "plan " + number(plan.number) + " changed without a new number");
    }
    return;
  }
  plan_ = plan;
  if (plan.owners.size() != run_.partitions) violated(2, "partitions without an owner");
  for (const MemberId owner : plan.owners) {
    const bool named = std::any_of(plan.servers.begin(), plan.servers.end(),
                                   [&](const auto& server) { return server.server == owner; });
    if (!named) violated(2, "an owner without an address");
  }
  std::vector<int> dealt(run_.leaves);
  for (const wire::Assignment& part : plan.workers) {
    for (Leaf leaf = part.leaves.begin; leaf < part.leaves.end; ++leaf) ++dealt.at(leaf);
  }
  const int expected = plan.workers.empty() ? 0 : 1;
  if (std::any_of(dealt.begin(), dealt.end(), [&](int n) { return n != expected; })) {
    violated(2, "leaves dealt twice or not at all");
  }
}

void Invariants::coordinator_done(const SimulatedStore& store) {
  const Step last = oracle_.commits.back().step;
  const bool durable =
      std::any_of(store.manifests.begin(), store.manifests.end(), [&](const auto& entry) {
        return entry.second.commit.step == last && entry.second.commit.last;
      });
  if (!durable) violated(13, "done without a checkpoint of the last version");
  if (!store.model) violated(13, "done without a model");
}

// ---- servers ------------------------------------------------------------------------------------

bool Invariants::same_partitions(const std::map<PartitionId, Partition>& now,
                                 const std::set<PartitionId>& before) {
  return std::equal(now.begin(), now.end(), before.begin(), before.end(),
                    [](const auto& entry, PartitionId id) { return entry.first == id; });
}

void Invariants::server_gone(MemberId id) { servers_.erase(id); }

void Invariants::server_stepped(MemberId id, const Server& server) {
  Seen& seen = servers_[id];
  const Timeline timeline = server.timeline();
  const Step applied = server.applied();
  const auto& partitions = server.partitions();
  if (timeline == seen.timeline && !seen.partitions.empty() && !partitions.empty()) {
    if (applied == seen.applied && same_partitions(partitions, seen.partitions)) return;
    if (applied != seen.applied && applied != seen.applied + 1) {
      violated(5, "version " + number(applied) + " after " + number(seen.applied));
    }
  } else if (timeline == seen.timeline && partitions.empty() && seen.partitions.empty()) {
    return;
  }
  seen = {timeline, applied, {}};
  for (const auto& [partition, value] : partitions) {
    seen.partitions.insert(partition);
    if (value.applied() != applied) violated(5, "a partition of another version than its server");
  }
  if (!seen.partitions.empty()) check_servers(id);
}

void Invariants::check_servers(MemberId id) {
  const Seen& seen = servers_.at(id);
  if (!committed_.contains(seen.timeline) || committed_.at(seen.timeline) < seen.applied) {
    violated(8, at(seen.timeline, seen.applied) + " applied but not committed");
  }
  if (plan_.timeline != seen.timeline || !owns(id)) return;
  for (const auto& [other_id, other] : servers_) {
    if (other.timeline != seen.timeline || other.partitions.empty() || !owns(other_id)) continue;
    if (std::max(seen.applied, other.applied) - std::min(seen.applied, other.applied) > 1) {
      violated(6, "versions " + number(seen.applied) + " and " + number(other.applied) +
                      " at once on timeline " + number(seen.timeline));
    }
  }
}

bool Invariants::owns(MemberId server) const {
  return std::find(plan_.owners.begin(), plan_.owners.end(), server) != plan_.owners.end();
}

void Invariants::check_owners(Timeline timeline, Step committed) {
  if (plan_.timeline != timeline) return;
  for (std::uint32_t p = 0; p < plan_.owners.size(); ++p) {
    const auto owner = servers_.find(plan_.owners[p]);
    if (owner == servers_.end()) continue;  // It has died, and the coordinator will hear of it.
    const Seen& seen = owner->second;
    if (seen.timeline != timeline || !seen.partitions.contains(PartitionId{p}) ||
        seen.applied + 1 != committed) {
      violated(4, at(timeline, committed) + " committed while the owner of partition " + number(p) +
                      " has not got it at the version before");
    }
  }
}

// ---- messages -----------------------------------------------------------------------------------

void Invariants::sent(const Server* from, const wire::Body& body) {
  std::visit(Overloaded{
                 [&](const wire::CommitStep& said) { check_commit(said); },
                 [&](const wire::Restore& restore) {
                   committed_.try_emplace(restore.timeline, restore.commit.step);
                 },
                 [&](const wire::Prepared& prepared) { check_prepared(prepared); },
                 [&](const wire::CutDone& done) { check_cut(done); },
                 [&](const wire::Values& values) {
                   if (from != nullptr &&
                       (from->applied() != values.version || from->timeline() != values.timeline)) {
                     violated(10, "values of " + at(values.timeline, values.version) + " from " +
                                      at(from->timeline(), from->applied()));
                   }
                 },
                 [](const auto&) {},
             },
             body);
}

void Invariants::check_commit(const wire::CommitStep& said) {
  const Step step = said.commit.step;
  const auto [there, fresh] = commits_.try_emplace({said.timeline, step}, said.commit);
  if (!fresh) {
    Commit before = there->second;
    before.cut = said.commit.cut;  // A wish; who takes over may have another.
    if (before != said.commit) violated(7, at(said.timeline, step) + " committed twice");
    return;
  }
  if (step >= oracle_.commits.size()) {
    violated(7, at(said.timeline, step) + " committed, and the plain loop has stopped before");
    return;
  }
  Commit plain = oracle_.commits[step];
  plain.cut = said.commit.cut;
  if (plain != said.commit)
    violated(7, at(said.timeline, step) + " is not the plain loop's commit");
  check_owners(said.timeline, step);
  Step& highest = committed_[said.timeline];
  highest = std::max(highest, step);
}

void Invariants::check_prepared(const wire::Prepared& prepared) {
  for (const wire::PreparedPartition& partition : prepared.partitions) {
    const auto [there, fresh] =
        hashes_.try_emplace({partition.partition, prepared.step}, partition.hash);
    if (!fresh && there->second != partition.hash) {
      violated(9, at(prepared.timeline, prepared.step) + ", partition " +
                      number(index(partition.partition)) + " has two gradients");
    }
  }
}

void Invariants::check_cut(const wire::CutDone& done) {
  if (done.step >= oracle_.partition_digests.size()) return;  // 7 has seen it.
  for (const wire::SnapshotFile& file : done.files) {
    const std::uint64_t plain =
        file.since == 0 ? oracle_.partition_digests[done.step][index(file.partition)]
                        : digest_of(changes(oracle_, file.partition, file.since, done.step));
    if (file.checksum != number(plain)) {
      violated(11, at(done.timeline, done.step) + ", partition " + number(index(file.partition)) +
                       " was written with other bits than the plain loop's");
    }
  }
  // Since when is known from the order alone; the merged checkpoint shows the rest.
  for (const PartitionId id : done.unchanged) {
    if (!changes(oracle_, id, done.step - 1, done.step).empty()) {
      violated(11, at(done.timeline, done.step) + ", partition " + number(index(id)) +
                       " changed and was said not to have");
    }
  }
}

void Invariants::check_merged(const SimulatedStore& store, const Checkpoint& checkpoint) {
  const Step step = checkpoint.commit.step;
  if (step >= oracle_.partition_digests.size()) return;  // 7 has seen it.
  if (!merged_.emplace(checkpoint.timeline, step).second) return;
  for (std::uint32_t p = 0; p < run_.partitions; ++p) {
    if (digest_of(merged(store, checkpoint, PartitionId{p})) !=
        oracle_.partition_digests[step][p]) {
      violated(12, "the checkpoint of " + at(checkpoint.timeline, step) +
                       " has other bits in partition " + number(p) + " than the plain loop");
    }
  }
}

void Invariants::stored(const SimulatedStore& store) {
  for (const auto& [place, checkpoint] : store.manifests) {
    const auto lost = lost_files(store, checkpoint);
    if (!lost.empty()) {
      violated(12, "the checkpoint of " + at(place.first, place.second) + " lost " + lost.front());
      return;
    }
    check_merged(store, checkpoint);
  }
}

}  // namespace ballast::simulation

#include "tests/simulation/invariants.h"

#include <algorithm>
#include <utility>

#include "common/base/overloaded.h"
#include "coordinator/status.h"
#include "tests/simulation/text.h"

namespace ballast::simulation {
namespace {

std::string at(Timeline timeline, Step step) {
  return "timeline " + number(timeline) + ", step " + number(step);
}

bool contains(const std::vector<PartitionId>& all, PartitionId one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

// Of what is worth nothing on a later one. Not a plan's: whoever takes over may go on on a timeline
// from before one that never began.
std::optional<Timeline> timeline_of(const wire::Body& body) {
  return std::visit(
      Overloaded{
          [](const wire::Push& push) { return std::optional(push.timeline); },
          [](const wire::Lacking& lacking) { return std::optional(lacking.timeline); },
          [](const wire::PartitionCopy& copy) { return std::optional(copy.timeline); },
          [](const wire::CommitStep& commit) { return std::optional(commit.timeline); },
          [](const wire::Restore& restore) { return std::optional(restore.timeline); },
          [](const auto&) { return std::optional<Timeline>(); },
      },
      body);
}

}  // namespace

void Invariants::violated(int which, const std::string& how) {
  if (!violation_) violation_ = "invariant " + std::to_string(which) + ": " + how;
}

// ---- the coordinator ----------------------------------------------------------------------------

void Invariants::coordinator_gone(std::uint64_t life) { leads_.erase(life); }

bool Invariants::is_led_by_a_later_one_than(std::uint64_t life) const {
  Term highest = 0;
  for (const auto& [term, leader] : led_by_) {
    if (leader == life) highest = term;
  }
  return highest != 0 && led_by_.rbegin()->first > highest;
}

void Invariants::coordinator_stepped(std::uint64_t life, Time now, const Coordinator& coordinator) {
  Lead& lead = leads_[life];
  if (const Term term = coordinator.term(); term != lead.term) {
    if (term < lead.term) violated(1, "term " + number(term) + " after " + number(lead.term));
    if (!led_by_.emplace(term, life).second) {
      violated(1, "term " + number(term) + " has two coordinators");
    }
    lead.term = term;
  }
  const wire::Plan& plan = coordinator.plan();
  const RunProgress& progress = coordinator.progress();
  const bool in_force = progress.phase == RunProgress::Phase::training ||
                        progress.phase == RunProgress::Phase::evaluating ||
                        progress.phase == RunProgress::Phase::saving;
  check_return(lead, coordinator);
  if (plan.number != 0 && in_force) check_plan(lead, plan);

  const bool changed =
      progress.phase != lead.progress.phase || progress.timeline != lead.progress.timeline ||
      progress.commit.step != lead.progress.commit.step ||
      progress.evaluations != lead.progress.evaluations ||
      progress.workers != lead.progress.workers || progress.servers != lead.progress.servers;
  if (changed) {
    lead.changed = now;
    lead.progress = progress;
  }
  // Beyond what it takes to notice: batches of an evaluation and cuts are progress too, and go on
  // for a while.
  if (now - lead.changed > 4 * loud_ + std::chrono::seconds(60) && progress.waiting_for.empty() &&
      progress.phase != RunProgress::Phase::done) {
    violated(15, "nothing happens for a minute and nobody is told");
  }
}

void Invariants::greeted(std::uint64_t life, const wire::Message& message) {
  Lead& lead = leads_[life];
  // What an older coordinator stood still on for long takes nobody back to it, even when the later
  // one has died meanwhile.
  Followed& followed = follows_[message.from];
  if (followed.term <= lead.term) followed = {life, lead.term};
  const auto* const hello = std::get_if<wire::Hello>(&message.body);
  if (hello == nullptr) return;
  if (message.term != lead.term) return;
  lead.held.erase(message.from);
  if (!hello->held) return;
  if (lead.progress.phase == RunProgress::Phase::gathering) {
    lead.held.emplace(message.from, *hello->held);
  }
}

void Invariants::check_return(const Lead& lead, const Coordinator& coordinator) {
  const Timeline timeline = coordinator.timeline();
  if (timeline == lead.progress.timeline || committed_.contains(timeline) || committed_.empty()) {
    return;
  }
  const auto& [former, committed] = *committed_.rbegin();
  if (committed <= coordinator.progress().commit.step) return;
  // What was restored before there was a plan is nobody's yet: the checkpoint is gone back to.
  const bool planned = std::any_of(lead.held.begin(), lead.held.end(), [&](const auto& entry) {
    return entry.second.plan.timeline == former;
  });
  if (!planned) return;
  std::set<PartitionId> kept;
  for (const auto& [id, held] : lead.held) {
    if (!coordinator.counts_on(id) || held.timeline != former || held.commits.empty()) continue;
    if (held.commits.back().step == committed) {
      kept.insert(held.partitions.begin(), held.partitions.end());
    }
  }
  if (kept.size() == run_.partitions) {
    violated(16, "it goes back from " + at(former, committed) + " to step " +
                     number(coordinator.progress().commit.step) +
                     " although it has heard of every partition");
  }
}

void Invariants::check_plan(Lead& lead, const wire::Plan& plan) {
  const wire::Plan& before = lead.plan;
  if (plan.number < before.number) {
    violated(3, "plan " + number(plan.number) + " after " + number(before.number));
  }
  if (plan.number == before.number) {
    if (plan.workers != before.workers || plan.owners != before.owners) {
      violated(3, "plan " + number(plan.number) + " changed without a new number");
    }
    return;
  }
  lead.plan = plan;
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
  const Step last = is_relaxed(run_) ? run_.steps : oracle_.commits.back().step;
  if (!store.model) return violated(13, "done without a model");
  // It is written from a checkpoint that was whole then; what became of that meanwhile, while
  // members were told, is another matter.
  const Commit& commit = store.model->commit;
  if (commit.step != last || !commit.last) violated(13, "done with a model of another version");
}

// ---- servers ------------------------------------------------------------------------------------

bool Invariants::same_partitions(const std::map<PartitionId, Partition>& now,
                                 const std::set<PartitionId>& before) {
  return std::equal(now.begin(), now.end(), before.begin(), before.end(),
                    [](const auto& entry, PartitionId id) { return entry.first == id; });
}

// Whoever comes back under this name knows of nothing: a run may leave a process and come back.
void Invariants::server_gone(MemberId id) {
  servers_.erase(id);
  follows_.erase(id);
  heard_.erase(id);
  promises_.erase(id);
  planned_.erase(id);
}

Invariants::Kept Invariants::kept_by(const Server& server) {
  Kept kept{server.timeline(), server.applied(), {}};
  for (const auto& [id, partition] : server.partitions()) kept.missing[id] = partition.missing();
  return kept;
}

void Invariants::hears(MemberId id, const Server& server, const wire::Message& message) {
  const std::optional<Timeline> timeline = timeline_of(message.body);
  bool is_old = timeline && *timeline < server.timeline();
  if (message.from == kCoordinator) {
    Term& highest = heard_[id];
    is_old = is_old || message.term < highest;
    highest = std::max(highest, message.term);
  }
  if (is_old) untouched_ = kept_by(server);
  const auto* const plan = std::get_if<wire::Plan>(&message.body);
  if (plan != nullptr && plan->number > planned_[id]) {
    planned_[id] = plan->number;
    promises_.erase(id);
  }
}

void Invariants::server_stepped(MemberId id, const Server& server) {
  if (const auto before = std::exchange(untouched_, {}); before && *before != kept_by(server)) {
    violated(23, "a server at " + at(before->timeline, before->applied) +
                     " took what was of an older timeline or from an older coordinator");
  }
  if (is_relaxed(run_)) return;
  Seen& seen = servers_[id];
  seen.prepared.clear();
  for (const auto& [partition, value] : server.partitions()) {
    if (value.prepared()) seen.prepared.insert(partition);
  }
  check_promise(id, server);
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
  seen.timeline = timeline;
  seen.applied = applied;
  seen.partitions.clear();
  for (const auto& [partition, value] : partitions) {
    seen.partitions.insert(partition);
    if (value.applied() != applied) violated(5, "a partition of another version than its server");
  }
  if (!seen.partitions.empty()) check_servers(id);
}

void Invariants::check_promise(MemberId id, const Server& server) {
  const auto promise = promises_.find(id);
  if (promise == promises_.end()) return;
  const wire::Prepared& prepared = promise->second;
  if (server.timeline() != prepared.timeline || committed_[prepared.timeline] > prepared.step) {
    promises_.erase(promise);
    return;
  }
  if (server.applied() >= prepared.step) return;
  for (const wire::PreparedPartition& partition : prepared.partitions) {
    if (servers_.at(id).prepared.contains(partition.partition)) continue;
    violated(25, at(prepared.timeline, prepared.step) + ", partition " +
                     number(index(partition.partition)) + " was said to be prepared and is gone");
  }
}

void Invariants::check_servers(MemberId id) {
  const Seen& seen = servers_.at(id);
  if (!committed_.contains(seen.timeline) || committed_.at(seen.timeline) < seen.applied) {
    violated(8, at(seen.timeline, seen.applied) + " applied but not committed");
  }
  // As the latest coordinator of the timeline has it: what an older one keeps may stay behind.
  const Lead* latest = nullptr;
  for (const auto& [life, lead] : leads_) {
    if (lead.plan.timeline != seen.timeline) continue;
    if (latest == nullptr || lead.term > latest->term) latest = &lead;
  }
  if (latest == nullptr || !owns(latest->plan, id)) return;
  for (const auto& [other_id, other] : servers_) {
    if (other.timeline != seen.timeline || other.partitions.empty()) continue;
    if (!owns(latest->plan, other_id)) continue;
    if (std::max(seen.applied, other.applied) - std::min(seen.applied, other.applied) > 1) {
      violated(6, "versions " + number(seen.applied) + " and " + number(other.applied) +
                      " at once on timeline " + number(seen.timeline));
    }
  }
}

bool Invariants::owns(const wire::Plan& plan, MemberId server) {
  return std::find(plan.owners.begin(), plan.owners.end(), server) != plan.owners.end();
}

void Invariants::check_owners(std::uint64_t life, Timeline timeline, Step committed) {
  const wire::Plan& plan = leads_[life].plan;
  if (plan.timeline != timeline) return;
  for (std::uint32_t p = 0; p < plan.owners.size(); ++p) {
    const auto owner = servers_.find(plan.owners[p]);
    if (owner == servers_.end()) continue;  // It has died, and the coordinator will hear of it.
    const Seen& seen = owner->second;
    // Gone over to another coordinator: to this one it is dead.
    if (follows_[plan.owners[p]].life != life) continue;
    if (seen.timeline != timeline || !seen.partitions.contains(PartitionId{p}) ||
        seen.applied + 1 != committed) {
      violated(4, at(timeline, committed) + " committed while the owner of partition " + number(p) +
                      " has not got it at the version before");
    }
  }
}

void Invariants::check_copies(std::uint64_t life, Timeline timeline, Step committed) {
  const wire::Plan& plan = leads_[life].said;
  if (plan.timeline != timeline) return;
  const auto check = [&](PartitionId partition, MemberId server) {
    const auto copy = servers_.find(server);
    if (copy == servers_.end() || follows_[server].life != life) return;
    const Seen& seen = copy->second;
    if (seen.timeline != timeline || seen.applied + 1 != committed ||
        !seen.prepared.contains(partition)) {
      violated(22, at(timeline, committed) + " committed while a copy of partition " +
                       number(index(partition)) + " has not got its gradient");
    }
  };
  for (std::uint32_t p = 0; p < plan.owners.size(); ++p) check(PartitionId{p}, plan.owners[p]);
  for (const wire::Replica& replica : plan.replicas) check(replica.partition, replica.server);
}

// ---- messages -----------------------------------------------------------------------------------

void Invariants::sent(std::uint64_t life, const Server* from, const wire::Body& body) {
  if (is_relaxed(run_)) return;
  std::visit(Overloaded{
                 [&](const wire::CommitStep& said) { check_commit(life, said); },
                 [&](const wire::Plan& plan) { leads_[life].said = plan; },
                 [&](const wire::Restore& restore) {
                   committed_.try_emplace(restore.timeline, restore.commit.step);
                   commits_.try_emplace({restore.timeline, restore.commit.step}, restore.commit);
                 },
                 [&](const wire::Prepared& prepared) { check_prepared(from, prepared); },
                 [&](const wire::PartitionCopy& copy) { check_copy(copy); },
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

void Invariants::check_commit(std::uint64_t life, const wire::CommitStep& said) {
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
  check_owners(life, said.timeline, step);
  check_copies(life, said.timeline, step);
  Step& highest = committed_[said.timeline];
  highest = std::max(highest, step);
}

void Invariants::check_prepared(const Server* from, const wire::Prepared& prepared) {
  if (prepared.has_figures && prepared.step < oracle_.commits.size()) {
    const Figures& plain = oracle_.commits[prepared.step].figures;
    if (prepared.figures.examples != plain.examples || prepared.figures.correct != plain.correct ||
        prepared.figures.nonfinite != plain.nonfinite) {
      violated(17, at(prepared.timeline, prepared.step) + " counts " +
                       number(prepared.figures.examples) + " examples, " +
                       number(prepared.figures.correct) + " of them right, instead of " +
                       number(plain.examples) + " and " + number(plain.correct));
    }
  }
  for (const wire::PreparedPartition& partition : prepared.partitions) {
    if (from != nullptr) {  // Else its machine went as it said so.
      const auto kept = from->partitions().find(partition.partition);
      if (kept == from->partitions().end() || !kept->second.missing().empty()) {
        violated(17, at(prepared.timeline, prepared.step) + ", partition " +
                         number(index(partition.partition)) + " is prepared and lacks leaves");
      }
    }
    const auto [there, fresh] =
        hashes_.try_emplace({partition.partition, prepared.step}, partition.hash);
    if (!fresh && there->second != partition.hash) {
      violated(9, at(prepared.timeline, prepared.step) + ", partition " +
                      number(index(partition.partition)) + " has two gradients");
    }
  }
}

void Invariants::promised(MemberId id, const wire::Prepared& prepared, const SimulatedHome& home) {
  promises_[id] = prepared;
  if (run_.cluster.durability != DurabilityMode::step) return;
  const bool logged = home.timeline == prepared.timeline && !home.log.empty() &&
                      home.log.back().push.step == prepared.step;
  for (const wire::PreparedPartition& partition : prepared.partitions) {
    if (!logged || !contains(home.log.back().push.partitions, partition.partition)) {
      violated(24, at(prepared.timeline, prepared.step) + ", partition " +
                       number(index(partition.partition)) + " is prepared and not on the disk");
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
  for (const auto& [id, since] : done.unchanged) {
    if (!changes(oracle_, id, since, done.step).empty()) {
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

void Invariants::check_copy(const wire::PartitionCopy& copy) {
  Rows rows;
  for (const wire::Records& records : copy.records) {
    const auto keys = records.keys.as<Key>();
    const auto versions = records.versions.as<Step>();
    const auto floats = records.floats.as<float>();
    const std::size_t stride = floats.size() / keys.size();
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const auto row = floats.subspan(i * stride, stride);
      rows.emplace(std::pair(records.table, keys[i]), Row{versions[i], {row.begin(), row.end()}});
    }
  }
  const Step version = copy.commits.back().step;
  if (version >= oracle_.partition_digests.size()) return;  // 7 has seen it.
  if (digest_of(rows) != oracle_.partition_digests[version][index(copy.partition)]) {
    violated(18, "the copy of partition " + number(index(copy.partition)) + " at " +
                     at(copy.timeline, version) + " has other bits than the plain loop's");
  }
}

void Invariants::stored(const SimulatedStore& store) {
  for (const auto& [place, checkpoint] : store.manifests) {
    if (store.damaged_manifests.contains(place)) continue;
    const auto lost = lost_files(store, checkpoint);
    if (!lost.empty()) {
      violated(12, "the checkpoint of " + at(place.first, place.second) + " lost " + lost.front());
      return;
    }
    if (store.fault_in(place, checkpoint).empty()) check_merged(store, checkpoint);
  }
  if (store.manifests.empty()) return;
  const auto& [place, newest] = *store.manifests.rbegin();
  if (!store.fault_in(place, newest).empty()) return;
  const std::uint64_t lines = newest.history_lines;
  const bool there =
      is_relaxed(run_) ? store.history.size() >= lines
                       : store.history.size() >= lines && oracle_.history.size() >= lines &&
                             std::equal(store.history.begin(),
                                        store.history.begin() + static_cast<std::ptrdiff_t>(lines),
                                        oracle_.history.begin());
  if (!there) {
    violated(19, "the checkpoint of " + at(place.first, place.second) + " counts " + number(lines) +
                     " lines that are not all in the history");
  }
}

void Invariants::reported(const std::string& status) {
  const auto report = status_from_json(status);
  if (!report) return violated(21, report.error().message);
  if (report->step > report->steps)
    violated(21, "step " + number(report->step) + " of a run of " + number(report->steps));
  if (report->waiting.empty() && report->phase != "done") {
    violated(21, "a coordinator that is " + report->phase + " does not say what it waits for");
  }
}

}  // namespace ballast::simulation

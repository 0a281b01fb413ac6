// The step under way: what is pushed is added up, prepared, committed and applied.

#include <algorithm>
#include <utility>

#include "paramserver/requests.h"
#include "paramserver/server.h"

namespace ballast {

// ---- push, prepared, commit ---------------------------------------------------------------------

void Server::on_push(MemberId from, const wire::Push& push, Effects<Job>& effects) {
  if (state_ != State::serving || push.timeline > timeline_) return;
  if (push.timeline < timeline_) {
    // A server that plans do not name any more hears from the coordinator what it has missed.
    if (!peers_.has_let_go(from)) effects.send(from, wire::Stale{timeline_});
    return;
  }
  if (is_relaxed(*run_)) return on_microbatches(from, push, effects);
  // An older step is done. A later one cannot be reduced yet: its worker keeps it and will be told
  // what is missing when it asks again (R9, R11).
  if (push.step == applied_ + 2 &&
      std::find(owners_.begin(), owners_.end(), from) != owners_.end()) {
    early_[from] = push;  // The owner has heard of the commit before us.
  }
  if (push.step != applied_ + 1) return;
  if (const std::string fault = fault_in(*run_, push); !fault.empty()) {
    effects.send(from, wire::MalformedReply{fault});
    return;
  }

  for (const wire::NodeFigures& node : push.nodes) deferred_.erase({node.node.begin(), node.node});
  if (!first_share_ && !peers_.contains(from)) first_share_ = now_ - applied_at_;
  bool is_new = false;
  for (auto& [where, contribution] : contributions_of(push)) {
    const auto& [id, begin, node] = where;
    const Taken taken = take(from, id, node, std::move(contribution), effects);
    if (taken == Taken::diverged) return;
    is_new |= taken == Taken::counted;
  }
  if (!is_new) return;  // Nobody has room now, or waits for something, that did not before.
  membership_.made_progress();
  after_contributions(effects);
}

// Of the partitions that are here, from left to right, so that what one push brings goes on from
// the left (R11). An empty one is there as well (R1).
std::map<Server::Place, Contribution> Server::contributions_of(const wire::Push& push) const {
  const auto place = [](PartitionId id, Node node) { return Place(id, node.begin(), node); };
  std::map<Place, Contribution> contributions;
  for (const PartitionId partition : push.partitions) {
    if (!partitions_.contains(partition)) continue;  // It moved: its owner is pushed to as well.
    for (const wire::NodeFigures& node : push.nodes) {
      Contribution& contribution = contributions[place(partition, node.node)];
      if (partition == PartitionId{0}) contribution.figures = node.figures;
    }
  }
  for (const wire::Section& section : push.sections) {
    if (!partitions_.contains(section.partition)) continue;
    Contribution& contribution = contributions[place(section.partition, section.node)];
    if (run_->tables[index(section.table)].kind == TableKind::dense) {
      contribution.dense.push_back({section.table, section.block, section.values});
    } else {
      contribution.sparse.push_back({section.table, section.keys, section.values});
    }
  }
  return contributions;
}

void Server::after_contributions(Effects<Job>& effects) {
  feed_replicas(effects);
  if (!prepared_said_ && all_prepared()) {
    log_step(effects);
    if (is_logged()) say_prepared(effects);
  }
  ask_for_deferred(effects);
}

Server::Taken Server::take(MemberId from, PartitionId id, Node node, Contribution contribution,
                           Effects<Job>& effects) {
  Partition& partition = partitions_.find(id)->second;
  traffic_[id] += contribution.bytes();
  const bool has_room = buffered_bytes_ + contribution.bytes() <= options_.buffered_bytes_max;
  if (!has_room && !partition.waits_for(node) && !partition.covers(node)) {
    Deferred& deferred = deferred_[{node.begin(), node}];
    deferred.from = from;
    deferred.bytes += contribution.bytes();
    if (options_.counters != nullptr) options_.counters->contributions_dropped += 1;
    return Taken::dropped;
  }
  buffered_bytes_ -= partition.buffered_bytes();
  const Offer offer = partition.offer(node, std::move(contribution));
  buffered_bytes_ += partition.buffered_bytes();
  if (options_.counters != nullptr) {
    options_.counters->contributions += offer == Offer::counted ? 1 : 0;
    options_.counters->contributions_repeated += offer == Offer::covered ? 1 : 0;
  }
  if (offer == Offer::counted) return Taken::counted;
  if (offer == Offer::covered) return Taken::nothing_new;
  // R6: the run stops instead of training on; nothing of this step is committed from here on.
  fault_ = wire::Fault{"two computations of step " + std::to_string(applied_ + 1) + ", partition " +
                       std::to_string(index(id)) + ", leaves " + std::to_string(node.begin()) +
                       " to " + std::to_string(node.end()) +
                       " differ in their bits; a machine computes wrongly or differently"};
  effects.send(kCoordinator, *fault_);
  next_repeat_ = now_ + options_.retry;
  return Taken::diverged;
}

// Asks for what was dropped as soon as a partition waits for it, or all of it fits, each time that
// something was taken. So asking comes to an end, even if what comes again is dropped once more:
// its worker may not push the partition that waits. If the question is lost, the worker's next
// repeated pull brings a Missing all the same.
void Server::ask_for_deferred(Effects<Job>& effects) {
  std::size_t promised = buffered_bytes_;
  std::map<MemberId, std::vector<Node>> asked;
  std::erase_if(deferred_, [&](const auto& entry) {
    const Node node = entry.first.second;
    const Deferred& deferred = entry.second;
    const bool fits = promised + deferred.bytes <= options_.buffered_bytes_max;
    const bool due =
        fits || std::any_of(partitions_.begin(), partitions_.end(), [&](const auto& partition) {
          return partition.second.waits_for(node);
        });
    if (due) asked[deferred.from].push_back(node);
    if (fits) promised += deferred.bytes;
    return due;
  });
  for (auto& [from, nodes] : asked) {
    effects.send(from, wire::Missing{timeline_, applied_ + 1, std::move(nodes)});
  }
}

// ---- prepared and commit ------------------------------------------------------------------------

void Server::say_prepared(Effects<Job>& effects) {
  wire::Prepared prepared{.timeline = timeline_,
                          .step = applied_ + 1,
                          .plan = plan_.timeline == timeline_ ? plan_.number : 0,
                          .partitions = {},
                          .has_figures = false,
                          .figures = {}};
  for (const auto& [id, partition] : partitions_) {
    if (!partition.prepared()) continue;  // A copy that came late; it is said when it is.
    prepared.partitions.push_back(partition.summary());
    if (id == PartitionId{0}) {
      prepared.has_figures = true;
      prepared.figures = partition.figures();
    }
    if (owns(id)) prepared.loads.push_back({id, traffic_[id], partition.tables().bytes()});
  }
  effects.send(kCoordinator, std::move(prepared));
  const bool is_first = promised_ <= applied_;
  if (is_first && first_share_ && options_.counters != nullptr) {
    options_.counters->reduce.add(now_ - applied_at_ - *first_share_);
  }
  prepared_said_ = all_prepared();
  promised_ = applied_ + 1;
  next_repeat_ = now_ + options_.retry;
}

void Server::on_commit(const wire::CommitStep& said, Effects<Job>& effects) {
  if (state_ != State::serving || said.timeline != timeline_ || partitions_.empty()) return;
  const Commit& commit = said.commit;
  if (commit.step == applied_ + 1 && promised_ == commit.step) apply(commit, effects);
  // In a relaxed run every partition is cut as it is: the step is a name, and a floor of its
  // clocks.
  const bool is_here = is_relaxed(*run_) || commit.step == applied_;
  if (is_here && !said.cut.empty()) begin_cut(commit.step, said.cut, effects);
}

void Server::apply(const Commit& commit, Effects<Job>& effects) {
  // What came after we said Prepared was no part of it, and is fetched again at the new version.
  for (const auto& [id, partition] : partitions_) {
    if (!partition.prepared()) lacking_.insert(id);
  }
  std::erase_if(partitions_, [](const auto& entry) { return !entry.second.prepared(); });
  if (std::exchange(change_after_step_, false)) change_copies();
  for (auto& [id, partition] : partitions_) partition.apply(commit);
  buffered_bytes_ = 0;
  deferred_.clear();
  applied_ = commit.step;
  if (options_.counters != nullptr) {
    options_.counters->steps += 1;
    options_.counters->step.add(now_ - applied_at_);
  }
  begin_step();
  remember({commit});
  prepared_said_ = false;
  fed_ = false;
  membership_.made_progress();
  answer_parked(effects);

  if (!lacking_.empty()) say_lacking(effects);
  for (const auto& [peer, lacking] : std::exchange(waiting_, {})) {
    on_lacking(peer, lacking, effects);
  }
  for (const auto& [owner, push] : std::exchange(early_, {})) on_push(owner, push, effects);
}

// Once for each partition and version, however often the coordinator asks: it asks again when
// partitions have found a new owner.
void Server::begin_cut(Step step, const std::vector<wire::CutOrder>& orders,
                       Effects<Job>& effects) {
  OpenCut& cut = cuts_[step];
  ServerCut job{.timeline = timeline_, .step = step, .partitions = {}};
  for (const auto& [id, since] : orders) {
    const auto copy = partitions_.find(id);
    if (copy == partitions_.end() || !cut.partitions.insert(id).second) continue;
    job.partitions.push_back({copy->second.snapshot(), since});
  }
  cut.done.timeline = timeline_;
  cut.done.step = step;
  if (job.partitions.empty()) return;
  ++cut.jobs;
  effects.jobs.push_back(std::move(job));
}

void Server::repeat_unanswered(Effects<Job>& effects) {
  if (state_ != State::serving || now_ < next_repeat_) return;
  next_repeat_ = now_ + options_.retry;
  if (std::exchange(log_failed_, false)) after_contributions(effects);
  if (fault_) effects.send(kCoordinator, *fault_);
  // Not while a copy that came late is not on disk: it is then said with the others.
  if (promised_ == applied_ + 1 && is_logged() && !fault_) say_prepared(effects);
  if (is_relaxed(*run_)) say_counted(effects);
  say_lacking(effects);
  for (const auto& [step, cut] : cuts_) {
    if (cut.jobs == 0) effects.send(kCoordinator, cut.done);
  }
}

bool Server::all_prepared() const {
  return !partitions_.empty() && !fault_ &&
         std::all_of(partitions_.begin(), partitions_.end(),
                     [](const auto& entry) { return entry.second.prepared(); });
}

std::vector<Node> Server::missing() const {
  std::vector<Node> nodes;
  for (const auto& [id, partition] : partitions_) {
    if (!owners_.empty() && !owns(id)) continue;  // Its owner will send the root.
    const std::vector<Node> lacking = partition.missing();
    nodes.insert(nodes.end(), lacking.begin(), lacking.end());
  }
  std::sort(nodes.begin(), nodes.end());
  nodes.erase(std::unique(nodes.begin(), nodes.end()), nodes.end());
  return nodes;
}

}  // namespace ballast

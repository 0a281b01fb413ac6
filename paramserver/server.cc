#include "paramserver/server.h"

#include <algorithm>
#include <bit>
#include <tuple>
#include <utility>

#include "common/base/check.h"
#include "common/base/hash.h"
#include "common/base/member_text.h"
#include "common/base/nodes.h"
#include "common/base/overloaded.h"
#include "common/job/run_json.h"

namespace ballast {

Server::Server(ServerOptions options)
    : options_(std::move(options)), membership_(options_.membership) {}

void Server::step(Time now, Input<Outcome> input, Effects<Job>& effects) {
  now_ = now;
  std::visit(Overloaded{
                 [&](Received& received) { on_message(received.message, effects); },
                 [&](Disconnected& lost) {
                   std::erase_if(parked_, [&](const Parked& p) { return p.from == lost.peer; });
                   waiting_.erase(lost.peer);
                   if (lost.peer == kCoordinator) membership_.rejoin(now_);
                 },
                 [&](Tick&) {},
                 [&](StopAsked&) {
                   if (!leaving_) {
                     leave_by_ = now_ + options_.goodbye;
                     leave_at_latest_ = now_ + options_.handover;
                   }
                   leaving_ = true;
                   if (run_ == nullptr) {
                     effects.exit = Exit{ExitCode::interrupted, "stopped before joining a run"};
                   }
                 },
                 [&](Done<Outcome>& done) { on_outcome(std::move(done.outcome), effects); },
             },
             input);
  membership_.tick(
      now, effects, [this](wire::Held& held) { hold(held); }, [this] { return wait(); });
  repeat_unanswered(effects);
  say_late(effects);
  if (leaving_) {
    if (now_ >= next_goodbye_) {
      effects.send(kCoordinator, wire::Goodbye{});
      next_goodbye_ = now_ + options_.retry;
    }
    if (now_ >= leave_by_) {
      effects.exit = Exit{ExitCode::interrupted, "stopped; the coordinator did not answer"};
    }
  }
  effects.wake_at = std::min(membership_.next(), now + options_.retry);
  if (const auto late = late_at()) {
    effects.wake_at = std::min(*effects.wake_at, std::max(*late, late_again_));
  }
}

void Server::on_message(const wire::Message& message, Effects<Job>& effects) {
  if (const auto* const reply = std::get_if<wire::MalformedReply>(&message.body)) {
    const std::string who = message.from == kCoordinator ? "the coordinator" : "a worker";
    effects.note(NoteLevel::warning, who + " could not read us: " + reply->reason);
  }
  if (message.from == kCoordinator) {
    if (!membership_.heard(message.term, now_)) return;
    // It lets us go once others have what we keep.
    if (leaving_) leave_by_ = std::min(now_ + options_.goodbye, leave_at_latest_);
    on_coordinator(message.body, effects);
  } else {
    on_peer(message.from, message.body, effects);
  }
}

// Workers and other servers. Anything else is not for a server; the host has counted it.
void Server::on_peer(MemberId from, const wire::Body& body, Effects<Job>& effects) {
  std::visit(Overloaded{
                 [&](const wire::Pull& pull) { on_pull(from, pull, effects); },
                 [&](const wire::Push& push) { on_push(from, push, effects); },
                 [&](const wire::Lacking& lacking) { on_lacking(from, lacking, effects); },
                 [&](const wire::PartitionCopy& copy) { on_copy(copy, effects); },
                 [](const auto&) {},
             },
             body);
}

void Server::on_coordinator(const wire::Body& body, Effects<Job>& effects) {
  std::visit(Overloaded{
                 [&](const wire::Welcome& welcome) { on_welcome(welcome, effects); },
                 [&](const wire::Refused& refused) {
                   effects.exit = Exit{ExitCode::user_error, refused.reason, true};
                 },
                 [&](const wire::Rejoin&) { membership_.rejoin(now_); },
                 [&](const wire::Plan& plan) { on_plan(plan, effects); },
                 [&](const wire::Restore& restore) { on_restore(restore, effects); },
                 [&](const wire::CommitStep& commit) { on_commit(commit, effects); },
                 [&](const wire::CutKnown& known) {
                   const auto cut = cuts_.find(known.step);
                   if (known.timeline == timeline_ && cut != cuts_.end() && cut->second.jobs == 0) {
                     cuts_.erase(cut);
                   }
                 },
                 [&](const wire::Released&) {
                   effects.exit = Exit{ExitCode::done, "released by the coordinator"};
                 },
                 [&](const wire::Finish& finish) {
                   effects.send(kCoordinator,
                                wire::Goodbye{});  // So that it need not say it again.
                   effects.exit = Exit{exit_code_of(finish.ending), finish.reason};
                 },
                 [](const auto&) {},
             },
             body);
}

// ---- joining and restoring ----------------------------------------------------------------------

void Server::on_welcome(const wire::Welcome& welcome, Effects<Job>& effects) {
  // A coordinator that greets a member has forgotten it: it was silent for too long, or the
  // coordinator is new.
  if (membership_.state() == Membership::State::member) membership_.rejoin(now_);
  if (membership_.state() != Membership::State::greeting) return;
  auto run = run_from_json(welcome.run_json);
  if (!run) {
    effects.exit = Exit{ExitCode::user_error, run.error().message, true};
    return;
  }
  if (membership_.welcomed(welcome, *run, now_) == Membership::Load::not_needed) {
    return;
  }
  reset();
  run_ = std::make_shared<const RunConfig>(std::move(*run));
  fingerprint_ = fingerprint_of_run(welcome.run_json, welcome.checkpoints);
  effects.jobs.push_back(ServerLoad{run_, welcome.family, welcome.checkpoints, fingerprint_});
}

void Server::on_restore(const wire::Restore& restore, Effects<Job>& effects) {
  membership_.planned();
  if (run_ == nullptr || restore.timeline < timeline_) return;
  if (restore.timeline == timeline_ && state_ != State::joining) {  // A repeat.
    if (state_ == State::serving) effects.send(kCoordinator, wire::Restored{timeline_, ""});
    return;
  }
  drop_copies();
  timeline_ = restore.timeline;
  state_ = State::restoring;
  applied_ = restore.commit.step;
  commits_ = {restore.commit};
  change_copies();
  fault_.reset();
  for (const Parked& parked : parked_) effects.send(parked.from, wire::Stale{timeline_});
  parked_.clear();
  effects.jobs.push_back(
      ServerRestore{run_, timeline_, restore.commit.step, restore.partitions, restore.files});
}

void Server::on_outcome(ServerOutcome outcome, Effects<Job>& effects) {
  std::visit(
      Overloaded{
          [&](ServerLoaded& loaded) {
            if (!loaded.error.empty()) {
              effects.exit = Exit{ExitCode::user_error, loaded.error, true};
            } else {
              membership_.loaded(loaded.canary, loaded.blas_version, now_);
              if (loaded.recovered != nullptr && state_ == State::joining) {
                on_recovered(*loaded.recovered);
                membership_.rejoin(now_);  // With what we hold.
              }
            }
          },
          [&](ServerRestored& restored) {
            if (restored.timeline != timeline_ || state_ != State::restoring) return;
            if (!restored.error.empty()) {
              state_ = State::joining;  // Another Restore, perhaps of other files, may follow.
              timeline_ -= 1;
              effects.send(kCoordinator,
                           wire::Restored{restored.timeline, restored.error, restored.may_pass});
              return;
            }
            for (auto& tables : restored.tables) {
              const PartitionId id = tables->partition();
              partitions_.try_emplace(id, *run_, std::move(tables), applied_);
            }
            state_ = State::serving;
            begin_step();
            membership_.made_progress();
            effects.send(kCoordinator, wire::Restored{timeline_, ""});
          },
          [&](ServerBased& based) { on_based(based, effects); },
          [&](ServerLogged& logged) { on_logged(logged, effects); },
          [&](ServerCutDone& ended) {
            const auto found = cuts_.find(ended.done.step);
            if (ended.done.timeline != timeline_ || found == cuts_.end()) return;
            OpenCut& cut = found->second;
            wire::CutDone& done = cut.done;
            const wire::CutDone& more = ended.done;
            done.files.insert(done.files.end(), more.files.begin(), more.files.end());
            done.unchanged.insert(done.unchanged.end(), more.unchanged.begin(),
                                  more.unchanged.end());
            if (done.error.empty()) done.error = more.error;
            if (--cut.jobs == 0) effects.send(kCoordinator, done);
            membership_.made_progress();
          },
      },
      outcome);
}

void Server::reset() {
  drop_copies();
  state_ = State::joining;
  timeline_ = 0;
  parked_.clear();
  plan_ = {};
  formers_.clear();
  fault_.reset();
}

// What a coordinator that does not know us has to hear (R13).
void Server::hold(wire::Held& held) const {
  if (state_ != State::serving) return;
  held.plan = plan_;
  held.timeline = timeline_;
  if (partitions_.empty()) return;
  held.commits = commits_;
  if (is_relaxed(*run_)) held.floor = floor();
  held.promised = promised_;
  held.formers = formers_;
  for (const auto& [id, partition] : partitions_) {
    held.partitions.push_back(id);
    if (partition.prepared()) held.prepared.push_back(id);
  }
}

void Server::remember(const std::vector<Commit>& commits) {
  commits_.insert(commits_.end(), commits.begin(), commits.end());
  if (commits_.size() > options_.commits_max) {
    commits_.erase(commits_.begin(),
                   commits_.end() - static_cast<std::ptrdiff_t>(options_.commits_max));
  }
}

// ---- pull ---------------------------------------------------------------------------------------

void Server::on_pull(MemberId from, const wire::Pull& pull, Effects<Job>& effects) {
  if (pull.timeline > timeline_ || state_ != State::serving) return;  // Asked again after silence.
  if (pull.timeline < timeline_) {
    effects.send(from, wire::Stale{timeline_});
    return;
  }
  if (is_relaxed(*run_)) return on_relaxed_pull(from, pull, effects);
  if (pull.version < applied_) {
    effects.send(from, wire::Passed{pull.request, timeline_, applied_});
    return;
  }
  if (const std::string fault = fault_in(pull); !fault.empty()) {
    effects.send(from, wire::MalformedReply{fault});
    return;
  }
  if (!holds_all(pull)) return;  // One of us has an older plan; asked again with a newer one.
  if (pull.version == applied_) {
    answer(from, pull, effects);
    return;
  }
  std::erase_if(parked_, [&](const Parked& parked) {
    return parked.from == from && parked.pull.request == pull.request;
  });
  if (parked_.size() < options_.parked_max) parked_.push_back({from, pull});
  if (pull.again && pull.version == applied_ + 1) {
    effects.send(from, wire::Missing{timeline_, pull.version, missing()});
  }
}

void Server::answer(MemberId to, const wire::Pull& pull, Effects<Job>& effects) {
  wire::Values values{pull.request, timeline_, pull.version, {}, clocks_of(pull.leaves)};
  for (const PartitionId id : pull.dense) {
    for (const DenseBlock& block : partitions_.at(id).tables().dense()) {
      values.sections.push_back({.node = {},
                                 .partition = id,
                                 .table = block.table,
                                 .block = block.block,
                                 .keys = {},
                                 .values = block.weights});
      traffic_[id] += block.weights.size();
    }
  }
  for (const wire::Section& asked : pull.keys) {
    const auto keys = asked.keys.as<Key>();
    const std::size_t width = floats_of(run_->tables[index(asked.table)]);
    std::vector<float> rows(keys.size() * width);
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const auto owner = partitions_.find(partition_of(asked.table, keys[i], run_->partitions));
      traffic_[owner->first] += sizeof(Key) + width * sizeof(float);
      owner->second.tables().read_row(asked.table, keys[i],
                                      std::span(rows).subspan(i * width, width));
    }
    values.sections.push_back({.node = {},
                               .partition = {},
                               .table = asked.table,
                               .block = 0,
                               .keys = {},
                               .values = Bytes::own(std::move(rows))});
  }
  effects.send(to, std::move(values));
}

void Server::answer_parked(Effects<Job>& effects) {
  std::vector<Parked> waiting;
  for (Parked& parked : parked_) {
    if (parked.pull.version == applied_) {
      if (holds_all(parked.pull)) answer(parked.from, parked.pull, effects);
    } else {
      waiting.push_back(std::move(parked));
    }
  }
  parked_ = std::move(waiting);
}

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
  if (const std::string fault = fault_in(push); !fault.empty()) {
    effects.send(from, wire::MalformedReply{fault});
    return;
  }

  for (const wire::NodeFigures& node : push.nodes) deferred_.erase({node.node.begin(), node.node});
  if (!first_share_ && !peers_.contains(from)) first_share_ = now_ - applied_at_;
  for (auto& [where, contribution] : contributions_of(push)) {
    const auto& [id, begin, node] = where;
    if (!take(from, id, node, std::move(contribution), effects)) return;
  }
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

// False: the same node is there with other bits.
bool Server::take(MemberId from, PartitionId id, Node node, Contribution contribution,
                  Effects<Job>& effects) {
  Partition& partition = partitions_.find(id)->second;
  traffic_[id] += contribution.bytes();
  const bool has_room = buffered_bytes_ + contribution.bytes() <= options_.buffered_bytes_max;
  if (!has_room && !partition.waits_for(node) && !partition.covers(node)) {
    Deferred& deferred = deferred_[{node.begin(), node}];
    deferred.from = from;
    deferred.bytes += contribution.bytes();
    return true;
  }
  buffered_bytes_ -= partition.buffered_bytes();
  const Offer offer = partition.offer(node, std::move(contribution));
  buffered_bytes_ += partition.buffered_bytes();
  if (offer != Offer::diverged) return true;
  // R6: the run stops instead of training on; nothing of this step is committed from here on.
  fault_ = wire::Fault{"two computations of step " + std::to_string(applied_ + 1) + ", partition " +
                       std::to_string(index(id)) + ", leaves " + std::to_string(node.begin()) +
                       " to " + std::to_string(node.end()) +
                       " differ in their bits; a machine computes wrongly or differently"};
  effects.send(kCoordinator, *fault_);
  next_repeat_ = now_ + options_.retry;
  return false;
}

// Asks for what was dropped as soon as a partition waits for it, or all of it fits: then at least a
// part of it will be taken, so asking comes to an end. If the question is lost, the worker's next
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

// ---- what is late -------------------------------------------------------------------------------

void Server::begin_step() {
  applied_at_ = now_;
  first_share_.reset();
  traffic_.clear();
}

// Workers have equal shares of a step: once one is through with its own, the others should be soon.
std::optional<Time> Server::late_at() const {
  if (state_ != State::serving || !first_share_ || prepared_said_ || fault_) return std::nullopt;
  return applied_at_ + std::max(options_.late_min, *first_share_ * options_.late_factor);
}

void Server::say_late(Effects<Job>& effects) {
  const auto late = late_at();
  if (!late || now_ < std::max(*late, late_again_)) return;
  late_again_ = now_ + options_.retry;
  std::vector<bool> is_late(run_->leaves);
  for (const Node node : missing()) {
    std::fill(is_late.begin() + node.begin(), is_late.begin() + node.end(), true);
  }
  // What was dropped for want of room was computed in time, and is asked for by itself.
  for (const auto& [where, deferred] : deferred_) {
    const Node node = where.second;
    std::fill(is_late.begin() + node.begin(), is_late.begin() + node.end(), false);
  }
  std::vector<Leaf> leaves;
  for (Leaf leaf = 0; leaf < run_->leaves; ++leaf) {
    if (is_late[leaf]) leaves.push_back(leaf);
  }
  if (leaves.empty()) return;
  wire::Late said{timeline_, applied_ + 1, nodes_of(leaves)};
  effects.send(kCoordinator, std::move(said));
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

// ---- waiting ------------------------------------------------------------------------------------

std::string Server::wait() const {
  const std::string step = "step " + std::to_string(applied_ + 1);
  if (state_ == State::joining) return "the coordinator to say what to restore";
  if (state_ == State::restoring) {
    return "the tables of version " + std::to_string(applied_) + " to be restored here";
  }
  if (fault_) return "the coordinator to end the run: " + fault_->reason;
  if (!lacking_.empty()) return wait_for_owners("a copy of", {lacking_.begin(), lacking_.end()});
  if (partitions_.empty()) return "";
  if (is_relaxed(*run_)) return wait_for_microbatches();
  if (all_prepared()) return "the coordinator to commit " + step;
  std::vector<PartitionId> fed;  // By their owners.
  bool reduces = false;
  for (const auto& [id, partition] : partitions_) {
    if (partition.prepared()) continue;
    if (owns(id)) reduces = true;
    if (!owns(id)) fed.push_back(id);
  }
  return reduces ? wait_for_workers(step)
                 : wait_for_owners("the gradient of " + step + " for", fed);
}

std::string Server::wait_for_owners(const std::string& what,
                                    const std::vector<PartitionId>& partitions) const {
  std::map<MemberId, std::string> by_owner;
  for (const PartitionId id : partitions) {
    if (index(id) >= owners_.size()) continue;
    std::string& list = by_owner[owners_[index(id)]];
    if (!list.empty()) list += ", ";
    list += std::to_string(index(id));
  }
  std::string text;
  for (const auto& [owner, list] : by_owner) {
    if (!text.empty()) text += "; ";
    text.append(what).append(" partitions ").append(list).append(" from server ");
    text += to_string(owner);
  }
  return text;
}

std::string Server::wait_for_workers(const std::string& step) const {
  if (plan_.workers.empty()) return "a worker to join and compute " + step;
  const std::vector<Node> nodes = missing();
  std::string text;
  for (const wire::Assignment& assignment : plan_.workers) {
    const auto late = std::count_if(nodes.begin(), nodes.end(), [&](Node node) {
      return node.begin() < assignment.leaves.end && assignment.leaves.begin < node.end();
    });
    if (late == 0) continue;
    text += (text.empty() ? "" : ", ") + std::string("worker ") + to_string(assignment.worker);
  }
  if (nodes.empty()) return text;
  return "leaves " + std::to_string(nodes.front().begin()) + " to " +
         std::to_string(nodes.back().end() - 1) + " of " + step + " from " + text;
}

// ---- what peers may not send --------------------------------------------------------------------

bool Server::holds(TableId table, Key key) const {
  return partitions_.contains(partition_of(table, key, run_->partitions));
}

bool Server::holds_all(const wire::Pull& pull) const {
  return std::all_of(pull.dense.begin(), pull.dense.end(),
                     [&](PartitionId id) { return partitions_.contains(id); }) &&
         std::all_of(pull.keys.begin(), pull.keys.end(), [&](const wire::Section& section) {
           const auto keys = section.keys.as<Key>();
           return std::all_of(keys.begin(), keys.end(),
                              [&](Key key) { return holds(section.table, key); });
         });
}

std::string Server::fault_in(const wire::Pull& pull) const {
  const wire::Section* last = nullptr;
  for (const wire::Section& section : pull.keys) {
    if (last != nullptr && last->table >= section.table) return "pull with tables out of order";
    last = &section;
    if (index(section.table) >= run_->tables.size() ||
        run_->tables[index(section.table)].kind != TableKind::sparse) {
      return "pull of keys of table " + std::to_string(index(section.table)) +
             ", which is not a sparse table of this run";
    }
    if (!section.keys.holds_array_of<Key>()) return "pull whose keys are not 64-bit words";
  }
  for (const Leaf leaf : pull.leaves) {
    if (leaf >= run_->leaves || !is_relaxed(*run_))
      return "pull that asks for clocks there are not";
  }
  return "";
}

std::string Server::fault_in(const wire::Push& push) const {
  const Node root{static_cast<std::uint32_t>(std::countr_zero(run_->leaves)), 0};
  Leaf next = 0;
  for (const auto& [node, figures] : push.nodes) {
    if (node.level > 0 && is_relaxed(*run_)) return "push of a sum where microbatches are counted";
    if (node.level > root.level || !root.covers(node)) {
      return "push for node " + std::to_string(node.level) + "/" + std::to_string(node.position) +
             " outside the " + std::to_string(run_->leaves) + " leaves of this run";
    }
    if (node.begin() < next) return "push whose nodes do not follow each other from left to right";
    next = node.end();
  }
  for (const PartitionId& partition : push.partitions) {
    if (index(partition) >= run_->partitions) {
      return "push to partition " + std::to_string(index(partition)) + " of " +
             std::to_string(run_->partitions);
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
    if (const std::string fault = fault_in(section); !fault.empty()) return fault;
    const auto place = [](const wire::Section& s) {
      return std::tuple(s.node, s.partition, s.table, s.block);
    };
    if (last != nullptr && place(*last) >= place(section)) return "push with sections out of order";
    last = &section;
  }
  return "";
}

std::string Server::fault_in(const wire::Section& section) const {
  const std::string where = "push to table " + std::to_string(index(section.table));
  if (index(section.table) >= run_->tables.size()) return where + ", which this run does not have";
  const TableSpec& table = run_->tables[index(section.table)];
  if (!section.values.holds_array_of<float>()) return where + " whose values are not float32";
  const std::size_t floats = section.values.size() / sizeof(float);
  if (table.kind == TableKind::dense) {
    const bool fits = section.block < blocks_of(table) &&
                      floats == floats_of_block(table, section.block) &&
                      partition_of(table.id, section.block, run_->partitions) == section.partition;
    return fits ? "" : where + " with a block that does not fit it";
  }
  if (!section.keys.holds_array_of<Key>()) return where + " whose keys are not 64-bit words";
  const auto keys = section.keys.as<Key>();
  if (keys.empty() || floats != keys.size() * floats_of(table)) {
    return where + " with another number of values than its keys need";
  }
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (i > 0 && keys[i - 1] >= keys[i]) return where + " with keys out of order";
    if (partition_of(table.id, keys[i], run_->partitions) != section.partition) {
      return where + " with a key of another partition";
    }
  }
  return "";
}

}  // namespace ballast

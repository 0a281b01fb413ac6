#include "worker/trainer.h"

#include <algorithm>
#include <utility>

#include "common/base/check.h"
#include "common/base/hash.h"
#include "common/base/member_text.h"
#include "common/base/nodes.h"
#include "common/base/overloaded.h"
#include "common/job/run_json.h"

namespace ballast {
namespace {

bool holds_any_of(const wire::Push& push, const std::vector<Node>& nodes) {
  return std::any_of(push.nodes.begin(), push.nodes.end(), [&](const auto& mine) {
    return std::any_of(nodes.begin(), nodes.end(),
                       [&](Node node) { return node.covers(mine.node) || mine.node.covers(node); });
  });
}

}  // namespace

Worker::Worker(WorkerOptions options, MemberId self)
    : options_(std::move(options)),
      self_(self),
      membership_(options_.membership),
      next_group_(options_.first_request) {}

void Worker::step(Time now, Input<Outcome> input, Effects<Job>& effects) {
  now_ = now;
  std::visit(Overloaded{
                 [&](Received& received) { on_message(received.message, effects); },
                 [&](Disconnected& lost) {  // Pulls at a server that comes back are asked again.
                   for (auto& [id, group] : groups_) {
                     if (group.asks.contains(lost.peer)) group.ask_again = now_;
                   }
                   if (lost.peer == kCoordinator) membership_.rejoin(now_);
                 },
                 [&](Tick&) {},
                 [&](StopAsked&) {
                   if (!leaving_) leave_by_ = now_ + options_.goodbye;
                   leaving_ = true;
                   if (run_ == nullptr) {
                     effects.exit = Exit{ExitCode::interrupted, "stopped before joining a run"};
                   }
                 },
                 [&](Done<Outcome>& done) { on_outcome(std::move(done.outcome), effects); },
             },
             input);
  membership_.tick(
      now, effects,
      [&](wire::Held& held) {
        if (plan_) held.plan = *plan_;
      },
      [&] { return wait(); });
  repeat_pulls(effects);
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
}

void Worker::on_message(const wire::Message& message, Effects<Job>& effects) {
  if (const auto* const reply = std::get_if<wire::MalformedReply>(&message.body)) {
    const std::string who = message.from == kCoordinator ? "the coordinator" : "a server";
    effects.note(NoteLevel::warning, who + " could not read us: " + reply->reason);
  }
  if (message.from == kCoordinator) {
    if (membership_.heard(message.term, now_)) on_coordinator(message.body, effects);
    return;
  }
  std::visit(Overloaded{
                 [&](const wire::Values& values) { on_values(message.from, values, effects); },
                 [&](const wire::Passed& passed) { on_passed(passed, effects); },
                 [&](const wire::Behind& behind) { on_behind(message.from, behind, effects); },
                 [&](const wire::Missing& missing) { on_missing(message.from, missing, effects); },
                 [](const auto&) {},  // Stale: the plan that explains it is on its way.
             },
             message.body);
}

void Worker::on_coordinator(const wire::Body& body, Effects<Job>& effects) {
  std::visit(Overloaded{
                 [&](const wire::Welcome& welcome) { on_welcome(welcome, effects); },
                 [&](const wire::Refused& refused) {
                   effects.exit = Exit{ExitCode::user_error, refused.reason, true};
                 },
                 [&](const wire::Rejoin&) { membership_.rejoin(now_); },
                 [&](const wire::Plan& plan) { on_plan(plan, effects); },
                 [&](const wire::Evaluate& evaluate) { on_evaluate(evaluate, effects); },
                 [&](const wire::Assist& assist) { on_assist(assist, effects); },
                 [&](const wire::Released&) {
                   // Not what an earlier life of ours in the run asked for.
                   if (!leaving_) return;
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

// ---- joining and plans --------------------------------------------------------------------------

void Worker::on_welcome(const wire::Welcome& welcome, Effects<Job>& effects) {
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
  effects.jobs.push_back(WorkerLoad{++loads_, run_, welcome.family});
}

void Worker::reset() {
  plan_.reset();
  own_ = {};
  timeline_ = 0;
  steps_.clear();
  groups_.clear();
  next_.clear();
  sent_.clear();
}

void Worker::on_plan(const wire::Plan& plan, Effects<Job>& effects) {
  if (run_ == nullptr || membership_.state() == Membership::State::loading) return;
  membership_.planned();
  if (plan_ && plan.number <= plan_->number) return;
  if (plan.owners.size() != run_->partitions) return;
  plan_ = plan;
  own_ = {};
  for (const wire::Assignment& assignment : plan.workers) {
    if (assignment.worker == self_) own_ = assignment.leaves;
  }
  servers_.become(plan.servers, self_, effects);
  if (plan.timeline != timeline_) {  // What we keep dies with its timeline (R10).
    timeline_ = plan.timeline;
    steps_.clear();
    groups_.clear();
    next_.clear();
    sent_.clear();
  }
  if (owners_ == nullptr || *owners_ != plan.owners) change_owners(plan.owners, effects);
  if (is_relaxed(*run_)) return deal(effects);
  version_seen(plan.committed);

  // Every step in flight gets the leaves that became ours and that nobody of us has begun.
  std::vector<std::pair<Step, std::vector<Leaf>>> more;
  for (const auto& [step, work] : steps_) {
    if (step > run_->steps) continue;
    std::vector<Leaf> leaves = own_leaves_not_in(work.begun);
    if (!leaves.empty()) more.emplace_back(step, std::move(leaves));
  }
  for (auto& [step, leaves] : more) begin_group(step, std::move(leaves), effects);
  if (steps_.empty() && !own_.empty()) begin_step(plan.committed + 1, effects);
}

// What we wait for comes from elsewhere now, and what we keep has to go there. Copies hold the same
// bits, so what was answered or taken already stays good; only open pulls are asked anew, under
// another number, since an old answer may have other rows.
void Worker::change_owners(const std::vector<MemberId>& owners, Effects<Job>& effects) {
  owners_ = std::make_shared<const std::vector<MemberId>>(owners);
  std::vector<GroupId> pulling;
  for (const auto& [id, group] : groups_) {
    if (group.stage == Stage::pulling) pulling.push_back(id);
  }
  for (const GroupId id : pulling) {
    auto moved = groups_.extract(id);
    moved.key() = GroupId{next_group_++};
    const auto there = groups_.insert(std::move(moved)).position;
    there->second.asks.clear();
    ask(there->first, there->second, effects);
  }
  for (const auto& [step, work] : steps_) {
    for (const auto& [first, retained] : work.retained) {
      effects.jobs.push_back(PackPush{.group = {},
                                      .run = run_,
                                      .timeline = timeline_,
                                      .step = step,
                                      .owners = owners_,
                                      .nodes = retained.nodes});
    }
  }
}

std::vector<Leaf> Worker::own_leaves_not_in(const std::set<Leaf>& begun) const {
  std::vector<Leaf> leaves;
  for (Leaf leaf = own_.begin; leaf < own_.end; ++leaf) {
    if (!begun.contains(leaf)) leaves.push_back(leaf);
  }
  return leaves;
}

// ---- groups -------------------------------------------------------------------------------------

// Past the last step the group has no leaves: it only waits for the last version, so that pushes
// that got lost are asked for.
void Worker::begin_step(Step step, Effects<Job>& effects) {
  if (step > run_->steps + 1) return;
  steps_.try_emplace(step);
  begin_group(step, step <= run_->steps ? own_leaves_not_in({}) : std::vector<Leaf>{}, effects);
}

void Worker::begin_group(Step step, std::vector<Leaf> leaves, Effects<Job>& effects) {
  steps_[step].begun.insert(leaves.begin(), leaves.end());
  const GroupId id{next_group_++};
  Group& group = groups_[id];
  group.version = step - 1;
  group.step = step;
  group.nodes = nodes_of(leaves);
  group.leaves = leaves;
  effects.jobs.push_back(GatherLeaves{run_, id, step, std::move(leaves)});
}

void Worker::on_evaluate(const wire::Evaluate& evaluate, Effects<Job>& effects) {
  if (run_ == nullptr || evaluate.timeline != timeline_ || !plan_) return;
  if (evaluate.end > evaluation_batches(*run_, evaluate.split)) return;
  // A repeat deals what is open, from another batch on: each batch in flight is left alone.
  const auto open = [&](std::uint32_t batch) {
    return std::none_of(groups_.begin(), groups_.end(), [&](const auto& entry) {
      const Group& group = entry.second;
      return group.evaluation && group.version == evaluate.version &&
             group.split == evaluate.split && group.begin <= batch && batch < group.end;
    });
  };
  std::uint32_t begin = evaluate.begin;
  while (begin < evaluate.end) {
    std::uint32_t end = begin;
    while (end < evaluate.end && end - begin < options_.evaluation_group_max && open(end)) ++end;
    if (end == begin) {
      ++begin;
      continue;
    }
    const GroupId id{next_group_++};
    Group& group = groups_[id];
    group.version = evaluate.version;
    group.evaluation = true;
    group.split = evaluate.split;
    group.begin = begin;
    group.end = end;
    effects.jobs.push_back(GatherBatches{run_, id, evaluate.split, begin, end});
    begin = end;
  }
}

// Others are late with these leaves. What we have of them already did not arrive.
void Worker::on_assist(const wire::Assist& assist, Effects<Job>& effects) {
  if (run_ == nullptr || !plan_ || assist.timeline != timeline_ || is_relaxed(*run_)) return;
  if (assist.step == 0 || assist.step > run_->steps) return;
  version_seen(assist.step - 1);  // It is committed.
  std::erase_if(steps_, [&](const auto& entry) {
    return entry.first < assist.step && !has_group_of(entry.first);
  });
  const auto work = steps_.find(assist.step);
  if (work == steps_.end() && !steps_.empty()) return;  // We are late ourselves.

  std::set<Leaf> leaves;
  for (const Node node : assist.nodes) {
    if (node.end() > run_->leaves) return;
    for (Leaf leaf = node.begin(); leaf < node.end(); ++leaf) leaves.insert(leaf);
  }
  if (work != steps_.end()) {
    for (const auto& [first, retained] : work->second.retained) {
      for (const auto& [server, push] : retained.pushes) {
        if (servers_.contains(server) && holds_any_of(push, assist.nodes)) {
          effects.send(server, push);
        }
      }
    }
    for (const Leaf begun : work->second.begun) leaves.erase(begun);
  }
  if (!leaves.empty()) begin_group(assist.step, {leaves.begin(), leaves.end()}, effects);
}

Worker::Group* Worker::find(GroupId id) {
  const auto found = groups_.find(id);
  return found == groups_.end() ? nullptr : &found->second;
}

void Worker::on_outcome(WorkerOutcome outcome, Effects<Job>& effects) {
  std::visit(Overloaded{
                 [&](WorkerLoaded& loaded) {
                   if (loaded.number != loads_) return;  // Of a run that is over.
                   if (!loaded.error.empty()) {
                     effects.exit = Exit{ExitCode::user_error, loaded.error, true};
                   } else {
                     membership_.loaded(loaded.canary, loaded.blas_version, now_);
                   }
                 },
                 [&](Gathered& gathered) { on_gathered(gathered, effects); },
                 [&](NodeReady& ready) { on_node(ready, effects); },
                 [&](Packed& packed) { on_packed(std::move(packed), effects); },
                 [&](BatchEvaluated& done) {
                   if (options_.counters != nullptr) options_.counters->batches += 1;
                   membership_.made_progress();
                   if (done.evaluated.timeline != timeline_) return;
                   effects.send(kCoordinator, std::move(done.evaluated));
                   Group* group = find(done.group);
                   if (group != nullptr && --group->open_jobs == 0) groups_.erase(done.group);
                 },
                 [](Dropped&) {},
             },
             outcome);
}

// ---- pull ---------------------------------------------------------------------------------------

void Worker::on_gathered(const Gathered& gathered, Effects<Job>& effects) {
  Group* group = find(gathered.group);
  if (group == nullptr) return;  // Its timeline or its step is over.
  group->keys = gathered.keys;
  ask(gathered.group, *group, effects);
}

void Worker::ask(GroupId id, Group& group, Effects<Job>& effects) {
  const KeySets& keys = *group.keys;
  const bool wants_dense = group.evaluation || (group.step != 0 && !group.leaves.empty());
  group.weights = std::make_shared<WeightStore>(
      run_, group.keys, wants_dense ? WeightStore::Dense::wanted : WeightStore::Dense::unwanted);
  group.stage = Stage::pulling;
  group.stage_since = now_;
  group.ask_again = now_ + options_.retry;
  for (std::uint32_t p = 0; p < owners_->size(); ++p) {
    wire::Pull& pull = group.asks[(*owners_)[p]].pull;
    pull.request = index(id);
    pull.timeline = timeline_;
    pull.version = group.version;
    if (wants_dense) pull.dense.push_back(PartitionId{p});
    if (is_relaxed(*run_) && !group.evaluation) {
      pull.leaves = group.leaves;
      pull.reached = group.reached;
    }
  }
  for (std::size_t table = 0; table < keys.size(); ++table) {
    std::map<MemberId, std::pair<std::vector<Key>, std::vector<std::uint32_t>>> split;
    for (std::uint32_t i = 0; i < keys[table].size(); ++i) {
      const TableId table_id{static_cast<std::uint32_t>(table)};
      const PartitionId partition = partition_of(table_id, keys[table][i], run_->partitions);
      auto& [server_keys, places] = split[(*owners_)[index(partition)]];
      server_keys.push_back(keys[table][i]);
      places.push_back(i);
    }
    for (auto& [server, part] : split) {
      Ask& ask = group.asks[server];
      ask.pull.keys.push_back({.node = {},
                               .partition = {},
                               .table = TableId{static_cast<std::uint32_t>(table)},
                               .block = 0,
                               .keys = Bytes::own(std::move(part.first)),
                               .values = {}});
      ask.places.push_back(std::move(part.second));
    }
  }
  for (const auto& [server, ask] : group.asks) effects.send(server, ask.pull);
}

void Worker::repeat_pulls(Effects<Job>& effects) {
  for (auto& [id, group] : groups_) {
    if (group.stage != Stage::pulling || now_ < group.ask_again) continue;
    group.ask_again = now_ + options_.retry;
    for (auto& [server, ask] : group.asks) {
      if (ask.answered) continue;
      ask.pull.again = true;
      if (options_.counters != nullptr) options_.counters->pulls_repeated += 1;
      effects.send(server, ask.pull);
    }
  }
}

void Worker::on_values(MemberId from, const wire::Values& values, Effects<Job>& effects) {
  const GroupId id{values.request};
  Group* group = find(id);
  if (values.timeline != timeline_ || group == nullptr || group->stage != Stage::pulling) return;
  const auto found = group->asks.find(from);
  if (found == group->asks.end() || found->second.answered || values.version != group->version) {
    return;
  }
  Ask& ask = found->second;
  std::size_t rows = 0;
  for (const wire::Section& section : values.sections) {
    if (!section.values.holds_array_of<float>()) return;
    const bool dense = index(section.table) < run_->tables.size() &&
                       run_->tables[index(section.table)].kind == TableKind::dense;
    const bool fits =
        dense ? group->weights->put_block(section.table, section.block, section.values.as<float>())
              : rows < ask.places.size() && ask.pull.keys[rows].table == section.table &&
                    group->weights->put_rows(section.table, ask.places[rows],
                                             section.values.as<float>());
    if (!fits) return;  // Not what was asked for: as if it had been lost; asked again.
    if (!dense) ++rows;
  }
  if (rows != ask.places.size() || values.clocks.size() != ask.pull.leaves.size()) return;
  ask.answered = true;
  ask.clocks = values.clocks;
  hear_clocks(from, ask.pull.leaves, values.clocks);
  version_seen(group->version);
  const bool all = std::all_of(group->asks.begin(), group->asks.end(),
                               [](const auto& entry) { return entry.second.answered; });
  if (!all) return;
  if (!group->weights->dense_complete()) {  // A server that left a block out is asked once more.
    for (auto& [server, again] : group->asks) again.answered = false;
    return;
  }
  if (is_relaxed(*run_) && !group->evaluation) return on_counted(id, *group, effects);
  compute(id, *group, effects);
}

// Whoever has version t knows that step t is applied wherever it asked; what it pushed for t may be
// forgotten once every server has said so, which is when the group that pulls t is complete. The
// retained pushes of t - 1 and before are certainly done.
void Worker::version_seen(Step version) {
  std::erase_if(steps_, [&](const auto& entry) {
    if (entry.first >= version) return false;
    return !has_group_of(entry.first);
  });
}

// Every server has answered a pull of `version`.
void Worker::count_applied(Step version) {
  const auto work = steps_.find(version);
  if (work == steps_.end()) return;
  const std::vector<Time> pushed_at = std::exchange(work->second.pushed_at, {});
  if (options_.counters == nullptr) return;
  for (const Time at : pushed_at) options_.counters->push.add(now_ - at);
}

void Worker::count_pushed(const PackPush& job) {
  if (options_.counters == nullptr) return;
  WorkerCounters& counters = *options_.counters;
  counters.steps += 1;
  for (const auto& [node, gradient] : job.nodes) {
    counters.leaves += node.end() - node.begin();
    counters.examples += gradient->figures.examples;
  }
}

WorkerGauges Worker::gauges() const {
  const auto pulling = std::count_if(groups_.begin(), groups_.end(), [](const auto& entry) {
    return entry.second.stage == Stage::pulling;
  });
  return {.groups = groups_.size(),
          .pulling = static_cast<std::size_t>(pulling),
          .retained_steps = steps_.size() + sent_.size()};
}

bool Worker::has_group_of(Step step) const {
  return std::any_of(groups_.begin(), groups_.end(), [&](const auto& entry) {
    return !entry.second.evaluation && entry.second.version + 1 == step;
  });
}

void Worker::on_passed(const wire::Passed& passed, Effects<Job>& effects) {
  if (passed.timeline != timeline_ || find(GroupId{passed.request}) == nullptr) return;
  // Everybody went on without us, so nothing of a step up to `applied` is needed any more.
  std::erase_if(groups_, [&](const auto& entry) { return entry.second.version < passed.applied; });
  std::erase_if(steps_, [&](const auto& entry) { return entry.first <= passed.applied; });
  if (steps_.empty() && !own_.empty()) begin_step(passed.applied + 1, effects);
}

// ---- compute and push ---------------------------------------------------------------------------

void Worker::compute(GroupId id, Group& group, Effects<Job>& effects) {
  if (options_.counters != nullptr) options_.counters->pull.add(now_ - group.stage_since);
  count_applied(group.version);
  group.stage = Stage::computing;
  group.stage_since = now_;
  group.asks.clear();
  if (group.evaluation) {
    for (std::uint32_t batch = group.begin; batch < group.end; ++batch) {
      effects.jobs.push_back(
          EvaluateBatch{run_, id, timeline_, group.version, group.split, batch, group.weights});
      ++group.open_jobs;
    }
    return;
  }
  if (group.leaves.empty()) {  // Nothing to compute: it only waited for the version.
    const Step step = group.version + 1;
    groups_.erase(id);
    if (!own_.empty()) go_on_after(step, effects);
    return;
  }
  for (const Leaf leaf : group.leaves) {
    effects.jobs.push_back(ComputeLeaf{run_, id, group.step, leaf, group.weights});
  }
}

void Worker::on_node(const NodeReady& ready, Effects<Job>& effects) {
  membership_.made_progress();
  Group* group = find(ready.group);
  if (group == nullptr) return;
  const bool top =
      std::find(group->nodes.begin(), group->nodes.end(), ready.node) != group->nodes.end();
  if (!top) {
    const auto sibling = group->sums.find(ready.node.sibling());
    if (sibling == group->sums.end()) {
      group->sums.emplace(ready.node, ready.gradient);
      return;
    }
    auto left = ready.node.is_left() ? ready.gradient : sibling->second;
    auto right = ready.node.is_left() ? sibling->second : ready.gradient;
    group->sums.erase(sibling);
    effects.jobs.push_back(
        AddNodes{ready.group, ready.node.parent(), std::move(left), std::move(right)});
    return;
  }
  group->sums.emplace(ready.node, ready.gradient);
  const bool all = std::all_of(group->nodes.begin(), group->nodes.end(),
                               [&](Node node) { return group->sums.contains(node); });
  if (!all) return;
  if (options_.counters != nullptr) options_.counters->compute.add(now_ - group->stage_since);
  group->stage = Stage::packing;
  group->weights.reset();
  PackPush pack{.group = ready.group,
                .run = run_,
                .timeline = timeline_,
                .step = group->step,
                .owners = owners_,
                .nodes = {}};
  for (const Node node : group->nodes) pack.nodes.emplace_back(node, group->sums.at(node));
  group->sums.clear();
  effects.jobs.push_back(std::move(pack));
}

void Worker::on_packed(Packed packed, Effects<Job>& effects) {
  if (is_relaxed(*packed.job.run)) return on_packed_relaxed(std::move(packed), effects);
  PackPush& job = packed.job;
  if (job.timeline != timeline_ || !steps_.contains(job.step)) return;  // Nobody needs it any more.
  if (job.owners != owners_) {  // They changed while it was being packed.
    job.owners = owners_;
    effects.jobs.push_back(std::move(job));
    return;
  }
  for (const auto& [server, push] : packed.pushes) effects.send(server, push);
  count_pushed(job);
  steps_[job.step].pushed_at.push_back(now_);
  Retained& retained = steps_[job.step].retained[job.nodes.front().first];
  retained.nodes = std::move(job.nodes);
  retained.pushes = std::move(packed.pushes);
  if (groups_.erase(job.group) > 0) go_on_after(job.step, effects);
}

// The last group of a step to end, whichever it is, begins the next one.
void Worker::go_on_after(Step step, Effects<Job>& effects) {
  if (!has_group_of(step) && !steps_.contains(step + 1)) begin_step(step + 1, effects);
}

void Worker::on_missing(MemberId from, const wire::Missing& missing, Effects<Job>& effects) {
  if (missing.timeline != timeline_ || !plan_ || missing.step == 0) return;
  if (!servers_.contains(from)) return;  // Let go while its question was on its way.
  const auto work = steps_.find(missing.step);
  if (work == steps_.end()) {
    // Versions that we have seen are gone with the servers that had them (W2): once more.
    const bool forgotten = !steps_.empty() && missing.step < steps_.begin()->first;
    const bool ours = std::any_of(
        missing.nodes.begin(), missing.nodes.end(),
        [&](const Node& node) { return node.begin() < own_.end && own_.begin < node.end(); });
    if (forgotten && ours) begin_step(missing.step, effects);
    return;
  }
  for (const auto& [first, retained] : work->second.retained) {
    for (const auto& [server, push] : retained.pushes) {
      if (server == from && holds_any_of(push, missing.nodes)) effects.send(server, push);
    }
  }
}

// ---- waiting ------------------------------------------------------------------------------------

// A worker that more workers than leaves make idle waits for nothing.
std::string Worker::wait() const {
  for (const auto& [id, group] : groups_) {
    const std::string version = std::to_string(group.version);
    const std::string what = group.evaluation ? "the evaluation of version " + version
                                              : "step " + std::to_string(group.step);
    if (group.stage != Stage::pulling) return what + " to be computed here";
    if (is_relaxed(*run_) && !group.evaluation) return wait_for_clocks(group);
    std::string text = "version " + version + " from server ";
    bool first = true;
    for (const auto& [server, ask] : group.asks) {
      if (ask.answered) continue;
      if (!std::exchange(first, false)) text += ", ";
      text += to_string(server);
    }
    return text.append(", for ").append(what);
  }
  return "";
}

// ---- packing ------------------------------------------------------------------------------------

namespace {

using Pushes = std::map<MemberId, wire::Push>;

void pack_dense(const PackPush& job, const TableSpec& table, Node node,
                const std::shared_ptr<const Gradient>& gradient, Pushes& pushes) {
  const std::span<const float> values = gradient->tables[index(table.id)].values;
  if (values.empty()) return;
  for (std::uint32_t block = 0; block < blocks_of(table); ++block) {
    const PartitionId partition = partition_of(table.id, block, job.run->partitions);
    const auto part =
        values.subspan(std::size_t{block} * kBlockFloats, floats_of_block(table, block));
    pushes.at((*job.owners)[index(partition)])
        .sections.push_back({.node = node,
                             .partition = partition,
                             .table = table.id,
                             .block = block,
                             .keys = {},
                             .values = Bytes::share(gradient, part)});
  }
}

// Rows are sorted by key; a stable distribution by partition keeps them sorted within each.
void pack_sparse(const PackPush& job, const TableSpec& table, Node node, const Gradient& gradient,
                 Pushes& pushes) {
  const Gradient::Table& rows = gradient.tables[index(table.id)];
  const std::size_t width = floats_of(table);
  const std::uint32_t partitions = job.run->partitions;
  std::vector<std::uint32_t> partition_of_row(rows.keys.size());
  std::vector<std::size_t> ends(partitions + 1, 0);
  for (std::size_t i = 0; i < rows.keys.size(); ++i) {
    partition_of_row[i] = index(partition_of(table.id, rows.keys[i], partitions));
    ++ends[partition_of_row[i] + 1];
  }
  for (std::uint32_t p = 0; p < partitions; ++p) ends[p + 1] += ends[p];
  const std::vector<std::size_t> begins = ends;

  auto keys = std::make_shared_for_overwrite<Key[]>(rows.keys.size());
  auto values = std::make_shared_for_overwrite<float[]>(rows.values.size());
  for (std::size_t i = 0; i < rows.keys.size(); ++i) {
    const std::size_t at = ends[partition_of_row[i]]++;
    keys[at] = rows.keys[i];
    std::copy_n(rows.values.data() + i * width, width, values.get() + at * width);
  }
  for (std::uint32_t p = 0; p < partitions; ++p) {
    const std::size_t begin = begins[p];
    const std::size_t count = begins[p + 1] - begin;
    if (count == 0) continue;
    pushes.at((*job.owners)[p])
        .sections.push_back(
            {.node = node,
             .partition = PartitionId{p},
             .table = table.id,
             .block = 0,
             .keys = Bytes::share(keys, std::span<const Key>(keys.get() + begin, count)),
             .values = Bytes::share(
                 values, std::span<const float>(values.get() + begin * width, count * width))});
  }
}

}  // namespace

std::vector<std::pair<MemberId, wire::Push>> pack(const PackPush& job) {
  Pushes pushes;
  for (std::uint32_t p = 0; p < job.owners->size(); ++p) {
    wire::Push& push = pushes[(*job.owners)[p]];
    push.timeline = job.timeline;
    push.step = job.step;
    push.partitions.push_back(PartitionId{p});
  }
  for (const auto& [node, gradient] : job.nodes) {
    for (auto& [server, push] : pushes) push.nodes.push_back({node, gradient->figures});
    for (const TableSpec& table : job.run->tables) {
      if (table.kind == TableKind::dense) {
        pack_dense(job, table, node, gradient, pushes);
      } else {
        pack_sparse(job, table, node, *gradient, pushes);
      }
    }
  }
  for (auto& [server, push] : pushes) {
    std::sort(push.sections.begin(), push.sections.end(), [](const auto& a, const auto& b) {
      return std::tuple(a.node, a.partition, a.table, a.block) <
             std::tuple(b.node, b.partition, b.table, b.block);
    });
  }
  return {pushes.begin(), pushes.end()};
}

}  // namespace ballast

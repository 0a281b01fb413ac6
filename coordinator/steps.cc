// The coordinator's part of a step: prepared, commit, evaluation. Checkpoints are in cuts.cc.

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <utility>

#include "common/base/check.h"
#include "common/job/json_text.h"
#include "common/job/names.h"
#include "common/runtime/membership.h"
#include "coordinator/coordinator.h"
#include "coordinator/figures_json.h"

namespace ballast {
namespace {

nlohmann::ordered_json to_object(const Metrics& metrics) {
  nlohmann::ordered_json object = nlohmann::ordered_json::object();
  for (const auto& [name, value] : metrics) object[name] = value;
  return object;
}

}  // namespace

// ---- prepared and commit ------------------------------------------------------------------------

void Coordinator::on_prepared(MemberId from, const wire::Prepared& prepared,
                              Effects<Job>& effects) {
  if (state_ != State::training || prepared.timeline != timeline_ || is_relaxed(run_)) return;
  if (prepared.step == commit_.step) {  // It did not hear the commit.
    say_commit(from, effects);
    return;
  }
  if (prepared.step > commit_.step + 1 && knows_its_part(from, prepared)) {
    // We went on from what it said before our last commits reached it.
    regather(name(from) + " is further than we know of", effects);
    return;
  }
  if (prepared.step != commit_.step + 1) return;
  std::set<PartitionId> unique;
  for (const wire::PreparedPartition& p : prepared.partitions) unique.insert(p.partition);
  const bool has_first = unique.contains(PartitionId{0});
  if (unique.size() != prepared.partitions.size() || unique.empty() ||
      index(*unique.rbegin()) >= run_.partitions || prepared.has_figures != has_first ||
      (has_first && prepared.figures.examples == 0)) {
    effects.note(NoteLevel::warning, name(from) + " sent a Prepared that cannot be: dropped");
    return;
  }
  if (const auto other = diverged(prepared)) {
    finish(
        {ExitCode::fault, "the copies of " + name(from) + " and " + name(other->server) +
                              " differ in the gradient of step " + std::to_string(prepared.step) +
                              ", partition " + std::to_string(index(other->partition)) +
                              "; a machine computes wrongly or differently"},
        effects);
    return;
  }
  const bool is_first = prepared_.insert_or_assign(from, prepared).second;
  if (is_first && options_.counters != nullptr) {
    options_.counters->round_trip.add(now_ - committed_at_);
  }
  commit_when_prepared(effects);
}

// Whether it is said of copies that the plan gives it, by a server that has heard so.
bool Coordinator::knows_its_part(MemberId from, const wire::Prepared& prepared) const {
  return std::any_of(prepared.partitions.begin(), prepared.partitions.end(), [&](const auto& p) {
    const auto since = since_.find({p.partition, from});
    return since != since_.end() && prepared.plan >= since->second;
  });
}

void Coordinator::commit_when_prepared(Effects<Job>& effects) {
  if (state_ != State::training || evaluation_ || stop_cut_ || commit_.last) return;
  if (history_lags()) return;
  if (is_relaxed(run_)) return go_on_when_counted(effects);
  if (!unprepared().empty()) return;
  std::vector<wire::PreparedPartition> partitions(run_.partitions);
  PreparedStep step;
  for (const auto& [server, prepared] : prepared_) {
    for (const wire::PreparedPartition& p : prepared.partitions) {
      partitions[index(p.partition)] = p;  // Of every copy the same.
    }
    if (prepared.has_figures) step.figures = prepared.figures;
  }
  step.partitions = partitions;
  if (run_.training.on_nonfinite == NonFinite::stop && !is_finite(step)) {
    finish({ExitCode::user_error,
            "the loss or a gradient of step " + std::to_string(commit_.step + 1) +
                " is not finite; lower optimizer.learning_rate, set training.clip_norm, look for "
                "extreme values in the data, or set training.on_nonfinite: skip"},
           effects);
    return;
  }
  if (has_diverged(run_, step)) {
    finish({ExitCode::user_error,
            "the mean loss of step " + std::to_string(commit_.step + 1) +
                " is above training.diverged_above; lower optimizer.learning_rate, or set "
                "training.clip_norm"},
           effects);
    return;
  }
  const Commit next = next_commit(run_, commit_, step, watched_);
  // One checkpoint at a time: tidying up after one removes what no manifest lists, and that would
  // be the files of the next. A commit that must be kept waits; others are kept another time.
  if ((next.last || stopping_) && !cuts_.empty()) return;
  commit_ = next;
  cut_lines_.reset();
  watched_.reset();
  weigh_partitions();
  prepared_.clear();
  progressed_ = now_;
  count_commit(1, commit_.figures.examples);
  for (const wire::Replica& copy : copies()) in_step_.insert(copy);

  // Wishes of users and clocks: they decide where checkpoints lie, never what is in them.
  const CheckpointSpec& spec = run_.checkpoint;
  const bool by_steps = spec.every_steps != 0 && commit_.step % spec.every_steps == 0;
  const bool by_time = spec.every_seconds > 0.0 && now_ - cut_at_ >= seconds(spec.every_seconds);
  if (stopping_) stop_cut_ = commit_.step;
  if ((by_steps || by_time) && cuts_.empty()) commit_.cut = true;
  if (stop_cut_) commit_.cut = true;

  record_step(effects);
  if (commit_.cut) {
    open_cut();
  }
  for (const MemberId server : holders()) say_commit(server, effects);
  judge_workers(effects);
  begin_evaluation(effects);
  rebalance(effects);
}

void Coordinator::count_commit(Step steps, std::uint64_t examples) {
  const Time before = std::exchange(committed_at_, now_);
  if (options_.counters == nullptr) return;
  options_.counters->steps += steps;
  options_.counters->examples += examples;
  options_.counters->step.add(now_ - before);
}

// Servers that have yet to prepare a copy. Once every copy of the plan has the reduced gradient,
// whoever dies, it is not lost. What a server says without knowing of a copy is not about it.
std::set<MemberId> Coordinator::unprepared() const {
  std::set<wire::Replica> prepared;
  for (const auto& [server, said] : prepared_) {
    for (const wire::PreparedPartition& p : said.partitions) {
      const wire::Replica copy{p.partition, server};
      const auto since = since_.find(copy);
      if (since != since_.end() && said.plan >= since->second) prepared.insert(copy);
    }
  }
  std::set<MemberId> servers;
  for (const auto& [copy, plan] : since_) {
    if (!prepared.contains(copy)) servers.insert(copy.server);
  }
  return servers;
}

// R6: another copy that says to have another gradient.
std::optional<wire::Replica> Coordinator::diverged(const wire::Prepared& prepared) const {
  for (const auto& [server, other] : prepared_) {
    for (const wire::PreparedPartition& mine : prepared.partitions) {
      for (const wire::PreparedPartition& theirs : other.partitions) {
        if (mine.partition == theirs.partition && mine != theirs) {
          return wire::Replica{mine.partition, server};
        }
      }
    }
  }
  return std::nullopt;
}

void Coordinator::say_commit(MemberId server, Effects<Job>& effects) const {
  effects.send(server, wire::CommitStep{timeline_, commit_, orders_for(server)});
}

void Coordinator::record_step(Effects<Job>& effects) {
  if (commit_.skip) {
    effects.note(NoteLevel::warning,
                 "step " + std::to_string(commit_.step) + " was not finite and is skipped");
  }
  if (logs_at(run_, commit_.step)) write_history(history_line(run_, commit_), effects);
}

void Coordinator::write_history(std::string line, Effects<Job>& effects) {
  effects.jobs.emplace_back(history_.add(commit_.step, std::move(line)));
}

// The line of a step can be made again from its commit, which servers remember for a while; that of
// an evaluation only while its version is there.
bool Coordinator::history_lags() const {
  if (history_.is_written()) return false;
  return epoch_line_open_ || commit_.step - history_.first_open() >= options_.history_lag_max;
}

void Coordinator::on_appended(const HistoryAppended& appended, Effects<Job>& effects) {
  if (appended.fenced) return abdicate(appended.error, effects);
  if (!appended.error.empty()) effects.note(NoteLevel::error, appended.error);
  history_.on_appended(appended);
  if (history_.is_written()) epoch_line_open_ = false;
  export_when_complete(effects);
  commit_when_prepared(effects);
}

// ---- evaluation (R12) ---------------------------------------------------------------------------

void Coordinator::begin_evaluation(Effects<Job>& effects) {
  if (!evaluates(run_, commit_)) return;
  // Weights that change all the time have no version to evaluate before the last.
  if (is_relaxed(run_) && !commit_.last) return;
  std::vector<Split> splits;
  if (run_.validation_examples > 0) splits.push_back(Split::validation);
  if (commit_.last && run_.test_examples > 0) splits.push_back(Split::test);
  evaluation_.emplace(run_, timeline_, commit_.step, std::move(splits));
  evaluating_since_ = now_;
  if (evaluation_->complete()) {  // No split to evaluate: only the epoch's line to write.
    on_evaluated({}, effects);
    return;
  }
  pass_on_after_ = options_.pass_on_after;
  pass_on_at_ = now_ + pass_on_after_;
  deal_evaluation(effects);
}

void Coordinator::deal_evaluation(Effects<Job>& effects) {
  for (auto& [worker, evaluate] : evaluation_->assign(prompt_workers())) {
    effects.send(worker, evaluate);
  }
}

std::vector<std::string> Coordinator::watched_metrics() const {
  std::vector<std::string> names;
  for (const std::string& name : {run_.training.early_stop.metric, options_.metric}) {
    if (!name.empty()) names.push_back(name);
  }
  return names;
}

// The figures of the last version are those of the model as it will be applied. History keeps to
// 0.5, since early stop compares its lines.
void Coordinator::decide_by_threshold() {
  threshold_ = run_.threshold;
  // Scores are compared at 0.5: a fold's own best cut would flatter it.
  const bool chooses = run_.training.threshold && run_.task == Task::binary &&
                       run_.validation_examples > 0 && !options_.keeps_outputs;
  if (!threshold_ && chooses) {
    threshold_ = choose_threshold(evaluation_->outputs(Split::validation), *run_.training.threshold,
                                  ThresholdSource::validation);
  }
  progress_.threshold = threshold_;
  if (!threshold_) return;
  for (auto& [split, metrics] : progress_.metrics) {
    metrics = evaluation_->metrics(split, threshold_->value, watched_metrics());
  }
}

void Coordinator::on_evaluated(const wire::Evaluated& evaluated, Effects<Job>& effects) {
  if (state_ != State::training || !evaluation_) return;
  if (evaluation_->accept(evaluated)) progressed_ = now_;
  if (!evaluation_->complete()) return;

  nlohmann::ordered_json line;
  line["epoch"] = epoch_of(run_, commit_.step) + 1;
  line["step"] = commit_.step;
  if (commit_.epoch.examples > 0) line["train"] = figures_object(run_, commit_.epoch);
  progress_.metrics.clear();
  for (const Split split : evaluation_->splits()) {
    Metrics metrics = evaluation_->metrics(split, 0.5, watched_metrics());
    line[std::string(name_of(split))] = to_object(metrics);
    if (split == Split::validation && !run_.training.early_stop.metric.empty()) {
      for (const auto& [name, value] : metrics) {
        if (name == run_.training.early_stop.metric) watched_ = value;
      }
    }
    progress_.metrics.emplace_back(split, std::move(metrics));
  }
  progress_.evaluated = commit_.step;
  ++progress_.evaluations;
  if (options_.counters != nullptr) options_.counters->evaluation.add(now_ - evaluating_since_);
  if (commit_.last) {
    decide_by_threshold();
    final_metrics_ = progress_.metrics;
    if (options_.keeps_outputs && run_.validation_examples > 0) {
      validation_ = std::make_shared<const SplitOutputs>(evaluation_->outputs(Split::validation));
    }
    // After an early stop the last epoch has one batch: no figure to report.
    if (commit_.epoch.examples == run_.train_examples) {
      Metrics train;
      const nlohmann::ordered_json figures = figures_object(run_, commit_.epoch);
      for (const auto& [name, value] : figures.items()) {
        train.emplace_back(name, value.get<double>());
      }
      final_metrics_.insert(final_metrics_.begin(), {Split::train, std::move(train)});
    }
  }
  evaluation_.reset();
  write_history(json_text(line), effects);
  epoch_line_open_ = true;
  export_when_complete(effects);
  commit_when_prepared(effects);
}

}  // namespace ballast

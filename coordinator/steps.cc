// The coordinator's part of a step: prepared, commit, evaluation, checkpoint, export.

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "common/base/check.h"
#include "common/runtime/membership.h"
#include "coordinator/coordinator.h"

namespace ballast {
namespace {

const char* name_of_split(Split split) {
  switch (split) {
    case Split::train:
      return "train";
    case Split::validation:
      return "validation";
    case Split::test:
      return "test";
  }
  return "";
}

nlohmann::ordered_json to_object(const Metrics& metrics) {
  nlohmann::ordered_json object = nlohmann::ordered_json::object();
  for (const auto& [name, value] : metrics) object[name] = value;
  return object;
}

nlohmann::ordered_json figures_object(const RunConfig& run, const Figures& figures) {
  nlohmann::ordered_json object;
  const auto examples = static_cast<double>(figures.examples);
  object["loss"] = figures.loss / examples;
  if (run.task != Task::regression) {
    object["accuracy"] = static_cast<double>(figures.correct) / examples;
  }
  return object;
}

}  // namespace

// ---- prepared and commit ------------------------------------------------------------------------

void Coordinator::on_prepared(MemberId from, const wire::Prepared& prepared,
                              Effects<Job>& effects) {
  if (state_ != State::training || prepared.timeline != timeline_) return;
  if (prepared.step == commit_.step) {  // It did not hear the commit.
    say_commit(from, effects);
    return;
  }
  if (prepared.step != commit_.step + 1) return;
  const auto expected = std::count(plan_.owners.begin(), plan_.owners.end(), from);
  const bool whole =
      static_cast<std::ptrdiff_t>(prepared.partitions.size()) == expected &&
      std::all_of(prepared.partitions.begin(), prepared.partitions.end(), [&](const auto& p) {
        return index(p.partition) < run_.partitions && plan_.owners[index(p.partition)] == from;
      });
  if (!whole) return;
  std::set<PartitionId> unique;
  for (const wire::PreparedPartition& p : prepared.partitions) unique.insert(p.partition);
  const bool has_first = plan_.owners[0] == from;
  if (unique.size() != prepared.partitions.size() || prepared.has_figures != has_first ||
      (has_first && prepared.figures.examples == 0)) {
    effects.note(NoteLevel::warning, name(from) + " sent a Prepared that cannot be: dropped");
    return;
  }
  prepared_.insert_or_assign(from, prepared);
  commit_when_prepared(effects);
}

void Coordinator::commit_when_prepared(Effects<Job>& effects) {
  if (state_ != State::training || evaluation_ || stop_cut_ || commit_.last) return;
  const std::vector<MemberId> servers = owners();
  if (!std::all_of(servers.begin(), servers.end(),
                   [&](MemberId server) { return prepared_.contains(server); })) {
    return;
  }
  std::vector<wire::PreparedPartition> partitions(run_.partitions);
  PreparedStep step;
  for (const auto& [server, prepared] : prepared_) {
    for (const wire::PreparedPartition& p : prepared.partitions) {
      partitions[index(p.partition)] = p;
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
  const Commit next = next_commit(run_, commit_, step, watched_);
  // One checkpoint at a time: tidying up after one removes what no manifest lists, and that would
  // be the files of the next. A commit that must be kept waits; others are kept another time.
  if ((next.last || stopping_) && !cuts_.empty()) return;
  commit_ = next;
  watched_.reset();
  prepared_.clear();
  progressed_ = now_;

  // Wishes of users and clocks: they decide where checkpoints lie, never what is in them.
  const CheckpointSpec& spec = run_.checkpoint;
  const bool by_steps = spec.every_steps != 0 && commit_.step % spec.every_steps == 0;
  const bool by_time = spec.every_seconds > 0.0 && now_ - cut_at_ >= seconds(spec.every_seconds);
  if (stopping_) stop_cut_ = commit_.step;
  if ((by_steps || by_time) && cuts_.empty()) commit_.cut = true;
  if (stop_cut_) commit_.cut = true;

  record_step(effects);
  if (commit_.cut) {
    cut_at_ = now_;
    cuts_[commit_.step] = {commit_, history_lines_, {}, {}};
  }
  for (const MemberId server : servers) say_commit(server, effects);
  begin_evaluation(effects);
}

void Coordinator::say_commit(MemberId server, Effects<Job>& effects) const {
  effects.send(server, wire::CommitStep{timeline_, commit_});
}

void Coordinator::record_step(Effects<Job>& effects) {
  if (commit_.skip) {
    effects.note(NoteLevel::warning,
                 "step " + std::to_string(commit_.step) + " was not finite and is skipped");
  }
  if (run_.training.log_every == 0 || commit_.step % run_.training.log_every != 0) return;
  nlohmann::ordered_json line;
  line["step"] = commit_.step;
  line["epoch"] = epoch_of(run_, commit_.step) + 1;
  if (!commit_.skip) {
    line.update(figures_object(run_, commit_.figures));
    line["gradient_norm"] = commit_.gradient_norm;
  }
  line["learning_rate"] = commit_.learning_rate;
  write_history(line.dump(), effects);
}

void Coordinator::write_history(std::string line, Effects<Job>& effects) {
  effects.jobs.push_back(AppendHistory{history_lines_, {std::move(line)}});
  ++history_lines_;
}

// ---- evaluation (R12) ---------------------------------------------------------------------------

void Coordinator::begin_evaluation(Effects<Job>& effects) {
  if (commit_.step == 0 || (!evaluates_at(run_, commit_.step) && !commit_.last)) return;
  std::vector<Split> splits;
  if (run_.validation_examples > 0) splits.push_back(Split::validation);
  if (commit_.last && run_.test_examples > 0) splits.push_back(Split::test);
  evaluation_.emplace(run_, timeline_, commit_.step, std::move(splits));
  if (evaluation_->complete()) {  // No split to evaluate: only the epoch's line to write.
    on_evaluated({}, effects);
    return;
  }
  deal_evaluation(effects);
}

void Coordinator::deal_evaluation(Effects<Job>& effects) {
  for (auto& [worker, evaluate] : evaluation_->assign(ready_members(wire::Role::worker))) {
    effects.send(worker, evaluate);
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
    Metrics metrics = evaluation_->metrics(split);
    line[name_of_split(split)] = to_object(metrics);
    if (split == Split::validation && !run_.training.early_stop.metric.empty()) {
      for (const auto& [name, value] : metrics) {
        if (name == run_.training.early_stop.metric) watched_ = value;
      }
    }
    progress_.metrics.emplace_back(split, std::move(metrics));
  }
  progress_.evaluated = commit_.step;
  ++progress_.evaluations;
  if (commit_.last) {
    final_metrics_ = progress_.metrics;
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
  write_history(line.dump(), effects);
  export_when_complete(effects);
  commit_when_prepared(effects);
}

// ---- checkpoints --------------------------------------------------------------------------------

// Whether these are files of the partitions that this server owns, one of each.
bool Coordinator::are_files_of(MemberId server,
                               const std::vector<wire::SnapshotFile>& files) const {
  std::set<PartitionId> unique;
  for (const wire::SnapshotFile& file : files) {
    if (index(file.partition) >= plan_.owners.size()) return false;
    if (plan_.owners[index(file.partition)] != server) return false;
    unique.insert(file.partition);
  }
  const auto owned = std::count(plan_.owners.begin(), plan_.owners.end(), server);
  return unique.size() == files.size() && std::cmp_equal(files.size(), owned);
}

void Coordinator::on_cut_done(MemberId from, const wire::CutDone& done, Effects<Job>& effects) {
  if (done.timeline != timeline_) return;
  if (std::find(plan_.owners.begin(), plan_.owners.end(), from) == plan_.owners.end()) return;
  effects.send(from, wire::CutKnown{timeline_, done.step});
  const auto found = cuts_.find(done.step);
  if (found == cuts_.end() || found->second.checkpoint) return;
  OpenCut& cut = found->second;
  progressed_ = now_;
  const std::string error = !done.error.empty() || are_files_of(from, done.files)
                                ? done.error
                                : "it names other files than one of each of its partitions";
  if (!error.empty()) {
    const std::string what = "checkpoint of step " + std::to_string(done.step) +
                             " abandoned: " + name(from) + ": " + error;
    cuts_.erase(found);
    // A run is reported done only when its result is durable, and stopped with what it has.
    if (done.step == commit_.step && (commit_.last || stop_cut_)) {
      finish({ExitCode::fault, what}, effects);
    } else {
      effects.note(NoteLevel::error, what);
      commit_when_prepared(effects);
    }
    return;
  }
  cut.files.insert_or_assign(from, done.files);
  const std::vector<MemberId> servers = owners();
  if (!std::all_of(servers.begin(), servers.end(),
                   [&](MemberId server) { return cut.files.contains(server); })) {
    return;
  }
  Checkpoint checkpoint{.timeline = timeline_,
                        .commit = cut.commit,
                        .files = {},
                        .history_lines = cut.history_lines,
                        .canary = canary_.value_or(0),
                        .family = *family_,
                        .blas_version = blas_version_};
  for (const auto& [server, files] : cut.files) {
    checkpoint.files.insert(checkpoint.files.end(), files.begin(), files.end());
  }
  std::sort(checkpoint.files.begin(), checkpoint.files.end(),
            [](const auto& a, const auto& b) { return a.partition < b.partition; });
  cut.checkpoint = checkpoint;
  effects.jobs.push_back(KeepCheckpoint{std::move(checkpoint)});
}

void Coordinator::on_kept(const CheckpointKept& kept, Effects<Job>& effects) {
  const auto cut = cuts_.find(kept.step);
  if (cut == cuts_.end() || !cut->second.checkpoint) return;  // Of a timeline that is over.
  const Checkpoint checkpoint = std::move(*cut->second.checkpoint);
  cuts_.erase(cut);
  if (kept.fenced || (!kept.error.empty() && kept.step == commit_.step && commit_.last)) {
    finish({ExitCode::fault, kept.error}, effects);
    return;
  }
  if (!kept.error.empty()) {
    effects.note(NoteLevel::error, kept.error);
    if (stop_cut_ == kept.step) {
      finish({ExitCode::fault, kept.error}, effects);
    } else {
      commit_when_prepared(effects);
    }
    return;
  }
  kept_ = checkpoint;
  effects.note(NoteLevel::debug, "checkpoint of step " + std::to_string(kept.step) + " is durable");
  stop_when_kept(effects);
  if (state_ != State::training) return;
  export_when_complete(effects);
  commit_when_prepared(effects);
}

// The last version is exported once it is durable and evaluated.
void Coordinator::export_when_complete(Effects<Job>& effects) {
  if (state_ != State::training || !commit_.last || evaluation_ || stop_cut_) return;
  if (!kept_ || kept_->commit.step != commit_.step) return;
  state_ = State::exporting;
  effects.jobs.push_back(ExportModel{*kept_, final_metrics_});
}

}  // namespace ballast

// Checkpoints: who writes what, when all of it is there, and the export of the last one.

#include <algorithm>
#include <set>
#include <utility>

#include "coordinator/coordinator.h"

namespace ballast {

// The checkpoint of the latest commit goes on from the newest complete one of this history, which
// stays in the store at least until this one is kept.
void Coordinator::open_cut() {
  cut_at_ = now_;
  OpenCut& cut = cuts_[commit_.step];
  cut.commit = commit_;
  cut.opened = now_;
  // A cut that is tried again counts as the first one did: the evaluation of this version may have
  // added its line since, and whoever goes on from here evaluates again.
  if (!cut_lines_) cut_lines_ = history_.lines();
  cut.history_lines = *cut_lines_;
  cut.writers = placement_.owners;
  // Versions of a relaxed run's rows count microbatches, not steps: there is no telling since when.
  const bool goes_on = kept_ && !broken_ && !is_relaxed(run_);
  cut.chains =
      chains_of(goes_on ? kept_->files : std::vector<wire::SnapshotFile>(), run_.partitions);
  for (const Chain& chain : cut.chains) {
    cut.since.push_back(goes_on ? since_for(chain, kept_->commit.step, options_.chain_files_max)
                                : Step{0});
  }
}

// What the server is to write for a checkpoint and has not yet.
std::vector<PartitionId> Coordinator::unwritten(const OpenCut& cut, MemberId server) {
  std::vector<PartitionId> partitions;
  for (std::uint32_t p = 0; p < cut.writers.size(); ++p) {
    const PartitionId id{p};
    if (cut.writers[p] == server && !cut.written.contains(id)) partitions.push_back(id);
  }
  return partitions;
}

std::vector<wire::CutOrder> Coordinator::orders_for(MemberId server) const {
  const auto cut = cuts_.find(commit_.step);
  return cut == cuts_.end() ? std::vector<wire::CutOrder>() : orders_of(cut->second, server);
}

std::vector<wire::CutOrder> Coordinator::orders_of(const OpenCut& cut, MemberId server) {
  std::vector<wire::CutOrder> orders;
  for (const PartitionId id : unwritten(cut, server)) orders.push_back({id, cut.since[index(id)]});
  return orders;
}

// Takes what was written of partitions that this server is to write, each once, and as it was
// ordered. It may have been given more of them than it knew, before a last checkpoint, and have
// written others for an earlier coordinator, or since another step: of a last checkpoint what is
// not taken is ordered again.
bool Coordinator::take_written(OpenCut& cut, MemberId server, const wire::CutDone& done) const {
  std::set<PartitionId> unique;
  const auto is_new = [&](PartitionId id) {
    return index(id) < cut.writers.size() && unique.insert(id).second;
  };
  const auto writes = [&](PartitionId id) { return cut.writers[index(id)] == server; };
  for (const wire::SnapshotFile& file : done.files) {
    if (!is_new(file.partition)) return false;
    if (!writes(file.partition)) continue;
    if (file.since != 0 && file.since != cut.since[index(file.partition)]) continue;
    cut.written.insert_or_assign(file.partition, file);
  }
  for (const auto& [id, since] : done.unchanged) {
    if (!is_new(id)) return false;
    if (!writes(id)) continue;
    if (since == 0 || since != cut.since[index(id)]) continue;
    cut.written.insert_or_assign(id, std::nullopt);
  }
  return commit_.last || stop_cut_ || unwritten(cut, server).empty();
}

void Coordinator::on_cut_done(MemberId from, const wire::CutDone& done, Effects<Job>& effects) {
  if (done.timeline != timeline_ || members_.at(from).role != wire::Role::server) return;
  effects.send(from, wire::CutKnown{timeline_, done.step});
  const auto found = cuts_.find(done.step);
  if (found == cuts_.end() || found->second.checkpoint) return;
  OpenCut& cut = found->second;
  if (std::find(cut.writers.begin(), cut.writers.end(), from) == cut.writers.end()) return;
  const std::size_t before = cut.written.size();
  const std::string error =
      !done.error.empty() || take_written(cut, from, done)
          ? done.error
          : "it names other files than one of each of its partitions, as ordered";
  if (cut.written.size() > before) progressed_ = now_;
  if (!error.empty()) {
    const std::string what = "checkpoint of step " + std::to_string(done.step) +
                             " abandoned: " + name(from) + ": " + error;
    cuts_.erase(found);
    if (options_.counters != nullptr) options_.counters->checkpoints_abandoned += 1;
    // A run is reported done only when its result is durable, and stopped with what it has.
    if (done.step == commit_.step && (commit_.last || stop_cut_)) {
      end_waits_for_store(what, done.may_pass, effects);
    } else {
      effects.note(NoteLevel::error, what);
      commit_when_prepared(effects);
    }
    return;
  }
  if (cut.written.size() < run_.partitions) return;
  cut.checkpoint = complete(cut);
  listing_ = cut.checkpoint;
  effects.jobs.push_back(KeepCheckpoint{*cut.checkpoint});
}

Checkpoint Coordinator::complete(const OpenCut& cut) const {
  Checkpoint checkpoint{.timeline = timeline_,
                        .commit = cut.commit,
                        .files = {},
                        .history_lines = cut.history_lines,
                        .canary = canary_.value_or(0),
                        .family = *family_,
                        .blas_version = blas_version_};
  for (const auto& [id, written] : cut.written) {
    const Chain chain = extended(cut.chains[index(id)], cut.since[index(id)], written);
    checkpoint.files.insert(checkpoint.files.end(), chain.begin(), chain.end());
  }
  return checkpoint;
}

// Meanwhile a server was lost, and the others are asked what they hold. It may be less than what is
// in the store by now: to go on from that would take back lines that the manifest counts.
void Coordinator::on_kept_late(const Checkpoint& listed, const CheckpointKept& kept,
                               Effects<Job>& effects) {
  if (kept.fenced) return abdicate(kept.error, effects);
  if (kept.broken) broken_ = true;
  if (kept.error.empty()) {
    kept_ = listed;
    broken_ = false;
  } else {
    effects.note(NoteLevel::error, kept.error);
  }
  begin_when_enough(effects);
}

void Coordinator::on_kept(const CheckpointKept& kept, Effects<Job>& effects) {
  const std::optional<Checkpoint> listed = std::exchange(listing_, std::nullopt);
  const auto cut = cuts_.find(kept.step);
  if (cut == cuts_.end() || !cut->second.checkpoint) {
    if (listed && state_ == State::gathering) on_kept_late(*listed, kept, effects);
    return;
  }
  const Checkpoint checkpoint = std::move(*cut->second.checkpoint);
  const Time opened = cut->second.opened;
  cuts_.erase(cut);
  if (kept.broken) broken_ = true;  // The next one writes everything.
  if (kept.fenced) return abdicate(kept.error, effects);
  if (!kept.error.empty()) {
    if (options_.counters != nullptr) options_.counters->checkpoints_abandoned += 1;
    if (kept.step == commit_.step && (commit_.last || stop_cut_ == kept.step)) {
      end_waits_for_store(kept.error, kept.may_pass || kept.broken, effects);
    } else {
      effects.note(NoteLevel::error, kept.error);
      commit_when_prepared(effects);
    }
    return;
  }
  kept_ = checkpoint;
  kept_at_ = opened;
  if (options_.counters != nullptr) options_.counters->checkpoint.add(now_ - opened);
  store_error_.clear();
  broken_ = false;
  effects.note(NoteLevel::debug, "checkpoint of step " + std::to_string(kept.step) + " is durable");
  stop_when_kept(effects);
  release_leaving(effects);
  if (state_ != State::training) return;
  export_when_complete(effects);
  commit_when_prepared(effects);
}

// What a run does not end without: its last checkpoint, or that of a clean stop, and the model. A
// full disk is given room; what no retry can cure ends the run.
void Coordinator::end_waits_for_store(const std::string& error, bool may_pass,
                                      Effects<Job>& effects) {
  if (!may_pass) {
    finish({ExitCode::fault, error}, effects);
    return;
  }
  if (error != store_error_) effects.note(NoteLevel::error, error + "; trying again");
  store_error_ = error;
  end_again_ = now_ + options_.store_retry;
}

void Coordinator::try_end_again(Effects<Job>& effects) {
  if (state_ == State::exporting) {
    effects.jobs.push_back(ExportModel{*kept_, final_metrics_, validation_, threshold_});
    return;
  }
  if (state_ != State::training || !cuts_.empty() || !(commit_.last || stop_cut_)) return;
  open_cut();
  for (const MemberId server : holders()) say_commit(server, effects);
}

void Coordinator::on_exported(const ModelExported& exported, Effects<Job>& effects) {
  if (!exported.error.empty()) {
    end_waits_for_store(exported.error, exported.may_pass, effects);
    return;
  }
  progress_.digest = exported.digest;
  progress_.scores = exported.scores;
  finish({ExitCode::done, ""}, effects);
}

// The last version is exported once it is durable and evaluated.
void Coordinator::export_when_complete(Effects<Job>& effects) {
  if (state_ != State::training || !commit_.last || evaluation_ || stop_cut_) return;
  if (!history_.is_written()) return;
  if (!kept_ || kept_->commit.step != commit_.step) return;
  // Another history of a relaxed run may have come to the same step.
  if (cuts_.contains(commit_.step)) return;
  state_ = State::exporting;
  effects.jobs.push_back(ExportModel{*kept_, final_metrics_, validation_, threshold_});
}

}  // namespace ballast

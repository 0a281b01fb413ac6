// Checkpoints: who writes what, when all of it is there, and the export of the last one.

#include <algorithm>
#include <set>
#include <utility>

#include "coordinator/coordinator.h"

namespace ballast {

// What the server is to write for a checkpoint and has not yet.
std::vector<PartitionId> Coordinator::unwritten(const OpenCut& cut, MemberId server) {
  std::vector<PartitionId> partitions;
  for (std::uint32_t p = 0; p < cut.writers.size(); ++p) {
    const PartitionId id{p};
    if (cut.writers[p] == server && !cut.files.contains(id)) partitions.push_back(id);
  }
  return partitions;
}

void Coordinator::open_cut() {
  cut_at_ = now_;
  cuts_[commit_.step] = {commit_, history_.lines(), placement_.owners, {}, {}};
}

// Takes files of partitions that this server is to write, one of each. It may have been given more
// of them than it knew, before a last checkpoint, and have written others for an earlier
// coordinator.
bool Coordinator::take_files(OpenCut& cut, MemberId server,
                             const std::vector<wire::SnapshotFile>& files) const {
  std::set<PartitionId> unique;
  for (const wire::SnapshotFile& file : files) {
    if (index(file.partition) >= cut.writers.size()) return false;
    if (!unique.insert(file.partition).second) return false;
    if (cut.writers[index(file.partition)] != server) continue;
    cut.files.insert_or_assign(file.partition, file);
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
  progressed_ = now_;
  const std::string error = !done.error.empty() || take_files(cut, from, done.files)
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
  if (cut.files.size() < run_.partitions) return;
  Checkpoint checkpoint{.timeline = timeline_,
                        .commit = cut.commit,
                        .files = {},
                        .history_lines = cut.history_lines,
                        .canary = canary_.value_or(0),
                        .family = *family_,
                        .blas_version = blas_version_};
  for (const auto& [partition, file] : cut.files) checkpoint.files.push_back(file);
  cut.checkpoint = checkpoint;
  effects.jobs.push_back(KeepCheckpoint{std::move(checkpoint)});
}

void Coordinator::on_kept(const CheckpointKept& kept, Effects<Job>& effects) {
  const auto cut = cuts_.find(kept.step);
  if (cut == cuts_.end() || !cut->second.checkpoint) return;  // Of a timeline that is over.
  const Checkpoint checkpoint = std::move(*cut->second.checkpoint);
  cuts_.erase(cut);
  if (kept.fenced) return abdicate(kept.error, effects);
  if (!kept.error.empty() && kept.step == commit_.step && commit_.last) {
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
  if (!history_.is_written()) return;
  if (!kept_ || kept_->commit.step != commit_.step) return;
  state_ = State::exporting;
  effects.jobs.push_back(ExportModel{*kept_, final_metrics_});
}

}  // namespace ballast

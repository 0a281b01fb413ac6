// DurabilityMode::step: a server says Prepared when its home has the gradients, and comes back with
// what it kept. README.md has the invariants.

#include <algorithm>
#include <utility>

#include "common/job/names.h"
#include "paramserver/server.h"

namespace ballast {

// The base has other copies than there are now, or an older version that the log does not lead to.
void Server::change_copies() {
  base_ = Base::none;
  logging_ = logged_ = 0;
}

// Whether the gradients of the next step are on disk, of all copies, if they have to be.
bool Server::is_logged() const {
  return run_->cluster.durability == DurabilityMode::checkpoint ||
         (base_ == Base::written && logged_ == applied_ + 1);
}

// Sees to it that they will be.
// REQUIRES: all copies are prepared.
void Server::log_step(Effects<Job>& effects) {
  if (is_logged() || log_failed_) return;
  if (base_ == Base::none) {
    std::vector<Snapshot> snapshots;
    for (const auto& [id, partition] : partitions_) snapshots.push_back(partition.snapshot());
    base_ = Base::being_written;
    logged_plan_ = 0;
    effects.jobs.push_back(
        ServerBase{.self = options_.self,
                   .fingerprint = fingerprint_,
                   .number = ++bases_,
                   .snapshots = std::make_shared<const std::vector<Snapshot>>(std::move(snapshots)),
                   .commits = commits_,
                   .step = step_to_log()});
  } else if (base_ == Base::written && logging_ != applied_ + 1) {
    effects.jobs.push_back(ServerLog{.self = options_.self, .base = bases_, .step = step_to_log()});
  }
}

LoggedStep Server::step_to_log() {
  logging_ = applied_ + 1;
  std::vector<PartitionId> all;
  for (const auto& [id, partition] : partitions_) all.push_back(id);
  LoggedStep step{.timeline = timeline_,
                  .previous = commits_.back(),
                  .plan = std::nullopt,
                  .push = roots_of(all)};
  if (plan_.number != logged_plan_) {
    logged_plan_ = plan_.number;
    step.plan = plan_;
  }
  return step;
}

void Server::on_based(const ServerBased& based, Effects<Job>& effects) {
  if (based.number != bases_ || base_ != Base::being_written) return;  // The copies have changed.
  base_ = based.error.empty() ? Base::written : Base::none;
  logged_ = std::exchange(logging_, 0);
  if (!based.error.empty()) {
    logged_ = 0;
    log_failed_ = true;
    effects.note(NoteLevel::error,
                 "no step is committed until the copies can be kept: " + based.error);
    return;
  }
  if (state_ == State::serving) after_contributions(effects);
}

void Server::on_logged(const ServerLogged& logged, Effects<Job>& effects) {
  if (logged.base != bases_ || base_ != Base::written || logged.timeline != timeline_ ||
      logged.step != logging_) {
    return;
  }
  logging_ = 0;
  if (!logged.error.empty()) {
    log_failed_ = true;
    logged_plan_ = 0;
    effects.note(NoteLevel::error, "no step is committed until it can be logged: " + logged.error);
    return;
  }
  logged_ = logged.step;
  after_contributions(effects);
  // The next step begins another log, once this one is prepared: its copies are then a version on.
  if (logged.bytes > options_.log_bytes_max) change_after_step_ = true;
}

// The home kept what an earlier life of this server had.
void Server::on_recovered(RecoveredCopies& copies) {
  timeline_ = copies.timeline;
  state_ = State::serving;
  commits_ = std::move(copies.commits);
  applied_ = commits_.back().step;
  begin_step();
  promised_ = copies.promised;
  plan_ = std::move(copies.plan);
  partitions_ = std::move(copies.partitions);
  buffered_bytes_ = 0;
  for (const auto& [id, partition] : partitions_) buffered_bytes_ += partition.buffered_bytes();
  formers_.assign(copies.formers.begin(), copies.formers.end());
  base_ = Base::written;
  logged_ = promised_;
  logging_ = 0;
  logged_plan_ = 0;
}

}  // namespace ballast

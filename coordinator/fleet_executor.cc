#include "coordinator/fleet_executor.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "common/base/address.h"
#include "common/remote/open_store.h"
#include "common/storage/checkpoints.h"
#include "common/storage/files.h"
#include "common/storage/store_mark.h"

namespace ballast {

FleetOutcome FleetExecutor::operator()(FleetJob&& job) {
  return std::visit([&](auto& concrete) -> FleetOutcome { return run(concrete); }, job);
}

FleetClaimed FleetExecutor::run(const ClaimFleet& job) {
  const auto fail = [](const Error& error) {
    return FleetClaimed{
        .term = 0, .superseded = false, .error = error.message, .may_pass = may_pass(error)};
  };
  const Result<Timeline> highest = highest_timeline(terms_);
  if (!highest) return fail(highest.error());
  // Whoever held the job once does not take it back: that would stop its successor.
  if (job.holding != 0 && *highest > job.holding)
    return {.term = 0, .superseded = true, .error = ""};
  const Term term = std::max<Term>(*highest, job.above) + 1;
  if (const Status taken = claim_timeline(terms_, term, describe_process()); !taken) {
    if (taken.error().code != ErrorCode::conflict) return fail(taken.error());
    // Two began together; the other one was quicker.
    return {.term = 0, .superseded = true, .error = ""};
  }
  term_ = term;
  return {.term = term, .superseded = false, .error = ""};
}

RunMade FleetExecutor::run(const MakeRun& job) {
  const auto fail = [&](const Error& error) {
    return RunMade{.run = job.run, .config = nullptr, .checkpoints = "", .error = error.message};
  };
  auto place = options_.make(job.run);
  if (!place) return fail(place.error());
  auto store = open_checkpoint_store(place->checkpoints, OpenMode::create,
                                     join_path(place->options.output, "fetched"));
  if (!store) return fail(store.error());
  // What is elsewhere is the same place from everywhere, and needs no mark.
  const auto address = is_address(place->checkpoints) ? Result<std::string>(place->checkpoints)
                                                      : store_address(place->checkpoints);
  if (!address) return fail(address.error());
  RunMade made{.run = job.run, .config = place->options.run, .checkpoints = *address, .error = ""};
  files_.open(job.run, {.dataset = made.config->dataset,
                        .packed = made.config->packed,
                        .checkpoints = place->checkpoints});
  Place& kept = places_[job.run];
  kept.store = std::move(*store);
  kept.executor = std::make_unique<StoreExecutor>(std::move(place->options), *kept.store);
  return made;
}

RunWorked FleetExecutor::run(RunWork& job) {
  if (auto refused = refuse_claim(job.job)) return {job.run, std::move(*refused)};
  return {job.run, (*places_.at(job.run).executor)(std::move(job.job))};
}

// A run is claimed under the job's latest term alone: one that was superseded, and is slow, would
// cut off its successor, whom the members follow (J7).
std::optional<CoordinatorOutcome> FleetExecutor::refuse_claim(const CoordinatorJob& job) const {
  const bool claims = std::holds_alternative<ClaimTimeline>(job);
  if (!claims && !std::holds_alternative<RaiseClaim>(job)) return std::nullopt;
  const Result<Timeline> highest = highest_timeline(terms_);
  if (highest && *highest <= term_) return std::nullopt;
  const auto refused = [&](auto outcome) -> CoordinatorOutcome {
    if (highest) {
      outcome.superseded = true;
    } else {
      outcome.error = highest.error().message;
      outcome.may_pass = may_pass(highest.error());
    }
    return outcome;
  };
  return claims ? refused(TimelineClaimed{}) : refused(ClaimRaised{});
}

EndRecorded FleetExecutor::run(const RecordEnd& job) {
  const Status recorded = options_.record_end(job.run, job.exit);
  if (!recorded) {
    return {job.run, recorded.error().message, may_pass(recorded.error())};
  }
  places_.erase(job.run);
  files_.close(job.run);
  return {job.run, "", false};
}

FileWorked FleetExecutor::run(const FileWork& job) const {
  return {job.run, job.to, job.term, files_.answer(job.run, job.ask)};
}

JobConcluded FleetExecutor::run(const ConcludeJob& job) {
  const Status done = options_.conclude(job.conclusion);
  if (done) return {};
  return {.error = done.error().message, .may_pass = may_pass(done.error())};
}

}  // namespace ballast

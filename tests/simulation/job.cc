#include "tests/simulation/job.h"

#include <algorithm>
#include <utility>

#include "common/base/check.h"
#include "common/base/overloaded.h"

namespace ballast::simulation {
namespace {

// A RaceAgenda in small. Nothing follows from runs that failed: the job ends, and is resumed.
class SimulatedAgenda final : public ballast::Agenda {
 public:
  SimulatedAgenda(const JobPlan& plan, const Scores& ended) : plan_(plan), scores_(ended) {
    for (const auto& [run, score] : ended) begun_.insert(run);
  }

  std::optional<RunId> next() override {
    for (const RunId run : wanted(plan_, scores_)) {
      if (begun_.insert(run).second) return run;
    }
    return std::nullopt;
  }

  bool offers(RunId run) const override {
    const std::vector<RunId> due = wanted(plan_, scores_);
    return !begun_.contains(run) && std::find(due.begin(), due.end(), run) != due.end();
  }

  void on_end(const RunEnd& end) override {
    if (end.exit.code != ExitCode::done) {
      if (!failure_) failure_ = end.exit;
      return;
    }
    for (const auto& [name, value] : end.progress.scores) {
      if (name == kScore) scores_[end.run] = value;
    }
  }

  std::uint64_t left() const override {
    const std::vector<RunId> due = wanted(plan_, scores_);
    return static_cast<std::uint64_t>(
        std::count_if(due.begin(), due.end(), [&](RunId run) { return !scores_.contains(run); }));
  }

  bool is_over() const override {
    const std::vector<RunId> due = wanted(plan_, scores_);
    if (!std::all_of(due.begin(), due.end(), [&](RunId run) { return begun_.contains(run); })) {
      return false;
    }
    return failure_ ||
           std::all_of(due.begin(), due.end(), [&](RunId run) { return scores_.contains(run); });
  }

  Exit exit() const override { return failure_.value_or(Exit{}); }

 private:
  const JobPlan plan_;
  Scores scores_;
  std::set<RunId> begun_;
  std::optional<Exit> failure_;
};

}  // namespace

std::vector<RunId> JobPlan::runs() const {
  std::vector<RunId> all;
  const std::uint32_t count = kind == Kind::race ? 2 * first_runs : first_runs;
  for (std::uint32_t i = 1; i <= count; ++i) all.push_back(RunId{i});
  return all;
}

std::vector<RunId> wanted(const JobPlan& plan, const Scores& scores) {
  std::vector<RunId> runs;
  std::optional<RunId> best;
  bool known = true;
  for (std::uint32_t i = 1; i <= plan.first_runs; ++i) {
    const RunId run{i};
    runs.push_back(run);
    known = known && scores.contains(run);
    if (known && (!best || scores.at(run) > scores.at(*best))) best = run;
  }
  if (plan.kind == JobPlan::Kind::race && known) {
    runs.push_back(RunId{plan.first_runs + index(*best)});
  }
  return runs;
}

std::unique_ptr<ballast::Agenda> make_agenda(const JobPlan& plan, const Scores& ended) {
  if (plan.kind == JobPlan::Kind::training) return std::make_unique<SingleRun>();
  return std::make_unique<SimulatedAgenda>(plan, ended);
}

FleetOutcome SimulatedJobDisk::operator()(FleetJob&& job) {
  return std::visit(
      Overloaded{
          [&](const ClaimFleet& claim_job) -> FleetOutcome { return claim(claim_job); },
          [&](const MakeRun& make_job) -> FleetOutcome { return make(make_job); },
          [&](RunWork& work_job) -> FleetOutcome { return work(std::move(work_job)); },
          [&](const RecordEnd& record_job) -> FleetOutcome { return record(record_job); },
          [&](const ConcludeJob&) -> FleetOutcome { return conclude(); },
          // Simulated members see the stores themselves, and ask for no files.
          [&](const FileWork& work_job) -> FleetOutcome {
            return FileWorked{work_job.run,
                              work_job.to,
                              work_job.term,
                              {.request = work_job.ask.request, .error = "no files here"}};
          },
      },
      job);
}

bool SimulatedJobDisk::refuses() const {
  return job_.disk.full || prng_.chance(job_.disk.fault_rate);
}

FleetClaimed SimulatedJobDisk::claim(const ClaimFleet& job) {
  const Term highest = job_.claimed.empty() ? 0 : *job_.claimed.rbegin();
  if (job.holding != 0 && highest > job.holding) return {.superseded = true, .error = ""};
  if (refuses()) {
    return {.error = std::string(kInjected) + "no room for a term",
            .may_pass = job_.disk.full || prng_.chance(0.7)};
  }
  if (!job_.disk.may_write()) return {};
  const Term term = std::max(highest, job.above) + 1;
  job_.claimed.insert(term);
  term_ = term;
  return {.term = term, .error = ""};
}

RunMade SimulatedJobDisk::make(const MakeRun& job) {
  const Place& place = places_.at(job.run);
  made_.try_emplace(job.run, *place.store, prng_, *place.config);
  return {.run = job.run,
          .config = place.config,
          .checkpoints = "memory/" + std::to_string(index(job.run)),
          .error = ""};
}

RunWorked SimulatedJobDisk::work(RunWork&& job) {
  if (*job_.claimed.rbegin() > term_) {  // Another one has the job (J7).
    const auto superseded = [&](auto outcome) {
      outcome.superseded = true;
      return RunWorked{job.run, std::move(outcome)};
    };
    if (std::holds_alternative<ClaimTimeline>(job.job)) return superseded(TimelineClaimed{});
    if (std::holds_alternative<RaiseClaim>(job.job)) return superseded(ClaimRaised{});
  }
  return {job.run, made_.at(job.run)(std::move(job.job))};
}

// Of a training run nothing is recorded: who resumes it finds its last checkpoint.
EndRecorded SimulatedJobDisk::record(const RecordEnd& job) {
  if (plan_.kind == JobPlan::Kind::training) return {job.run, "", false};
  if (refuses()) {
    return {job.run, std::string(kInjected) + "no room for the end of a run",
            job_.disk.full || prng_.chance(0.7)};
  }
  const auto& model = places_.at(job.run).store->model;
  if (job.exit.code == ExitCode::done && model && job_.disk.may_write()) {
    job_.ended[job.run] = score_of(model->digest);
  }
  return {job.run, "", false};
}

JobConcluded SimulatedJobDisk::conclude() {
  if (plan_.kind == JobPlan::Kind::training) return {};
  if (refuses()) {
    return {.error = std::string(kInjected) + "no room for the results",
            .may_pass = job_.disk.full || prng_.chance(0.7)};
  }
  std::map<RunId, std::uint64_t> result;
  for (const RunId run : wanted(plan_, job_.ended)) {
    if (!job_.ended.contains(run)) return {};  // It is for who resumes the job.
    result[run] = places_.at(run).store->model->digest;
  }
  if (job_.disk.may_write()) job_.result = std::move(result);
  return {};
}

}  // namespace ballast::simulation

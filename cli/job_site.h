#pragma once

// A cross-validation or search on disk: its data packed once, its splits, its configurations, and a
// directory for each run. What is there already after a restart is found again; everything else
// follows from the spec.
//
//   DIR/job.yaml       the spec, as effective
//   DIR/cv.json ...    the results, once every run has ended (docs/job-files.md)
//   DIR/folds/         examples and transforms of each split
//   DIR/runs/RUN/      one per configuration and split; DIR/refit/: the chosen one on all data
//
// A nested search has inner splits of each split's training examples, and runs on these too.
//
// The thread that runs a fleet's jobs calls make(), record_end() and conclude(); one thread calls
// everything else, before.

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cli/roles.h"
#include "cli/run_setup.h"
#include "common/base/result.h"
#include "coordinator/search/race_agenda.h"
#include "coordinator/search/results.h"
#include "worker/data/folds.h"
#include "worker/data/packed_table.h"

namespace ballast {

struct JobSiteOptions {
  std::string output;
  SetupOptions setup;
};

class JobSite {
 public:
  // `spec` has what it leaves out of cross_validation filled in.
  [[nodiscard]] static Result<std::unique_ptr<JobSite>> create(Spec spec, JobSiteOptions options);

  // REQUIRES: this outlives the work.
  [[nodiscard]] Work work();

  [[nodiscard]] const Spec& spec() const { return spec_; }
  [[nodiscard]] const std::string& output() const { return options_.output; }
  [[nodiscard]] const RunNumbers& numbers() const { return numbers_; }
  [[nodiscard]] const std::string& metric() const { return metric_; }
  [[nodiscard]] const StepPlan* plan() const { return plan_ ? &*plan_ : nullptr; }
  [[nodiscard]] std::size_t runs_done() const { return done_; }  // When it was opened.
  // A configuration and its score on a split, for each run that had come to its last rung then.
  [[nodiscard]] const std::vector<std::pair<std::uint32_t, double>>& scores_before() const {
    return scores_before_;
  }
  // "c003-r0-f1"; of the refit "refit". Of a nested search, within the training examples of the
  // split r0-f1: "r0-f1-c003-r0-f2", and "r0-f1-outer" for what scores its choice.
  [[nodiscard]] std::string name(RunId run) const;
  // "optimizer.learning_rate 0.1, model.kind softmax"
  [[nodiscard]] std::string describe(std::uint32_t configuration) const;
  [[nodiscard]] std::vector<std::string> notices() const;
  // What the job came to, for people. REQUIRES: the work is done.
  [[nodiscard]] const std::vector<std::string>& summary() const { return summary_; }

 private:
  JobSite(Spec spec, JobSiteOptions options);

  [[nodiscard]] Status open();
  [[nodiscard]] Status make_splits();
  [[nodiscard]] Status make_inner_splits();
  [[nodiscard]] Status make_brackets();
  [[nodiscard]] Status read_ends();  // Of runs that ended before; a damaged record is an error.
  [[nodiscard]] Status make_plan();
  // What runs that ended before came to. Failed: those too that were ended by a fault, which a job
  // that goes on does again.
  enum class Faults { open, failed };
  // Of the splits, or of the inner ones of a split.
  [[nodiscard]] std::string first_failure() const;
  [[nodiscard]] Result<Race> race_so_far(Faults faults, std::optional<std::uint32_t> of = {}) const;
  [[nodiscard]] Result<RunPlace> make(RunId run);
  [[nodiscard]] Result<RunPlace> make_outer(std::uint32_t split);
  [[nodiscard]] Result<RunPlace> make_refit();
  // A run of `spec`; `transforms` are those of its features on the same examples, once fitted.
  [[nodiscard]] Result<JobFile> set_up(const Spec& spec, const FoldExamples& examples,
                                       const std::string& name, std::string& transforms) const;
  [[nodiscard]] static Result<RunPlace> place_of(JobFile job, const std::string& output,
                                                 RunProduct product);
  [[nodiscard]] Status record_end(RunId run, const Exit& exit);
  [[nodiscard]] Status conclude(Conclusion conclusion);
  [[nodiscard]] Result<JobResults> collect() const;
  [[nodiscard]] std::optional<Unfinished> unfinished(Conclusion conclusion,
                                                     const JobResults& results) const;
  [[nodiscard]] Result<JobRun> collect_run(const std::string& name, const Fold& fold) const;
  [[nodiscard]] Status collect_nested(const Race& outer, JobResults& results) const;

  [[nodiscard]] const std::vector<Rung>& rungs_of(const RunNumbers::Place& place) const;
  [[nodiscard]] const Fold& fold_of(const RunNumbers::Place& place) const;
  [[nodiscard]] std::string split_name(std::uint32_t split) const;  // "r0-f1"
  [[nodiscard]] std::string outer_name(std::uint32_t split) const;
  [[nodiscard]] std::string name(const RunNumbers::Place& place) const;
  [[nodiscard]] std::vector<std::string> run_names() const;  // Of all that may have been run.
  [[nodiscard]] std::string directory(const std::string& run) const;

  const Spec spec_;
  const JobSiteOptions options_;
  const std::string metric_;
  std::shared_ptr<const PackedTable> packed_;
  std::uint32_t folds_ = 0;
  std::vector<Fold> splits_;              // By repeat, then fold.
  std::vector<std::vector<Fold>> inner_;  // Nested: by split, then as above.
  std::vector<Configuration> configurations_;
  std::vector<Bracket> brackets_;
  std::vector<std::vector<Bracket>> inner_brackets_;  // By split.
  RunNumbers numbers_;
  std::optional<StepPlan> plan_;  // With a budget of steps.
  std::size_t done_ = 0;
  std::vector<std::pair<std::uint32_t, double>> scores_before_;
  // With the base spec's features, by the examples that they were fitted on: split, and inner
  // split.
  std::map<std::pair<std::uint32_t, std::optional<std::uint32_t>>, std::string> fitted_;
  std::map<RunId, std::chrono::steady_clock::time_point> began_;
  std::chrono::steady_clock::time_point opened_;
  std::vector<std::string> summary_;  // conclude()
};

}  // namespace ballast

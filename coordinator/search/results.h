#pragma once

// What a cross-validation or search comes to: from the results of its runs to cv.json, results.csv
// and predictions.csv (docs/job-files.md). A function of the job and the results alone: neither
// when a run ended nor who computed it can show.
//
// Pure.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/job/spec.h"
#include "coordinator/run_result.h"
#include "coordinator/search/configurations.h"
#include "coordinator/search/race.h"

namespace ballast {

// A split of the job, in the order of the splits.
struct JobSplit {
  std::uint32_t repeat = 0;
  std::uint32_t fold = 0;
  std::uint64_t train_examples = 0;
  std::vector<std::uint32_t> validation;  // Examples, ascending.
};

// The last leg of a configuration on a split.
struct JobRun {
  std::string name;
  std::optional<RunResult> result;  // Nothing: it was not run.
  std::string history;              // history.jsonl
};

struct RefitResult {
  std::string directory;
  std::string digest;
  std::string metrics_json;
};

// Of a nested search, the search within one split's training examples.
struct NestedSearch {
  std::vector<JobSplit> splits;  // The inner ones.
  std::vector<Ranked> ranking;
  std::vector<JobRun> runs;  // By configuration, then inner split; outputs are not needed.
  std::optional<std::uint32_t> chosen;
  JobRun score;  // What the choice came to on the split. Without a choice nothing.
};

// What a budget left undone.
struct Unfinished {
  std::string budget;      // "job.seconds" or "job.steps"
  double limit = 0.0;      // As the spec says it.
  std::uint64_t runs = 0;  // Of a configuration on a split that did not come to their end.
  bool refit = false;      // The chosen configuration is not trained on all data.
};

struct JobResults {
  std::string version;  // Of Ballast.
  const Spec& spec;
  std::string metric;
  std::vector<std::string> classes;
  std::uint64_t examples = 0;
  std::vector<JobSplit> splits;
  std::vector<Configuration> configurations;
  std::vector<Ranked> ranking;  // Race::ranking()
  std::vector<JobRun> runs;     // By configuration, then split.
  std::optional<RefitResult> refit;
  std::vector<NestedSearch> nested{};  // By split; empty: the search is not nested.
  std::optional<Unfinished> unfinished{};

  [[nodiscard]] const JobRun& run(std::uint32_t configuration, std::size_t split) const {
    return runs[configuration * splits.size() + split];
  }
};

// By the search's rule, among those that came to their end; nothing: none did.
[[nodiscard]] std::optional<ConfigurationChoice> choose(const JobResults& results);

// REQUIRES: each result that is there has as many examples as its split.
[[nodiscard]] std::string cv_json(const JobResults& results);
[[nodiscard]] std::string results_csv(const JobResults& results);
// Of the chosen configuration.
[[nodiscard]] std::string predictions_csv(const JobResults& results);

// What people are told at the end: the chosen configuration's score and how certain it is.
[[nodiscard]] std::vector<std::string> summary_lines(const JobResults& results);

// What decides where the spec does not say: roc_auc, accuracy or rmse.
[[nodiscard]] std::string deciding_metric(const Spec& spec);

}  // namespace ballast

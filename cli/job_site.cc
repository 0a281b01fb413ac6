#include "cli/job_site.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "cli/job_file.h"
#include "cli/version.h"
#include "common/base/check.h"
#include "common/job/names.h"
#include "common/storage/files.h"
#include "coordinator/report/report.h"
#include "coordinator/run_result.h"
#include "coordinator/search/curves.h"
#include "paramserver/optimizer.h"
#include "worker/data/fold_dataset.h"
#include "worker/data/fold_files.h"
#include "worker/data/split_values.h"
#include "worker/model/model.h"

namespace ballast {
namespace {

using Json = nlohmann::ordered_json;

// The columns that a spec's splits look at.
std::vector<std::string> columns_of(const CrossValidationSpec& spec) {
  std::vector<std::string> columns;
  if (needs_groups(spec.split)) columns.push_back(spec.group);
  if (needs_times(spec.split)) columns.push_back(spec.time);
  if (spec.split == SplitKind::given) columns.push_back(spec.column);
  return columns;
}

double seconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

// ---- rungs --------------------------------------------------------------------------------------

// What a leg came to, durably: rung-K.json in the directory of its run. Its score is nothing where
// it failed; how long it took is for timings.json.
struct LegResult {
  std::optional<double> score;
  double began = 0.0;
  double seconds = 0.0;
};

std::string rung_path(const std::string& directory, std::uint32_t rung) {
  return join_path(directory, fmt::format("rung-{}.json", rung));
}

Status write_rung(const std::string& directory, std::uint32_t number, const LegResult& rung) {
  Json json = {{"score", nullptr}, {"began", rung.began}, {"seconds", rung.seconds}};
  if (rung.score) json["score"] = *rung.score;
  return write_file_atomically(rung_path(directory, number), json.dump() + "\n");
}

Result<std::optional<LegResult>> read_rung(const std::string& directory, std::uint32_t number) try {
  const std::string path = rung_path(directory, number);
  if (!path_exists(path)) return std::optional<LegResult>();
  const auto text = read_file(path);
  if (!text) return text.error();
  const Json json = Json::parse(*text);
  LegResult rung;
  if (!json.at("score").is_null()) rung.score = json.at("score").get<double>();
  json.at("began").get_to(rung.began);
  json.at("seconds").get_to(rung.seconds);
  return std::optional(rung);
} catch (const nlohmann::json::exception&) {
  return Error{ErrorCode::corrupt, rung_path(directory, number) +
                                       ": truncated or altered; remove the directory " + directory +
                                       " to do this run again"};
}

// Of validation labels too few classes and the like leave a metric undefined: no score.
std::optional<double> score_in(const RunResult& result, const std::string& metric) {
  for (const auto& [name, value] : result.scores) {
    if (name == metric) return value;
  }
  return std::nullopt;
}

}  // namespace

JobSite::JobSite(Spec spec, JobSiteOptions options)
    : spec_(std::move(spec)),
      options_(std::move(options)),
      metric_(deciding_metric(spec_)),
      opened_(std::chrono::steady_clock::now()) {}

Result<std::unique_ptr<JobSite>> JobSite::create(Spec spec, JobSiteOptions options) {
  std::unique_ptr<JobSite> site(new JobSite(std::move(spec), std::move(options)));
  if (const Status opened = site->open(); !opened) return opened.error();
  return site;
}

Status JobSite::open() {
  auto directory = pack_table(spec_, {.cache = options_.setup.cache,
                                      .threads = options_.setup.threads,
                                      .keep = columns_of(*spec_.cross_validation),
                                      .progress = options_.setup.progress});
  if (!directory) return directory.error();
  auto packed = open_packed_table(*directory);
  if (!packed) return packed.error();
  packed_ = std::move(*packed);
  if (const Status made = make_splits(); !made) return made;
  return make_brackets();
}

Status JobSite::make_splits() {
  const CrossValidationSpec& how = *spec_.cross_validation;
  const auto values = read_split_values(how, packed_->train.table, packed_->train.selection,
                                        packed_->train.labels, packed_->classes);
  if (!values) return values.error();
  const auto folds = count_folds(how, *values);
  if (!folds) return folds.error();
  folds_ = *folds;
  for (std::uint32_t repeat = 0; repeat < how.repeats; ++repeat) {
    for (std::uint32_t fold = 0; fold < folds_; ++fold) {
      splits_.push_back(make_fold(how, spec_.seed, *values, repeat, fold));
    }
  }
  return {};
}

// Rungs count the steps of a run of the base spec on the first split; a run that is shorter ends
// where it ends.
Status JobSite::make_brackets() {
  const auto base = set_up(spec_, examples_of(0), spec_.name, fitted_[0]);
  if (!base) return base.error();
  SearchSpec one;  // Cross-validation alone is a search among one configuration.
  one.method = SearchMethod::grid;
  const SearchSpec& search = spec_.search ? *spec_.search : one;
  std::uint32_t in_grid = 1;
  if (spec_.search && search.method == SearchMethod::grid) {
    in_grid = static_cast<std::uint32_t>(grid(search).size());
  }
  auto brackets = brackets_of(search, base->run.steps, in_grid);
  if (!brackets) return brackets.error();
  brackets_ = std::move(*brackets);
  const std::uint32_t count = configurations_in(brackets_);
  if (spec_.search) {
    auto configurations = make_configurations(spec_, count);
    if (!configurations) return configurations.error();
    configurations_ = std::move(*configurations);
  } else {
    configurations_ = {Configuration{}};
  }
  numbers_.configurations = count;
  numbers_.splits = static_cast<std::uint32_t>(splits_.size());
  numbers_.rungs = 1;
  for (const Bracket& bracket : brackets_) {
    numbers_.rungs = std::max(numbers_.rungs, static_cast<std::uint32_t>(bracket.rungs.size()));
  }
  return {};
}

// ---- the work -----------------------------------------------------------------------------------

Work JobSite::work() {
  Work work;
  work.output = options_.output;
  work.job = spec_.name;
  work.is_scored = true;
  work.runs_at_once = spec_.job.runs_at_once;
  work.workers_per_run = spec_.job.workers_per_run;
  work.edge.make = [this](RunId run) {
    began_[run] = std::chrono::steady_clock::now();
    return run == numbers_.refit() ? make_refit() : make(run);
  };
  work.edge.record_end = [this](RunId run, const Exit& exit) { return record_end(run, exit); };
  work.edge.conclude = [this] { return conclude(); };
  work.agenda = [this]() -> std::unique_ptr<Agenda> {
    auto race = race_so_far(Faults::open);
    BALLAST_CHECK(race.has_value());  // It was read when the job was opened.
    return std::make_unique<RaceAgenda>(
        RaceAgenda::Options{
            .numbers = numbers_,
            .metric = metric_,
            .refit = spec_.search && spec_.search->refit,
            .is_refit_done = path_exists(join_path(directory("refit"), "model.json"))},
        std::move(*race));
  };
  return work;
}

Result<Race> JobSite::race_so_far(Faults faults) const {
  const Better better = larger_is_better(metric_) ? Better::larger : Better::smaller;
  Race race(brackets_, numbers_.splits, better);
  for (bool more = true; more;) {
    more = false;
    for (const Leg& leg : race.due()) {
      const auto rung = read_rung(directory(name(leg.configuration, leg.split)), leg.rung);
      if (!rung) return rung.error();
      if (!*rung && faults == Faults::open) continue;
      race.report(leg.configuration, leg.rung, leg.split, *rung ? (*rung)->score : std::nullopt);
      more = true;
    }
  }
  return race;
}

FoldExamples JobSite::examples_of(std::uint32_t split) const {
  return {.train = splits_[split].training, .validation = splits_[split].validation};
}

Result<JobFile> JobSite::set_up(const Spec& spec, const FoldExamples& examples,
                                const std::string& name, std::string& transforms) const {
  auto job = set_up_fold(spec, *packed_, examples,
                         {.folds = join_path(options_.output, "folds"),
                          .threads = options_.setup.threads,
                          .transforms_json = transforms});
  if (!job) return job;
  transforms = job->transforms_json;
  job->run.name = name;
  return job;
}

Result<RunPlace> JobSite::place_of(JobFile job, const std::string& output, RunProduct product) {
  if (const Status made = make_directories(output); !made) return made.error();
  if (const Status written = write_job_file(output, job); !written) return written.error();
  const auto run = std::make_shared<const RunConfig>(std::move(job.run));
  return RunPlace{.options = {.run = run,
                              .output = output,
                              .version = kVersion,
                              .slots = slots(run->optimizer),
                              .transforms_json = std::move(job.transforms_json),
                              .product = product},
                  .checkpoints = checkpoints_of(output)};
}

Result<RunPlace> JobSite::make(RunId id) {
  const RunNumbers::Place place = numbers_.place(id);
  Spec spec = spec_;
  if (spec_.search) {
    auto configured = spec_of(spec_, configurations_[place.configuration]);
    if (!configured) return configured.error();
    spec = std::move(*configured);
  }
  std::string own;
  std::string& transforms = spec.features == spec_.features ? fitted_[place.split] : own;
  auto job = set_up(spec, examples_of(place.split), name(id), transforms);
  if (!job) return job.error();
  job->run.test_examples = 0;  // Nothing is chosen by it.
  const std::vector<Rung>& rungs = bracket_of(place.configuration).rungs;
  const bool is_last = place.rung + 1 == rungs.size();
  if (!is_last && rungs[place.rung].steps < job->run.steps) {
    job->run.until = rungs[place.rung].steps;
  }
  return place_of(std::move(*job), directory(name(id)), RunProduct::scores);
}

Result<RunPlace> JobSite::make_refit() {
  const auto results = collect();
  if (!results) return results.error();
  const auto choice = choose(*results);
  if (!choice) return Error{ErrorCode::invalid, "there is no configuration to refit"};
  auto spec = spec_of(spec_, configurations_[choice->chosen]);
  if (!spec) return spec.error();
  FoldExamples all;
  for (std::uint32_t i = 0; i < packed_->examples(); ++i) all.train.push_back(i);
  std::string transforms;
  auto job = set_up(*spec, all, spec_.name, transforms);
  if (!job) return job.error();
  if (spec->training.threshold) {
    job->run.threshold = choose_threshold(out_of_fold(*results, choice->chosen),
                                          *spec->training.threshold, ThresholdSource::out_of_fold);
  }
  return place_of(std::move(*job), directory("refit"), RunProduct::model);
}

const Bracket& JobSite::bracket_of(std::uint32_t configuration) const {
  const auto after = std::find_if(brackets_.begin(), brackets_.end(), [&](const Bracket& bracket) {
    return bracket.first > configuration;
  });
  return *std::prev(after);
}

Status JobSite::record_end(RunId id, const Exit& exit) {
  if (id == numbers_.refit()) return {};
  const RunNumbers::Place place = numbers_.place(id);
  const std::string output = directory(name(id));
  if (const Status made = make_directories(output); !made) return made;
  if (exit.code != ExitCode::done) {
    RunResult failed;
    failed.failure = exit.reason;
    if (const Status written = write_run_result(output, failed); !written) return written;
    if (exit.code == ExitCode::fault) return {};  // It may have been the machine's.
  }
  const auto result = read_run_result(output);
  if (!result) return result.error();
  LegResult rung;
  if (*result && (*result)->failure.empty()) rung.score = score_in(**result, metric_);
  if (const auto began = began_.find(id); began != began_.end()) {
    rung.began = std::chrono::duration<double>(began->second - opened_).count();
    rung.seconds = seconds_since(began->second);
  }
  if (const Status written = write_rung(output, place.rung, rung); !written) return written;
  // Whoever goes on with it starts from its checkpoint; otherwise it is only in the way.
  const bool is_last = place.rung + 1 == bracket_of(place.configuration).rungs.size();
  if (is_last || !rung.score) return remove_directory(checkpoints_of(output));
  return {};
}

// ---- results ------------------------------------------------------------------------------------

Result<JobResults> JobSite::collect() const {
  auto race = race_so_far(Faults::failed);
  if (!race) return race.error();
  JobResults results{.version = kVersion,
                     .spec = spec_,
                     .metric = metric_,
                     .classes = packed_->classes,
                     .examples = packed_->examples(),
                     .splits = {},
                     .configurations = configurations_,
                     .ranking = race->ranking(),
                     .runs = {},
                     .refit = {}};
  for (std::uint32_t s = 0; s < splits_.size(); ++s) {
    results.splits.push_back({.repeat = s / folds_,
                              .fold = s % folds_,
                              .train_examples = splits_[s].training.size(),
                              .validation = splits_[s].validation});
  }
  for (std::uint32_t c = 0; c < configurations_.size(); ++c) {
    for (std::uint32_t s = 0; s < splits_.size(); ++s) {
      JobRun run{.name = name(c, s), .result = {}, .history = ""};
      const std::string from = directory(run.name);
      auto result = read_run_result(from);
      if (!result) return result.error();
      run.result = std::move(*result);
      if (run.result && run.result->failure.empty() &&
          run.result->labels.size() != splits_[s].validation.size()) {
        return Error{ErrorCode::corrupt, from +
                                             ": holds the result of another job; choose another "
                                             "--out, or give --overwrite"};
      }
      const std::string history = join_path(from, "history.jsonl");
      if (path_exists(history)) {
        auto lines = read_file(history);
        if (!lines) return lines.error();
        run.history = std::move(*lines);
      }
      results.runs.push_back(std::move(run));
    }
  }
  return results;
}

Status JobSite::conclude() {
  auto results = collect();
  if (!results) return results.error();
  const std::string refit = directory("refit");
  if (path_exists(join_path(refit, "model.json"))) {
    const auto model = read_file(join_path(refit, "model.json"));
    const auto metrics = read_file(join_path(refit, "metrics.json"));
    if (!model) return model.error();
    if (!metrics) return metrics.error();
    const Json json = Json::parse(*model, nullptr, false);
    results->refit = RefitResult{
        .directory = "refit", .digest = json.value("digest", ""), .metrics_json = *metrics};
  }
  Json timings = {{"runs", Json::object()}};
  for (std::uint32_t c = 0; c < configurations_.size(); ++c) {
    for (std::uint32_t s = 0; s < splits_.size(); ++s) {
      Json& of = timings["runs"][name(c, s)];
      for (std::uint32_t r = 0; r < numbers_.rungs; ++r) {
        const auto rung = read_rung(directory(name(c, s)), r);
        if (!rung) return rung.error();
        if (!*rung) continue;
        if (of.is_null()) of = {{"seconds", 0.0}, {"began", (*rung)->began}};
        of["seconds"] = of["seconds"].get<double>() + (*rung)->seconds;
      }
      if (of.is_null()) timings["runs"].erase(name(c, s));
    }
  }
  timings["seconds"] = seconds_since(opened_);
  const std::string json = cv_json(*results);
  const auto report = report_html(json, timings.dump());
  if (!report) return report.error();
  const std::pair<const char*, std::string> files[] = {
      {"results.csv", results_csv(*results)},
      {"predictions.csv", predictions_csv(*results)},
      {"timings.json", timings.dump(1) + "\n"},
      {"report.html", *report},
      {"cv.json", json}};
  for (const auto& [file, text] : files) {
    if (const Status put = write_file_atomically(join_path(options_.output, file), text); !put) {
      return put;
    }
  }
  return {};
}

// ---- names --------------------------------------------------------------------------------------

std::string JobSite::name(RunId run) const {
  if (run == numbers_.refit()) return "refit";
  const RunNumbers::Place place = numbers_.place(run);
  return name(place.configuration, place.split);
}

std::string JobSite::name(std::uint32_t configuration, std::uint32_t split) const {
  return fmt::format("c{:03}-r{}-f{}", configuration, split / folds_, split % folds_);
}

std::string JobSite::directory(const std::string& run) const {
  if (run == "refit") return join_path(options_.output, run);
  return join_path(join_path(options_.output, "runs"), run);
}

std::string JobSite::describe(std::uint32_t configuration) const {
  std::string text;
  for (std::size_t p = 0; p < configurations_[configuration].values.size(); ++p) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", spec_.search->parameters[p].field,
                        configurations_[configuration].values[p]);
  }
  return text;
}

std::vector<std::string> JobSite::notices() const {
  std::vector<std::string> notices;
  if (packed_->skipped.count > 0) {
    std::string notice = fmt::format("{} bad rows were skipped, such as", packed_->skipped.count);
    for (const std::string& sample : packed_->skipped.samples) notice += "\n  " + sample;
    notices.push_back(std::move(notice));
  }
  if (packed_->duplicates_dropped > 0) {
    notices.push_back(fmt::format("{} duplicate rows were dropped", packed_->duplicates_dropped));
  }
  return notices;
}

}  // namespace ballast

#include "cli/job_site.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "cli/job_file.h"
#include "cli/version.h"
#include "common/base/check.h"
#include "common/job/json_text.h"
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

// The columns that splits look at.
void add_columns(const CrossValidationSpec& spec, std::vector<std::string>& columns) {
  if (needs_groups(spec.split)) columns.push_back(spec.group);
  if (needs_times(spec.split)) columns.push_back(spec.time);
  if (spec.split == SplitKind::given) columns.push_back(spec.column);
}

std::vector<std::string> columns_of(const Spec& spec) {
  std::vector<std::string> columns;
  add_columns(*spec.cross_validation, columns);
  if (spec.search && spec.search->nested) add_columns(*spec.search->nested, columns);
  std::sort(columns.begin(), columns.end());
  columns.erase(std::unique(columns.begin(), columns.end()), columns.end());
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
  return write_file_atomically(rung_path(directory, number), json_text(json) + "\n");
}

Result<std::optional<LegResult>> read_rung(const std::string& directory, std::uint32_t number) try {
  const std::string path = rung_path(directory, number);
  if (!path_exists(path)) return std::optional<LegResult>();
  const auto text = read_file(path);
  if (!text) return text.error();
  const Json json = parse_json<Json>(*text);
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

ChoiceRule rule_of(const Spec& spec) {
  return spec.search ? spec.search->choose : ChoiceRule::best;
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
                                      .keep = columns_of(spec_),
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
  return spec_.search && spec_.search->nested ? make_inner_splits() : Status();
}

Status JobSite::make_inner_splits() {
  constexpr std::string_view kSection = "search.nested";
  const CrossValidationSpec& how = *spec_.search->nested;
  const auto values = read_split_values(how, packed_->train.table, packed_->train.selection,
                                        packed_->train.labels, packed_->classes, kSection);
  if (!values) return values.error();
  for (std::uint32_t split = 0; split < splits_.size(); ++split) {
    auto folds =
        make_inner_folds(how, spec_.seed, *values, split, splits_[split].training, kSection);
    if (!folds) {
      return Error{folds.error().code, folds.error().message +
                                           "; these are the training examples of the split " +
                                           split_name(split)};
    }
    inner_.push_back(std::move(*folds));
  }
  return {};
}

// Rungs count the steps of a run of the base spec on the first split; a run that is shorter ends
// where it ends.
Status JobSite::make_brackets() {
  const auto base =
      set_up(spec_, {.train = splits_[0].training, .validation = splits_[0].validation}, spec_.name,
             fitted_[{0, std::nullopt}]);
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
  for (const std::vector<Fold>& inner : inner_) {
    const auto steps = steps_on(spec_, inner[0].training.size());
    if (!steps) return steps.error();
    auto rescaled_to = rescaled(brackets_, search, *steps);
    if (!rescaled_to) return rescaled_to.error();
    inner_brackets_.push_back(std::move(*rescaled_to));
    numbers_.inner.push_back(static_cast<std::uint32_t>(inner.size()));
  }
  for (const std::string& run : run_names()) {
    for (std::uint32_t rung = 0; rung < numbers_.rungs; ++rung) {
      if (path_exists(rung_path(directory(run), rung))) done_ += 1;
    }
  }
  if (const Status read = read_ends(); !read) return read;
  return spec_.job.steps > 0 ? make_plan() : Status();
}

Status JobSite::read_ends() {
  for (std::uint32_t split = 0; split < inner_.size(); ++split) {
    const auto race = race_so_far(Faults::open, split);
    if (!race) return race.error();
  }
  const auto race = race_so_far(Faults::open);
  if (!race) return race.error();
  for (std::uint32_t c = 0; c < numbers_.configurations; ++c) {
    for (std::uint32_t s = 0; s < numbers_.splits; ++s) {
      const RunNumbers::Place place{.configuration = c, .split = s};
      const auto last = static_cast<std::uint32_t>(rungs_of(place).size() - 1);
      const auto rung = read_rung(directory(name(place)), last);
      if (!rung) return rung.error();
      if (*rung && (*rung)->score) scores_before_.emplace_back(c, *(*rung)->score);
    }
  }
  return {};
}

Status JobSite::make_plan() {
  std::vector<std::vector<std::vector<Step>>> runs;  // By configuration, race, split.
  std::vector<Step> refits;
  for (const Configuration& configuration : configurations_) {
    auto spec = spec_.search ? spec_of(spec_, configuration) : Result<Spec>(spec_);
    if (!spec) return spec.error();
    auto& races = runs.emplace_back();
    for (std::size_t race = 0; race <= inner_.size(); ++race) {
      std::vector<Step>& steps = races.emplace_back();
      for (const Fold& fold : race == 0 ? splits_ : inner_[race - 1]) {
        const auto of = steps_on(*spec, fold.training.size());
        if (!of) return of.error();
        steps.push_back(*of);
      }
    }
    const auto all = steps_on(*spec, packed_->examples());
    if (!all) return all.error();
    refits.push_back(*all);
  }
  StepCosts costs{.races = {brackets_},
                  .splits = {numbers_.splits},
                  .run = [&](std::size_t race, std::uint32_t configuration,
                             std::uint32_t split) { return runs[configuration][race][split]; },
                  .refit = {}};
  costs.races.insert(costs.races.end(), inner_brackets_.begin(), inner_brackets_.end());
  costs.splits.insert(costs.splits.end(), numbers_.inner.begin(), numbers_.inner.end());
  if (spec_.search && spec_.search->refit) {
    costs.refit = [&](std::uint32_t configuration) { return refits[configuration]; };
  }
  plan_ = plan_steps(costs, spec_.job.steps);
  return {};
}

// ---- the work -----------------------------------------------------------------------------------

Work JobSite::work() {
  Work work;
  work.output = options_.output;
  work.job = spec_.name;
  work.is_scored = true;
  work.metric = metric_;
  work.runs_at_once = spec_.job.runs_at_once;
  work.workers_per_run = spec_.job.workers_per_run;
  work.budget = seconds(spec_.job.seconds);
  work.edge.make = [this](RunId run) {
    began_[run] = std::chrono::steady_clock::now();
    if (run == numbers_.refit()) return make_refit();
    if (const auto split = numbers_.outer_of(run)) return make_outer(*split);
    return make(run);
  };
  work.edge.record_end = [this](RunId run, const Exit& exit) { return record_end(run, exit); };
  work.edge.conclude = [this](Conclusion conclusion) { return conclude(conclusion); };
  work.agenda = [this]() -> std::unique_ptr<Agenda> {
    auto race = race_so_far(Faults::open);
    BALLAST_CHECK(race.has_value());  // It was read when the job was opened.
    RaceAgenda::Options options{
        .numbers = numbers_,
        .metric = metric_,
        .refit = spec_.search && spec_.search->refit,
        .is_refit_done = path_exists(join_path(directory("refit"), "model.json")),
        .choose = rule_of(spec_),
        .plan = plan_,
        .failure = first_failure()};
    std::vector<Race> inner;
    for (std::uint32_t split = 0; split < inner_.size(); ++split) {
      auto within = race_so_far(Faults::open, split);
      BALLAST_CHECK(within.has_value());
      inner.push_back(std::move(*within));
      if (path_exists(rung_path(directory(outer_name(split)), 0))) options.outer_done.insert(split);
    }
    return std::make_unique<RaceAgenda>(std::move(options), std::move(*race), std::move(inner));
  };
  return work;
}

// Of the runs that are not done again.
std::string JobSite::first_failure() const {
  for (std::uint32_t c = 0; c < numbers_.configurations; ++c) {
    for (std::uint32_t s = 0; s < numbers_.splits; ++s) {
      const RunNumbers::Place place{.configuration = c, .split = s};
      const std::string from = directory(name(place));
      for (std::uint32_t r = 0; r < rungs_of(place).size(); ++r) {
        const auto rung = read_rung(from, r);
        if (!rung || !*rung || (*rung)->score) continue;
        const auto result = read_run_result(from);
        return result && *result && !(*result)->failure.empty() ? (*result)->failure
                                                                : undefined_on_a_split(metric_);
      }
    }
  }
  return "";
}

Result<Race> JobSite::race_so_far(Faults faults, std::optional<std::uint32_t> of) const {
  const Better better = larger_is_better(metric_) ? Better::larger : Better::smaller;
  Race race = of ? Race(inner_brackets_[*of], numbers_.inner[*of], better)
                 : Race(brackets_, numbers_.splits, better);
  for (bool more = true; more;) {
    more = false;
    for (const Leg& leg : race.due()) {
      RunNumbers::Place place{.configuration = leg.configuration, .split = leg.split};
      if (of) {
        place.inner = leg.split;
        place.split = *of;
      }
      const std::string from = directory(name(place));
      const auto rung = read_rung(from, leg.rung);
      if (!rung) return rung.error();
      if (!*rung) {
        if (faults == Faults::open) continue;
        const auto result = read_run_result(from);
        if (!result) return result.error();
        if (!*result || (*result)->failure.empty()) continue;  // A budget left it out.
      }
      race.report(leg.configuration, leg.rung, leg.split, *rung ? (*rung)->score : std::nullopt);
      more = true;
    }
  }
  return race;
}

const Fold& JobSite::fold_of(const RunNumbers::Place& place) const {
  return place.inner ? inner_[place.split][*place.inner] : splits_[place.split];
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
  std::string& transforms =
      spec.features == spec_.features ? fitted_[{place.split, place.inner}] : own;
  const Fold& fold = fold_of(place);
  auto job =
      set_up(spec, {.train = fold.training, .validation = fold.validation}, name(id), transforms);
  if (!job) return job.error();
  job->run.test_examples = 0;  // Nothing is chosen by it.
  const std::vector<Rung>& rungs = rungs_of(place);
  const bool is_last = place.rung + 1 == rungs.size();
  if (!is_last && rungs[place.rung].steps < job->run.steps) {
    job->run.until = rungs[place.rung].steps;
  }
  return place_of(std::move(*job), directory(name(id)), RunProduct::scores);
}

// What the search within the split's training examples chose, trained on all of them.
Result<RunPlace> JobSite::make_outer(std::uint32_t split) {
  const auto race = race_so_far(Faults::failed, split);
  if (!race) return race.error();
  const auto chosen = race->chosen(rule_of(spec_));
  BALLAST_CHECK(chosen.has_value());  // The agenda asked for it.
  auto spec = spec_of(spec_, configurations_[*chosen]);
  if (!spec) return spec.error();
  std::string own;
  std::string& transforms = spec->features == spec_.features ? fitted_[{split, std::nullopt}] : own;
  auto job =
      set_up(*spec, {.train = splits_[split].training, .validation = splits_[split].validation},
             outer_name(split), transforms);
  if (!job) return job.error();
  job->run.test_examples = 0;
  return place_of(std::move(*job), directory(outer_name(split)), RunProduct::scores);
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

const std::vector<Rung>& JobSite::rungs_of(const RunNumbers::Place& place) const {
  const std::vector<Bracket>& brackets = place.inner ? inner_brackets_[place.split] : brackets_;
  const auto after = std::find_if(brackets.begin(), brackets.end(), [&](const Bracket& bracket) {
    return bracket.first > place.configuration;
  });
  return std::prev(after)->rungs;
}

Status JobSite::record_end(RunId id, const Exit& exit) {
  if (id == numbers_.refit()) return {};
  const bool is_outer = numbers_.outer_of(id).has_value();
  const RunNumbers::Place place = is_outer ? RunNumbers::Place{} : numbers_.place(id);
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
  const bool is_last = is_outer || place.rung + 1 == rungs_of(place).size();
  if (is_last || !rung.score) return remove_directory(checkpoints_of(output));
  return {};
}

// ---- results ------------------------------------------------------------------------------------

Result<JobResults> JobSite::collect() const {
  auto race = race_so_far(Faults::failed);
  if (!race) return race.error();
  race->close();
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
      auto run = collect_run(name({.configuration = c, .split = s}), splits_[s]);
      if (!run) return run.error();
      results.runs.push_back(std::move(*run));
    }
  }
  if (const Status nested = collect_nested(*race, results); !nested) return nested.error();
  return results;
}

Result<JobRun> JobSite::collect_run(const std::string& name, const Fold& fold) const {
  JobRun run{.name = name, .result = {}, .history = ""};
  const std::string from = directory(name);
  auto result = read_run_result(from);
  if (!result) return result.error();
  run.result = std::move(*result);
  if (run.result && run.result->failure.empty() &&
      run.result->labels.size() != fold.validation.size()) {
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
  return run;
}

Status JobSite::collect_nested(const Race& outer, JobResults& results) const {
  // Of these runs nobody asks for more than scores.
  const auto scores_of = [&](const std::string& name, const Fold& fold) -> Result<JobRun> {
    auto run = collect_run(name, fold);
    if (!run) return run;
    run->history.clear();
    if (run->result) run->result->outputs = {};
    if (run->result) run->result->labels = {};
    return run;
  };
  for (std::uint32_t s = 0; s < inner_.size(); ++s) {
    auto race = race_so_far(Faults::failed, s);
    if (!race) return race.error();
    NestedSearch search;
    // Of a part of its configurations it would choose another way than the search that it stands
    // for.
    if (race->over()) search.chosen = race->chosen(rule_of(spec_));
    race->close();
    search.ranking = race->ranking();
    const std::size_t folds = inner_[s].size() / spec_.search->nested->repeats;
    for (std::size_t i = 0; i < inner_[s].size(); ++i) {
      search.splits.push_back({.repeat = static_cast<std::uint32_t>(i / folds),
                               .fold = static_cast<std::uint32_t>(i % folds),
                               .train_examples = inner_[s][i].training.size(),
                               .validation = inner_[s][i].validation});
    }
    for (std::uint32_t c = 0; c < configurations_.size(); ++c) {
      for (std::uint32_t i = 0; i < inner_[s].size(); ++i) {
        auto run = scores_of(name({.configuration = c, .split = s, .inner = i}), inner_[s][i]);
        if (!run) return run.error();
        search.runs.push_back(std::move(*run));
      }
    }
    if (search.chosen) {
      const bool own = needs_own_run(outer, *search.chosen, s);
      auto run = scores_of(
          own ? outer_name(s) : name({.configuration = *search.chosen, .split = s}), splits_[s]);
      if (!run) return run.error();
      search.score = std::move(*run);
    }
    results.nested.push_back(std::move(search));
  }
  return {};
}

std::optional<Unfinished> JobSite::unfinished(Conclusion conclusion,
                                              const JobResults& results) const {
  const bool of_time = conclusion == Conclusion::time_is_up;
  if (!of_time && (!plan_ || plan_->is_whole)) return std::nullopt;
  Unfinished left{
      .budget = of_time ? "job.seconds" : "job.steps",
      .limit = of_time ? spec_.job.seconds : static_cast<double>(spec_.job.steps),
      .runs = 0,
      .refit = spec_.search && spec_.search->refit && !results.refit && choose(results)};
  const auto count = [&](const std::vector<Ranked>& ranking, const std::vector<JobRun>& runs) {
    const std::size_t splits = runs.size() / configurations_.size();
    for (const Ranked& ranked : ranking) {
      if (ranked.standing != Standing::racing) continue;
      for (std::size_t split = 0; split < splits; ++split) {
        const auto& result = runs[ranked.configuration * splits + split].result;
        const bool has_ended = result && (!result->failure.empty() || result->step > ranked.steps);
        if (!has_ended) left.runs += 1;
      }
    }
  };
  count(results.ranking, results.runs);
  for (const NestedSearch& search : results.nested) {
    count(search.ranking, search.runs);
    if (search.chosen && !search.score.result) left.runs += 1;
  }
  if (!of_time && left.runs == 0 && !left.refit) return std::nullopt;  // It was done before.
  return left;
}

Status JobSite::conclude(Conclusion conclusion) {
  auto results = collect();
  if (!results) return results.error();
  const std::string refit = directory("refit");
  if (path_exists(join_path(refit, "model.json"))) {
    const auto model = read_file(join_path(refit, "model.json"));
    const auto metrics = read_file(join_path(refit, "metrics.json"));
    if (!model) return model.error();
    if (!metrics) return metrics.error();
    const Json json = parse_json_if<Json>(*model);
    results->refit = RefitResult{
        .directory = "refit", .digest = json.value("digest", ""), .metrics_json = *metrics};
  }
  results->unfinished = unfinished(conclusion, *results);
  Json timings = {{"runs", Json::object()}};
  for (const std::string& run : run_names()) {
    Json& of = timings["runs"][run];
    for (std::uint32_t r = 0; r < numbers_.rungs; ++r) {
      const auto rung = read_rung(directory(run), r);
      if (!rung) return rung.error();
      if (!*rung) continue;
      if (of.is_null()) of = {{"seconds", 0.0}, {"began", (*rung)->began}};
      of["seconds"] = of["seconds"].get<double>() + (*rung)->seconds;
    }
    if (of.is_null()) timings["runs"].erase(run);
  }
  timings["seconds"] = seconds_since(opened_);
  const std::string json = cv_json(*results);
  const auto report = report_html(json, json_text(timings));
  if (!report) return report.error();
  const std::pair<const char*, std::string> files[] = {
      {"results.csv", results_csv(*results)},
      {"predictions.csv", predictions_csv(*results)},
      {"timings.json", json_text(timings, 1) + "\n"},
      {"report.html", *report},
      {"cv.json", json}};
  for (const auto& [file, text] : files) {
    if (const Status put = write_file_atomically(join_path(options_.output, file), text); !put) {
      return put;
    }
  }
  summary_ = summary_lines(*results);
  return {};
}

// ---- names --------------------------------------------------------------------------------------

std::string JobSite::name(RunId run) const {
  if (run == numbers_.refit()) return "refit";
  if (const auto split = numbers_.outer_of(run)) return outer_name(*split);
  return name(numbers_.place(run));
}

std::string JobSite::split_name(std::uint32_t split) const {
  return fmt::format("r{}-f{}", split / folds_, split % folds_);
}

std::string JobSite::outer_name(std::uint32_t split) const { return split_name(split) + "-outer"; }

std::string JobSite::name(const RunNumbers::Place& place) const {
  const std::string configuration = fmt::format("c{:03}-", place.configuration);
  if (!place.inner) return configuration + split_name(place.split);
  const std::size_t folds = inner_[place.split].size() / spec_.search->nested->repeats;
  return split_name(place.split) + "-" + configuration +
         fmt::format("r{}-f{}", *place.inner / folds, *place.inner % folds);
}

std::vector<std::string> JobSite::run_names() const {
  std::vector<std::string> names;
  for (std::uint32_t c = 0; c < configurations_.size(); ++c) {
    for (std::uint32_t s = 0; s < splits_.size(); ++s) {
      names.push_back(name({.configuration = c, .split = s}));
    }
  }
  for (std::uint32_t s = 0; s < inner_.size(); ++s) {
    for (std::uint32_t c = 0; c < configurations_.size(); ++c) {
      for (std::uint32_t i = 0; i < inner_[s].size(); ++i) {
        names.push_back(name({.configuration = c, .split = s, .inner = i}));
      }
    }
    names.push_back(outer_name(s));
  }
  return names;
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
  // A parameter may be a mapping of several lines.
  for (std::size_t at = 0; (at = text.find('\n', at)) != std::string::npos;) {
    const std::size_t next = text.find_first_not_of(" \n", at);
    text.replace(at, std::min(next, text.size()) - at, " ");
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

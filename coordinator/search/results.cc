#include "coordinator/search/results.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "common/base/member_text.h"
#include "common/job/json_text.h"
#include "common/job/names.h"
#include "common/math/metrics.h"
#include "common/math/metrics_curves.h"
#include "common/math/metrics_probabilities.h"
#include "common/math/metrics_ranking.h"
#include "common/math/metrics_report.h"
#include "common/math/metrics_threshold.h"
#include "common/math/statistics.h"
#include "coordinator/search/curves.h"
#include "coordinator/search/race_agenda.h"

namespace ballast {
namespace {

using Json = nlohmann::ordered_json;

Better better_of(const std::string& metric) {
  return larger_is_better(metric) ? Better::larger : Better::smaller;
}

// The last bits of Student's t may differ between machines.
double ten_digits(double value) {
  if (!std::isfinite(value)) return value;
  const std::string digits = fmt::format("{:.10g}", value);
  double rounded = value;
  std::from_chars(digits.data(), digits.data() + digits.size(), rounded);
  return rounded;
}

std::optional<double> score_of(const JobRun& run, const std::string& metric) {
  if (!run.result || !run.result->failure.empty()) return std::nullopt;
  for (const auto& [name, value] : run.result->scores) {
    if (name == metric) return value;
  }
  return std::nullopt;
}

// Of a configuration over all splits; nothing where one of them has none.
std::optional<std::vector<double>> scores_of(const JobResults& results, std::uint32_t configuration,
                                             const std::string& metric) {
  std::vector<double> scores;
  for (std::size_t split = 0; split < results.splits.size(); ++split) {
    const auto score = score_of(results.run(configuration, split), metric);
    if (!score || !std::isfinite(*score)) return std::nullopt;
    scores.push_back(*score);
  }
  return scores;
}

SplitSizes sizes_of(const JobResults& results) {
  SplitSizes sizes;
  for (const JobSplit& split : results.splits) {
    sizes.training += static_cast<double>(split.train_examples);
    sizes.validation += static_cast<double>(split.validation.size());
  }
  const auto count = static_cast<double>(results.splits.size());
  return {sizes.training / count, sizes.validation / count};
}

std::string_view state_of(Standing standing) {
  switch (standing) {
    case Standing::done:
      return "done";
    case Standing::halved:
      return "halved";
    case Standing::failed:
      return "failed";
    case Standing::racing:
      return "unfinished";
  }
  return "";
}

Ranked ranked_in(const std::vector<Ranked>& ranking, std::uint32_t configuration) {
  for (const Ranked& ranked : ranking) {
    if (ranked.configuration == configuration) return ranked;
  }
  return {};
}

Standing standing_of(const JobResults& results, std::uint32_t configuration) {
  return ranked_in(results.ranking, configuration).standing;
}

bool has_failed(const JobRun& run) { return run.result && !run.result->failure.empty(); }

// Of a run of a configuration that came so far.
std::string_view state_of(const JobRun& run, const Ranked& ranked) {
  if (!run.result) return "unfinished";
  if (has_failed(run)) return "failed";
  if (ranked.standing == Standing::halved) return "halved";
  const bool is_midway = ranked.standing == Standing::racing && run.result->step <= ranked.steps;
  if (is_midway) return "unfinished";  // At a rung, and its configuration went no further.
  return run.result->stopped_early ? "stopped_early" : "done";
}

std::string reason_of(const JobRun& run) { return has_failed(run) ? run.result->failure : ""; }

std::string failure_of(const JobResults& results, std::uint32_t configuration) {
  for (std::size_t split = 0; split < results.splits.size(); ++split) {
    const auto& result = results.run(configuration, split).result;
    if (result && !result->failure.empty()) return result->failure;
  }
  for (std::size_t split = 0; split < results.splits.size(); ++split) {
    const JobRun& run = results.run(configuration, split);
    if (run.result && !score_in(*run.result, results.metric)) {
      return undefined_on_a_split(results.metric);
    }
  }
  return "";
}

// A value of a parameter as JSON: a number where it is one.
Json value_json(const std::string& yaml) {
  Json value = parse_json_if<Json>(yaml);
  return value.is_discarded() || value.is_object() || value.is_array() ? Json(yaml) : value;
}

std::vector<std::string> metrics_of(const JobResults& results) {
  std::vector<std::string> names;
  for (const JobRun& run : results.runs) {
    if (!run.result) continue;
    for (const auto& [name, value] : run.result->scores) {
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    }
  }
  return names;
}

// ---- runs ---------------------------------------------------------------------------------------

// The lines of history at which the validation split was evaluated.
Json curve_json(const JobRun& run) {
  Json curve = Json::array();
  std::size_t begin = 0;
  while (begin < run.history.size()) {
    const std::size_t end = std::min(run.history.find('\n', begin), run.history.size());
    const Json line = parse_json_if<Json>(run.history.substr(begin, end - begin));
    begin = end + 1;
    if (line.is_discarded() || !line.contains("validation")) continue;
    Json point = {{"step", line.at("step")}};
    if (run.result && run.result->steps_per_epoch > 0) {
      point["epoch"] =
          line.at("step").get<double>() / static_cast<double>(run.result->steps_per_epoch);
    }
    if (line.contains("train") && line.at("train").contains("loss")) {
      point["train_loss"] = line.at("train").at("loss");
    }
    point["scores"] = line.at("validation");
    curve.push_back(std::move(point));
  }
  return curve;
}

Json scores_json(const RunResult& result) {
  Json scores = Json::object();
  for (const auto& [name, value] : result.scores) {
    if (std::isfinite(value)) scores[name] = value;
  }
  return scores;
}

Json run_json(const JobResults& results, std::uint32_t configuration, std::size_t split) {
  const JobRun& run = results.run(configuration, split);
  const JobSplit& of = results.splits[split];
  Json json = {{"run", run.name}, {"repeat", of.repeat}, {"fold", of.fold}};
  json["state"] = state_of(run, ranked_in(results.ranking, configuration));
  json["reason"] = reason_of(run);
  json["train_examples"] = of.train_examples;
  json["validation_examples"] = of.validation.size();
  if (!run.result) return json;
  json["steps"] = run.result->step;
  if (has_failed(run)) return json;
  if (run.result->steps_per_epoch > 0) {
    json["epochs"] =
        static_cast<double>(run.result->step) / static_cast<double>(run.result->steps_per_epoch);
  }
  json["scores"] = scores_json(*run.result);
  json["curve"] = curve_json(run);
  return json;
}

// ---- configurations -----------------------------------------------------------------------------

using Scores = std::optional<std::vector<double>>;

// What `scores` has of each metric: one for each split, or nothing.
void add_statistics(const JobResults& results, const auto& scores_by_metric, Json& json) {
  Json means = Json::object();
  Json deviations = Json::object();
  Json intervals = Json::object();
  for (const std::string& metric : metrics_of(results)) {
    const Scores scores = scores_by_metric(metric);
    if (!scores) continue;
    means[metric] = mean(*scores);
    if (scores->size() < 2) continue;
    deviations[metric] = standard_deviation(*scores);
    const Interval interval = corrected_interval(*scores, sizes_of(results));
    intervals[metric] = {ten_digits(interval.low), ten_digits(interval.high)};
  }
  json["mean"] = std::move(means);
  if (!deviations.empty()) json["standard_deviation"] = std::move(deviations);
  if (!intervals.empty()) json["interval"] = std::move(intervals);
}

void add_comparison(const JobResults& results, std::uint32_t configuration, std::uint32_t best,
                    Json& json) {
  const auto mine = scores_of(results, configuration, results.metric);
  const auto theirs = scores_of(results, best, results.metric);
  if (configuration == best || !mine || !theirs || mine->size() < 2) return;
  const PairedTest test = corrected_paired_t_test(*mine, *theirs, sizes_of(results));
  Json versus = {{"difference", test.difference}};
  if (std::isfinite(test.t)) versus["t"] = ten_digits(test.t);
  versus["p"] = ten_digits(test.p);
  json["versus_best"] = std::move(versus);
}

Json configuration_json(const JobResults& results, std::uint32_t id,
                        const std::optional<ConfigurationChoice>& choice) {
  const Standing standing = standing_of(results, id);
  Json json = {{"id", id}};
  Json parameters = Json::object();
  if (results.spec.search) {
    for (std::size_t p = 0; p < results.configurations[id].values.size(); ++p) {
      parameters[results.spec.search->parameters[p].field] =
          value_json(results.configurations[id].values[p]);
    }
  }
  json["parameters"] = std::move(parameters);
  json["state"] = state_of(standing);
  json["reason"] = standing == Standing::failed ? failure_of(results, id) : "";
  add_statistics(
      results, [&](const std::string& metric) { return scores_of(results, id, metric); }, json);
  if (standing == Standing::done) {
    for (std::size_t i = 0; i < results.ranking.size(); ++i) {
      if (results.ranking[i].configuration == id) json["rank"] = i + 1;
    }
    if (choice) add_comparison(results, id, choice->best, json);
  }
  Json runs = Json::array();
  for (std::size_t split = 0; split < results.splits.size(); ++split) {
    runs.push_back(run_json(results, id, split));
  }
  json["runs"] = std::move(runs);
  return json;
}

Json split_json(const CrossValidationSpec& spec, std::size_t splits) {
  Json json = {{"kind", name_of(spec.split)},
               {"folds", splits / std::max(1U, spec.repeats)},
               {"repeats", spec.repeats}};
  if (!spec.group.empty()) json["group"] = spec.group;
  if (!spec.time.empty()) json["time"] = spec.time;
  return json;
}

// ---- a nested search ----------------------------------------------------------------------------

Scores nested_scores(const JobResults& results, const std::string& metric) {
  std::vector<double> scores;
  for (const NestedSearch& search : results.nested) {
    const auto score = score_of(search.score, metric);
    if (!score || !std::isfinite(*score)) return std::nullopt;
    scores.push_back(*score);
  }
  return scores;
}

// What came of the search within a split's training examples, and of its choice on the split.
Json outer_json(const JobResults& results, std::size_t split) {
  const NestedSearch& search = results.nested[split];
  Json json = {{"repeat", results.splits[split].repeat}, {"fold", results.splits[split].fold}};
  if (search.chosen) {
    json["chosen"] = *search.chosen;
    json["run"] = search.score.name;
  }
  json["state"] = state_of(search.score, {.standing = Standing::done});
  json["reason"] = reason_of(search.score);
  const bool scored = search.score.result && !has_failed(search.score);
  json["scores"] = scored ? scores_json(*search.score.result) : Json::object();
  json["inner_splits"] = search.splits.size();
  Json inner = Json::array();
  for (std::uint32_t id = 0; id < results.configurations.size(); ++id) {
    Json one = {{"id", id}};
    for (std::size_t place = 0; place < search.ranking.size(); ++place) {
      const Ranked& ranked = search.ranking[place];
      if (ranked.configuration != id) continue;
      one["state"] = state_of(ranked.standing);
      if (ranked.standing == Standing::done) one["rank"] = place + 1;
      if (ranked.steps != 0 && ranked.standing != Standing::failed) one["mean"] = ranked.mean;
    }
    inner.push_back(std::move(one));
  }
  json["inner"] = std::move(inner);
  return json;
}

Json nested_json(const JobResults& results) {
  Json json = {
      {"split", split_json(*results.spec.search->nested, results.nested[0].splits.size())}};
  add_statistics(
      results, [&](const std::string& metric) { return nested_scores(results, metric); }, json);
  Json outer = Json::array();
  for (std::size_t split = 0; split < results.nested.size(); ++split) {
    outer.push_back(outer_json(results, split));
  }
  json["outer"] = std::move(outer);
  return json;
}

}  // namespace

std::string deciding_metric(const Spec& spec) {
  if (spec.search) return spec.search->metric;
  switch (spec.model.task) {
    case Task::binary:
      return "roc_auc";
    case Task::multiclass:
      return "accuracy";
    case Task::regression:
      break;
  }
  return "rmse";
}

std::optional<ConfigurationChoice> choose(const JobResults& results) {
  std::vector<std::uint32_t> ids;
  std::vector<std::vector<double>> all;
  for (std::uint32_t id = 0; id < results.configurations.size(); ++id) {
    if (standing_of(results, id) != Standing::done) continue;
    auto scores = scores_of(results, id, results.metric);
    if (!scores) continue;
    ids.push_back(id);
    all.push_back(std::move(*scores));
  }
  return choose_among(ids, all, better_of(results.metric),
                      results.spec.search ? results.spec.search->choose : ChoiceRule::best);
}

namespace {

bool is_of_time(const Unfinished& unfinished) { return unfinished.budget == "job.seconds"; }

// "job.steps: 1000 did not reach for 12 runs and the refit. ..."
std::string reason_of(const Unfinished& unfinished) {
  std::string left;
  if (unfinished.runs > 0) left = counted(unfinished.runs, "run");
  if (unfinished.refit) left += left.empty() ? "the refit" : " and the refit";
  if (left.empty()) left = "what would have followed";
  const bool of_time = is_of_time(unfinished);
  return fmt::format("{}: {:.15g}{} did not reach for {}; {}", unfinished.budget, unfinished.limit,
                     of_time ? " s" : "", left,
                     of_time ? "what was left out depends on how fast the machines were, so these "
                               "results do too"
                             : "the same is left out each time");
}

Json unfinished_json(const Unfinished& unfinished) {
  return {{"budget", unfinished.budget},
          {"limit", unfinished.limit},
          {"runs", unfinished.runs},
          {"refit", unfinished.refit},
          {"depends_on_time", is_of_time(unfinished)},
          {"reason", reason_of(unfinished)}};
}

}  // namespace

std::string cv_json(const JobResults& results) {
  const Spec& spec = results.spec;
  const auto choice = choose(results);
  Json json = {{"ballast", results.version},
               {"kind", spec.search ? "search" : "cross_validation"},
               {"name", spec.name},
               {"seed", spec.seed},
               {"task", name_of(spec.model.task)}};
  if (!results.classes.empty()) json["classes"] = results.classes;
  json["metric"] = {{"name", results.metric},
                    {"larger_is_better", larger_is_better(results.metric)}};
  json["metrics"] = metrics_of(results);
  json["split"] = split_json(*spec.cross_validation, results.splits.size());
  if (spec.search) json["method"] = name_of(spec.search->method);
  json["examples"] = results.examples;
  json["spec"] = spec.source;
  Json parameters = Json::array();
  if (spec.search) {
    for (const ParameterSpec& parameter : spec.search->parameters) {
      parameters.push_back({{"name", parameter.field}, {"scale", name_of(scale_of(parameter))}});
    }
  }
  json["parameters"] = std::move(parameters);
  Json configurations = Json::array();
  for (std::uint32_t id = 0; id < results.configurations.size(); ++id) {
    configurations.push_back(configuration_json(results, id, choice));
  }
  json["configurations"] = std::move(configurations);
  if (choice) {
    json["choice"] = {{"best", choice->best},
                      {"one_standard_error", choice->one_standard_error},
                      {"chosen", choice->chosen},
                      {"rule", spec.search && spec.search->choose == ChoiceRule::one_standard_error
                                   ? "one_standard_error"
                                   : "best"}};
    json["curves"] = curves_json(results, choice->chosen);
  }
  if (results.refit) {
    json["refit"] = {{"directory", results.refit->directory},
                     {"digest", results.refit->digest},
                     {"metrics", parse_json_if<Json>(results.refit->metrics_json)}};
  }
  if (results.unfinished) json["unfinished"] = unfinished_json(*results.unfinished);
  if (!results.nested.empty()) json["nested"] = nested_json(results);
  return json_text(json, 1, BadUtf8::replace) + "\n";
}

// ---- tables -------------------------------------------------------------------------------------

namespace {

std::string csv_cell(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? "\"\"" : std::string(1, c);
  return quoted + "\"";
}

std::string csv_number(double value) {
  return std::isfinite(value) ? json_text(Json(value)) : std::string();
}

// A row of results.csv, but for its last cell where the search is nested.
std::string csv_row(const JobResults& results, std::uint32_t id, const std::string& place,
                    const JobSplit& of, const JobRun& run, const Ranked& ranked) {
  std::string row =
      fmt::format("{},{},{},{},{},{}", id, place, state_of(run, ranked),
                  run.result ? run.result->step : Step{0}, of.train_examples, of.validation.size());
  for (const std::string& value : results.configurations[id].values) row += "," + csv_cell(value);
  for (const std::string& metric : metrics_of(results)) {
    const auto score = score_of(run, metric);
    row += "," + (score ? csv_number(*score) : "");
  }
  return row + "," + csv_cell(reason_of(run));
}

// The rows of a nested search: those of each inner race, and the runs that score a choice where the
// race over the splits has none.
std::string nested_rows(const JobResults& results) {
  std::string csv;
  for (std::size_t split = 0; split < results.nested.size(); ++split) {
    const NestedSearch& search = results.nested[split];
    const JobSplit& of = results.splits[split];
    for (std::uint32_t id = 0; id < results.configurations.size(); ++id) {
      for (std::size_t i = 0; i < search.splits.size(); ++i) {
        const std::string place = fmt::format("{},{},{},{}", of.repeat, of.fold,
                                              search.splits[i].repeat, search.splits[i].fold);
        csv += csv_row(results, id, place, search.splits[i],
                       search.runs[id * search.splits.size() + i], ranked_in(search.ranking, id)) +
               ",\n";
      }
    }
    if (!search.chosen || search.score.name == results.run(*search.chosen, split).name) continue;
    const std::string place = fmt::format("{},{},,", of.repeat, of.fold);
    csv += csv_row(results, *search.chosen, place, of, search.score, {.standing = Standing::done}) +
           ",1\n";
  }
  return csv;
}

}  // namespace

std::string results_csv(const JobResults& results) {
  const bool nested = !results.nested.empty();
  std::string csv =
      nested ? "configuration,repeat,fold,inner_repeat,inner_fold" : "configuration,repeat,fold";
  csv += ",state,steps,train_examples,validation_examples";
  if (results.spec.search) {
    for (const ParameterSpec& p : results.spec.search->parameters) csv += "," + csv_cell(p.field);
  }
  for (const std::string& metric : metrics_of(results)) csv += "," + csv_cell(metric);
  csv += nested ? ",reason,scores_nested\n" : ",reason\n";
  for (std::uint32_t id = 0; id < results.configurations.size(); ++id) {
    for (std::size_t split = 0; split < results.splits.size(); ++split) {
      const JobRun& run = results.run(id, split);
      const JobSplit& of = results.splits[split];
      const std::string place = fmt::format("{},{}", of.repeat, of.fold) + (nested ? ",," : "");
      csv += csv_row(results, id, place, of, run, ranked_in(results.ranking, id));
      if (nested) csv += results.nested[split].score.name == run.name ? ",1" : ",";
      csv += "\n";
    }
  }
  return csv + nested_rows(results);
}

std::string predictions_csv(const JobResults& results) {
  const auto choice = choose(results);
  std::string csv = "repeat,fold,example,actual";
  const bool weighted =
      std::any_of(results.runs.begin(), results.runs.end(),
                  [](const JobRun& run) { return run.result && !run.result->weights.empty(); });
  if (weighted) csv += ",weight";
  const bool classes = results.spec.model.task != Task::regression;
  std::uint32_t width = 0;
  for (const JobRun& run : results.runs) {
    if (run.result) width = std::max(width, run.result->outputs_per_example);
  }
  if (!classes) {
    csv += ",predicted";
  } else if (width == 1) {
    csv += "," + csv_cell("probability of " +
                          (results.classes.size() > 1 ? results.classes[1] : std::string("1")));
  } else {
    for (std::uint32_t k = 0; k < width; ++k) {
      csv += "," + csv_cell("probability of " +
                            (k < results.classes.size() ? results.classes[k] : std::to_string(k)));
    }
  }
  csv += "\n";
  if (!choice) return csv;
  for (std::size_t split = 0; split < results.splits.size(); ++split) {
    const JobSplit& of = results.splits[split];
    const RunResult& result = *results.run(choice->chosen, split).result;
    for (std::size_t i = 0; i < of.validation.size(); ++i) {
      const auto label = static_cast<std::size_t>(result.labels[i]);
      const std::string actual = classes && label < results.classes.size()
                                     ? csv_cell(results.classes[label])
                                     : csv_number(static_cast<double>(result.labels[i]));
      csv += fmt::format("{},{},{},{}", of.repeat, of.fold, of.validation[i], actual);
      if (weighted) csv += "," + csv_number(result.weights[i]);
      for (std::uint32_t k = 0; k < width; ++k) {
        csv += "," + csv_number(static_cast<double>(result.outputs[i * width + k]));
      }
      csv += "\n";
    }
  }
  return csv;
}

// ---- for people ---------------------------------------------------------------------------------

namespace {

// "rmse 75.2262 on average, 95 % interval 40.3073 to 110.1450"
std::string average_text(const std::string& metric, std::span<const double> scores,
                         const SplitSizes& sizes) {
  std::string text = fmt::format("{} {:.4f} on average", metric, mean(scores));
  if (scores.size() < 2) return text;
  const Interval interval = corrected_interval(scores, sizes);
  return text + fmt::format(", 95 % interval {:.4f} to {:.4f}", interval.low, interval.high);
}

// "nested: accuracy 0.9312 on average, ...; chosen there: c001, c001, c004"
std::string nested_text(const JobResults& results) {
  if (results.nested.empty()) return "";
  std::string chosen;
  for (const NestedSearch& search : results.nested) {
    chosen += (chosen.empty() ? "" : ", ") +
              (search.chosen ? fmt::format("c{:03}", *search.chosen) : std::string("none"));
  }
  const Scores scores = nested_scores(results, results.metric);
  return "nested: " +
         (scores ? average_text(results.metric, *scores, sizes_of(results))
                 : "no average, since a split has no score") +
         "; chosen there: " + chosen;
}

}  // namespace

std::vector<std::string> summary_lines(const JobResults& results) {
  std::vector<std::string> lines;
  if (results.unfinished) lines.push_back("unfinished: " + reason_of(*results.unfinished));
  const auto choice = choose(results);
  if (!choice) return lines;
  const auto scores = scores_of(results, choice->chosen, results.metric);
  const std::string who =
      results.configurations.size() > 1 ? fmt::format("c{:03} is chosen: ", choice->chosen) : "";
  lines.push_back(who + average_text(results.metric, *scores, sizes_of(results)));
  if (const auto nested = nested_text(results); !nested.empty()) lines.push_back(nested);
  return lines;
}

}  // namespace ballast

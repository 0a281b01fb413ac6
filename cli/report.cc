// ballast report: one page to look at, of a training run or of a job.

#include <fmt/core.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "cli/job_file.h"
#include "cli/verbs.h"
#include "cli/version.h"
#include "common/job/json_text.h"
#include "common/job/run_json.h"
#include "common/storage/files.h"
#include "coordinator/report/report.h"

namespace ballast {
namespace {

using Json = nlohmann::ordered_json;

// More steps than this no plot can show; those that stay are evenly apart. Lines of epochs all do.
constexpr std::size_t kStepLinesMax = 2000;

Error damaged(const std::string& path, const std::string& what) {
  return {ErrorCode::corrupt, path + ": truncated or altered: " + what};
}

Result<Json> read_object(const std::string& path) try {
  const auto text = read_file(path);
  if (!text) return text.error();
  auto json = parse_shallow_json<Json>(*text);
  if (!json.is_object()) return damaged(path, "expected a JSON object");
  return json;
} catch (const Json::exception&) {
  return damaged(path, "it is no JSON");
}

// The lines of history.jsonl. A run that goes on, or died, may leave half a line at the end.
Result<std::vector<Json>> read_history(const std::string& path) {
  std::vector<Json> lines;
  if (!path_exists(path)) return lines;
  const auto text = read_file(path);
  if (!text) return text.error();
  std::size_t begin = 0;
  for (std::size_t end = text->find('\n'); end != std::string::npos;
       end = text->find('\n', begin)) {
    Json line = parse_json_if<Json>(std::string_view(*text).substr(begin, end - begin));
    if (!line.is_object() || !line.contains("step")) {
      return damaged(path, fmt::format("line {} is not one of a history", lines.size() + 1));
    }
    lines.push_back(std::move(line));
    begin = end + 1;
  }
  return lines;
}

Json thinned(std::vector<Json> lines) {
  const auto is_step = [](const Json& line) { return line.contains("learning_rate"); };
  const auto steps = static_cast<std::size_t>(std::ranges::count_if(lines, is_step));
  const std::size_t every = std::max<std::size_t>(1, (steps + kStepLinesMax - 1) / kStepLinesMax);
  Json kept = Json::array();
  std::size_t step = 0;
  for (Json& line : lines) {
    if (!is_step(line) || ++step % every == 0) kept.push_back(std::move(line));
  }
  return kept;
}

const char* name_of(Task task) {
  switch (task) {
    case Task::binary:
      return "binary";
    case Task::multiclass:
      return "multiclass";
    case Task::regression:
      return "regression";
  }
  return "";
}

Result<RunConfig> run_of(const std::string& directory, const std::optional<Json>& model) try {
  if (path_exists(join_path(directory, "job.json"))) {
    auto job = read_job_file(directory);
    if (!job) return job.error();
    return std::move(job->run);
  }
  auto run = run_from_json(json_text(model->at("run")));
  if (!run) return damaged(join_path(directory, "model.json"), run.error().message);
  return run;
} catch (const Json::exception&) {
  return damaged(join_path(directory, "model.json"), "it does not describe a model");
}

Json describe(const RunConfig& run) {
  Json json = {{"kind", "training"}, {"ballast", kVersion},       {"name", run.name},
               {"seed", run.seed},   {"task", name_of(run.task)}, {"classes", run.classes},
               {"steps", run.steps}, {"spec", run.spec},          {"examples", Json::object()}};
  json["class_weights"] = run.weights && !run.weights->classes.empty();
  json["examples"]["train"] = run.train_examples;
  json["examples"]["validation"] = run.validation_examples;
  json["examples"]["test"] = run.test_examples;
  return json;
}

Result<std::string> training_page(const std::string& directory) try {
  std::optional<Json> model;
  if (const std::string path = join_path(directory, "model.json"); path_exists(path)) {
    auto read = read_object(path);
    if (!read) return read.error();
    model = std::move(*read);
  }
  const auto run = run_of(directory, model);
  if (!run) return run.error();
  auto history = read_history(join_path(directory, "history.jsonl"));
  if (!history) return history.error();

  Json json = describe(*run);
  json["history"] = thinned(std::move(*history));
  if (model) json["digest"] = model->at("digest").get<std::string>();
  if (model && model->contains("threshold")) json["threshold"] = model->at("threshold");
  const std::string metrics_path = join_path(directory, "metrics.json");
  const bool is_measured = path_exists(metrics_path);
  if (is_measured) {
    auto metrics = read_object(metrics_path);
    if (!metrics) return metrics.error();
    json["metrics"] = std::move(*metrics);
  }
  json["state"] = model || is_measured ? "done" : "unfinished";
  return report_html(json_text(json), "{}");
} catch (const Json::exception&) {
  return damaged(directory, "model.json and history.jsonl do not describe a run");
}

Result<std::string> job_page(const std::string& directory) {
  const std::string path = join_path(directory, "cv.json");
  const auto job = read_file(path);
  if (!job) return job.error();
  std::string timings = "{}";
  if (const std::string file = join_path(directory, "timings.json"); path_exists(file)) {
    auto read = read_file(file);
    if (!read) return read.error();
    timings = std::move(*read);
  }
  auto page = report_html(*job, timings);
  if (!page) return Error{page.error().code, directory + ": " + page.error().message};
  return page;
}

Result<std::string> page_of(const std::string& directory) {
  if (path_exists(join_path(directory, "cv.json"))) return job_page(directory);
  for (const char* name : {"job.json", "model.json"}) {
    if (path_exists(join_path(directory, name))) return training_page(directory);
  }
  return Error{ErrorCode::not_found, directory +
                                         ": expected the output directory of a training run "
                                         "(job.json) or of a cross-validation or search (cv.json)"};
}

int report(const std::string& directory) {
  const auto page = page_of(directory);
  if (!page) return user_mistake(page.error().message);
  const std::string path = join_path(directory, "report.html");
  if (const Status written = write_file_atomically(path, *page); !written) {
    return user_mistake(written.error().message);
  }
  fmt::print("{}\n", path);
  return 0;
}

}  // namespace

void add_report(CLI::App& app, Chosen& chosen) {
  const auto directory = std::make_shared<std::string>();
  CLI::App* verb = app.add_subcommand("report", "Make report.html of a run or of a job");
  verb->add_option("DIR", *directory,
                   "The output directory of a training run, a cross-validation or a search")
      ->required();
  verb->footer(
      "\nWrites DIR/report.html, one file that needs nothing else, and prints where it is. Of a "
      "run\n"
      "that is not finished it shows what there is so far.");
  verb->callback([directory, &chosen] { chosen = [directory] { return report(*directory); }; });
}

}  // namespace ballast

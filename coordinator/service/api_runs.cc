#include "coordinator/service/api_runs.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string_view>
#include <system_error>
#include <vector>

#include "common/job/json_text.h"
#include "common/job/parse.h"
#include "common/math/metrics.h"
#include "common/storage/files.h"
#include "coordinator/search/configurations.h"
#include "coordinator/search/results.h"

namespace ballast {
namespace {

using Json = nlohmann::ordered_json;

// "c012-r0-f1", or of a nested search "r0-f1-c012-r0-f0"; nothing: the run of no configuration.
std::optional<std::uint32_t> configuration_of(std::string_view run) {
  const std::size_t at = run.starts_with('c') ? 0 : run.find("-c") + 1;
  if (at >= run.size() || run[at] != 'c') return std::nullopt;
  std::uint32_t id = 0;
  const auto read = std::from_chars(run.data() + at + 1, run.data() + run.size(), id);
  return read.ec == std::errc() ? std::optional(id) : std::nullopt;
}

// What is not there yet is null.
Json run_of(const std::string& directory, const std::string& name, const std::string& metric) {
  Json run = {{"run", name},       {"configuration", nullptr}, {"state", "under_way"},
              {"reason", nullptr}, {"step", nullptr},          {"score", nullptr}};
  if (const auto id = configuration_of(name)) run["configuration"] = *id;
  const auto text = read_file(join_path(directory, "result.json"));
  if (!text) return run;
  const Json result = parse_shallow_json_if<Json>(*text);
  if (!result.is_object()) return run;
  for (const char* field : {"state", "reason", "step"}) {
    if (result.contains(field)) run[field] = result[field];
  }
  if (const auto scores = result.find("scores"); scores != result.end()) {
    if (scores->contains(metric)) run["score"] = (*scores)[metric];
  }
  return run;
}

std::vector<std::string> directories_in(const std::string& path) {
  std::vector<std::string> names;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(path, error), end; !error && entry != end;
       entry.increment(error)) {
    std::error_code gone;
    if (entry->is_directory(gone)) names.push_back(entry->path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

Json values_of(const Spec& spec, const std::vector<Configuration>& combinations, std::uint32_t id) {
  const SearchSpec& search = *spec.search;
  const bool is_grid = search.method == SearchMethod::grid;
  if (is_grid && id >= combinations.size()) return nullptr;
  return is_grid ? combinations[id].values : drawn(search, spec.seed, id).values;
}

}  // namespace

Result<std::string> runs_json(const JobRequest& request, const std::string& output) {
  Json json = {{"metric", nullptr},
               {"larger_is_better", nullptr},
               {"parameters", Json::array()},
               {"configurations", Json::array()},
               {"runs", Json::array()}};
  if (request.kind == JobKind::train) return json_text(json);
  const auto spec = parse_spec(request.spec, "spec.yaml", request.overrides);
  if (!spec) return spec.error();
  const std::string metric = deciding_metric(*spec);
  json["metric"] = metric;
  json["larger_is_better"] = larger_is_better(metric);
  const std::string runs = join_path(output, "runs");
  std::set<std::uint32_t> seen;
  for (const std::string& name : directories_in(runs)) {
    json["runs"].push_back(run_of(join_path(runs, name), name, metric));
    if (const auto id = configuration_of(name)) seen.insert(*id);
  }
  if (spec->search) {
    std::vector<Configuration> combinations;
    if (spec->search->method == SearchMethod::grid) combinations = grid(*spec->search);
    for (const ParameterSpec& parameter : spec->search->parameters) {
      json["parameters"].push_back(parameter.field);
    }
    for (const std::uint32_t id : seen) {
      json["configurations"].push_back(
          {{"id", id}, {"values", values_of(*spec, combinations, id)}});
    }
  }
  return json_text(json, -1, BadUtf8::replace);
}

}  // namespace ballast

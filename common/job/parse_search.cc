#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "common/job/parse_sections.h"
#include "common/job/text.h"

namespace ballast {
namespace {

constexpr NumberRange kBudget{0.0, 365 * 86400.0, NumberRange::Ends::closed,
                              "0 or more and at most a year"};
constexpr std::uint64_t kExactWhole = std::uint64_t{1} << 53;  // What a double counts exactly.

// ---- cross-validation ---------------------------------------------------------------------------

// Reads a column's name, which some kinds of split need and the others have no use for.
void read_column(const Place& place, std::string_view field, bool needed, std::string_view kinds,
                 const CrossValidationSpec& spec, std::string& out) {
  if (!needed) {
    place.refuse(field, fmt::format("goes only with {}, not with {}; remove one of the two", kinds,
                                    name_of(spec.split)));
    return;
  }
  if (!place.has(field) && !out.empty()) return;  // As the outer splits have it.
  if (!place.require(field,
                     fmt::format("write the column that {} splits by", name_of(spec.split)))) {
    return;
  }
  place.read(field, out);
  if (place.at(field).is(YamlNode::Kind::scalar) && out.empty()) {
    place.at(field).complain("expected a column's name, got an empty text");
  }
}

void read_columns(const Place& place, CrossValidationSpec& out) {
  read_column(place, "group", needs_groups(out.split),
              "grouped, stratified_grouped and leave_one_group_out", out, out.group);
  read_column(place, "time", needs_times(out.split), "expanding and sliding", out, out.time);
  read_column(place, "column", out.split == SplitKind::given, "given", out, out.column);
}

// How many splits there are.
void read_counts(const Place& place, CrossValidationSpec& out) {
  const bool counted = out.split != SplitKind::leave_one_group_out && out.split != SplitKind::given;
  const bool partitions = counted && !holds_out(out.split) && !needs_times(out.split);
  if (counted) {
    place.read("folds", WholeRange{.low = partitions ? 2U : 1U, .high = kSplitsMax}, out.folds);
  } else {
    place.refuse("folds", fmt::format("the data says how many folds {} has; remove this",
                                      name_of(out.split)));
  }
  place.read("repeats", WholeRange{.low = 1, .high = kSplitsMax}, out.repeats);
  if (out.split == SplitKind::k_fold) {
    place.read("shuffle", out.shuffle);
  } else {
    place.refuse("shuffle", fmt::format("goes only with k_fold, not with {}; remove one of the two",
                                        name_of(out.split)));
  }
  if (out.repeats == 1) return;
  const bool drawn = counted && !needs_times(out.split) && out.shuffle;
  if (!drawn) {
    place.at("repeats").complain(
        fmt::format("{}{} draws nothing, so each repetition would be the same; remove one of the "
                    "two",
                    name_of(out.split), out.shuffle ? "" : " without shuffle"));
  } else if (std::uint64_t{out.repeats} * out.folds > kSplitsMax) {
    place.at("repeats").complain(fmt::format("expected at most {} splits, got {} times {}",
                                             kSplitsMax, out.repeats, out.folds));
  }
}

void read_shares(const Place& place, CrossValidationSpec& out) {
  const auto refuse = [&](std::string_view field, std::string_view kinds) {
    place.refuse(field, fmt::format("goes only with {}, not with {}; remove one of the two", kinds,
                                    name_of(out.split)));
  };
  if (holds_out(out.split)) {
    place.read("fraction", kFraction, out.fraction);
  } else {
    refuse("fraction", "shuffled and stratified_shuffled");
  }
  if (needs_times(out.split)) {
    place.read("gap", WholeRange{.low = 0, .high = kStepsMax}, out.gap);
  } else {
    refuse("gap", "expanding and sliding");
  }
  if (out.split == SplitKind::sliding) {
    place.read("window", WholeRange{.low = 0, .high = kSplitsMax}, out.window);
  } else {
    refuse("window", "sliding");
  }
}

// ---- parameters ---------------------------------------------------------------------------------

void read_choices(const Place& place, ParameterSpec& out) {
  if (!place.is(YamlNode::Kind::list) || place.node().items.empty()) {
    place.complain_expected("the values to choose from, such as [0.01, 0.1]");
    return;
  }
  for (std::size_t i = 0; i < place.node().items.size(); ++i) {
    const Place item = place.item(i);
    if (item.is(YamlNode::Kind::null)) {
      item.complain(
          "expected a value, got nothing; a field that is absent has its default, which "
          "can be written");
      continue;
    }
    std::string text = write_yaml(item.node());
    if (text.ends_with('\n')) text.pop_back();
    const bool repeated =
        std::find(out.choices.begin(), out.choices.end(), text) != out.choices.end();
    if (repeated) item.complain("this value is listed twice; remove one");
    out.choices.push_back(std::move(text));
  }
}

// The two ends of a range.
void read_range(const Place& place, ParameterSpec& out) {
  const bool whole = out.kind == ParameterKind::integer;
  const bool logarithmic = out.kind == ParameterKind::log_uniform;
  if (!place.is(YamlNode::Kind::list) || place.node().items.size() != 2) {
    place.complain_expected(whole ? "the least and the most, such as [64, 512]"
                                  : "the least and the most, such as [0.001, 0.1]");
    return;
  }
  const auto end_at = [&](std::size_t i) -> std::optional<double> {
    const Place end = place.item(i);
    if (!whole) return end.number(logarithmic ? kPositive : kAnyNumber);
    const auto value = end.whole({.low = 0, .high = kExactWhole});
    return value ? std::optional(static_cast<double>(*value)) : std::nullopt;
  };
  const auto low = end_at(0);
  const auto high = end_at(1);
  if (!low || !high) return;
  if (*low >= *high) {
    place.complain(fmt::format("expected the least before the most, got [{}, {}]", *low, *high));
    return;
  }
  out.low = *low;
  out.high = *high;
}

void read_values(const Place& place, ParameterSpec& out) {
  if (place.is(YamlNode::Kind::list)) {
    read_choices(place, out);
    return;
  }
  if (!place.is(YamlNode::Kind::mapping)) {
    place.complain_expected("a list of values, or a range such as {log_uniform: [0.001, 0.1]}");
    return;
  }
  const auto variant = place.variant("a way to draw", words_of<ParameterKind>(), {});
  if (!variant) return;
  out.kind = names_of<ParameterKind>()[variant->choice].value;
  if (out.kind == ParameterKind::choice) {
    read_choices(variant->place(), out);
  } else {
    read_range(variant->place(), out);
  }
}

void parse_parameters(const Place& parameters, SearchSpec& out) {
  if (!parameters.is(YamlNode::Kind::mapping) || parameters.node().items.empty()) {
    parameters.complain_expected(
        "fields and their values, such as {optimizer.learning_rate: [0.01, 0.1]}");
    return;
  }
  for (std::size_t i = 0; i < parameters.node().items.size(); ++i) {
    const YamlKey& key = parameters.node().keys[i];
    const Place place = parameters.item(i);
    if (const std::string complaint = complaint_about_parameter(key.text); !complaint.empty()) {
      YamlNode name;  // The key's own place.
      name.mark = key.mark;
      place.with(name).complain(complaint);
    }
    ParameterSpec& parameter = out.parameters.emplace_back();
    parameter.field = key.text;
    parameter.line = key.mark.line;
    read_values(place, parameter);
  }
}

// How many configurations the choices make, or the first number above the limit.
std::uint64_t combinations(const SearchSpec& search) {
  std::uint64_t product = 1;
  for (const ParameterSpec& parameter : search.parameters) {
    product *= parameter.choices.size();
    if (product > kConfigurationsMax) break;
  }
  return product;
}

bool all_choices(const SearchSpec& search) {
  return std::all_of(search.parameters.begin(), search.parameters.end(),
                     [](const auto& p) { return p.kind == ParameterKind::choice; });
}

void read_size(const Place& search, SearchSpec& out) {
  const bool halves = out.method == SearchMethod::halving || out.method == SearchMethod::hyperband;
  const auto refuse = [&](std::string_view field, std::string_view methods) {
    search.refuse(field, fmt::format("goes only with {}, not with {}; remove one of the two",
                                     methods, name_of(out.method)));
  };
  if (out.method == SearchMethod::random || out.method == SearchMethod::halving) {
    search.read("configurations", WholeRange{.low = 1, .high = kConfigurationsMax},
                out.configurations);
  } else {
    refuse("configurations", "random and halving");
  }
  if (halves) {
    search.read("reduction", WholeRange{.low = 2, .high = 1000}, out.reduction);
    search.read("steps_min", WholeRange{.low = 1, .high = kStepsMax}, out.steps_min);
  } else {
    refuse("reduction", "halving and hyperband");
    refuse("steps_min", "halving and hyperband");
  }
}

// ---- what takes several sections to see ---------------------------------------------------------

void check_column(const Place& place, const std::string& name, const DataSpec& data) {
  if (data.format == DataFormat::libsvm || data.format == DataFormat::idx) {
    place.complain(
        fmt::format("{} has no columns; choose a split that needs none", name_of(data.format)));
    return;
  }
  if (name == data.label) {
    place.complain(fmt::format("{} is the label; name another column", in_quotes(name)));
    return;
  }
  std::vector<std::string_view> names;
  for (const ColumnSpec& column : data.columns) names.push_back(column.name);
  const bool all_known = !names.empty() && !data.header && data.format != DataFormat::jsonl;
  if (!all_known || std::find(names.begin(), names.end(), name) != names.end()) return;
  const std::string_view near = nearest(name, names);
  place.complain(fmt::format(
      "expected one of data.columns, got {}{}", in_quotes(name),
      near.empty() ? std::string() : fmt::format("; did you mean {}?", in_quotes(near))));
}

void check_split(const Place& place, const CrossValidationSpec& split, const Spec& spec) {
  // What is not written is as the outer splits have it, and told there.
  if (place.has("split") && needs_classes(split.split) && spec.model.task == Task::regression) {
    place.at("split").complain(
        fmt::format("{} keeps the shares of classes, and the model predicts a number; choose {}",
                    name_of(split.split),
                    split.split == SplitKind::stratified           ? "k_fold"
                    : split.split == SplitKind::stratified_grouped ? "grouped"
                                                                   : "shuffled"));
  }
  const std::pair<std::string_view, const std::string*> columns[] = {
      {"group", &split.group}, {"time", &split.time}, {"column", &split.column}};
  for (const auto& [field, name] : columns) {
    if (place.has(field)) check_column(place.at(field), *name, spec.data);
  }
}

void check_grid(const Place& parameters, const SearchSpec& search) {
  for (std::size_t i = 0; i < search.parameters.size(); ++i) {
    if (search.parameters[i].kind == ParameterKind::choice) continue;
    parameters.item(i).complain(
        fmt::format("grid tries every combination of listed values, and {} is a range; list the "
                    "values, or choose method: random",
                    name_of(search.parameters[i].kind)));
  }
  if (all_choices(search) && combinations(search) > kConfigurationsMax) {
    parameters.complain(
        fmt::format("expected at most {} combinations; list fewer values, or "
                    "choose method: random",
                    kConfigurationsMax));
  }
}

void check_combinations(const Place& parameters, const SearchSpec& search) {
  if (search.method == SearchMethod::grid) {
    check_grid(parameters, search);
  } else if (search.method == SearchMethod::random && all_choices(search) &&
             combinations(search) < search.configurations) {
    parameters.complain(fmt::format(
        "these lists make {} configurations, fewer than the {} to draw; choose method: grid, or "
        "fewer configurations",
        combinations(search), search.configurations));
  }
}

// Rungs need scores from midway, and room for at least two of them.
void check_halving(const Place& search, const Spec& spec) {
  const SearchMethod method = spec.search->method;
  if (method != SearchMethod::halving && method != SearchMethod::hyperband) return;
  if (spec.training.consistency != Consistency::synchronous) {
    search.at("method").complain(fmt::format(
        "{} compares runs midway, and with training.consistency: {} nothing is evaluated before "
        "the end; choose grid or random",
        name_of(method), name_of(spec.training.consistency)));
  }
  const std::uint64_t steps = spec.training.steps;
  if (steps == 0 || spec.search->steps_min <= steps / spec.search->reduction) return;
  const Place place = search.has("steps_min") ? search.at("steps_min") : search;
  place.complain(fmt::format(
      "expected at most {} steps, training.steps divided by search.reduction, got {}; there would "
      "be nothing to compare before the end",
      steps / spec.search->reduction, spec.search->steps_min));
}

void check_choice(const Place& search, const Spec& spec) {
  if (spec.search->choose != ChoiceRule::one_standard_error) return;
  const auto is_one = [](const std::optional<CrossValidationSpec>& split) {
    return split && split->split != SplitKind::leave_one_group_out &&
           split->split != SplitKind::given && std::uint64_t{split->folds} * split->repeats < 2;
  };
  for (const auto& [field, split] : {std::pair("cross_validation", &spec.cross_validation),
                                     std::pair("search.nested", &spec.search->nested)}) {
    if (!is_one(*split)) continue;
    search.at("choose").complain(
        fmt::format("a standard error takes two splits, and {} has one; add repeats or folds, or "
                    "choose best",
                    field));
  }
}

// ---- the sections ------------------------------------------------------------------------------

void read_cross_validation(const Place& cross_validation, CrossValidationSpec& out) {
  cross_validation.read("split", out.split);
  read_counts(cross_validation, out);
  read_columns(cross_validation, out);
  read_shares(cross_validation, out);
}

// Inner splits are made as the outer ones unless they say how: groups that the outer splits keep
// together stay together, and no inner training sees a later time.
void parse_nested(const Place& nested, Task task, const CrossValidationSpec& outer,
                  CrossValidationSpec& out) {
  out = default_cross_validation(task);
  if (!nested.check_fields()) return;
  if (!nested.has("split")) {
    out = outer;
    out.repeats = 1;
  }
  read_cross_validation(nested, out);
}

}  // namespace

void parse_cross_validation(const Place& cross_validation, Task task, CrossValidationSpec& out) {
  out = default_cross_validation(task);
  if (cross_validation.check_fields()) read_cross_validation(cross_validation, out);
}

void parse_search(const Place& search, Task task, const CrossValidationSpec& outer,
                  SearchSpec& out) {
  if (!search.check_fields()) return;
  search.read("method", out.method);
  search.read("metric", out.metric);
  read_size(search, out);
  search.read("choose", out.choose);
  search.read("refit", out.refit);
  if (search.has("nested")) {
    parse_nested(search.at("nested").as("cross_validation"), task, outer, out.nested.emplace());
  }
  if (!search.require("parameters",
                      "write what to try, as parameters: {optimizer.learning_rate: [0.01, 0.1]}")) {
    return;
  }
  parse_parameters(search.at("parameters"), out);
}

void parse_job(const Place& job, JobSpec& out) {
  if (!job.check_fields()) return;
  job.read("runs_at_once", WholeRange{.low = 0, .high = 10'000}, out.runs_at_once);
  job.read("workers_per_run", WholeRange{.low = 1, .high = 10'000}, out.workers_per_run);
  job.read_seconds("seconds", kBudget, out.seconds);
  job.read("steps", WholeRange{.low = 0, .high = kExactWhole}, out.steps);
}

void check_search(const Place& root, const Spec& spec) {
  if (spec.cross_validation) {
    check_split(root.at("cross_validation"), *spec.cross_validation, spec);
  }
  if (!spec.search) return;
  const Place search = root.at("search");
  if (spec.search->nested) {
    check_split(search.at("nested").as("cross_validation"), *spec.search->nested, spec);
  }
  check_combinations(search.at("parameters"), *spec.search);
  if (search.has("metric")) check_metric(search.at("metric"), spec.model.task, spec.search->metric);
  check_halving(search, spec);
  check_choice(search, spec);
}

}  // namespace ballast

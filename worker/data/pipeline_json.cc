#include <fmt/format.h>

#include <array>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "common/base/check.h"
#include "common/job/json_text.h"
#include "common/job/names.h"
#include "worker/data/pipeline.h"

// The pipeline as JSON, in model.json and in the manifest's directory. Numbers are written the
// shortest way that reads back exactly. A pixel matrix has thousands of equal columns; those that
// equal their left neighbour but for name and position are written as a count.

namespace ballast {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::uint32_t kTransformsVersion = 1;

template <class E, std::size_t N>
using Names = std::array<std::pair<E, std::string_view>, N>;

constexpr Names<NumberStep::Kind, 4> kSteps{{{NumberStep::Kind::fill, "fill"},
                                             {NumberStep::Kind::clip, "clip"},
                                             {NumberStep::Kind::shift_divide, "shift_divide"},
                                             {NumberStep::Kind::multiply, "multiply"}}};
constexpr Names<OutputKind, 4> kOutputs{{{OutputKind::one_hot, "one_hot"},
                                         {OutputKind::bucketize, "bucketize"},
                                         {OutputKind::hash, "hash"},
                                         {OutputKind::tokenize, "tokenize"}}};
constexpr Names<Storage, 4> kStorages{{{Storage::numbers, "numbers"},
                                       {Storage::texts, "texts"},
                                       {Storage::matrix, "matrix"},
                                       {Storage::none, "none"}}};

template <class E, std::size_t N>
std::string_view written(const Names<E, N>& names, E value) {
  for (const auto& [known, name] : names) {
    if (known == value) return name;
  }
  BALLAST_CHECK(false && "an enumerator without a name");
  return {};
}

struct Unreadable {
  std::string what;
};

template <class E, std::size_t N>
E read_name(const Names<E, N>& names, const Json& json) {
  const auto text = json.get<std::string>();
  for (const auto& [known, name] : names) {
    if (name == text) return known;
  }
  throw Unreadable{fmt::format("the unknown word \"{}\"", text)};
}

template <class E>
E read_enum(const Json& json) {
  const auto text = json.get<std::string>();
  const auto value = value_named<E>(text);
  if (!value) throw Unreadable{fmt::format("the unknown word \"{}\"", text)};
  return *value;
}

template <class T>
void read_whole(const Json& json, T& out) {
  out = whole_number<T>(json);
}

Json steps_to_json(const std::vector<NumberStep>& steps) {
  Json json = Json::array();
  for (const NumberStep& step : steps) {
    json.push_back(Json::array({written(kSteps, step.kind), step.a, step.b}));
  }
  return json;
}

Json output_to_json(const Output& output) {
  Json json{{"kind", written(kOutputs, output.kind)}, {"group", output.group}};
  switch (output.kind) {
    case OutputKind::one_hot:
      json["values"] = output.values;
      json["pools_rare"] = output.pools_rare;
      break;
    case OutputKind::bucketize:
      json["boundaries"] = output.boundaries;
      json["has_missing_bucket"] = output.has_missing_bucket;
      break;
    case OutputKind::hash:
      json["buckets"] = output.buckets;
      break;
    case OutputKind::tokenize:
      json["buckets"] = output.buckets;
      json["words"] = output.word_ngrams_max;
      json["characters"] = {output.character_ngrams_min, output.character_ngrams_max};
      json["lowercase"] = output.lowercase;
      json["min_count"] = output.min_count;
      if (output.min_count > 1) json["vocabulary"] = output.vocabulary;
      break;
  }
  return json;
}

Output output_from_json(const Json& json) {
  Output output;
  output.kind = read_name(kOutputs, json.at("kind"));
  json.at("group").get_to(output.group);
  switch (output.kind) {
    case OutputKind::one_hot:
      json.at("values").get_to(output.values);
      json.at("pools_rare").get_to(output.pools_rare);
      break;
    case OutputKind::bucketize:
      json.at("boundaries").get_to(output.boundaries);
      json.at("has_missing_bucket").get_to(output.has_missing_bucket);
      break;
    case OutputKind::hash:
      read_whole(json.at("buckets"), output.buckets);
      break;
    case OutputKind::tokenize:
      read_whole(json.at("buckets"), output.buckets);
      read_whole(json.at("words"), output.word_ngrams_max);
      read_whole(json.at("characters").at(0), output.character_ngrams_min);
      read_whole(json.at("characters").at(1), output.character_ngrams_max);
      json.at("lowercase").get_to(output.lowercase);
      read_whole(json.at("min_count"), output.min_count);
      if (output.min_count > 1) {
        for (const Json& key : json.at("vocabulary")) {
          output.vocabulary.push_back(whole_number<Key>(key));
        }
      }
      break;
  }
  return output;
}

Json column_to_json(const FittedColumn& column) {
  Json json{{"name", column.name},
            {"type", name_of(column.type)},
            {"storage", written(kStorages, column.storage)}};
  if (!column.steps.empty()) json["steps"] = steps_to_json(column.steps);
  if (!column.fill_text.empty()) json["fill_text"] = column.fill_text;
  for (const Output& output : column.outputs) json["outputs"].push_back(output_to_json(output));
  return json;
}

FittedColumn column_from_json(const Json& json) {
  FittedColumn column;
  json.at("name").get_to(column.name);
  column.type = read_enum<ColumnType>(json.at("type"));
  column.storage = read_name(kStorages, json.at("storage"));
  for (const Json& step : json.value("steps", Json::array())) {
    column.steps.push_back(
        {read_name(kSteps, step.at(0)), step.at(1).get<double>(), step.at(2).get<double>()});
  }
  column.fill_text = json.value("fill_text", "");
  for (const Json& output : json.value("outputs", Json::array())) {
    column.outputs.push_back(output_from_json(output));
  }
  return column;
}

// Matrix columns differ from column to column only in the number at the end of their name:
// "pixel_17".
std::string prefix_of(const FittedColumn& column) {
  return column.name.substr(0, column.name.find_last_not_of("0123456789") + 1);
}

bool continues(const FittedColumn& first, const FittedColumn& column, std::size_t distance) {
  if (first.storage != Storage::matrix || column.storage != Storage::matrix) return false;
  FittedColumn expected = first;
  const std::string prefix = prefix_of(first);
  const std::string digits = first.name.substr(prefix.size());
  if (digits.empty() || digits.size() > 9) return false;
  expected.name = prefix + std::to_string(std::stoul(digits) + distance);
  expected.matrix_column = first.matrix_column + static_cast<std::uint32_t>(distance);
  return expected == column;
}

Json columns_to_json(const std::vector<FittedColumn>& columns) {
  Json json = Json::array();
  for (std::size_t first = 0; first < columns.size();) {
    std::size_t after = first + 1;
    while (after < columns.size() && continues(columns[first], columns[after], after - first)) {
      ++after;
    }
    json.push_back(column_to_json(columns[first]));
    if (after - first > 1) json.back()["repeat"] = after - first;
    first = after;
  }
  return json;
}

// Only the matrix's columns repeat, and no more often than it has columns: a damaged count must not
// ask for all of memory. REQUIRES: matrix_width is at most kMatrixWidthMax.
std::vector<FittedColumn> columns_from_json(const Json& json, std::uint32_t matrix_width) {
  std::vector<FittedColumn> columns;
  std::uint32_t matrix_column = 0;
  for (const Json& entry : json) {
    const FittedColumn first = column_from_json(entry);
    const std::string prefix = prefix_of(first);
    const std::size_t repeat =
        entry.contains("repeat") ? whole_number<std::size_t>(entry.at("repeat")) : 1;
    const std::string digits = first.name.substr(prefix.size());
    const bool in_matrix = first.storage == Storage::matrix;
    if (repeat > 1 && (!in_matrix || digits.empty() || digits.size() > 9)) {
      throw Unreadable{fmt::format("the repeated column \"{}\"", first.name)};
    }
    if (in_matrix && repeat > matrix_width - matrix_column) {
      throw Unreadable{fmt::format("more than {} columns of the matrix", matrix_width)};
    }
    for (std::size_t i = 0; i < repeat; ++i) {
      FittedColumn column = first;
      if (repeat > 1) column.name = prefix + std::to_string(std::stoul(digits) + i);
      if (in_matrix) column.matrix_column = matrix_column++;
      columns.push_back(std::move(column));
    }
  }
  if (matrix_column != matrix_width) {
    throw Unreadable{fmt::format("{} of {} columns of the matrix", matrix_column, matrix_width)};
  }
  return columns;
}

// What applying transforms relies on: an output reads what its column holds, and writes where its
// kind writes.
void check_outputs(const Pipeline& pipeline) {
  for (std::size_t c = 0; c < pipeline.columns.size(); ++c) {
    const FittedColumn& column = pipeline.columns[c];
    const bool is_feature =
        c != pipeline.label && column.type != ColumnType::skip && column.storage != Storage::none;
    for (const Output& output : column.outputs) {
      const bool needs_numbers = output.kind == OutputKind::bucketize;
      const bool needs_group =
          output.kind == OutputKind::hash || output.kind == OutputKind::tokenize;
      const bool is_fine = is_feature && !(needs_numbers && column.storage == Storage::texts) &&
                           !(needs_group && output.group.empty()) &&
                           !(output.kind == OutputKind::one_hot && !output.group.empty());
      if (is_fine) continue;
      throw Unreadable{fmt::format("{} of the column \"{}\", which cannot have it",
                                   written(kOutputs, output.kind), column.name)};
    }
  }
}

Error unreadable(std::string_view what) {
  return {
      ErrorCode::corrupt,
      fmt::format("transforms: expected what this version wrote, saw {}; train the model again, "
                  "or use the version that made it",
                  what)};
}

}  // namespace

std::string to_json(const Pipeline& pipeline) {
  Json json{{"version", kTransformsVersion},
            {"task", name_of(pipeline.task)},
            {"classes", pipeline.classes},
            {"label", pipeline.label ? Json(*pipeline.label) : Json(nullptr)},
            {"matrix_width", pipeline.matrix_width},
            {"sparse", pipeline.sparse},
            {"sparse_factor", pipeline.sparse_factor},
            {"dimension", pipeline.dimension},
            {"columns", columns_to_json(pipeline.columns)}};
  if (pipeline.weight) json["weight"] = *pipeline.weight;
  // Column names may hold bytes that are not UTF-8; they are shown replaced.
  return json_text(json, -1, BadUtf8::replace);
}

Result<Pipeline> pipeline_from_json(const std::string& text) try {
  const Json json = parse_shallow_json<Json>(text);
  if (const auto version = whole_number<std::uint32_t>(json.at("version"));
      version != kTransformsVersion) {
    return Error{ErrorCode::unsupported,
                 fmt::format("transforms: expected version {}, saw {}; use the version of ballast "
                             "that trained the model",
                             kTransformsVersion, version)};
  }
  Pipeline pipeline;
  pipeline.task = read_enum<Task>(json.at("task"));
  json.at("classes").get_to(pipeline.classes);
  if (!json.at("label").is_null()) pipeline.label = whole_number<std::size_t>(json.at("label"));
  read_whole(json.at("matrix_width"), pipeline.matrix_width);
  if (pipeline.matrix_width > kMatrixWidthMax) {
    return unreadable(fmt::format("a matrix of {} columns", pipeline.matrix_width));
  }
  json.at("sparse").get_to(pipeline.sparse);
  json.at("sparse_factor").get_to(pipeline.sparse_factor);
  read_whole(json.at("dimension"), pipeline.dimension);
  pipeline.columns = columns_from_json(json.at("columns"), pipeline.matrix_width);
  if (pipeline.label && *pipeline.label >= pipeline.columns.size()) {
    return unreadable("a label beyond the last column");
  }
  if (json.contains("weight")) {
    pipeline.weight = whole_number<std::size_t>(json.at("weight"));
    if (*pipeline.weight >= pipeline.columns.size() ||
        pipeline.columns[*pipeline.weight].type != ColumnType::skip) {
      return unreadable("a weight that is a feature");
    }
  }
  check_outputs(pipeline);
  return pipeline;
} catch (const nlohmann::json::exception& exception) {
  return unreadable(exception.what());
} catch (const Unreadable& unknown) {
  return unreadable(unknown.what);
}

}  // namespace ballast

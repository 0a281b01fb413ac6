#include "worker/data/cache_key.h"

#include <nlohmann/json.hpp>
#include <set>

#include "common/job/json_text.h"
#include "common/job/names.h"
#include "worker/data/manifest.h"

namespace ballast {

namespace {

using Json = nlohmann::ordered_json;

// What most specs do not have is left out, so that what is packed already is found.
Json to_json(const DataSpec& data) {
  Json columns = Json::array();
  for (const ColumnSpec& column : data.columns) {
    columns.push_back({column.name, name_of(column.type)});
  }
  Json json{{"format", name_of(data.format)},
            {"validation_fraction", data.validation_fraction},
            {"header", data.header},
            {"delimiter", static_cast<int>(data.delimiter)},
            {"columns", columns},
            {"missing", data.missing},
            {"comment", data.comment},
            {"label", data.label},
            {"classes", data.classes},
            {"strip", data.label_strip_suffix},
            {"dimension", data.libsvm_dimension},
            {"dense", data.libsvm_dense},
            {"on_bad_row", name_of(data.on_bad_row)}};
  if (!data.weight.empty()) json["weight"] = data.weight;
  return json;
}

Json to_json(const TransformSpec& transform) {
  return {{"kind", name_of(transform.kind)},
          {"columns", transform.columns},
          {"impute_with", name_of(transform.impute_with)},
          {"impute_constant", transform.impute_constant},
          {"clip_by", name_of(transform.clip_by)},
          {"clip_factor", transform.clip_factor},
          {"min_count", transform.min_count},
          {"buckets", transform.buckets},
          {"bins", transform.bins},
          {"boundaries", transform.boundaries},
          {"as_sparse", transform.bucketize_as_sparse},
          {"words", transform.word_ngrams_max},
          {"characters", {transform.character_ngrams_min, transform.character_ngrams_max}},
          {"lowercase", transform.lowercase},
          {"factor", transform.factor},
          {"output", transform.output}};
}

Json to_json(const SplitFiles& split) {
  Json json = Json::array();
  for (const SourceFile& file : split.files) json.push_back(fingerprint(file.content.span()));
  for (const SourceFile& file : split.labels) json.push_back(fingerprint(file.content.span()));
  return json;
}

}  // namespace

std::string cache_key(const Spec& spec, const std::vector<SplitFiles>& splits) {
  Json json{{"preparation", kPreparation},
            {"task", name_of(spec.model.task)},
            {"seed", spec.data.validation_fraction > 0.0 ? spec.seed : 0},
            {"data", to_json(spec.data)}};
  for (const TransformSpec& transform : spec.features) {
    json["features"].push_back(to_json(transform));
  }
  for (const SplitFiles& split : splits) json["sources"].push_back(to_json(split));
  return digest_of(json_text(json)).substr(0, 32);
}

// Which columns are tokenized decides the types of those that the spec does not list.
std::string table_key(const Spec& spec, const std::vector<SplitFiles>& splits,
                      const std::vector<std::string>& keep) {
  DataSpec data = spec.data;
  data.validation_fraction = 0.0;
  Json json{{"packing", kPreparation},
            {"task", name_of(spec.model.task)},
            {"data", to_json(data)},
            {"tokenized", tokenized_names(spec)},
            {"keep", std::set<std::string>(keep.begin(), keep.end())}};
  for (const TransformSpec& transform : spec.features) {
    if (transform.kind == TransformKind::drop_duplicates) json["rows"] = to_json(transform);
  }
  for (const SplitFiles& split : splits) json["sources"].push_back(to_json(split));
  return digest_of(json_text(json)).substr(0, 32);
}

}  // namespace ballast

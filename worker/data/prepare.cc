#include "worker/data/prepare.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "worker/data/cache_key.h"
#include "worker/data/encode.h"
#include "worker/data/file_store.h"
#include "worker/data/fit.h"
#include "worker/data/labels.h"
#include "worker/data/manifest.h"
#include "worker/data/parallel.h"
#include "worker/data/read.h"
#include "worker/data/rows.h"
#include "worker/data/source.h"
#include "worker/data/split_files.h"

namespace ballast {

namespace {

using Json = nlohmann::ordered_json;

// One split between reading and encoding.
struct SplitRows {
  Table table;
  std::vector<std::vector<float>> labels;
  Selection selection;
};

Result<std::vector<SplitFiles>> load_sources(const Spec& spec) {
  const std::array<const SourceSpec*, kSplits> sources = {&spec.data.train, &spec.data.validation,
                                                          &spec.data.test};
  if (spec.data.train.paths.empty()) {
    return Error{ErrorCode::invalid,
                 "data.train: expected at least one file, saw none; name the training data"};
  }
  std::vector<SplitFiles> splits;
  for (std::size_t s = 0; s < kSplits; ++s) {
    auto split = load_split(*sources[s], spec.directory, fmt::format("data.{}", kSplitNames[s]));
    if (!split) return split.error();
    splits.push_back(*std::move(split));
  }
  return splits;
}

// ---- the cache --------------------------------------------------------------------------------

std::string report_json(const Prepared& prepared) {
  return Json{{"rows_skipped", prepared.rows_skipped},
              {"skipped_samples", prepared.skipped_samples},
              {"duplicates_dropped", prepared.duplicates_dropped}}
      .dump(1, ' ', false, Json::error_handler_t::replace);
}

// What an earlier preparation left, if it is whole.
std::optional<Prepared> find_cached(const std::string& directory) try {
  std::error_code ignored;  // What cannot be looked at cannot be used.
  if (!std::filesystem::exists(directory + "/" + kManifestFile, ignored)) return std::nullopt;
  if (!open_dataset(directory)) return std::nullopt;
  const auto transforms = read_source(directory + "/" + kTransformsFile);
  const auto report = read_source(directory + "/" + kReportFile);
  if (!transforms || !report) return std::nullopt;
  const Json json = Json::parse(report->text());
  Prepared prepared;
  prepared.directory = directory;
  prepared.transforms_json = transforms->text();
  json.at("rows_skipped").get_to(prepared.rows_skipped);
  json.at("skipped_samples").get_to(prepared.skipped_samples);
  json.at("duplicates_dropped").get_to(prepared.duplicates_dropped);
  return prepared;
} catch (const nlohmann::json::exception&) {
  return std::nullopt;  // A damaged report; it is made again with the rest.
}

// ---- reading ----------------------------------------------------------------------------------

// Rows without a label were skipped; the labels say which.
void select_labelled(SplitRows& rows) {
  rows.selection = all_rows(rows.table);
  for (std::size_t b = 0; b < rows.labels.size(); ++b) {
    std::erase_if(rows.selection.rows[b],
                  [&](std::uint32_t row) { return std::isnan(rows.labels[b][row]); });
  }
}

Result<SplitRows> read_split(const Spec& spec, const SplitFiles& files, const Table* like,
                             std::vector<std::string>& classes, const ReadOptions& options,
                             Meter& meter) {
  SplitRows rows;
  auto table = read_table(spec, files, like, options, meter);
  if (!table) return table.error();
  rows.table = *std::move(table);
  if (like == nullptr) {
    auto found = find_classes(spec, rows.table);
    if (!found) return found.error();
    classes = *std::move(found);
  }
  auto labels = read_labels(spec, classes, options.label_rule, rows.table);
  if (!labels) return labels.error();
  rows.labels = *std::move(labels);
  select_labelled(rows);
  return rows;
}

Status check_not_empty(const Selection& selection, std::string_view field, std::string_view why) {
  if (selection.examples() > 0) return {};
  return Error{ErrorCode::invalid,
               fmt::format("{}: expected at least one example, but {}", field, why)};
}

// ---- from rows to a directory -----------------------------------------------------------------

class Preparation {
 public:
  Preparation(const Spec& spec, const PrepareOptions& options)
      : spec_(spec), options_(options), meter_(options.progress) {}

  Result<Prepared> run() {
    auto sources = load_sources(spec_);
    if (!sources) return sources.error();
    const std::string directory = options_.cache + "/" + cache_key(spec_, *sources);
    if (auto cached = find_cached(directory)) {
      meter_.begin("cached", 0);
      return *std::move(cached);
    }
    if (Status status = unpack_all(*sources, options_.threads); !status) return status.error();
    if (Status status = read(*sources); !status) return status.error();
    sources->clear();
    if (Status status = choose_rows(); !status) return status.error();
    meter_.begin("fitting", splits_[0]->selection.examples());
    auto pipeline = fit_pipeline(spec_, splits_[0]->table, splits_[0]->selection, classes_,
                                 {.threads = options_.threads});
    if (!pipeline) return pipeline.error();
    if (Status status = write(*pipeline, directory); !status) return status.error();
    return std::move(prepared_);
  }

 private:
  Status read(const std::vector<SplitFiles>& sources) {
    const ReadOptions read_options{.threads = options_.threads};
    for (std::size_t s = 0; s < kSplits; ++s) {
      if (sources[s].files.empty()) continue;
      const Table* like = s == 0 ? nullptr : &splits_[0]->table;
      auto rows = read_split(spec_, sources[s], like, classes_, read_options, meter_);
      if (!rows) return rows.error();
      splits_[s] = *std::move(rows);
      const Table& table = splits_[s]->table;
      prepared_.rows_skipped += table.rows_skipped;
      for (const std::string& sample : table.skipped_samples) {
        if (prepared_.skipped_samples.size() < kSamplesMax) {
          prepared_.skipped_samples.push_back(sample);
        }
      }
      if (Status status = check_not_empty(splits_[s]->selection, sources[s].field,
                                          "every row was skipped; correct the data");
          !status) {
        return status;
      }
    }
    return {};
  }

  // Duplicates go before the validation split is taken, so that no row is in both.
  Status choose_rows() {
    SplitRows& train = *splits_[0];
    auto rule = duplicate_rule(spec_, train.table);
    if (!rule) return rule.error();
    if (*rule) {
      prepared_.duplicates_dropped =
          drop_duplicates(train.table, **rule, options_.threads, train.selection);
    }
    if (spec_.data.validation_fraction <= 0.0) return {};
    validation_ =
        take_validation(train.table, spec_.seed, spec_.data.validation_fraction, train.selection);
    const std::string_view why =
        "data.validation.fraction leaves none of so few rows; choose another fraction or give more "
        "rows";
    if (Status status = check_not_empty(*validation_, "data.validation", why); !status) {
      return status;
    }
    return check_not_empty(train.selection, "data.train", why);
  }

  Status write(const Pipeline& pipeline, const std::string& directory) {
    auto temporary = TemporaryDirectory::create(options_.cache);
    if (!temporary) return temporary.error();
    const std::string& path = (*temporary)->path();
    FileStore store(path);
    DatasetManifest manifest;
    manifest.schema = schema_of(pipeline);
    for (std::size_t s = 0; s < kSplits; ++s) {
      auto split = encode(pipeline, s, store);
      if (!split) return split.error();
      manifest.splits[s] = {.examples = split->examples,
                            .width = manifest.schema.dense.size(),
                            .group_has_values = std::vector<bool>()};
      for (const PackedGroup& group : split->groups) {
        manifest.splits[s].group_has_values.push_back(!group.values.empty());
      }
    }
    prepared_.transforms_json = to_json(pipeline);
    auto transforms = store.allocate(kTransformsFile, prepared_.transforms_json.size());
    if (!transforms) return transforms.error();
    std::copy_n(reinterpret_cast<const std::byte*>(prepared_.transforms_json.data()),
                transforms->size(), transforms->begin());
    manifest.files = store.files(options_.threads);
    if (Status status = write_texts(path, manifest); !status) return status;
    if (Status status = (*temporary)->publish(directory); !status) return status;
    prepared_.directory = directory;
    return {};
  }

  Result<PackedSplit> encode(const Pipeline& pipeline, std::size_t s, FileStore& store) {
    // A fraction's validation rows live in the training table.
    const bool from_train = s == 1 && validation_.has_value();
    const std::optional<SplitRows>& rows = splits_[from_train ? 0 : s];
    if (!rows) return PackedSplit{};
    return encode_split({.table = rows->table,
                         .selection = from_train ? *validation_ : rows->selection,
                         .labels = rows->labels,
                         .pipeline = pipeline,
                         .name = kSplitNames[s],
                         .threads = options_.threads},
                        store, meter_);
  }

  // The arrays' bytes are not synced: if the machine dies before they are on disk, the checksums
  // say so and the data is prepared again. The manifest comes last.
  Status write_texts(const std::string& path, const DatasetManifest& manifest) const {
    const std::string json = to_json(manifest);
    Status status = write_file(path + "/" + kReportFile, report_json(prepared_));
    if (status) status = write_file(path + "/" + kDigestFile, digest_of(json));
    if (status) status = write_file(path + "/" + kManifestFile, json);
    return status;
  }

  const Spec& spec_;
  const PrepareOptions& options_;
  Meter meter_;
  std::array<std::optional<SplitRows>, kSplits> splits_;
  std::optional<Selection> validation_;
  std::vector<std::string> classes_;
  Prepared prepared_;
};

}  // namespace

Result<Prepared> prepare(const Spec& spec, const PrepareOptions& options) {
  return Preparation(spec, options).run();
}

}  // namespace ballast

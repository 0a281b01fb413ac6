#include "worker/data/prepare.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "common/job/json_text.h"
#include "worker/data/cache_key.h"
#include "worker/data/encode.h"
#include "worker/data/file_store.h"
#include "worker/data/fit.h"
#include "worker/data/manifest.h"
#include "worker/data/source.h"
#include "worker/data/source_rows.h"
#include "worker/data/split_files.h"

namespace ballast {

namespace {

using Json = nlohmann::ordered_json;

// ---- the cache --------------------------------------------------------------------------------

std::string report_json(const Prepared& prepared) {
  return json_text(Json{{"rows_skipped", prepared.rows_skipped},
                        {"skipped_samples", prepared.skipped_samples},
                        {"duplicates_dropped", prepared.duplicates_dropped}},
                   1, BadUtf8::replace);
}

bool is_whole_dataset(const std::string& directory) { return open_dataset(directory).has_value(); }

// What an earlier preparation left, if it is whole.
std::optional<Prepared> find_cached(const std::string& directory) try {
  std::error_code ignored;  // What cannot be looked at cannot be used.
  if (!std::filesystem::exists(directory + "/" + kManifestFile, ignored)) return std::nullopt;
  if (!is_whole_dataset(directory)) return std::nullopt;
  const auto transforms = read_source(directory + "/" + kTransformsFile);
  const auto report = read_source(directory + "/" + kReportFile);
  if (!transforms || !report) return std::nullopt;
  const Json json = parse_json<Json>(report->text());
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

// ---- from rows to a directory -----------------------------------------------------------------

class Preparation {
 public:
  Preparation(const Spec& spec, const PrepareOptions& options)
      : spec_(spec), options_(options), meter_(options.progress) {}

  Result<Prepared> run() {
    auto sources = load_sources(spec_, options_.cache, meter_);
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
    SkippedRows skipped;
    for (std::size_t s = 0; s < kSplits; ++s) {
      if (sources[s].files.empty()) continue;
      const Table* like = s == 0 ? nullptr : &splits_[0]->table;
      auto rows = read_rows(spec_, sources[s], like, classes_, read_options, meter_);
      if (!rows) return rows.error();
      splits_[s] = *std::move(rows);
      skipped.add(splits_[s]->table);
      if (Status status = check_not_empty(splits_[s]->selection, sources[s].field,
                                          "every row was skipped; correct the data");
          !status) {
        return status;
      }
    }
    prepared_.rows_skipped = skipped.count;
    prepared_.skipped_samples = std::move(skipped.samples);
    return {};
  }

  // Duplicates go before the validation split is taken, so that no row is in both.
  Status choose_rows() {
    SplitRows& train = *splits_[0];
    auto dropped = drop_duplicate_rows(spec_, options_.threads, train);
    if (!dropped) return dropped.error();
    prepared_.duplicates_dropped = *dropped;
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
                            .group_has_values = std::vector<bool>(),
                            .weighted = !split->weights.empty()};
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
    if (Status status = (*temporary)->publish(directory, is_whole_dataset); !status) return status;
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

#include "worker/data/fold_dataset.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <span>
#include <utility>

#include "worker/data/encode.h"
#include "worker/data/fit.h"
#include "worker/data/manifest.h"
#include "worker/data/pipeline.h"

namespace ballast {

namespace {

Error wrong_fold(std::string_view what) {
  return {ErrorCode::invalid, fmt::format("fold: {}", what)};
}

Status check_ascending(std::span<const std::uint32_t> numbers, std::string_view split,
                       std::uint64_t examples) {
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    if (numbers[i] >= examples) {
      return wrong_fold(
          fmt::format("expected {} examples below {}, saw {}", split, examples, numbers[i]));
    }
    if (i > 0 && numbers[i] <= numbers[i - 1]) {
      return wrong_fold(fmt::format("expected {} examples in ascending order, saw {} before {}",
                                    split, numbers[i - 1], numbers[i]));
    }
  }
  return {};
}

// The rows behind ascending numbers of examples.
Selection rows_of_examples(const Selection& remaining, std::span<const std::uint32_t> numbers) {
  Selection chosen;
  chosen.rows.resize(remaining.rows.size());
  std::uint64_t first = 0;
  std::size_t at = 0;
  for (std::size_t b = 0; b < remaining.rows.size(); ++b) {
    const std::uint64_t after = first + remaining.rows[b].size();
    for (; at < numbers.size() && numbers[at] < after; ++at) {
      chosen.rows[b].push_back(remaining.rows[b][numbers[at] - first]);
    }
    first = after;
  }
  return chosen;
}

// The fitted transforms, if they are for this table.
Result<Pipeline> pipeline_for(const PackedTable& packed, const std::string& transforms_json) {
  auto pipeline = pipeline_from_json(transforms_json);
  if (!pipeline) return pipeline;
  const Table& table = packed.train.table;
  const bool same_names =
      std::equal(table.columns.begin(), table.columns.end(), pipeline->columns.begin(),
                 pipeline->columns.end(),
                 [](const TableColumn& a, const FittedColumn& b) { return a.name == b.name; });
  if (!same_names || !fits(*pipeline, table) || pipeline->task != packed.task ||
      pipeline->classes != packed.classes) {
    return Error{ErrorCode::corrupt,
                 fmt::format("transforms: expected those of a fold of {}, saw those of other data; "
                             "set the job up again",
                             packed.directory)};
  }
  return pipeline;
}

}  // namespace

Status check_fold(const FoldExamples& fold, std::uint64_t examples) {
  if (fold.train.empty()) {
    return wrong_fold("expected at least one training example, saw none; ask for fewer folds");
  }
  if (Status status = check_ascending(fold.train, "training", examples); !status) return status;
  if (Status status = check_ascending(fold.validation, "validation", examples); !status) {
    return status;
  }
  std::vector<std::uint32_t> both;
  std::set_intersection(fold.train.begin(), fold.train.end(), fold.validation.begin(),
                        fold.validation.end(), std::back_inserter(both));
  if (both.empty()) return {};
  return wrong_fold(
      fmt::format("expected no example in both splits, saw {} of them, the first being {}",
                  both.size(), both.front()));
}

Result<std::string> fit_fold(const PackedTable& packed, const Spec& spec, const FoldExamples& fold,
                             std::uint32_t threads) {
  if (Status status = check_fold(fold, packed.examples()); !status) return status.error();
  if (spec.model.task != packed.task) {
    return wrong_fold(
        fmt::format("expected a model of the task that {} was packed for, saw another "
                    "loss; pack the data for this spec",
                    packed.directory));
  }
  const Selection train = rows_of_examples(packed.train.selection, fold.train);
  auto pipeline =
      fit_pipeline(spec, packed.train.table, train, packed.classes, {.threads = threads});
  if (!pipeline) return pipeline.error();
  return to_json(*pipeline);
}

Result<DataSchema> schema_of_transforms(const std::string& transforms_json) {
  auto pipeline = pipeline_from_json(transforms_json);
  if (!pipeline) return pipeline.error();
  return schema_of(*pipeline);
}

Result<EncodedFold> encode_fold(const PackedTable& packed, const FoldExamples& fold,
                                const std::string& transforms_json, const std::string& digest,
                                std::uint32_t threads) {
  if (Status status = check_fold(fold, packed.examples()); !status) return status.error();
  auto pipeline = pipeline_for(packed, transforms_json);
  if (!pipeline) return pipeline.error();
  auto store = std::make_shared<MemoryArrays>();
  Meter meter(nullptr);
  std::array<PackedSplit, kSplits> splits;
  for (std::size_t s = 0; s < kSplits; ++s) {
    const bool is_test = s == static_cast<std::size_t>(Split::test);
    if (is_test && !packed.test) continue;
    const SplitRows& rows = is_test ? *packed.test : packed.train;
    const Selection selection =
        is_test ? rows.selection
                : rows_of_examples(rows.selection, s == 0 ? fold.train : fold.validation);
    if (selection.examples() == 0) continue;
    auto split = encode_split({.table = rows.table,
                               .selection = selection,
                               .labels = rows.labels,
                               .pipeline = *pipeline,
                               .name = kSplitNames[s],
                               .threads = threads},
                              *store, meter);
    if (!split) return split.error();
    splits[s] = *std::move(split);
  }
  const std::size_t bytes = store->bytes();
  return EncodedFold{std::make_shared<PackedDataset>(schema_of(*pipeline), digest,
                                                     std::move(splits), std::move(store)),
                     bytes};
}

}  // namespace ballast

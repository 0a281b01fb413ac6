#include "worker/data/source_rows.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <utility>

#include "worker/data/fit.h"
#include "worker/data/labels.h"
#include "worker/data/manifest.h"
#include "worker/data/split_files.h"

namespace ballast {

namespace {

// Rows without a label were skipped; the labels say which.
void select_labelled(SplitRows& rows) {
  rows.selection = all_rows(rows.table);
  for (std::size_t b = 0; b < rows.labels.size(); ++b) {
    std::erase_if(rows.selection.rows[b],
                  [&](std::uint32_t row) { return std::isnan(rows.labels[b][row]); });
  }
}

}  // namespace

void SkippedRows::add(const Table& table) {
  count += table.rows_skipped;
  for (const std::string& sample : table.skipped_samples) {
    if (samples.size() < kSamplesMax) samples.push_back(sample);
  }
}

Result<std::vector<SplitFiles>> load_sources(const Spec& spec, const std::string& cache,
                                             Meter& meter) {
  const std::array<const SourceSpec*, kSplits> sources = {&spec.data.train, &spec.data.validation,
                                                          &spec.data.test};
  if (spec.data.train.paths.empty()) {
    return Error{ErrorCode::invalid,
                 "data.train: expected at least one file, saw none; name the training data"};
  }
  std::vector<SplitFiles> splits;
  for (std::size_t s = 0; s < kSplits; ++s) {
    auto split = load_split(*sources[s], spec.directory, fmt::format("data.{}", kSplitNames[s]),
                            {.cache = cache, .digests = &spec.data, .meter = &meter});
    if (!split) return split.error();
    splits.push_back(*std::move(split));
  }
  return splits;
}

Result<SplitRows> read_rows(const Spec& spec, const SplitFiles& files, const Table* like,
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

Result<std::uint64_t> drop_duplicate_rows(const Spec& spec, std::uint32_t threads,
                                          SplitRows& train) {
  auto rule = duplicate_rule(spec, train.table);
  if (!rule) return rule.error();
  if (!*rule) return std::uint64_t{0};
  return drop_duplicates(train.table, **rule, threads, train.selection);
}

Status check_not_empty(const Selection& selection, std::string_view field, std::string_view why) {
  if (selection.examples() > 0) return {};
  return Error{ErrorCode::invalid,
               fmt::format("{}: expected at least one example, but {}", field, why)};
}

}  // namespace ballast

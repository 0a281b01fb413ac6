#pragma once

// What the targets of the data readers share. A source is read as one chunk, and again in chunks
// of a few bytes: the table must be whole, and say the same however it was cut.

#include <string>
#include <string_view>
#include <vector>

#include "common/base/check.h"
#include "common/job/spec.h"
#include "tests/fuzz/target.h"
#include "tests/unit/data/meaning.h"
#include "worker/data/labels.h"
#include "worker/data/read.h"

namespace ballast::fuzz {

inline Spec spec_of(DataFormat format) {
  Spec spec;
  spec.data.format = format;
  spec.data.label =
      format == DataFormat::csv || format == DataFormat::tsv || format == DataFormat::jsonl
          ? "y"
          : "label";
  spec.model.task = Task::multiclass;
  return spec;
}

inline std::vector<ColumnSpec> listed_columns() {
  return {{"n", ColumnType::number},
          {"t", ColumnType::text},
          {"s", ColumnType::skip},
          {"y", ColumnType::category}};
}

inline std::vector<SourceFile> sources_of(const std::vector<std::string_view>& texts) {
  std::vector<SourceFile> files;
  for (const std::string_view text : texts) {
    files.push_back({"f" + std::to_string(files.size()), Bytes::copy(text)});
  }
  return files;
}

inline Result<Table> read_cut(const Spec& spec, const SplitFiles& split, const Table* like,
                              LabelRule rule, std::size_t chunk_bytes) {
  Meter meter(nullptr);
  return read_table(spec, split, like, {.chunk_bytes = chunk_bytes, .label_rule = rule}, meter);
}

// REQUIRES: chunk_bytes > 0.
inline Result<Table> read_both_ways(const Spec& spec, const SplitFiles& split, const Table* like,
                                    LabelRule rule, std::size_t chunk_bytes) {
  auto table = read_cut(spec, split, like, rule, std::size_t{1} << 20);
  const auto cut = read_cut(spec, split, like, rule, chunk_bytes);
  BALLAST_CHECK(meaning(table) == meaning(cut));
  if (table) {
    BALLAST_CHECK(is_whole(*table));
    BALLAST_CHECK(is_whole(*cut));
  }
  return table;
}

// Reads the texts as the files of a training split; or, if `predicting`, the last of them as what a
// model of the others is applied to.
inline Verdict read_texts(const Spec& spec, const std::vector<std::string_view>& texts,
                          bool predicting, std::size_t chunk_bytes) {
  SplitFiles split{.field = "data.train", .files = sources_of(texts), .labels = {}};
  SplitFiles applied{.field = "input", .files = {}, .labels = {}};
  if (predicting && split.files.size() > 1) {
    applied.files.push_back(split.files.back());
    split.files.pop_back();
  }
  auto table = read_both_ways(spec, split, nullptr, LabelRule::required, chunk_bytes);
  if (!table) return Verdict::refused;
  const auto classes = find_classes(spec, *table);
  if (!classes || !read_labels(spec, *classes, LabelRule::required, *table)) {
    return Verdict::refused;
  }
  if (applied.files.empty()) return Verdict::accepted;
  auto rows = read_both_ways(spec, applied, &*table, LabelRule::optional, chunk_bytes);
  if (!rows || !read_labels(spec, *classes, LabelRule::optional, *rows)) return Verdict::refused;
  return Verdict::accepted;
}

}  // namespace ballast::fuzz

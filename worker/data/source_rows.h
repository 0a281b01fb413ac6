#pragma once

// The rows of a spec's splits, read: what prepare() goes on to encode and pack_table() to keep.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/job/spec.h"
#include "worker/data/parallel.h"
#include "worker/data/read.h"
#include "worker/data/rows.h"
#include "worker/data/table.h"

namespace ballast {

// One split between reading and encoding.
struct SplitRows {
  Table table;
  std::vector<std::vector<float>> labels;  // By block and row; NaN where there is none.
  Selection selection;                     // The rows that are examples; each has a label.
};

// The bad rows of several splits together.
struct SkippedRows {
  std::uint64_t count = 0;
  std::vector<std::string> samples;  // At most kSamplesMax.

  void add(const Table& table);
};

// The files of the train, validation and test splits as they are on disk; `cache` keeps those that
// come by address.
[[nodiscard]] Result<std::vector<SplitFiles>> load_sources(const Spec& spec,
                                                           const std::string& cache, Meter& meter);

// Reads a split with its labels and selects the rows that have one. `like` is the training split's
// table; without one this is the training split, whose `classes` are found.
[[nodiscard]] Result<SplitRows> read_rows(const Spec& spec, const SplitFiles& files,
                                          const Table* like, std::vector<std::string>& classes,
                                          const ReadOptions& options, Meter& meter);

// Applies the spec's drop_duplicates, if it has one, to the training rows; returns how many went.
[[nodiscard]] Result<std::uint64_t> drop_duplicate_rows(const Spec& spec, std::uint32_t threads,
                                                        SplitRows& train);

// "FIELD: expected at least one example, but WHY"
[[nodiscard]] Status check_not_empty(const Selection& selection, std::string_view field,
                                     std::string_view why);

}  // namespace ballast

#pragma once

// Reads the files of one split into a table: finds the columns, cuts the text into chunks, parses
// them in parallel, and puts blocks and faults back into the order of the source.
//
// Columns. With a header (CSV, TSV) cells belong to columns by name, file by file. Where the spec
// lists data.columns, only these are read (and without a header they must be all there are);
// otherwise all are, and the training split decides their types: number when every cell is one,
// else text when a tokenize transform names the column or a cell is longer than kCategoryBytesMax,
// else category. Columns without a name are called column_1, column_2 ...; pixels of IDX images
// pixel_0 ..., dense LibSVM features feature_1 .... A split that is read like another has none of
// the columns that were only kept.

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/job/spec.h"
#include "worker/data/block_builder.h"
#include "worker/data/parallel.h"
#include "worker/data/source.h"
#include "worker/data/table.h"

namespace ballast {

inline constexpr std::size_t kCategoryBytesMax = 100;

// Above this, one mistyped index would ask for more columns than memory holds, where a sparse group
// does not mind.
inline constexpr std::uint32_t kDenseIndexMax = 65536;

struct ReadOptions {
  std::uint32_t threads = 1;
  // About how much text becomes one block. Statistics are folded by block, so it is a constant of
  // the format; tests make it tiny.
  std::size_t chunk_bytes = std::size_t{1} << 20;
  LabelRule label_rule = LabelRule::required;
  // Columns to read although the spec skips them: not for features, but for whoever splits the
  // rows.
  std::vector<std::string> keep = {};
};

struct SplitFiles {
  std::string field;               // "data.train", for messages.
  std::vector<SourceFile> files;   // Unpacked.
  std::vector<SourceFile> labels;  // IDX: one per file, or none where labels are optional.
};

// `like`: the table whose columns this one must have; none for the training split.
// Names that a tokenize transform mentions: text, whatever the cells look like.
[[nodiscard]] std::set<std::string> tokenized_names(const Spec& spec);

[[nodiscard]] Result<Table> read_table(const Spec& spec, const SplitFiles& split, const Table* like,
                                       const ReadOptions& options, Meter& meter);

}  // namespace ballast

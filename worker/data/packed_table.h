#pragma once

// One copy of a job's data for all of its folds: the rows of a spec's sources parsed and typed,
// with their labels, but not yet encoded, in a directory that every worker maps. Each fold then
// fits its own transforms on its own training rows (fold_dataset.h), which encoded data could not
// serve without a copy per fold.
//
// What is kept: the tables of data.train and data.test, block by block as they were read, since
// statistics are folded over blocks; labels and classes; and which rows remain when those without a
// label and the duplicates that drop_duplicates names are gone. These are the *examples*, numbered
// from 0 in source order. data.validation is not looked at: folds are in its place.
//
// Results are kept in `cache` by the content of the sources and the part of the spec that counts,
// written and published as prepare() does (invariants D4, D5). Reading trusts nothing: sizes,
// checksums, and everything that later code relies on, are checked when the directory is opened.
//
// Files, by table T ("train", "test") and column C; integers and floats little-endian:
//   columns.json        the columns, as a pipeline without transforms (pipeline.h)
//   T.blocks.u64        four numbers for each block: file, rows, examples, whether it has pixels
//   T.lines.u64         by row: where it starts in its file
//   T.labels.f32        by row; NaN: none
//   T.examples.u32      by example: its row within its block
//   T.C.numbers.f64     by row; NaN: missing. Of data.weight too, whose column is skipped otherwise
//   T.C.lengths.u32     by row: bytes of a text; T.C.texts: the texts, one behind the other
//   T.pixels.u8, T.matrix.f64   rows of the blocks with pixels and of those without
//   T.entries.u32       by row: how many of T.indices.u32 and T.values.f32 are its own (LibSVM)

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/job/spec.h"
#include "worker/data/prepare.h"
#include "worker/data/source_rows.h"

namespace ballast {

// Immutable once opened; any number of threads may read.
struct PackedTable {
  std::string directory;
  std::string digest;  // Of the manifest.
  Task task = Task::multiclass;
  std::vector<std::string> classes;  // By index; empty for regression.
  SplitRows train;
  std::optional<SplitRows> test;
  SkippedRows skipped;
  std::uint64_t duplicates_dropped = 0;

  [[nodiscard]] std::uint64_t examples() const { return train.selection.examples(); }
};

struct PackOptions {
  std::string cache;          // As PrepareOptions.
  std::uint32_t threads = 1;  // Changes speed, never a bit.
  // Columns that the rows are split by: they are read even where the spec skips them, and stay
  // skipped as features. One that is not there is an error.
  std::vector<std::string> keep;
  std::function<void(const PrepareProgress&)> progress;
};

// Reads the spec's sources and packs them, or finds them packed; returns the directory.
[[nodiscard]] Result<std::string> pack_table(const Spec& spec, const PackOptions& options);

// Opens a directory that pack_table() wrote. Texts and pixels are read from the mapping, which the
// table keeps; the rest is copied.
[[nodiscard]] Result<std::shared_ptr<const PackedTable>> open_packed_table(
    const std::string& directory);

// ---- for splitting the examples -----------------------------------------------------------------

// By example: the class index or the target.
[[nodiscard]] std::vector<float> example_labels(const PackedTable& packed);

// By example how much it counts; none: all alike.
[[nodiscard]] std::vector<double> example_weights(const PackedTable& packed);

// By example: the cell as text, empty when missing; numbers the shortest way that reads back.
[[nodiscard]] Result<std::vector<std::string>> column_texts(const PackedTable& packed,
                                                            std::string_view name);

// By example: the cell as a number, NaN when missing. The first cell that is none is the error.
[[nodiscard]] Result<std::vector<double>> column_numbers(const PackedTable& packed,
                                                         std::string_view name);

}  // namespace ballast

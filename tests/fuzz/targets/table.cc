// A packed table, as workers find it on disk, and what they do with it: fit, encode, and read the
// columns that rows are split by. What opens is whole.
//
// Input: a sealed directory (sealed_directory.h) with the report among its files, whose digest is
// computed here too.

#include <string>

#include "common/base/check.h"
#include "tests/fuzz/scratch.h"
#include "tests/fuzz/sealed_directory.h"
#include "tests/fuzz/target.h"
#include "tests/unit/data/meaning.h"
#include "worker/data/fold_dataset.h"
#include "worker/data/packed_table.h"
#include "worker/data/table_manifest.h"

namespace ballast::fuzz {
namespace {

FoldExamples some_fold(std::uint64_t examples) {
  FoldExamples fold;
  for (std::uint32_t i = 0; i < examples; ++i) {
    (i % 2 == 0 ? fold.train : fold.validation).push_back(i);
  }
  return fold;
}

TransformSpec transform_of(TransformKind kind, const std::string& column) {
  TransformSpec transform;
  transform.kind = kind;
  transform.columns = {column};
  return transform;
}

// Every column gets transforms that its type allows.
Spec spec_for(const PackedTable& packed) {
  Spec spec;
  spec.model.task = packed.task;
  const Table& table = packed.train.table;
  for (std::size_t c = 0; !table.sparse && c < table.columns.size(); ++c) {
    const TableColumn& column = table.columns[c];
    if (c == table.label) continue;
    if (column.type == ColumnType::number) {
      spec.features.push_back(transform_of(TransformKind::impute, column.name));
      spec.features.push_back(transform_of(TransformKind::standardize, column.name));
    } else if (column.type == ColumnType::category) {
      spec.features.push_back(transform_of(TransformKind::one_hot, column.name));
    } else if (column.type == ColumnType::text) {
      spec.features.push_back(transform_of(TransformKind::tokenize, column.name));
    }
  }
  return spec;
}

void use(const PackedTable& packed) {
  BALLAST_CHECK(example_labels(packed).size() == packed.examples());
  for (const TableColumn& column : packed.train.table.columns) {
    const auto texts = column_texts(packed, column.name);
    BALLAST_CHECK(!texts || texts->size() == packed.examples());
    const auto numbers = column_numbers(packed, column.name);
    BALLAST_CHECK(!numbers || numbers->size() == packed.examples());
  }
  const FoldExamples fold = some_fold(packed.examples());
  const auto transforms = fit_fold(packed, spec_for(packed), fold, 1);
  if (!transforms) return;
  const auto encoded = encode_fold(packed, fold, *transforms, "", 1);
  if (!encoded) return;
  volatile double sum = sum_of(*encoded->dataset);
  static_cast<void>(sum);
}

}  // namespace

BALLAST_FUZZ_TARGET(table, bytes) {
  static const Scratch directory;
  directory.clear();
  const auto files = put_sealed(Input(bytes), directory);
  if (const auto report = files.find(kReportFile); report != files.end()) {
    directory.put(kReportDigestFile, digest_of(std::string(report->second)));
  }
  const auto packed = open_packed_table(directory.path());
  if (!packed) return Verdict::refused;
  BALLAST_CHECK(is_whole((*packed)->train.table));
  if ((*packed)->test) BALLAST_CHECK(is_whole((*packed)->test->table));
  use(**packed);
  return Verdict::accepted;
}

}  // namespace ballast::fuzz

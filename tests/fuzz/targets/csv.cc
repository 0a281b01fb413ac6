// CSV and TSV with all of their options.
//
// Input: u8 options, the bits of which are below; u8 delimiter; u8 chunk size, less one; then up to
// three files, separated by 0x1e.

#include "tests/fuzz/input.h"
#include "tests/fuzz/table_target.h"

namespace ballast::fuzz {

BALLAST_FUZZ_TARGET(csv, bytes) {
  Input input(bytes);
  const unsigned options = input.byte();
  const auto delimiter = static_cast<char>(input.byte());
  const std::size_t chunk_bytes = std::size_t{1} + input.byte();

  Spec spec = spec_of((options & 1) != 0 ? DataFormat::tsv : DataFormat::csv);
  spec.data.header = (options & 2) == 0;
  if ((options & 4) != 0) spec.data.columns = listed_columns();
  if ((options & 8) != 0) spec.data.on_bad_row = BadRow::skip;
  if ((options & 16) != 0) spec.data.comment = "#";
  if ((options & 32) != 0) {
    spec.data.missing = {"?", "NA"};
    spec.data.label_strip_suffix = ".";
  }
  if ((options & 64) != 0) spec.model.task = Task::regression;
  const bool predicting = (options & 128) != 0;
  // As the parser of specs leaves it: neither a quote nor the end of a line.
  if (delimiter != '"' && delimiter != '\n' && delimiter != '\r' && delimiter != '\0') {
    spec.data.delimiter = delimiter;
  }
  if (spec.data.format == DataFormat::tsv) spec.data.delimiter = '\t';
  if (!spec.data.header && spec.data.columns.empty()) spec.data.label = "column_2";
  return read_texts(spec, input.split(kSeparator, 3), predicting, chunk_bytes);
}

}  // namespace ballast::fuzz

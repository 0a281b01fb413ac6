// LibSVM, sparse and dense.
//
// Input: u8 options, the bits of which are below; u8 dimension, 0 for as found; u8 chunk size, less
// one; then up to three files, separated by 0x1e.

#include "tests/fuzz/input.h"
#include "tests/fuzz/table_target.h"

namespace ballast::fuzz {

BALLAST_FUZZ_TARGET(libsvm, bytes) {
  Input input(bytes);
  const unsigned options = input.byte();
  const std::uint32_t dimension = input.byte();
  const std::size_t chunk_bytes = std::size_t{1} + input.byte();

  Spec spec = spec_of(DataFormat::libsvm);
  spec.data.libsvm_dimension = dimension;
  spec.data.libsvm_dense = (options & 1) != 0;
  if ((options & 2) != 0) spec.data.on_bad_row = BadRow::skip;
  if ((options & 4) != 0) spec.data.comment = "%";
  if ((options & 8) != 0) spec.model.task = Task::regression;
  if ((options & 16) != 0) spec.data.classes = {"no", "yes"};
  const bool predicting = (options & 32) != 0;
  return read_texts(spec, input.split(kSeparator, 3), predicting, chunk_bytes);
}

}  // namespace ballast::fuzz

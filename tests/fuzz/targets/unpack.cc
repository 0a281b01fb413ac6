// Gzip and zstd.
//
// Input: the file. A kilobyte may unfold into thirty megabytes, which is what these formats are
// for, so inputs are kept below it (scripts/dev/fuzz.sh).

#include "common/base/check.h"
#include "tests/fuzz/target.h"
#include "worker/data/source.h"

namespace ballast::fuzz {

BALLAST_FUZZ_TARGET(unpack, input) {
  const auto content = unpack("x", Bytes::copy(input));
  if (content) return Verdict::accepted;
  BALLAST_CHECK(content.error().code == ErrorCode::corrupt);
  BALLAST_CHECK(content.error().message.starts_with("x: "));
  return Verdict::refused;
}

}  // namespace ballast::fuzz

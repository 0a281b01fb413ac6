// A fold's directory, as workers find it on disk: what opens says the same when it is written
// again.
//
// Input: a sealed directory (sealed_directory.h).

#include "common/base/check.h"
#include "tests/fuzz/scratch.h"
#include "tests/fuzz/sealed_directory.h"
#include "tests/fuzz/target.h"
#include "worker/data/fold_files.h"

namespace ballast::fuzz {

BALLAST_FUZZ_TARGET(fold, bytes) {
  static const Scratch directory;
  directory.clear();
  put_sealed(Input(bytes), directory);
  const auto opened = read_fold(directory.path());
  if (!opened) return Verdict::refused;
  static_cast<void>(check_fold(opened->fold.examples, 1000));
  const auto written = write_fold(directory.path() + "/again", opened->fold);
  BALLAST_CHECK(written.has_value());
  const auto again = read_fold(written->directory);
  BALLAST_CHECK(again.has_value());
  BALLAST_CHECK(again->fold == opened->fold);
  return Verdict::accepted;
}

}  // namespace ballast::fuzz

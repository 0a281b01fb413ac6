// A prepared data set, as workers find it on disk. What opens must be readable to its last number.
//
// Input: a sealed directory (sealed_directory.h).

#include "tests/fuzz/scratch.h"
#include "tests/fuzz/sealed_directory.h"
#include "tests/fuzz/target.h"

namespace ballast::fuzz {

BALLAST_FUZZ_TARGET(packed, bytes) {
  static const Scratch directory;
  directory.clear();
  put_sealed(Input(bytes), directory);
  const auto dataset = open_dataset(directory.path());
  if (!dataset) return Verdict::refused;
  volatile double sum = sum_of(**dataset);
  static_cast<void>(sum);
  return Verdict::accepted;
}

}  // namespace ballast::fuzz

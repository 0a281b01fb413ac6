// The description of a run, as it arrives in Welcome and stands in manifests and job.json.
//
// Input: the JSON. Its numbers must come back with the same bits.

#include "common/base/check.h"
#include "common/job/run_json.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/target.h"

namespace ballast::fuzz {

BALLAST_FUZZ_TARGET(run, bytes) {
  const auto run = run_from_json(Input(bytes).rest());
  if (!run) return Verdict::refused;
  const auto again = run_from_json(run_to_json(*run));
  BALLAST_CHECK(again.has_value());
  BALLAST_CHECK(*again == *run);
  return Verdict::accepted;
}

}  // namespace ballast::fuzz

// model.json and job.json, as `predict`, `inspect` and `resume` read them.
//
// Input: the JSON. It stands in fixtures/model beside the weights of a small model, which is then
// applied to a few rows.

#include <string>

#include "cli/job_file.h"
#include "cli/prediction.h"
#include "common/base/check.h"
#include "common/storage/files.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/scratch.h"
#include "tests/fuzz/target.h"

namespace ballast::fuzz {
namespace {

// Tests run in the root of the tree.
constexpr const char* kFixtures = "tests/fuzz/fixtures/model/";

class Directory {
 public:
  Directory() {
    for (const char* const name : {"model.safetensors", "rows.csv"}) {
      const auto bytes = read_file(std::string(kFixtures) + name);
      BALLAST_CHECK(bytes.has_value());
      rows_ = scratch_.put(name, *bytes);
    }
  }
  [[nodiscard]] const Scratch& scratch() const { return scratch_; }
  [[nodiscard]] const std::string& rows() const { return rows_; }

 private:
  const Scratch scratch_;
  std::string rows_;
};

}  // namespace

BALLAST_FUZZ_TARGET(model, bytes) {
  static const Directory directory;
  const std::string_view json = Input(bytes).rest();
  directory.scratch().put("job.json", json);
  Verdict verdict = Verdict::refused;
  if (read_job_file(directory.scratch().path())) verdict = Verdict::accepted;

  directory.scratch().put("model.json", json);
  for (const char* const format : {"csv", "jsonl"}) {
    const auto text = predict(
        {.model = directory.scratch().path(), .files = {directory.rows()}, .format = format});
    if (text) verdict = Verdict::accepted;
  }
  return verdict;
}

}  // namespace ballast::fuzz

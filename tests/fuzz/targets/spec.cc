// Job specs as a user writes them, and `--set` overrides.
//
// Input: lines that begin with "--set " are overrides, as long as they come first; the rest is the
// YAML. Without any YAML the overrides are applied to a full spec.

#include <string>
#include <vector>

#include "common/base/check.h"
#include "common/job/parse.h"
#include "common/job/text.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/target.h"
#include "tests/unit/job/specs.h"

namespace ballast::fuzz {

BALLAST_FUZZ_TARGET(spec, input) {
  constexpr std::string_view kSet = "--set ";
  std::string_view yaml = Input(input).rest();
  std::vector<std::string> overrides;
  while (yaml.starts_with(kSet)) {
    yaml.remove_prefix(kSet.size());
    const std::size_t end = std::min(yaml.find('\n'), yaml.size());
    overrides.emplace_back(yaml.substr(0, end));
    yaml.remove_prefix(std::min(end + 1, yaml.size()));
  }
  if (yaml.empty()) yaml = kFullSpec;

  const auto spec = parse_spec(yaml, "f.yaml", overrides);
  if (!spec) {
    BALLAST_CHECK(spec.error().code == ErrorCode::invalid);
    BALLAST_CHECK(is_utf8(spec.error().message));
    return Verdict::refused;
  }
  const auto again = parse_spec(spec->source, "f.yaml");
  BALLAST_CHECK(again.has_value());
  BALLAST_CHECK(without_lines(*again) == without_lines(*spec));
  return Verdict::accepted;
}

}  // namespace ballast::fuzz

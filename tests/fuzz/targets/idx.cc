// IDX images and labels.
//
// Input: u8 options, the bits of which are below; u8 chunk size, less one; u16 bytes of the labels;
// then the labels, then the images.

#include "tests/fuzz/input.h"
#include "tests/fuzz/table_target.h"

namespace ballast::fuzz {

BALLAST_FUZZ_TARGET(idx, bytes) {
  Input input(bytes);
  const unsigned options = input.byte();
  const std::size_t chunk_bytes = std::size_t{1} + input.byte();
  const std::string_view labels = input.take(input.word());
  const std::string_view images = input.rest();

  Spec spec = spec_of(DataFormat::idx);
  if ((options & 1) != 0) spec.data.on_bad_row = BadRow::skip;
  if ((options & 2) != 0) spec.model.task = Task::regression;
  const LabelRule rule = (options & 4) != 0 ? LabelRule::optional : LabelRule::required;
  SplitFiles split{.field = "data.train", .files = sources_of({images}), .labels = {}};
  if (rule == LabelRule::required) split.labels = sources_of({labels});

  auto table = read_both_ways(spec, split, nullptr, rule, chunk_bytes);
  if (!table) return Verdict::refused;
  const auto classes = rule == LabelRule::required
                           ? find_classes(spec, *table)
                           : Result<std::vector<std::string>>(std::vector<std::string>{"0", "1"});
  if (!classes || !read_labels(spec, *classes, rule, *table)) return Verdict::refused;
  return Verdict::accepted;
}

}  // namespace ballast::fuzz

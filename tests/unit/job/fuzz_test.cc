// Specs and runs that a careless hand or a broken disk has been at: whatever they say, reading them
// ends with a value or with sentences, never with a crash, and what is accepted survives its own
// source.

#include <gtest/gtest.h>

#include "common/base/philox.h"
#include "common/job/parse.h"
#include "common/job/run_json.h"
#include "common/job/text.h"
#include "tests/unit/job/specs.h"

namespace ballast {
namespace {

// Numbers drawn one after another from the counter-based generator: a failing seed repeats.
class Draws {
 public:
  explicit Draws(std::uint64_t seed) : stream_(seed, Purpose::canary, 0) {}
  std::size_t below(std::size_t n) { return stream_.word(next_++) % n; }

 private:
  PhiloxStream stream_;
  std::uint64_t next_ = 0;
};

constexpr std::string_view kPieces[] = {
    "",
    " ",
    "\n",
    "\n  ",
    "- ",
    ": ",
    ", ",
    "[",
    "]",
    "{",
    "}",
    "\"",
    "'",
    "#",
    "&a ",
    "*a",
    "!x ",
    "|",
    ">",
    "~",
    "null",
    "true",
    "0",
    "-1",
    "1e400",
    "18446744073709551616",
    "1/0",
    "nan",
    "%",
    "\t",
    "\r",
    "\x04",
    "\xFF",
    "\xE4\xB8\xAD",
    "---",
    "...",
    "? ",
    "data",
    "columns",
    "layers",
    "dense",
    "[[[[[[[[",
    "{a: {a: {a: ",
    "<<: *a",
    "\\",
    "\xF0\x9F\x98\x80",
    "category",
    "number",
};

std::string mutated(std::string text, Draws& draws) {
  const std::size_t edits = 1 + draws.below(4);
  for (std::size_t i = 0; i < edits && !text.empty(); ++i) {
    const std::size_t at = draws.below(text.size());
    const std::size_t size = draws.below(std::min<std::size_t>(text.size() - at, 24) + 1);
    switch (draws.below(5)) {
      case 0:  // A piece is lost.
        text.erase(at, size);
        break;
      case 1:  // A piece is written twice.
        text.insert(at, text.substr(at, size));
        break;
      case 2:  // Something else stands there.
        text.replace(at, size, kPieces[draws.below(std::size(kPieces))]);
        break;
      case 3:  // Something is typed in between.
        text.insert(at, kPieces[draws.below(std::size(kPieces))]);
        break;
      case 4:  // A bit has flipped.
        text[at] = static_cast<char>(text[at] ^ (1 << draws.below(8)));
        break;
    }
  }
  return text;
}

TEST(Fuzz, MutatedSpecsNeverCrash) {
  std::vector<std::string> originals = {std::string(kSmallSpec), std::string(kFullSpec)};
  for (const auto& path : example_specs()) originals.push_back(file_text(path));
  std::size_t accepted = 0;
  std::size_t refused = 0;
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    Draws draws(seed);
    const std::string yaml = mutated(originals[draws.below(originals.size())], draws);
    SCOPED_TRACE(testing::Message() << "seed " << seed << "\n" << yaml);
    const auto spec = parse_spec(yaml, "f.yaml");
    if (!spec) {
      refused += 1;
      EXPECT_EQ(spec.error().code, ErrorCode::invalid);
      EXPECT_TRUE(spec.error().message.starts_with("f.yaml:")) << spec.error().message;
      EXPECT_TRUE(is_utf8(spec.error().message));
      continue;
    }
    accepted += 1;
    const auto again = parse_spec(spec->source, "f.yaml");
    ASSERT_TRUE(again.has_value()) << again.error().message << "\n" << spec->source;
    EXPECT_EQ(without_lines(*again), without_lines(*spec));
  }
  // Both ways are walked often; else the mutations are too wild, or too tame.
  EXPECT_GT(accepted, 150U);
  EXPECT_GT(refused, 300U);
}

TEST(Fuzz, MutatedOptionsNeverCrash) {
  const std::string originals[] = {"training.batch=64", "features.2.clip.by=iqr",
                                   "model.layers.0.embedding.features=[a, b]",
                                   "data.label={column: income, classes: [a, b]}"};
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    Draws draws(seed);
    const std::string option = mutated(originals[draws.below(std::size(originals))], draws);
    SCOPED_TRACE(testing::Message() << "seed " << seed << "\n" << option);
    const auto spec = parse_spec(kFullSpec, "f.yaml", std::vector{option});
    if (spec) continue;
    EXPECT_EQ(spec.error().code, ErrorCode::invalid);
  }
}

TEST(Fuzz, MutatedRunsNeverCrash) {
  RunConfig run;
  run.tables = {{TableId{0}, "a", TableKind::dense, {3, 4}, Initializer::normal, 0.5F, true}};
  run.classes = {"x", "\xFF"};
  const std::string original = run_to_json(run);
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    Draws draws(seed);
    const std::string json = mutated(original, draws);
    SCOPED_TRACE(testing::Message() << "seed " << seed << "\n" << json);
    const auto read = run_from_json(json);
    if (!read) continue;
    const auto again = run_from_json(run_to_json(*read));
    ASSERT_TRUE(again.has_value());
    EXPECT_EQ(*again, *read);
  }
}

}  // namespace
}  // namespace ballast

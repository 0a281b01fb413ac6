#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/unit/data/fixtures.h"
#include "tests/unit/data/meaning.h"
#include "tests/unit/data/mutator.h"
#include "tests/unit/data/packing.h"
#include "worker/data/fold_files.h"
#include "worker/data/idx.h"
#include "worker/data/manifest.h"
#include "worker/data/pipeline.h"
#include "worker/data/source.h"
#include "worker/data/table_manifest.h"

// Sources nobody would write: good ones with a few bytes changed, dropped or doubled. They must
// never crash a reader, and what a text means, or what is wrong with it, may not depend on where it
// is cut into chunks, nor on the number of threads.

namespace ballast {
namespace {

// ---- texts ------------------------------------------------------------------------------------

// A good text. `head` is left as it is for most seeds, since a wrong header hides the rows.
struct Source {
  const char* name;
  Spec spec;
  std::string head;
  std::string rows;
  std::string_view favourites;
};

Spec text_spec(DataFormat format, bool listed) {
  Spec spec = csv_spec();
  if (listed) {
    spec =
        csv_spec({{"n", ColumnType::number}, {"c", ColumnType::text}, {"y", ColumnType::category}});
  }
  spec.data.format = format;
  return spec;
}

// What is wrong with these is wrong with one row, but for their headers.
std::vector<Source> listed_sources() {
  const std::string csv =
      "1,red,a\n# note \"\n-2.5,\"two\nlines, \"\"quoted\"\"\",b\n ,  \"x\" ,a\n3,5\" pipe,b\n";
  Source commas{"csv", text_spec(DataFormat::csv, true), "n,c,y\n", csv, ",\"\n\r #x1"};
  commas.spec.data.comment = "#";
  commas.spec.data.missing = {"x"};

  Source returns{"csv with CRLF and a mark", text_spec(DataFormat::csv, true),
                 "\xEF\xBB\xBF\r\ny,\"c\",\"n\",more\r\n",
                 "a,red,1,\r\n\r\nb,\"two\r\nlines\",-2.5,\"\"\r\na,,3,\"\"\"\"\r", ",\"\n\r 1"};

  Source spaces{"csv with spaces and quotes for comments", text_spec(DataFormat::csv, true), "",
                "1 red a\n\" note \"\n-2.5 \"two\nlines\" b\n3 \" \"\"x\"\" \" a\n4  b\n",
                " \"\n1\r"};
  spaces.spec.data.header = false;
  spaces.spec.data.delimiter = ' ';
  spaces.spec.data.comment = "\"";

  Source tabs{"tsv", text_spec(DataFormat::tsv, true), "n\tc\ty\n",
              "1\tred\\n\\t\\\\\ta\n# no\n2\t\"open\tb\n\n3\t\ta", "\t\\\nnt1#"};
  tabs.spec.data.comment = "#";

  Source svm{"libsvm", text_spec(DataFormat::libsvm, false), "",
             "-1 1:1 5:0.5 # x\n+1 2:-1e3\n\n% no\n1 4294967295:2\n3", " :\n#1-+e%"};
  svm.spec.data.comment = "%";

  Source dense{"dense libsvm", text_spec(DataFormat::libsvm, false), "",
               "-1 1:1 5:0.5 # x\n+1 2:-1e3\n\n1 8:2\n", " :\n#1-+e"};
  dense.spec.data.libsvm_dense = true;
  dense.spec.data.libsvm_dimension = 8;

  Source json{"jsonl", text_spec(DataFormat::jsonl, true), "",
              "{\"n\": 1.5, \"c\": \"r\\u00e9d\", \"y\": \"a\"}\n"
              "{\"y\": 2, \"n\": null, \"c\": true, \"x\": [{\"n\": 1}]}\r\n"
              " \n{\"y\": \"b\"}",
              "{}\"[]:,\n1"};
  return {commas, returns, spaces, tabs, svm, dense, json};
}

// Here names or types come from the text, so it takes more than a row to say what is wrong.
std::vector<Source> inferred_sources() {
  Source commas{"inferred csv", text_spec(DataFormat::csv, false), "n,c,y\n",
                "1,red,a\n2.5,\"two\nlines\",b\n-4,5,a\n", ",\"\n\r inf"};

  Source bare{"csv without header", text_spec(DataFormat::csv, false), "",
              "1,red,a\n2.5,\"two\nlines\",b\n-4,5,a\n", ",\"\n\r inf"};
  bare.spec.data.header = false;
  bare.spec.data.label = "column_3";

  Source json{"inferred jsonl", text_spec(DataFormat::jsonl, false), "",
              "{\"n\": 1.5, \"c\": \"red\", \"y\": \"a\"}\n{\"y\": 2, \"n\": 3, \"c\": null}\n"
              "{\"n\": \"-7\", \"y\": false}\n",
              "{}\"[]:,\n1"};
  return {commas, bare, json};
}

// The mutated text, and a good one behind it.
std::pair<std::string, std::string> texts_of(const Source& source, std::uint64_t seed) {
  const std::string good = source.head + source.rows;
  Mutator mutate(seed);
  if (seed % 8 == 0) return {mutate(good, source.favourites), good};
  return {source.head + mutate(source.rows, source.favourites), good};
}

constexpr std::uint64_t kTextSeeds = 500;
constexpr std::size_t kWhole = std::size_t{1} << 20;

TEST(Mutations, MeanTheSameHoweverTheyAreCut) {
  std::vector<Source> sources = listed_sources();
  for (Source& source : inferred_sources()) sources.push_back(std::move(source));
  for (Source& source : sources) {
    for (const BadRow on_bad_row : {BadRow::stop, BadRow::skip}) {
      source.spec.data.on_bad_row = on_bad_row;
      std::uint64_t right = 0;
      for (std::uint64_t seed = 1; seed <= kTextSeeds; ++seed) {
        const auto [mutated, good] = texts_of(source, seed);
        SCOPED_TRACE(testing::Message()
                     << source.name << ", on_bad_row " << static_cast<int>(on_bad_row) << ", seed "
                     << seed << ", text " << testing::PrintToString(mutated));
        const auto table =
            read_texts(source.spec, {mutated, good}, {.threads = 1, .chunk_bytes = kWhole});
        ASSERT_TRUE(!table || is_whole(*table));
        if (table && table->rows_skipped == 0) right += 1;
        const std::string whole = meaning(table);
        for (const std::size_t chunk_bytes : {std::size_t{1}, std::size_t{11}}) {
          const std::uint32_t threads = seed % 16 == 0 ? 2 : 1;
          const auto cut = read_texts(source.spec, {mutated, good},
                                      {.threads = threads, .chunk_bytes = chunk_bytes});
          ASSERT_EQ(meaning(cut), whole) << "chunk_bytes " << chunk_bytes;
          ASSERT_TRUE(!cut || is_whole(*cut));
        }
      }
      // Were all of them right, or none, the test would look at one half of the readers.
      EXPECT_GT(right, 0U) << source.name;
      EXPECT_LT(right, kTextSeeds * 9 / 10) << source.name;
    }
  }
}

// Whoever stops at the first bad row tells what whoever skips it shows first.
TEST(Mutations, AreRefusedForTheFirstRowThatIsSkipped) {
  for (const Source& source : listed_sources()) {
    Spec stop = source.spec;
    stop.data.on_bad_row = BadRow::stop;
    Spec skip = source.spec;
    skip.data.on_bad_row = BadRow::skip;
    std::uint64_t refused = 0;
    for (std::uint64_t seed = 1; seed <= kTextSeeds; ++seed) {
      const auto [mutated, good] = texts_of(source, seed);
      SCOPED_TRACE(testing::Message() << source.name << ", seed " << seed << ", text "
                                      << testing::PrintToString(mutated));
      const auto stopped = read_texts(stop, {mutated, good}, {.chunk_bytes = 11});
      const auto skipped = read_texts(skip, {mutated, good}, {.chunk_bytes = 11});
      if (!skipped || skipped->rows_skipped == 0) {
        ASSERT_EQ(meaning(stopped), meaning(skipped));
      } else {
        refused += 1;
        ASSERT_FALSE(stopped);
        ASSERT_EQ(stopped.error().message, skipped->skipped_samples.front());
      }
    }
    EXPECT_GT(refused, kTextSeeds / 20) << source.name;
  }
}

// ---- bytes ------------------------------------------------------------------------------------

constexpr std::uint64_t kByteSeeds = 3000;

TEST(Mutations, OfIdxAreValuesOrErrors) {
  const std::string idx(
      "\0\0\x08\x02\0\0\0\x02\0\0\0\x03"
      "abcdef",
      18);
  std::uint64_t good = 0;
  for (std::uint64_t seed = 1; seed <= kByteSeeds; ++seed) {
    SCOPED_TRACE(seed);
    const std::string bytes = Mutator(seed)(idx, std::string_view("\0\x01\x08\x0E\xFF", 5));
    const auto array = read_idx({"x", Bytes::copy(bytes)});
    if (!array) {
      EXPECT_EQ(array.error().message.substr(0, 3), "x: ");
      continue;
    }
    good += 1;
    EXPECT_EQ(idx_numbers(*array, 0, array->examples * array->width).size(),
              array->examples * array->width);
  }
  EXPECT_GT(good, 0U);
  EXPECT_LT(good, kByteSeeds);
}

// Gzip carries a checksum: what is damaged is refused, or the damage is where it does not matter.
// Zstd, as its command line writes it, may carry none, so there only the reader's life is asked
// for.
TEST(Mutations, OfPackedFilesAreTheTextOrErrors) {
  const std::string text = "n,c,y\n1,red,a\n2,blue,b\n3,red,a\n4,blue,b\n";
  struct Case {
    const char* name;
    std::string packed;
    bool checked;
  };
  const Case cases[] = {{"gzip", gzip(text), true}, {"zstd", zstd(text), false}};
  for (const Case& c : cases) {
    std::uint64_t damaged = 0;
    for (std::uint64_t seed = 1; seed <= kByteSeeds; ++seed) {
      SCOPED_TRACE(testing::Message() << c.name << ", seed " << seed);
      const std::string bytes = Mutator(seed)(c.packed, std::string_view("\0\x01\x04\xFF", 4));
      const auto content = unpack("x.csv", Bytes::copy(bytes));
      if (!content) {
        damaged += 1;
        EXPECT_EQ(content.error().code, ErrorCode::corrupt);
        EXPECT_EQ(content.error().message.substr(0, 7), "x.csv: ");
      } else if (c.checked) {
        // Without its first bytes it is not packed at all.
        EXPECT_TRUE(content->text() == text || content->text() == bytes);
      }
    }
    EXPECT_GT(damaged, kByteSeeds / 2) << c.name;
    EXPECT_LT(damaged, kByteSeeds) << c.name;
  }
}

// ---- what we wrote ourselves ------------------------------------------------------------------

Pipeline some_pipeline() {
  FittedColumn number;
  number.name = "n";
  number.steps = {{NumberStep::Kind::fill, 1.5, 0}, {NumberStep::Kind::clip, -1, 1e300}};
  FittedColumn text;
  text.name = "t";
  text.type = ColumnType::text;
  text.storage = Storage::texts;
  text.outputs = {
      {.kind = OutputKind::tokenize, .group = "t", .min_count = 2, .vocabulary = {1, ~Key{0}}},
      {.kind = OutputKind::one_hot, .values = {"a", "b"}}};
  Pipeline pipeline;
  pipeline.columns = {number, text};
  pipeline.matrix_width = 3;
  for (std::uint32_t c = 0; c < pipeline.matrix_width; ++c) {
    FittedColumn pixel;
    pixel.name = "pixel_" + std::to_string(c);
    pixel.storage = Storage::matrix;
    pixel.matrix_column = c;
    pipeline.columns.push_back(pixel);
  }
  return pipeline;
}

// What is read is what its own JSON says, so nothing half understood gets through.
TEST(Mutations, OfPipelinesAreRefusedOrReadWhole) {
  const std::string json = to_json(some_pipeline());
  std::uint64_t good = 0;
  for (std::uint64_t seed = 1; seed <= kByteSeeds; ++seed) {
    SCOPED_TRACE(seed);
    const auto changed = pipeline_from_json(Mutator(seed)(json, "{}[]\",:0-1enull"));
    if (!changed) continue;
    good += 1;
    const auto again = pipeline_from_json(to_json(*changed));
    ASSERT_TRUE(again) << again.error().message;
    ASSERT_EQ(*again, *changed);
  }
  EXPECT_GT(good, 0U);
  EXPECT_LT(good, kByteSeeds);
}

TEST(Mutations, OfManifestsAreRefusedOrReadWhole) {
  DatasetManifest manifest;
  manifest.schema.dense = {"n"};
  manifest.splits[0] = {.examples = 3, .width = 1, .group_has_values = {true}};
  manifest.files = {{"train.labels.f32", 12, {"0123456789abcdef"}}};
  const std::string json = to_json(manifest);
  std::uint64_t good = 0;
  for (std::uint64_t seed = 1; seed <= kByteSeeds; ++seed) {
    SCOPED_TRACE(seed);
    const auto changed = manifest_from_json(Mutator(seed)(json, "{}[]\",:0-1enull"), "m");
    if (!changed) {
      EXPECT_EQ(changed.error().message.substr(0, 3), "m: ");
      continue;
    }
    good += 1;
    const auto again = manifest_from_json(to_json(*changed), "m");
    ASSERT_TRUE(again) << again.error().message;
    ASSERT_EQ(to_json(*again), to_json(*changed));
  }
  EXPECT_GT(good, 0U);
  EXPECT_LT(good, kByteSeeds);
}

// The JSON of the manifests of packed tables and folds, and of the report beside a table.
template <class Read, class Write>
void expect_refused_or_read_whole(const std::string& json, Read&& read, Write&& write) {
  std::uint64_t good = 0;
  for (std::uint64_t seed = 1; seed <= kByteSeeds; ++seed) {
    SCOPED_TRACE(seed);
    const auto changed = read(Mutator(seed)(json, "{}[]\",:0-1enull"));
    if (!changed) {
      EXPECT_EQ(changed.error().message.substr(0, 3), "m: ");
      continue;
    }
    good += 1;
    const auto again = read(write(*changed));
    ASSERT_TRUE(again) << again.error().message;
    ASSERT_EQ(write(*again), write(*changed));
  }
  EXPECT_GT(good, 0U);
  EXPECT_LT(good, kByteSeeds);
}

TEST(Mutations, OfTableManifestsAreRefusedOrReadWhole) {
  TableManifest manifest;
  manifest.tables[0] = {.blocks = 2, .rows = 30, .examples = 28};
  manifest.files = {{"train.labels.f32", 120, {"0123456789abcdef"}}};
  expect_refused_or_read_whole(
      to_json(manifest),
      [](const std::string& json) { return table_manifest_from_json(json, "m"); },
      [](const TableManifest& read) { return to_json(read); });
}

TEST(Mutations, OfTableReportsAreRefusedOrReadWhole) {
  TableReport report;
  report.sources[0] = {.files = {"a.csv", "caf\xE9.csv"},
                       .not_numeric = {{1, "a.csv:2: \"x\""}},
                       .rows_skipped = 3,
                       .skipped_samples = {"a.csv:4:1: expected"}};
  expect_refused_or_read_whole(
      to_json(report), [](const std::string& json) { return table_report_from_json(json, "m"); },
      [](const TableReport& read) { return to_json(read); });
}

TEST(Mutations, OfFoldManifestsAreRefusedOrReadWhole) {
  const FoldManifest manifest{.packed = "0123",
                              .encoding = 3,
                              .train = 4,
                              .validation = 1,
                              .files = {{"train.u32", 16, {"0123456789abcdef"}}}};
  expect_refused_or_read_whole(
      to_json(manifest), [](const std::string& json) { return fold_manifest_from_json(json, "m"); },
      [](const FoldManifest& read) { return to_json(read); });
}

}  // namespace
}  // namespace ballast

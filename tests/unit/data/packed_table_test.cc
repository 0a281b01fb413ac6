#include "worker/data/packed_table.h"

#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <set>

#include "tests/unit/data/dump.h"
#include "tests/unit/data/formats.h"
#include "tests/unit/data/mutator.h"
#include "worker/data/fit.h"
#include "worker/data/split_files.h"
#include "worker/data/table_manifest.h"

namespace ballast {
namespace {

class PackedTableTest : public ::testing::Test {
 protected:
  [[nodiscard]] std::string cache() const { return files_.path() + "/cache"; }

  std::string pack(const FormatCase& c, std::uint32_t threads = 2) {
    stages_.clear();
    auto directory = pack_table(
        c.spec, {.cache = cache(),
                 .threads = threads,
                 .keep = c.keep,
                 .progress = [&](const PrepareProgress& p) { stages_.insert(p.stage); }});
    EXPECT_TRUE(directory) << c.name << ": " << directory.error().message;
    return directory ? *directory : "";
  }
  static std::shared_ptr<const PackedTable> open(const std::string& directory) {
    auto packed = open_packed_table(directory);
    EXPECT_TRUE(packed) << packed.error().message;
    return packed ? *packed : std::make_shared<const PackedTable>();
  }

  TestDirectory files_;
  std::set<std::string> stages_;
};

// A small directory, and a way to alter it.
class Alterable {
 public:
  Alterable(const TestDirectory& files, const std::string& directory)
      : files_(files), directory_(directory + "-altered") {
    for (const auto& entry : std::filesystem::directory_iterator(directory)) {
      contents_[entry.path().filename()] = content_of(entry.path());
    }
  }

  [[nodiscard]] const std::map<std::string, std::string>& contents() const { return contents_; }

  // REQUIRES: what was opened before is closed, since its files change.
  std::string with(const std::string& name, const std::string& content) {
    std::map<std::string, std::string> changed = contents_;
    changed[name] = content;
    return write(changed);
  }
  // As with(), but the manifest, or the report's digest, says what the file says.
  std::string sealed(const std::string& name, const std::string& content) {
    std::map<std::string, std::string> changed = contents_;
    changed[name] = content;
    auto manifest = table_manifest_from_json(changed[kManifestFile], "m");
    if (name != kManifestFile && manifest) {
      for (ManifestFile& file : manifest->files) {
        if (file.name != name) continue;
        file.bytes = content.size();
        file.checksums = checksums_of(std::as_bytes(std::span(content)), 1);
      }
      changed[kManifestFile] = to_json(*manifest);
    }
    changed[kDigestFile] = digest_of(changed[kManifestFile]);
    changed[kReportDigestFile] = digest_of(changed[kReportFile]);
    return write(changed);
  }
  std::string without(const std::string& name) {
    std::map<std::string, std::string> changed = contents_;
    changed.erase(name);
    return write(changed);
  }

 private:
  // Only what is not as it was the last time is written.
  std::string write(const std::map<std::string, std::string>& contents) {
    for (const auto& [name, content] : written_) {
      if (!contents.contains(name)) std::filesystem::remove(directory_ + "/" + name);
    }
    for (const auto& [name, content] : contents) {
      const auto before = written_.find(name);
      if (before != written_.end() && before->second == content) continue;
      files_.write(std::filesystem::relative(directory_, files_.path()) / name, content);
    }
    written_ = contents;
    return directory_;
  }

  const TestDirectory& files_;
  const std::string directory_;
  std::map<std::string, std::string> contents_;
  std::map<std::string, std::string> written_;
};

// What reading the sources gives without packing.
std::vector<SplitRows> read_all(const FormatCase& c) {
  Spec spec = c.spec;
  Meter meter(nullptr);
  auto sources = load_sources(spec, "", meter);
  EXPECT_TRUE(sources);
  std::vector<SplitRows> all;
  std::vector<std::string> classes;
  for (const std::size_t s : {0, 2}) {
    if ((*sources)[s].files.empty()) continue;
    const Table* like = s == 0 ? nullptr : &all[0].table;
    auto rows = read_rows(spec, (*sources)[s], like, classes, {.keep = c.keep}, meter);
    EXPECT_TRUE(rows) << rows.error().message;
    all.push_back(*std::move(rows));
  }
  EXPECT_TRUE(drop_duplicate_rows(spec, 1, all[0]));
  return all;
}

TEST_F(PackedTableTest, EveryFormatComesBackExactly) {
  std::vector<FormatCase> cases = format_cases(files_);
  cases.push_back(large_case(files_));
  for (const FormatCase& c : cases) {
    SCOPED_TRACE(c.name);
    const std::vector<SplitRows> expected = read_all(c);
    const auto packed = open(pack(c));
    EXPECT_EQ(stages_, (std::set<std::string>{"reading", "packing"}));
    ASSERT_TRUE(is_whole(packed->train.table));
    EXPECT_EQ(dump(packed->train), dump(expected[0]));
    ASSERT_EQ(packed->test.has_value(), expected.size() == 2);
    if (packed->test) {
      ASSERT_TRUE(is_whole(packed->test->table));
      EXPECT_EQ(dump(*packed->test), dump(expected[1]));
    }
    EXPECT_EQ(packed->task, c.spec.model.task);
    EXPECT_EQ(packed->digest.size(), 64U);
  }
}

TEST_F(PackedTableTest, SeveralBlocksAreSeveralBlocks) {
  EXPECT_GT(open(pack(large_case(files_)))->train.table.blocks.size(), 2U);
}

TEST_F(PackedTableTest, SaysWhatIsGone) {
  const auto packed = open(pack(csv_case(files_)));
  EXPECT_EQ(packed->skipped.count, 2U);
  ASSERT_EQ(packed->skipped.samples.size(), 2U);
  EXPECT_NE(packed->skipped.samples[0].find("mixed.csv:403:1: expected a number"),
            std::string::npos)
      << packed->skipped.samples[0];
  EXPECT_EQ(packed->duplicates_dropped, 48U);
  EXPECT_EQ(packed->examples(), 240U - 48U);
  EXPECT_EQ(packed->classes, (Cells{"ham", "spam"}));
}

TEST_F(PackedTableTest, TheSecondTimeReadsNoText) {
  const FormatCase c = csv_case(files_);
  const std::string first = pack(c);
  EXPECT_EQ(pack(c), first);
  EXPECT_EQ(stages_, std::set<std::string>{"cached"});
}

TEST_F(PackedTableTest, TheCacheGoesByContentAndByTheSpecThatCounts) {
  const FormatCase c = csv_case(files_);
  const std::string first = pack(c);
  const auto same = [&](const char* name, const std::function<void(FormatCase&)>& change) {
    FormatCase changed = c;
    change(changed);
    EXPECT_EQ(pack(changed), first) << name;
  };
  const auto other = [&](const char* name, const std::function<void(FormatCase&)>& change) {
    FormatCase changed = c;
    change(changed);
    EXPECT_NE(pack(changed), first) << name;
  };
  same("seed", [](FormatCase& f) { f.spec.seed = 9; });
  same("fraction", [](FormatCase& f) { f.spec.data.validation_fraction = 0.1; });
  same("validation files", [](FormatCase& f) { f.spec.data.validation.paths = {"test.csv"}; });
  same("features", [](FormatCase& f) { f.spec.features[3].min_count = 1; });
  same("model", [](FormatCase& f) { f.spec.model.kind = ModelKind::logistic; });
  other("duplicates", [](FormatCase& f) { f.spec.features.erase(f.spec.features.begin()); });
  other("which duplicates", [](FormatCase& f) { f.spec.features[0].columns = {"n"}; });
  other("tokenized", [](FormatCase& f) { f.spec.features.back().columns = {"c"}; });
  other("kept", [](FormatCase& f) { f.keep = {}; });
  other("test", [](FormatCase& f) { f.spec.data.test.paths = {"more.csv"}; });
  other("missing", [](FormatCase& f) { f.spec.data.missing = {"kind0"}; });
  files_.write("more.csv", mixed_rows(201, 40));
  EXPECT_NE(pack(c), first) << "content";
}

TEST_F(PackedTableTest, NeitherThreadsNorPathsChangeTheDigest) {
  FormatCase c = large_case(files_);
  const std::string digest = open(pack(c, 1))->digest;
  std::filesystem::remove_all(cache());
  std::filesystem::rename(files_.path() + "/large.csv", files_.path() + "/moved.csv");
  c.spec.data.train.paths = {"moved.csv"};
  EXPECT_EQ(open(pack(c, 4))->digest, digest);
}

// ---- columns ------------------------------------------------------------------------------------

TEST_F(PackedTableTest, ColumnsAreReadByExample) {
  const auto packed = open(pack(csv_case(files_)));
  const std::vector<float> labels = example_labels(*packed);
  const auto users = column_texts(*packed, "user");
  const auto numbers = column_numbers(*packed, "n");
  const auto texts = column_texts(*packed, "n");
  ASSERT_TRUE(users && numbers && texts);
  ASSERT_EQ(labels.size(), packed->examples());
  ASSERT_EQ(users->size(), packed->examples());
  ASSERT_EQ(numbers->size(), packed->examples());
  // Examples are rows 0 to 3, 5 to 8, ...: every fifth is a duplicate.
  EXPECT_EQ((Cells{(*users)[0], (*users)[3], (*users)[4]}), (Cells{"u0", "u3", "u5"}));
  EXPECT_EQ((Cells{(*texts)[1], (*texts)[3], (*texts)[4]}), (Cells{"31.25", "", "155.25"}));
  EXPECT_EQ((*numbers)[4], 155.25);
  EXPECT_TRUE(std::isnan((*numbers)[3]));
  EXPECT_EQ((std::vector<float>{labels[0], labels[1], labels[3]}), (std::vector<float>{1, 0, 1}));

  const auto no_number = column_numbers(*packed, "user");
  ASSERT_FALSE(no_number);
  EXPECT_NE(no_number.error().message.find("mixed.csv:2: expected a number in column \"user\""),
            std::string::npos)
      << no_number.error().message;
  const auto unknown = column_texts(*packed, "usr");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().message, "data: there is no column \"usr\"; did you mean \"user\"?");
}

TEST_F(PackedTableTest, KeptColumnsOfJsonAndPixelsAreNumbersToo) {
  const auto packed = open(pack(jsonl_case(files_)));
  const auto when = column_numbers(*packed, "when");
  ASSERT_TRUE(when) << when.error().message;
  EXPECT_EQ((*when)[7], 700.0);
  FormatCase unlisted = jsonl_case(files_);
  unlisted.spec.data.columns.erase(unlisted.spec.data.columns.begin() + 1);
  EXPECT_EQ(*column_numbers(*open(pack(unlisted)), "when"), *when);
  const auto images = open(pack(idx_case(files_)));
  const auto pixels = column_numbers(*images, "pixel_2");
  ASSERT_TRUE(pixels);
  EXPECT_EQ((*pixels)[1], 13.0);
  EXPECT_EQ((*pixels)[20], 3.0);
}

TEST_F(PackedTableTest, AKeptColumnMustBeThere) {
  for (FormatCase c : {csv_case(files_), libsvm_case(files_, false)}) {
    c.keep = {"uzer"};
    const auto packed = pack_table(c.spec, {.cache = cache(), .keep = c.keep, .progress = {}});
    ASSERT_FALSE(packed);
    EXPECT_NE(packed.error().message.find("there is no column \"uzer\" to split the rows by"),
              std::string::npos)
        << packed.error().message;
  }
}

// A kept column is no feature, and rows that differ in it alone are duplicates as before.
TEST_F(PackedTableTest, AKeptColumnChangesNothingElse) {
  FormatCase c = csv_case(files_);
  const auto kept = open(pack(c));
  c.keep = {};
  const auto without = open(pack(c));
  EXPECT_EQ(kept->duplicates_dropped, without->duplicates_dropped);
  const auto a = fit_pipeline(c.spec, kept->train.table, kept->train.selection, kept->classes, {});
  const auto b =
      fit_pipeline(c.spec, without->train.table, without->train.selection, without->classes, {});
  ASSERT_TRUE(a && b);
  EXPECT_EQ(to_json(*a), to_json(*b));
  EXPECT_FALSE(column_texts(*without, "user"));
}

// ---- damage -------------------------------------------------------------------------------------

FormatCase tiny_case(const TestDirectory& files) {
  FormatCase c = csv_case(files);
  files.write("mixed.csv", mixed_rows(0, 6) + "x,kind1,\xE6\x88\x91,u1,ham\n");
  files.write("test.csv", mixed_rows(7, 2));
  c.spec.data.train.paths = {"mixed.csv"};
  return c;
}

TEST_F(PackedTableTest, NoByteCanBeDamagedUnseen) {
  Alterable altered(files_, pack(tiny_case(files_)));
  std::size_t flips = 0;
  for (const auto& [name, content] : altered.contents()) {
    for (std::size_t at = 0; at < content.size(); ++at) {
      std::string changed = content;
      changed[at] = static_cast<char>(changed[at] ^ (1 << at % 8));
      ASSERT_FALSE(open_packed_table(altered.with(name, changed))) << name << ", byte " << at;
      flips += 1;
    }
    EXPECT_FALSE(open_packed_table(altered.with(name, content + '\0'))) << name;
    EXPECT_FALSE(open_packed_table(altered.without(name))) << name;
  }
  EXPECT_GT(flips, 3000U);
  EXPECT_TRUE(open_packed_table(altered.with("unlisted", "does not count")));
}

TEST_F(PackedTableTest, ADamagedCacheIsMadeAgain) {
  const FormatCase c = tiny_case(files_);
  const std::string directory = pack(c);
  const std::string digest = open(directory)->digest;
  for (const char* name : {"train.labels.f32", kReportFile, kManifestFile}) {
    SCOPED_TRACE(name);
    std::filesystem::remove(directory + "/" + name);
    EXPECT_EQ(pack(c), directory);
    EXPECT_TRUE(stages_.contains("packing"));
    EXPECT_EQ(open(directory)->digest, digest);
  }
}

template <class T>
std::string bytes_of(std::initializer_list<T> values) {
  return {reinterpret_cast<const char*>(values.begin()), values.size() * sizeof(T)};
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

// The checksums fit, since whoever altered the files made them again.
TEST_F(PackedTableTest, NumbersThatReachOthersAreChecked) {
  Alterable csv(files_, pack(tiny_case(files_)));
  FormatCase svm = libsvm_case(files_, false);
  files_.write("rows.svm", "-1 1:1 3:0.5\n+1 2:2\n-1\n");
  Alterable sparse(files_, pack(svm));
  FormatCase idx = idx_case(files_);
  Alterable matrix(files_, pack(idx));
  using U64 = std::uint64_t;
  using U32 = std::uint32_t;
  struct Case {
    const char* name;
    Alterable& altered;
    std::string file;
    std::string content;
  };
  const auto changed = [](Alterable& altered, const std::string& file, const std::string& from,
                          const std::string& to) {
    return replaced(altered.contents().at(file), from, to);
  };
  // Six rows were read, of which the fifth is a duplicate.
  const Case cases[] = {
      {"file", csv, "train.blocks.u64", bytes_of<U64>({1, 6, 5, 0})},
      {"rows", csv, "train.blocks.u64", bytes_of<U64>({0, 7, 5, 0})},
      {"fewer rows", csv, "train.blocks.u64", bytes_of<U64>({0, 5, 5, 0})},
      {"rows beyond 64 bits", csv, "train.blocks.u64", bytes_of<U64>({0, ~U64{0}, 5, 0})},
      {"examples", csv, "train.blocks.u64", bytes_of<U64>({0, 6, 6, 0})},
      {"pixels", csv, "train.blocks.u64", bytes_of<U64>({0, 6, 5, 2})},
      {"two blocks", csv, "train.blocks.u64", bytes_of<U64>({0, 6, 5, 0, 0, 1, 0, 0})},
      {"part of a block", csv, "train.blocks.u64", bytes_of<U64>({0, 6, 5})},
      {"a row that is not there", csv, "train.examples.u32", bytes_of<U32>({0, 1, 2, 3, 6})},
      {"a row twice", csv, "train.examples.u32", bytes_of<U32>({0, 1, 2, 2, 5})},
      {"rows out of order", csv, "train.examples.u32", bytes_of<U32>({1, 0, 2, 3, 5})},
      {"a class that is not there", csv, "train.labels.f32", bytes_of<float>({1, 0, 0, 2, 0, 0})},
      {"half a class", csv, "train.labels.f32", bytes_of<float>({1, 0, 0.5F, 1, 0, 0})},
      {"a negative class", csv, "train.labels.f32", bytes_of<float>({1, -1, 0, 1, 0, 0})},
      {"no label", csv, "train.labels.f32", bytes_of<float>({1, NAN, 0, 1, 0, 0})},
      {"labels", csv, "train.labels.f32", bytes_of<float>({1, 0, 0, 1, 0})},
      {"numbers", csv, "train.0.numbers.f64", bytes_of<double>({1, 2, 3, 4, 5, 6, 7})},
      {"longer texts", csv, "train.1.lengths.u32", bytes_of<U32>({5, 5, 5, 5, 5, 6})},
      {"long texts", csv, "train.1.lengths.u32", bytes_of<U32>({5, 5, 5, 5, 5, ~U32{0}})},
      {"shorter texts", csv, "train.1.lengths.u32", bytes_of<U32>({5, 5, 5, 5, 4, 0})},
      {"lines", csv, "train.lines.u64", ""},
      {"more examples", csv, kManifestFile,
       changed(csv, kManifestFile, "\"examples\": 5", "\"examples\": 6")},
      {"more rows", csv, kManifestFile, changed(csv, kManifestFile, "\"rows\": 6", "\"rows\": 7")},
      {"no blocks", csv, kManifestFile,
       changed(csv, kManifestFile, "\"blocks\": 1", "\"blocks\": 0")},
      {"another kind", csv, kManifestFile, changed(csv, kManifestFile, "\"table\"", "\"fold\"")},
      {"a number that is stored as text", csv, kColumnsFile,
       changed(csv, kColumnsFile, "\"number\",\"storage\":\"numbers\"",
               "\"number\",\"storage\":\"texts\"")},
      {"a category that is stored as number", csv, kColumnsFile,
       changed(csv, kColumnsFile, "\"category\",\"storage\":\"texts\"",
               "\"category\",\"storage\":\"numbers\"")},
      {"a label that is not stored", csv, kColumnsFile,
       changed(csv, kColumnsFile, "\"label\":4", "\"label\":null")},
      {"one class", csv, kColumnsFile, changed(csv, kColumnsFile, "\"ham\",", "")},
      {"classes of a regression", csv, kColumnsFile,
       changed(csv, kColumnsFile, "\"binary\"", "\"regression\"")},
      {"a sparse table without rows", csv, kColumnsFile,
       changed(csv, kColumnsFile, "\"sparse\":false", "\"sparse\":true")},
      {"the report's columns", csv, kReportFile,
       changed(csv, kReportFile, "\"not_numeric\": []", "\"not_numeric\": [[5, \"x\"]]")},
      {"the report's files", csv, kReportFile,
       "{\"sources\": {\"train\": {\"files\": [], \"not_numeric\": [], \"rows_skipped\": 0,"
       " \"skipped_samples\": []}}, \"duplicates_dropped\": 0}"},
      {"more entries", sparse, "train.entries.u32", bytes_of<U32>({2, 1, 1})},
      {"many entries", sparse, "train.entries.u32", bytes_of<U32>({~U32{0}, 1, 0})},
      {"index 0", sparse, "train.indices.u32", bytes_of<U32>({0, 3, 2})},
      {"falling indices", sparse, "train.indices.u32", bytes_of<U32>({3, 1, 2})},
      {"indices", sparse, "train.indices.u32", bytes_of<U32>({1, 3})},
      {"values", sparse, "train.values.f32", bytes_of<float>({1, 2, 3, 4})},
      {"pixels for floats", matrix, "train.blocks.u64", bytes_of<U64>({0, 20, 20, 0, 1, 2, 2, 1})},
      {"pixels that are missing", matrix, "train.pixels.u8", std::string(59, 'x')},
      {"floats that are missing", matrix, "train.matrix.f64", std::string(40, 'x')},
      {"a wider matrix", matrix, kColumnsFile,
       replaced(changed(matrix, kColumnsFile, "\"matrix_width\":3", "\"matrix_width\":4"),
                "\"repeat\":3", "\"repeat\":4")},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    ASSERT_NE(c.content, c.altered.contents().at(c.file));
    const auto opened = open_packed_table(c.altered.sealed(c.file, c.content));
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, ErrorCode::corrupt) << opened.error().message;
    EXPECT_EQ(opened.error().message.find('\n'), std::string::npos) << opened.error().message;
  }
  // Sealing alone is no damage, and the first value of a column is anybody's to choose.
  EXPECT_TRUE(
      open_packed_table(csv.sealed("train.0.numbers.f64", bytes_of<double>({1, 2, 3, 4, 5, 6}))));
}

// Whatever opens is whole, and can be fitted and encoded to the end or to an error.
TEST_F(PackedTableTest, AlteredDirectoriesAreErrorsOrWhole) {
  FormatCase svm = libsvm_case(files_, false);
  for (const FormatCase& c : {tiny_case(files_), svm, idx_case(files_)}) {
    Alterable altered(files_, pack(c));
    std::vector<std::string> names;
    for (const auto& [name, content] : altered.contents()) {
      if (!name.ends_with(".sha256")) names.push_back(name);
    }
    std::uint64_t opened = 0;
    constexpr std::uint64_t kSeeds = 600;
    for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
      SCOPED_TRACE(testing::Message() << c.name << ", seed " << seed);
      const std::string& name = names[seed % names.size()];
      const std::string changed =
          Mutator(seed)(altered.contents().at(name), std::string_view("\0\1\xFF{}[]\",:09", 13));
      const auto packed = open_packed_table(altered.sealed(name, changed));
      if (!packed) continue;
      opened += 1;
      ASSERT_TRUE(is_whole((*packed)->train.table));
      static_cast<void>(dump((*packed)->train));
      Spec spec = c.spec;
      spec.model.task = (*packed)->task;
      static_cast<void>(fit_pipeline(spec, (*packed)->train.table, (*packed)->train.selection,
                                     (*packed)->classes, {}));
    }
    EXPECT_GT(opened, 0U) << c.name;
    EXPECT_LT(opened, kSeeds / 2) << c.name;
  }
}

}  // namespace
}  // namespace ballast

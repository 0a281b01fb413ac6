#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <numeric>
#include <thread>
#include <utility>

#include "tests/unit/data/dump.h"
#include "tests/unit/data/formats.h"
#include "worker/data/fold_dataset.h"
#include "worker/data/fold_files.h"
#include "worker/data/prepare.h"
#include "worker/data/run_data.h"

namespace ballast {
namespace {

class FoldTest : public ::testing::Test {
 protected:
  [[nodiscard]] std::string cache() const { return files_.path() + "/cache"; }
  [[nodiscard]] std::string folds() const { return files_.path() + "/folds"; }

  std::shared_ptr<const PackedTable> pack(const FormatCase& c) {
    auto directory = pack_table(c.spec, {.cache = cache(), .keep = c.keep, .progress = {}});
    EXPECT_TRUE(directory) << directory.error().message;
    auto packed = directory ? open_packed_table(*directory) : directory.error();
    EXPECT_TRUE(packed) << packed.error().message;
    return packed ? *packed : std::make_shared<const PackedTable>();
  }

  // The fold that data.validation.fraction would make.
  static FoldExamples fraction_of(const PackedTable& packed, const Spec& spec) {
    Selection train = packed.train.selection;
    const Selection validation =
        take_validation(packed.train.table, spec.seed, spec.data.validation_fraction, train);
    FoldExamples fold;
    std::uint32_t example = 0;
    for (std::size_t b = 0; b < packed.train.selection.rows.size(); ++b) {
      for (const std::uint32_t row : packed.train.selection.rows[b]) {
        const auto& held = validation.rows[b];
        (std::find(held.begin(), held.end(), row) == held.end() ? fold.train : fold.validation)
            .push_back(example++);
      }
    }
    return fold;
  }

  // Every third example validates.
  static FoldExamples third_of(const PackedTable& packed) {
    FoldExamples fold;
    for (std::uint32_t i = 0; i < packed.examples(); ++i) {
      (i % 3 == 1 ? fold.validation : fold.train).push_back(i);
    }
    return fold;
  }

  TestDirectory files_;
};

std::string must_fit(const PackedTable& packed, const Spec& spec, const FoldExamples& fold,
                     std::uint32_t threads = 1) {
  auto transforms = fit_fold(packed, spec, fold, threads);
  EXPECT_TRUE(transforms) << transforms.error().message;
  return transforms ? *transforms : "";
}

std::string dump_of(const Result<EncodedFold>& encoded) {
  EXPECT_TRUE(encoded) << encoded.error().message;
  return encoded ? dump(*encoded->dataset) : "";
}

TEST_F(FoldTest, EqualsWhatPrepareWrites) {
  std::vector<FormatCase> cases = format_cases(files_);
  cases.push_back(large_case(files_));
  for (const FormatCase& c : cases) {
    SCOPED_TRACE(c.name);
    const auto prepared = prepare(c.spec, {.cache = cache(), .threads = 2, .progress = {}});
    ASSERT_TRUE(prepared) << prepared.error().message;
    const auto expected = open_dataset(prepared->directory);
    ASSERT_TRUE(expected);
    const auto packed = pack(c);
    const FoldExamples fold = fraction_of(*packed, c.spec);
    ASSERT_EQ(fold.validation.size(), (*expected)->examples(Split::validation));
    const std::string transforms = must_fit(*packed, c.spec, fold);
    EXPECT_EQ(transforms, prepared->transforms_json);
    const auto encoded = encode_fold(*packed, fold, transforms, "digest", 1);
    ASSERT_EQ(dump_of(encoded), dump(**expected));
    EXPECT_EQ(encoded->dataset->digest(), "digest");
    EXPECT_GT(encoded->bytes, 0U);
    const auto schema = schema_of_transforms(transforms);
    ASSERT_TRUE(schema);
    EXPECT_EQ(schema->dense, (*expected)->schema().dense);
    EXPECT_EQ(schema->sparse_groups, (*expected)->schema().sparse_groups);
    EXPECT_EQ(schema->classes, (*expected)->schema().classes);
  }
}

TEST_F(FoldTest, ThreadsChangeNoBit) {
  const FormatCase c = large_case(files_);
  const auto packed = pack(c);
  const FoldExamples fold = third_of(*packed);
  const std::string transforms = must_fit(*packed, c.spec, fold, 1);
  EXPECT_EQ(must_fit(*packed, c.spec, fold, 4), transforms);
  EXPECT_EQ(dump_of(encode_fold(*packed, fold, transforms, "", 4)),
            dump_of(encode_fold(*packed, fold, transforms, "", 1)));
}

// Without validation examples, as a last training on everything has.
TEST_F(FoldTest, ValidationMayBeEmpty) {
  FormatCase c = csv_case(files_);
  c.spec.data.validation_fraction = 0;
  const auto prepared = prepare(c.spec, {.cache = cache(), .threads = 1, .progress = {}});
  ASSERT_TRUE(prepared) << prepared.error().message;
  const auto packed = pack(c);
  FoldExamples all;
  all.train.resize(packed->examples());
  std::iota(all.train.begin(), all.train.end(), 0U);
  const auto expected = open_dataset(prepared->directory);
  ASSERT_TRUE(expected);
  EXPECT_EQ(dump_of(encode_fold(*packed, all, must_fit(*packed, c.spec, all), "", 1)),
            dump(**expected));
}

// ---- no leak ------------------------------------------------------------------------------------

// Rows that validate are marked by their user; `strange` gives them numbers, categories and words
// that no other row has, so many that nothing fitted could stay as it is.
std::string planted_rows(bool strange) {
  std::string text = "n,m,c,t,user,y\n";
  for (int i = 0; i < 150; ++i) {
    const bool held_out = i % 3 == 1;
    const std::string id = std::to_string(i);
    if (held_out && strange) {
      text += std::string(i % 2 == 0 ? "" : "1e9") + ",-1e6,unheard,strange words strange,held,";
    } else {
      text += std::to_string(i * 31 % 101) + ".5," + (i % 10 == 0 ? "" : std::to_string(i % 7)) +
              ",kind" + std::to_string(i % 4) + ",text " + std::to_string(i % 6) + "," +
              (held_out ? "held" : "kept") + ",";
    }
    text += i % 2 == 0 ? "a\n" : "b\n";
  }
  return text;
}

struct LeakCase {
  const char* name;
  TransformSpec transform;
};

std::vector<LeakCase> fitted_transforms() {
  const auto with = [](TransformSpec spec, const std::function<void(TransformSpec&)>& change) {
    change(spec);
    return spec;
  };
  const TransformSpec impute = transform(TransformKind::impute, {"m"});
  const TransformSpec clip = transform(TransformKind::clip, {"n"});
  return {
      {"mean", with(impute, [](auto& t) { t.impute_with = ImputeWith::mean; })},
      {"median", with(impute, [](auto& t) { t.impute_with = ImputeWith::median; })},
      {"most frequent", with(impute, [](auto& t) { t.impute_with = ImputeWith::most_frequent; })},
      {"clip by quartiles", with(clip, [](auto& t) { t.clip_by = ClipBy::iqr; })},
      {"clip by deviations", with(clip, [](auto& t) { t.clip_by = ClipBy::z_score; })},
      {"standardize", transform(TransformKind::standardize, {"n"})},
      {"min_max", transform(TransformKind::min_max, {"n"})},
      {"bins", with(transform(TransformKind::bucketize, {"n"}), [](auto& t) { t.bins = 5; })},
      {"one_hot", transform(TransformKind::one_hot, {"c"})},
      {"vocabulary",
       with(transform(TransformKind::tokenize, {"t"}), [](auto& t) { t.min_count = 10; })},
  };
}

// What makes features of every column, behind the transform under test.
std::vector<TransformSpec> features_with(const TransformSpec& tested) {
  TransformSpec constant = transform(TransformKind::impute, {"n", "m"});
  constant.impute_with = ImputeWith::constant;
  constant.impute_constant = "0";
  std::vector<TransformSpec> features = {tested};
  if (tested.kind != TransformKind::bucketize) features.push_back(constant);
  if (tested.columns != Cells{"c"}) features.push_back(transform(TransformKind::hash, {"c"}));
  if (tested.columns != Cells{"t"}) features.push_back(transform(TransformKind::hash, {"t"}));
  return features;
}

TEST_F(FoldTest, TransformsKnowNothingOfValidationRows) {
  FormatCase c = csv_case(files_);
  c.spec.data.on_bad_row = BadRow::stop;
  c.spec.data.test.paths = {};
  c.spec.data.classes = {};
  c.spec.data.columns = {{"n", ColumnType::number},
                         {"m", ColumnType::number},
                         {"c", ColumnType::category},
                         {"t", ColumnType::text},
                         {"y", ColumnType::category}};
  c.spec.data.train.paths = {"planted.csv"};
  c.spec.features = {};
  files_.write("planted.csv", planted_rows(false));
  const auto before = pack(c);
  files_.write("planted.csv", planted_rows(true));
  const auto after = pack(c);
  ASSERT_NE(before->digest, after->digest);
  const auto users = column_texts(*after, "user");
  ASSERT_TRUE(users);
  FoldExamples fold;
  FoldExamples all;
  for (std::uint32_t i = 0; i < users->size(); ++i) {
    ((*users)[i] == "held" ? fold.validation : fold.train).push_back(i);
    all.train.push_back(i);
  }
  ASSERT_EQ(fold.validation.size(), 50U);

  for (const LeakCase& leak : fitted_transforms()) {
    SCOPED_TRACE(leak.name);
    c.spec.features = features_with(leak.transform);
    const std::string fitted = must_fit(*before, c.spec, fold);
    EXPECT_EQ(must_fit(*after, c.spec, fold), fitted);
    // The change would have been seen: with these rows among the training ones it is.
    EXPECT_NE(must_fit(*after, c.spec, all), must_fit(*before, c.spec, all));
    EXPECT_NE(must_fit(*after, c.spec, all), fitted);
  }
}

// ---- mistakes -----------------------------------------------------------------------------------

TEST_F(FoldTest, ExamplesAreChecked) {
  struct Case {
    const char* name;
    FoldExamples fold;
    std::string message;
  };
  const Case cases[] = {
      {"none",
       {{}, {0}},
       "fold: expected at least one training example, saw none; ask for fewer folds"},
      {"beyond the last", {{0, 5}, {1}}, "fold: expected training examples below 5, saw 5"},
      {"out of order",
       {{0}, {3, 2}},
       "fold: expected validation examples in ascending order, saw 3 before 2"},
      {"twice",
       {{0, 0}, {}},
       "fold: expected training examples in ascending order, saw 0 before 0"},
      {"in both",
       {{0, 1, 2, 3}, {2, 3}},
       "fold: expected no example in both splits, saw 2 of them, the first being 2"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const Status status = check_fold(c.fold, 5);
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().message, c.message);
  }
  EXPECT_TRUE(check_fold({{0, 2, 4}, {1}}, 5));

  const auto packed = pack(csv_case(files_));
  const FoldExamples beyond{{0, 100000}, {}};
  EXPECT_FALSE(fit_fold(*packed, csv_case(files_).spec, beyond, 1));
  const FoldExamples good = third_of(*packed);
  const std::string transforms = must_fit(*packed, csv_case(files_).spec, good);
  EXPECT_FALSE(encode_fold(*packed, beyond, transforms, "", 1));
}

TEST_F(FoldTest, TransformsOfOtherDataAreRefused) {
  const FormatCase c = csv_case(files_);
  const auto packed = pack(c);
  const FoldExamples fold = third_of(*packed);
  const std::string good = must_fit(*packed, c.spec, fold);
  const auto changed = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    EXPECT_NE(text.find(from), std::string::npos) << from;
    return text.replace(text.find(from), from.size(), to);
  };
  const std::map<std::string, std::string> cases = {
      {"name", changed("\"name\":\"n\"", "\"name\":\"o\"")},
      {"storage", changed("\"storage\":\"numbers\"", "\"storage\":\"texts\"")},
      {"classes", changed("\"ham\",", "\"egg\",")},
      {"task", changed("\"binary\"", "\"multiclass\"")},
      {"label", changed("\"label\":4", "\"label\":1")},
      {"no JSON", good.substr(1)},
  };
  for (const auto& [name, transforms] : cases) {
    SCOPED_TRACE(name);
    const auto encoded = encode_fold(*packed, fold, transforms, "", 1);
    ASSERT_FALSE(encoded);
    EXPECT_EQ(encoded.error().code, ErrorCode::corrupt);
  }
  Spec regression = c.spec;
  regression.model.task = Task::regression;
  EXPECT_FALSE(fit_fold(*packed, regression, fold, 1));
}

TEST_F(FoldTest, ARowThatCannotBeEncodedIsNamed) {
  FormatCase c = csv_case(files_);
  c.spec.features.erase(c.spec.features.begin() + 1);  // Nothing fills what is missing.
  const auto packed = pack(c);
  const FoldExamples fold = third_of(*packed);
  const auto encoded = encode_fold(*packed, fold, must_fit(*packed, c.spec, fold), "", 1);
  ASSERT_FALSE(encoded);
  EXPECT_NE(encoded.error().message.find("mixed.csv:8: expected a number in column \"n\""),
            std::string::npos)
      << encoded.error().message;
}

// ---- files --------------------------------------------------------------------------------------

FoldRecord some_fold() {
  return {.packed_digest = "0123abcd",
          .examples = {.train = {0, 2, 3, 70000}, .validation = {1, 4}},
          .transforms_json = "{\"version\": 1}"};
}

TEST_F(FoldTest, FilesComeBackExactly) {
  const auto written = write_fold(folds(), some_fold());
  ASSERT_TRUE(written) << written.error().message;
  const auto opened = read_fold(written->directory);
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_EQ(opened->fold, some_fold());
  EXPECT_EQ(opened->digest, written->digest);
  EXPECT_EQ(written->digest, digest_of(some_fold()));
  const auto again = write_fold(folds(), some_fold());
  ASSERT_TRUE(again);
  EXPECT_EQ(again->directory, written->directory);

  FoldRecord empty = some_fold();
  empty.examples.validation = {};
  const auto other = write_fold(folds(), empty);
  ASSERT_TRUE(other);
  const auto reopened = read_fold(other->directory);
  ASSERT_TRUE(reopened) << reopened.error().message;
  EXPECT_EQ(reopened->fold, empty);
}

TEST_F(FoldTest, TheDigestTellsAllThatCountsApart) {
  const std::string digest = digest_of(some_fold());
  const auto other = [&](const char* name, const std::function<void(FoldRecord&)>& change) {
    FoldRecord fold = some_fold();
    change(fold);
    EXPECT_NE(digest_of(fold), digest) << name;
  };
  other("packed", [](FoldRecord& f) { f.packed_digest = "0123abce"; });
  other("train", [](FoldRecord& f) { f.examples.train[3] += 1; });
  other("moved", [](FoldRecord& f) { std::swap(f.examples.train, f.examples.validation); });
  other("validation", [](FoldRecord& f) { f.examples.validation.pop_back(); });
  other("transforms", [](FoldRecord& f) { f.transforms_json += " "; });
}

TEST_F(FoldTest, NoByteOfAFoldCanBeDamagedUnseen) {
  const auto written = write_fold(folds(), some_fold());
  ASSERT_TRUE(written);
  std::map<std::string, std::string> contents;
  for (const auto& entry : std::filesystem::directory_iterator(written->directory)) {
    contents[entry.path().filename()] = content_of(entry.path());
  }
  ASSERT_EQ(contents.size(), 5U);
  for (const auto& [name, content] : contents) {
    const std::string path = "folds/" + written->directory.substr(folds().size() + 1) + "/" + name;
    for (std::size_t at = 0; at < content.size(); ++at) {
      std::string changed = content;
      changed[at] = static_cast<char>(changed[at] ^ (1 << at % 8));
      files_.write(path, changed);
      ASSERT_FALSE(read_fold(written->directory)) << name << ", byte " << at;
    }
    std::filesystem::remove(files_.path() + "/" + path);
    ASSERT_FALSE(read_fold(written->directory)) << name;
    // Written again, it is whole again.
    ASSERT_TRUE(write_fold(folds(), some_fold()));
    ASSERT_TRUE(read_fold(written->directory)) << name;
  }
}

// ---- runs ---------------------------------------------------------------------------------------

class RunDataTest : public FoldTest {
 protected:
  RunDataTest() : case_(csv_case(files_)), packed_(pack(case_)) {}

  // A run over the examples that leave `shift` when divided by four.
  RunConfig run(std::uint32_t shift, const Spec* spec = nullptr) {
    FoldExamples fold;
    for (std::uint32_t i = 0; i < packed_->examples(); ++i) {
      (i % 4 == shift ? fold.validation : fold.train).push_back(i);
    }
    const std::string transforms = must_fit(*packed_, spec ? *spec : case_.spec, fold);
    const auto written = write_fold(folds(), {packed_->digest, fold, transforms});
    EXPECT_TRUE(written);
    RunConfig run;
    run.dataset = written->directory;
    run.dataset_digest = written->digest;
    run.packed = packed_->directory;
    return run;
  }
  static std::shared_ptr<const Dataset> open(RunData& data, const RunConfig& run) {
    auto dataset = data.open(run);
    EXPECT_TRUE(dataset) << dataset.error().message;
    return dataset ? *dataset : nullptr;
  }

  const FormatCase case_;
  const std::shared_ptr<const PackedTable> packed_;
};

TEST_F(RunDataTest, RunsOfAFoldShareOneCopy) {
  RunData data({.threads = 1});
  const auto first = open(data, run(0));
  EXPECT_EQ(first->digest(), run(0).dataset_digest);
  EXPECT_EQ(open(data, run(0)), first);
  const auto other = open(data, run(1));
  EXPECT_NE(other, first);
  EXPECT_NE(dump(*other), dump(*first));
  EXPECT_EQ(open(data, run(0)), first) << "there is room for both";

  // Other transforms are another copy of the same fold.
  Spec spec = case_.spec;
  spec.features[2].kind = TransformKind::min_max;
  EXPECT_NE(open(data, run(0, &spec)), first);

  RunData elsewhere({.threads = 2});
  EXPECT_EQ(dump(*open(elsewhere, run(0))), dump(*first)) << "another worker has the same bits";
}

TEST_F(RunDataTest, WhatNobodyUsesGoesWhenThereIsNoRoom) {
  RunData data({.threads = 1, .kept_bytes_max = 0});
  std::weak_ptr<const Dataset> first = open(data, run(0));
  EXPECT_FALSE(first.expired()) << "the one opened last stays";
  const auto second = open(data, run(1));
  EXPECT_TRUE(first.expired());
  // One that a run still uses is shared though it is not kept.
  const auto third = open(data, run(2));
  EXPECT_EQ(open(data, run(1)), second);
}

TEST_F(RunDataTest, ThreadsThatOpenTheSameFoldGetOneCopy) {
  RunData data({.threads = 1, .kept_bytes_max = 0});
  const RunConfig wanted = run(0);
  std::vector<std::shared_ptr<const Dataset>> datasets(4);
  std::vector<std::thread> threads;
  for (auto& dataset : datasets) {
    threads.emplace_back([&] {
      auto opened = data.open(wanted);
      if (opened) dataset = *opened;
    });
  }
  for (std::thread& thread : threads) thread.join();
  ASSERT_NE(datasets[0], nullptr);
  for (const auto& dataset : datasets) EXPECT_EQ(dataset, datasets[0]);
}

TEST_F(RunDataTest, PreparedDataIsOpenedAsBefore) {
  const auto prepared = prepare(case_.spec, {.cache = cache(), .threads = 1, .progress = {}});
  ASSERT_TRUE(prepared) << prepared.error().message;
  RunConfig run;
  run.dataset = prepared->directory;
  RunData data({.threads = 1});
  EXPECT_EQ(dump(*open(data, run)), dump(**open_dataset(prepared->directory)));
}

TEST_F(RunDataTest, OtherFilesThanTheRunsAreRefused) {
  RunData data({.threads = 1});
  RunConfig other_fold = run(0);
  other_fold.dataset_digest = run(1).dataset_digest;
  const auto fold = data.open(other_fold);
  ASSERT_FALSE(fold);
  EXPECT_NE(fold.error().message.find("this fold has digest"), std::string::npos);

  RunConfig other_table = run(0);
  other_table.packed = pack(jsonl_case(files_))->directory;
  const auto table = data.open(other_table);
  ASSERT_FALSE(table);
  EXPECT_NE(table.error().message.find("this packed data has digest"), std::string::npos);

  RunConfig gone = run(2);
  gone.packed += "-gone";
  EXPECT_FALSE(data.open(gone));
  EXPECT_TRUE(data.open(run(2)));
}

}  // namespace
}  // namespace ballast

#include "worker/data/prepare.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>
#include <thread>

#include "common/base/hash.h"
#include "tests/unit/data/dump.h"
#include "tests/unit/data/fixtures.h"
#include "tests/unit/remote/http_server.h"
#include "worker/data/manifest.h"

namespace ballast {
namespace {

// Rows with a number, a category, a text and a label; every row is different.
std::string rows(int first, int count) {
  std::string text = "n,c,t,y\n";
  for (int i = first; i < first + count; ++i) {
    text += std::to_string(i * 31 % 1009) + ".5,kind" + std::to_string(i % 5) + ",\"text " +
            std::to_string(i) + "\nof many\"," + (i % 3 == 0 ? "spam\n" : "ham\n");
  }
  return text;
}

class PrepareTest : public ::testing::Test {
 protected:
  PrepareTest() {
    files_.write("train.csv", rows(0, 400));
    files_.write("test.csv", rows(1000, 50));
    spec_ = csv_spec();
    spec_.directory = files_.path();
    spec_.seed = 3;
    spec_.model.task = Task::binary;
    spec_.data.train.paths = {"train.csv"};
    spec_.data.test.paths = {"test.csv"};
    spec_.data.validation_fraction = 0.2;
    spec_.features = {
        transform(TransformKind::drop_duplicates), transform(TransformKind::standardize, {"n"}),
        transform(TransformKind::one_hot, {"c"}), transform(TransformKind::tokenize, {"t"})};
  }

  Result<Prepared> run(std::uint32_t threads = 2) {
    stages_.clear();
    return prepare(spec_, {.cache = files_.path() + "/cache",
                           .threads = threads,
                           .progress = [&](const PrepareProgress& p) {
                             stages_.insert(p.stage);
                             if (!p.notice.empty()) notices_.push_back(p.notice);
                           }});
  }
  Prepared must_run() {
    auto prepared = run();
    EXPECT_TRUE(prepared) << prepared.error().message;
    return prepared ? *std::move(prepared) : Prepared{};
  }
  static std::string dump_of(const std::string& directory) {
    auto dataset = open_dataset(directory);
    EXPECT_TRUE(dataset) << dataset.error().message;
    return dataset ? dump(**dataset) : "";
  }
  static std::string digest_at(const std::string& directory) {
    auto dataset = open_dataset(directory);
    EXPECT_TRUE(dataset) << dataset.error().message;
    return dataset ? (*dataset)->digest() : "";
  }

  TestDirectory files_;
  Spec spec_;
  std::set<std::string> stages_;
  std::vector<std::string> notices_;
};

TEST_F(PrepareTest, MakesADataSetThatOpens) {
  const Prepared prepared = must_run();
  auto opened = open_dataset(prepared.directory);
  ASSERT_TRUE(opened) << opened.error().message;
  const Dataset& dataset = **opened;
  EXPECT_EQ(dataset.schema().dense,
            (Cells{"n", "c=kind0", "c=kind1", "c=kind2", "c=kind3", "c=kind4"}));
  EXPECT_EQ(dataset.schema().sparse_groups, Cells{"t"});
  EXPECT_EQ(dataset.schema().classes, (Cells{"ham", "spam"}));
  EXPECT_EQ(dataset.examples(Split::train) + dataset.examples(Split::validation), 400U);
  EXPECT_GT(dataset.examples(Split::validation), 40U);
  EXPECT_EQ(dataset.examples(Split::test), 50U);
  EXPECT_EQ(dataset.label(Split::test, 2), 1.0F);  // Row 1002.
  EXPECT_EQ(dataset.dense(Split::test, 2)[3], 1.0F);
  EXPECT_EQ(dataset.bag(Split::test, 2, 0).keys.size(), 4U);
  EXPECT_TRUE(dataset.bag(Split::test, 2, 0).values.empty());
  EXPECT_EQ(dataset.digest().size(), 64U);
  EXPECT_EQ(stages_, (std::set<std::string>{"reading", "fitting", "encoding"}));
}

TEST_F(PrepareTest, TheSecondTimeReadsNoText) {
  files_.write("train.csv", rows(0, 400) + "1,a,b,ham,too many\n");
  spec_.data.on_bad_row = BadRow::skip;
  const Prepared first = must_run();
  const Prepared second = must_run();
  EXPECT_EQ(stages_, std::set<std::string>{"cached"});
  EXPECT_EQ(second.directory, first.directory);
  EXPECT_EQ(second.transforms_json, first.transforms_json);
  EXPECT_EQ(second.rows_skipped, 1U);
  EXPECT_EQ(second.skipped_samples, first.skipped_samples);
  ASSERT_EQ(second.skipped_samples.size(), 1U);
  EXPECT_EQ(second.skipped_samples[0],
            files_.path() +
                "/train.csv:802:1: expected 4 cells, saw 5; check the delimiter and the "
                "quotes, or set data.on_bad_row: skip");
}

TEST_F(PrepareTest, TheCacheGoesByContentAndByTheSpecThatCounts) {
  const Prepared first = must_run();

  files_.write("moved.csv", rows(0, 400));
  spec_.data.train.paths = {"moved.csv"};
  spec_.features[1].line = 99;
  EXPECT_EQ(must_run().directory, first.directory) << "neither paths nor lines count";

  files_.write("moved.csv", rows(1, 400));
  const Prepared changed = must_run();
  EXPECT_NE(changed.directory, first.directory);

  spec_.seed = 4;
  EXPECT_NE(must_run().directory, changed.directory) << "the seed draws the validation split";
  spec_.data.validation_fraction = 0;
  const Prepared unsplit = must_run();
  spec_.seed = 5;
  EXPECT_EQ(must_run().directory, unsplit.directory);
  spec_.features[2].min_count = 3;
  EXPECT_NE(must_run().directory, unsplit.directory);
}

TEST_F(PrepareTest, ThreadsAndPackingChangeNoBit) {
  const Prepared one = *run(1);
  const std::string expected = dump_of(one.directory);
  const std::string digest = digest_at(one.directory);
  std::filesystem::remove_all(files_.path() + "/cache");
  const Prepared four = *run(4);
  EXPECT_EQ(digest_at(four.directory), digest);
  EXPECT_EQ(dump_of(four.directory), expected);
  EXPECT_EQ(four.transforms_json, one.transforms_json);
}

// Every file of a prepared directory is damaged in turn; each time the damage is found, the data is
// made again, and comes out as it was.
TEST_F(PrepareTest, ADamagedCacheIsFoundAndMadeAgain) {
  const Prepared first = must_run();
  const std::string digest = digest_at(first.directory);
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(first.directory)) {
    names.push_back(entry.path().filename());
  }
  ASSERT_GE(names.size(), 10U);
  for (const std::string& name : names) {
    SCOPED_TRACE(name);
    const std::string path = first.directory + "/" + name;
    std::string content = content_of(path);
    ASSERT_FALSE(content.empty());
    if (name == kReportFile) {
      content = content.substr(0, content.size() / 2);
    } else {
      content[content.size() / 2] = static_cast<char>(content[content.size() / 2] ^ 4);
    }
    std::filesystem::remove(path);  // Not through the mapping of a data set that is open.
    files_.write(std::filesystem::relative(path, files_.path()), content);
    if (name != kReportFile) {
      const auto opened = open_dataset(first.directory);
      ASSERT_FALSE(opened);
      EXPECT_NE(opened.error().message.find("delete the directory and prepare the data again"),
                std::string::npos)
          << opened.error().message;
    }
    const Prepared again = must_run();
    EXPECT_TRUE(stages_.contains("encoding"));
    EXPECT_EQ(again.directory, first.directory);
    EXPECT_EQ(digest_at(again.directory), digest);

    std::filesystem::remove(path);
    EXPECT_EQ(digest_at(must_run().directory), digest) << "a file is gone";
  }
  // Nothing is left behind.
  std::size_t entries = 0;
  for (const auto& entry : std::filesystem::directory_iterator(files_.path() + "/cache")) {
    entries += entry.path().empty() ? 0 : 1;
  }
  EXPECT_EQ(entries, 1U);
}

TEST_F(PrepareTest, PreparingAtTheSameTimeEndsInOneDataSet) {
  std::vector<std::string> directories(4);
  std::vector<std::thread> threads;
  for (std::string& directory : directories) {
    threads.emplace_back([&] {
      auto prepared =
          prepare(spec_, {.cache = files_.path() + "/cache", .threads = 1, .progress = {}});
      directory = prepared ? prepared->directory : prepared.error().message;
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::string& directory : directories) EXPECT_EQ(directory, directories[0]);
  EXPECT_FALSE(digest_at(directories[0]).empty());
}

TEST_F(PrepareTest, WhatADeadProcessLeftIsRemoved) {
  files_.write("cache/.preparing-abc123/train.dense.f32", "half");
  must_run();
  EXPECT_FALSE(std::filesystem::exists(files_.path() + "/cache/.preparing-abc123"));
}

// The statistics must not know the validation split: with its rows' numbers changed beyond all
// measure, and their categories and words unheard of, what the training rows become stays.
TEST_F(PrepareTest, NothingLeaksFromTheValidationSplit) {
  spec_.features.erase(spec_.features.begin());
  spec_.features[2].min_count = 2;
  const Prepared first = must_run();
  auto opened = open_dataset(first.directory);
  ASSERT_TRUE(opened);

  // Which source rows are in the validation split shows in their first word, "text <i>".
  std::set<Key> validation_words;
  spec_.features[2].min_count = 1;
  auto words = open_dataset(must_run().directory);
  spec_.features[2].min_count = 2;
  for (std::uint64_t i = 0; i < (*words)->examples(Split::validation); ++i) {
    validation_words.insert((*words)->bag(Split::validation, i, 0).keys[1]);
  }
  std::string text = "n,c,t,y\n";
  std::size_t changed = 0;
  for (int i = 0; i < 400; ++i) {
    const std::string id = std::to_string(i);
    const std::string label = i % 3 == 0 ? "spam\n" : "ham\n";
    if (validation_words.contains(hash_text(id))) {
      text += "1e9,unheard" + id + ",strange words strange words," + label;
      changed += 1;
    } else {
      text += std::to_string(i * 31 % 1009) + ".5,kind" + std::to_string(i % 5) + ",\"text " + id +
              "\nof many\"," + label;
    }
  }
  ASSERT_EQ(changed, (*opened)->examples(Split::validation));
  files_.write("train.csv", text);
  const Prepared second = must_run();
  EXPECT_NE(second.directory, first.directory);
  EXPECT_EQ(second.transforms_json, first.transforms_json);
  auto reopened = open_dataset(second.directory);
  ASSERT_TRUE(reopened);
  ASSERT_EQ((*reopened)->examples(Split::train), (*opened)->examples(Split::train));
  for (std::uint64_t i = 0; i < (*opened)->examples(Split::train); ++i) {
    const auto a = (*opened)->dense(Split::train, i);
    const auto b = (*reopened)->dense(Split::train, i);
    EXPECT_TRUE(std::equal(a.begin(), a.end(), b.begin(), b.end()));
  }
  EXPECT_EQ((*reopened)->bag(Split::validation, 0, 0).keys.size(), 0U);
}

TEST_F(PrepareTest, DuplicatesAreInOneSplitOnly) {
  files_.write("train.csv", rows(0, 200) + rows(0, 200).substr(8) + rows(0, 200).substr(8));
  const Prepared prepared = must_run();
  EXPECT_EQ(prepared.duplicates_dropped, 400U);
  auto opened = open_dataset(prepared.directory);
  ASSERT_TRUE(opened);
  std::set<Key> train;
  for (std::uint64_t i = 0; i < (*opened)->examples(Split::train); ++i) {
    EXPECT_TRUE(train.insert((*opened)->bag(Split::train, i, 0).keys[1]).second);
  }
  for (std::uint64_t i = 0; i < (*opened)->examples(Split::validation); ++i) {
    EXPECT_FALSE(train.contains((*opened)->bag(Split::validation, i, 0).keys[1]));
  }
  EXPECT_EQ((*opened)->examples(Split::train) + (*opened)->examples(Split::validation), 200U);
}

TEST_F(PrepareTest, ValidationMayBeFilesOfItsOwn) {
  files_.write("part-1.csv", rows(2000, 10));
  files_.write("part-2.csv", rows(2010, 10));
  spec_.data.validation_fraction = 0;
  spec_.data.validation.paths = {"part-*.csv"};
  const Prepared prepared = must_run();
  auto opened = open_dataset(prepared.directory);
  ASSERT_TRUE(opened);
  EXPECT_EQ((*opened)->examples(Split::train), 400U);
  EXPECT_EQ((*opened)->examples(Split::validation), 20U);
}

// Where the files come from changes nothing; messages name them by their address.
TEST_F(PrepareTest, FilesByAddressAreThoseOfThisMachine) {
  const std::string here = digest_at(must_run().directory);
  const std::string body = rows(0, 400);
  const ScriptedServer server(
      Answers{{.headers = {{"ETag", "\"1\""}}, .body = body, .end = Answer::End::cut},
              {.status = 206,
               .headers = {{"ETag", "\"1\""},
                           {"Content-Range", "bytes " + std::to_string(body.size() / 2) + "-" +
                                                 std::to_string(body.size() - 1) + "/" +
                                                 std::to_string(body.size())}},
               .body = body.substr(body.size() / 2)},
              {.status = 304}});
  spec_.data.train.paths = {server.url("/train.csv")};
  EXPECT_EQ(digest_at(must_run().directory), here);
  EXPECT_TRUE(stages_.contains("fetching " + server.url("/train.csv")));
  EXPECT_EQ(notices_.size(), 1U);  // That it was tried again.
  must_run();
  EXPECT_EQ(server.seen().back().header("if-none-match"), "\"1\"");
}

TEST_F(PrepareTest, FilesByAddressHaveTheDigestThatTheSpecGives) {
  const ScriptedServer server(Answers{{.body = rows(0, 400)}});
  const std::string address = server.url("/train.csv");
  spec_.data.train.paths = {address};
  spec_.data.sha256 = {{address, std::string(64, 'a')}};
  const auto refused = run();
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("data.train: " + address + ": expected SHA-256 aaaa"),
            std::string::npos)
      << refused.error().message;
}

TEST_F(PrepareTest, AMistakeInAFileByAddressIsNamedByIt) {
  const ScriptedServer server(Answers{{.body = rows(0, 400) + "1,a,b,ham,too many\n"}});
  spec_.data.train.paths = {server.url("/train.csv")};
  const auto refused = run();
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().message.starts_with(server.url("/train.csv:802:1: ")))
      << refused.error().message;
}

TEST_F(PrepareTest, TheEncoderDoesToNewRowsWhatPrepareDid) {
  const Prepared prepared = must_run();
  auto opened = open_dataset(prepared.directory);
  ASSERT_TRUE(opened);
  auto encoder = Encoder::create(prepared.transforms_json);
  ASSERT_TRUE(encoder) << encoder.error().message;
  EXPECT_EQ((*encoder)->schema().dense, (*opened)->schema().dense);
  auto encoded = (*encoder)->encode(spec_, {files_.path() + "/test.csv"});
  ASSERT_TRUE(encoded) << encoded.error().message;
  ASSERT_EQ((*encoded)->examples(Split::test), 50U);
  for (std::uint64_t i = 0; i < 50; ++i) {
    EXPECT_EQ((*encoded)->label(Split::test, i), (*opened)->label(Split::test, i));
    const auto a = (*encoded)->dense(Split::test, i);
    const auto b = (*opened)->dense(Split::test, i);
    EXPECT_TRUE(std::equal(a.begin(), a.end(), b.begin(), b.end()));
    const auto k = (*encoded)->bag(Split::test, i, 0).keys;
    const auto l = (*opened)->bag(Split::test, i, 0).keys;
    EXPECT_TRUE(std::equal(k.begin(), k.end(), l.begin(), l.end()));
  }
  EXPECT_EQ((*encoded)->examples(Split::train), 0U);
}

TEST_F(PrepareTest, TheEncoderNeedsNoLabels) {
  const Prepared prepared = must_run();
  auto encoder = Encoder::create(prepared.transforms_json);
  ASSERT_TRUE(encoder);
  const std::string unlabelled = files_.write("new.csv", "t,n,c\nhello,7,kind3\nworld,8,other\n");
  auto encoded = (*encoder)->encode(spec_, {unlabelled});
  ASSERT_TRUE(encoded) << encoded.error().message;
  ASSERT_EQ((*encoded)->examples(Split::test), 2U);
  EXPECT_TRUE(std::isnan((*encoded)->label(Split::test, 0)));
  EXPECT_EQ((*encoded)->dense(Split::test, 0)[4], 1.0F);

  const std::string lacking = files_.write("lacking.csv", "t,n\nhello,7\n");
  const auto failed = (*encoder)->encode(spec_, {lacking});
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().message,
            lacking +
                ": expected a column \"c\" in the header, as in the training data; the columns "
                "are \"t\", \"n\"");

  // A bad row stops even where training skipped them: predictions must stay beside their rows.
  spec_.data.on_bad_row = BadRow::skip;
  const std::string bad = files_.write("bad.csv", "t,n,c\nhello,x,kind3\n");
  EXPECT_FALSE((*encoder)->encode(spec_, {bad}));
}

TEST_F(PrepareTest, LibSvmAndIdxAreEncodedWithoutLabels) {
  Spec libsvm;
  libsvm.directory = files_.path();
  libsvm.data.format = DataFormat::libsvm;
  libsvm.data.label = "label";
  libsvm.data.train.paths = {files_.write("a.svm", "-1 1:1\n+1 2:0.5\n")};
  libsvm.model.task = Task::binary;
  const auto prepared =
      prepare(libsvm, {.cache = files_.path() + "/cache", .threads = 1, .progress = {}});
  ASSERT_TRUE(prepared) << prepared.error().message;
  auto encoder = Encoder::create(prepared->transforms_json);
  ASSERT_TRUE(encoder);
  auto encoded = (*encoder)->encode(libsvm, {files_.write("b.svm", "0 1:3\n2:4\n1 7:1\n")});
  ASSERT_TRUE(encoded) << encoded.error().message;
  EXPECT_TRUE(std::isnan((*encoded)->label(Split::test, 0)));
  EXPECT_TRUE(std::isnan((*encoded)->label(Split::test, 1)));
  EXPECT_EQ((*encoded)->label(Split::test, 2), 1.0F);
  EXPECT_EQ((*encoded)->bag(Split::test, 0, 0).values[0], 3.0F);
  EXPECT_EQ((*encoded)->bag(Split::test, 2, 0).keys[0], 7U);

  Spec idx;
  idx.data.format = DataFormat::idx;
  idx.data.label = "label";
  const std::string header("\0\0\x08\x02\0\0\0\x02\0\0\0\x03", 12);
  idx.data.train = {{files_.write("i.idx", header + "abcdef")},
                    {files_.write("l.idx", std::string("\0\0\x08\x01\0\0\0\x02\x05\x03", 10))}};
  TransformSpec scale = transform(TransformKind::scale, {"*"});
  scale.factor = 2.0;
  idx.features = {scale};
  const auto images =
      prepare(idx, {.cache = files_.path() + "/cache", .threads = 2, .progress = {}});
  ASSERT_TRUE(images) << images.error().message;
  auto image_encoder = Encoder::create(images->transforms_json);
  ASSERT_TRUE(image_encoder) << image_encoder.error().message;
  EXPECT_EQ((*image_encoder)->schema().dense, (Cells{"pixel_0", "pixel_1", "pixel_2"}));
  EXPECT_EQ((*image_encoder)->schema().classes, (Cells{"3", "5"}));
  auto pixels = (*image_encoder)->encode(idx, {files_.path() + "/i.idx"});
  ASSERT_TRUE(pixels) << pixels.error().message;
  EXPECT_EQ((*pixels)->dense(Split::test, 1)[2], 2.0F * 'f');
  EXPECT_TRUE(std::isnan((*pixels)->label(Split::test, 1)));
}

TEST_F(PrepareTest, SaysWhatIsWrongAndLeavesNothingBehind) {
  struct Case {
    const char* name;
    std::string test;
    std::string message;
  };
  const std::string test = files_.path() + "/test.csv";
  const Case cases[] = {
      {"unknown class", "n,c,t,y\n1,a,b,eggs\n",
       test +
           ":2: expected a label among \"ham\", \"spam\", saw \"eggs\"; add it to "
           "data.label.classes, strip what it ends with by data.label.strip, or correct the row"},
      {"no label column", "n,c,t\n1,a,b\n",
       test + ": expected a column \"y\" in the header, as in the training data; the columns are "
              "\"n\", \"c\", \"t\""},
      {"missing number", "n,c,t,y\n1,a,b,ham\n,a,b,ham\n",
       test +
           ":3: expected a number in column \"n\", but the cell is missing and nothing fills it; "
           "add impute for the column under features"},
      {"empty", "",
       "data.test: expected at least one example in " + test + ", saw none; check the path"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    files_.write("test.csv", c.test);
    const auto prepared = run();
    ASSERT_FALSE(prepared);
    EXPECT_EQ(prepared.error().message, c.message);
    const std::string cache = files_.path() + "/cache";
    EXPECT_TRUE(!std::filesystem::exists(cache) || std::filesystem::is_empty(cache));
  }
  spec_.data.train.paths = {};
  const auto nothing = run();
  ASSERT_FALSE(nothing);
  EXPECT_EQ(nothing.error().message,
            "data.train: expected at least one file, saw none; name the training data");
}

TEST_F(PrepareTest, ACacheThatCannotBeWrittenIsAnError) {
  files_.write("cache", "a file where the directory should be");
  const auto prepared = run();
  ASSERT_FALSE(prepared);
  EXPECT_EQ(prepared.error().code, ErrorCode::io);
}

}  // namespace
}  // namespace ballast

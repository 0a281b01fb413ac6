#include <gtest/gtest.h>

#include "cli/run_setup.h"
#include "common/job/parse.h"
#include "common/job/run_json.h"
#include "tests/unit/data/fixtures.h"
#include "worker/data/packed_table.h"
#include "worker/data/run_data.h"
#include "worker/executor.h"

// A run over one fold, from whoever sets it up to the workers that load it.

namespace ballast {
namespace {

class FoldRunTest : public ::testing::Test {
 protected:
  FoldRunTest() {
    std::string rows = "n,c,y\n";
    for (int i = 0; i < 60; ++i) {
      rows += std::to_string(i * 7 % 31) + ",kind" + std::to_string(i % 4) + "," +
              (i % 3 == 0 ? "yes\n" : "no\n");
    }
    files_.write("train.csv", rows);
    files_.write("test.csv", "n,c,y\n3,kind1,no\n");
    const auto spec = parse_spec(
        "name: small\ndata: {train: train.csv, test: test.csv, label: y}\nfeatures:\n"
        "  - standardize: n\n  - one_hot: c\nmodel: logistic\n"
        "training: {batch: 16, epochs: 2}\n",
        files_.path() + "/spec.yaml");
    EXPECT_TRUE(spec) << spec.error().message;
    spec_ = *spec;
    auto directory =
        pack_table(spec_, {.cache = files_.path() + "/cache", .keep = {}, .progress = {}});
    EXPECT_TRUE(directory) << directory.error().message;
    packed_ = *open_packed_table(*directory);
    for (std::uint32_t i = 0; i < packed_->examples(); ++i) {
      (i % 5 == 0 ? examples_.validation : examples_.train).push_back(i);
    }
  }

  JobFile set_up() {
    auto job = set_up_fold(spec_, *packed_, examples_, {.folds = files_.path() + "/folds"});
    EXPECT_TRUE(job) << job.error().message;
    return job ? *std::move(job) : JobFile{};
  }
  static WorkerLoaded load(WorkerSite& site, const RunConfig& run) {
    // As it reaches a worker: by JSON.
    auto sent = run_from_json(run_to_json(run));
    EXPECT_TRUE(sent);
    return site.load({.number = 1, .run = std::make_shared<const RunConfig>(*std::move(sent))});
  }

  TestDirectory files_;
  Spec spec_;
  std::shared_ptr<const PackedTable> packed_;
  FoldExamples examples_;
};

TEST_F(FoldRunTest, IsLoadedByWorkersWithTheBitsOfItsSetup) {
  const JobFile job = set_up();
  EXPECT_EQ(job.run.train_examples, 48U);
  EXPECT_EQ(job.run.validation_examples, 12U);
  EXPECT_EQ(job.run.test_examples, 1U);
  EXPECT_EQ(job.run.steps, 6U);
  EXPECT_EQ(job.run.classes, (Cells{"no", "yes"}));
  EXPECT_EQ(job.transforms_json, *fit_fold(*packed_, spec_, examples_, 1));

  RunData data({.threads = 2});
  WorkerSite site([&](const RunConfig& run) { return data.open(run); });
  const WorkerLoaded loaded = load(site, job.run);
  ASSERT_EQ(loaded.error, "");
  const Dataset& dataset = *site.loaded()->dataset;
  EXPECT_EQ(dataset.digest(), job.run.dataset_digest);
  EXPECT_EQ(dataset.examples(Split::train), job.run.train_examples);
  EXPECT_EQ(dataset.examples(Split::validation), job.run.validation_examples);
  EXPECT_EQ(dataset.examples(Split::test), job.run.test_examples);

  // Another run over the same fold, with another model, reads the same copy.
  spec_.training.batch = 8;
  const JobFile second = set_up();
  EXPECT_EQ(second.run.dataset, job.run.dataset);
  WorkerSite other([&](const RunConfig& run) { return data.open(run); });
  ASSERT_EQ(load(other, second.run).error, "");
  EXPECT_EQ(other.loaded()->dataset, site.loaded()->dataset);
}

TEST_F(FoldRunTest, IsRestoredWhileItsFilesAreWhole) {
  JobFile job = set_up();
  const SetupOptions options{.cache = files_.path() + "/cache", .threads = 1, .progress = {}};
  EXPECT_TRUE(restore_dataset(job, options));
  RunData data({.threads = 1});
  WorkerSite site([&](const RunConfig& run) { return data.open(run); });

  JobFile changed = job;
  changed.run.dataset_digest[0] ^= 1;
  const Status conflict = restore_dataset(changed, options);
  ASSERT_FALSE(conflict);
  EXPECT_EQ(conflict.error().code, ErrorCode::conflict);
  EXPECT_NE(load(site, changed.run).error.find("this fold has digest"), std::string::npos);

  std::filesystem::remove(job.run.packed + "/train.labels.f32");
  EXPECT_FALSE(restore_dataset(job, options));
  EXPECT_NE(load(site, job.run).error, "");
}

}  // namespace
}  // namespace ballast

#include "worker/executor.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/job/parse.h"
#include "tests/unit/model/memory_dataset.h"

namespace ballast {
namespace {

constexpr std::uint32_t kExamples = 8;

// A run of a linear model over `width` columns, and its data.
class Site {
 public:
  std::shared_ptr<const RunConfig> add_run(std::uint32_t width) {
    DataSchema schema;
    for (std::uint32_t i = 0; i < width; ++i) schema.dense.push_back("x" + std::to_string(i));
    const std::vector<test::MemoryExample> examples(
        kExamples, {.label = 1.0F, .dense = std::vector<float>(width, 0.5F)});
    auto dataset = std::make_shared<test::MemoryDataset>(schema, examples);

    RunConfig run;
    run.spec =
        "name: small\ndata: {train: memory.csv, label: y}\nmodel:\n  layers:\n    - dense: 1\n"
        "  loss: mean_squared_error\n";
    run.dataset = std::to_string(width);
    run.dataset_digest = dataset->digest();
    const auto spec = parse_spec(run.spec, "spec.yaml");
    BALLAST_CHECK(spec.has_value());
    const auto model = Model::create(*spec, schema);
    BALLAST_CHECK(model.has_value());
    run.tables = (*model)->tables();
    run.batch = run.leaf_examples = 4;
    run.train_examples = run.validation_examples = kExamples;
    run.steps_per_epoch = 2;
    run.steps = 2;
    run.evaluation_batch = 4;
    datasets_.emplace_back(run.dataset, std::move(dataset));
    return std::make_shared<const RunConfig>(std::move(run));
  }

  WorkerSite site{[this](const RunConfig& run) -> Result<std::shared_ptr<const Dataset>> {
    for (const auto& [name, dataset] : datasets_) {
      if (name == run.dataset) return std::shared_ptr<const Dataset>(dataset);
    }
    return Error{ErrorCode::not_found, "no such data set"};
  }};

 private:
  std::vector<std::pair<std::string, std::shared_ptr<const Dataset>>> datasets_;
};

std::shared_ptr<const WeightStore> weights_of(const std::shared_ptr<const RunConfig>& run) {
  const auto keys = std::make_shared<const KeySets>(run->tables.size());
  return std::make_shared<const WeightStore>(run, keys, WeightStore::Dense::wanted);
}

// Jobs of every kind that needs what is loaded.
std::vector<WorkerJob> jobs_of(const std::shared_ptr<const RunConfig>& run) {
  std::vector<WorkerJob> jobs;
  jobs.emplace_back(GatherLeaves{.run = run, .step = 1, .leaves = {0}});
  jobs.emplace_back(GatherBatches{.run = run, .split = Split::validation, .begin = 0, .end = 1});
  jobs.emplace_back(ComputeLeaf{.run = run, .step = 1, .leaf = 0, .weights = weights_of(run)});
  jobs.emplace_back(EvaluateBatch{.run = run, .weights = weights_of(run)});
  return jobs;
}

std::size_t dropped(WorkerExecutor& executor, const std::shared_ptr<const RunConfig>& run) {
  std::size_t count = 0;
  for (WorkerJob& job : jobs_of(run)) {
    count += std::holds_alternative<Dropped>(executor(std::move(job))) ? 1U : 0U;
  }
  return count;
}

TEST(Executor, DropsTheJobsOfARunThatWasReplaced) {
  Site site;
  const auto former = site.add_run(3);
  const auto latter = site.add_run(5);
  WorkerExecutor executor(site.site);
  EXPECT_EQ(std::get<WorkerLoaded>(executor(WorkerLoad{.number = 1, .run = former})).error, "");
  EXPECT_EQ(dropped(executor, former), 0U);
  EXPECT_EQ(std::get<WorkerLoaded>(executor(WorkerLoad{.number = 2, .run = latter})).error, "");
  EXPECT_EQ(dropped(executor, former), 4U);
  EXPECT_EQ(dropped(executor, latter), 0U);
}

TEST(Executor, TheLoadThatWasAskedForLastCountsWhicheverEndsLast) {
  Site site;
  const auto former = site.add_run(3);
  const auto latter = site.add_run(5);
  WorkerExecutor executor(site.site);
  for (const auto& [number, run] : {std::pair(2U, latter), std::pair(1U, former)}) {
    const auto loaded = std::get<WorkerLoaded>(executor(WorkerLoad{.number = number, .run = run}));
    EXPECT_EQ(loaded.error, "");
    EXPECT_EQ(loaded.number, number);
  }
  EXPECT_EQ(dropped(executor, former), 4U);
  EXPECT_EQ(dropped(executor, latter), 0U);
}

}  // namespace
}  // namespace ballast

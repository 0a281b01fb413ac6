#include "worker/executor.h"

#include <algorithm>
#include <utility>

#include "common/base/check.h"
#include "common/base/overloaded.h"
#include "common/job/parse.h"

namespace ballast {

// ---- site ---------------------------------------------------------------------------------------

WorkerLoaded WorkerSite::load(const WorkerLoad& job) {
  auto made = make(job);
  if (!made) {
    return {.number = job.number, .canary = 0, .blas_version = "", .error = made.error().message};
  }
  const std::shared_ptr<const Loaded> loaded = std::move(*made);
  {
    const std::lock_guard lock(mutex_);
    if (job.number >= number_) {
      loaded_ = loaded;
      number_ = job.number;
    }
  }
  return {.number = job.number,
          .canary = canary(*loaded->blas),
          .blas_version = loaded->blas->version(),
          .error = ""};
}

Result<std::shared_ptr<const WorkerSite::Loaded>> WorkerSite::make(const WorkerLoad& job) const {
  auto blas = Blas::load(job.family);
  if (!blas) return blas.error();
  auto dataset = open_(*job.run);
  if (!dataset) return dataset.error();
  if ((*dataset)->digest() != job.run->dataset_digest) {
    return Error{ErrorCode::corrupt, job.run->dataset + ": this data set has digest " +
                                         (*dataset)->digest() + ", the run expects " +
                                         job.run->dataset_digest +
                                         "; let every worker see the same prepared data"};
  }
  auto spec = parse_spec(job.run->spec, job.run->spec_directory + "/spec.yaml");
  if (!spec) return spec.error();
  auto model = Model::create(*spec, (*dataset)->schema());
  if (!model) return model.error();
  if ((*model)->tables() != job.run->tables) {
    return Error{ErrorCode::conflict,
                 "this worker's model declares other tables than the run has; run the same build "
                 "of Ballast everywhere"};
  }
  auto loaded = std::make_shared<Loaded>();
  loaded->run = job.run;
  loaded->dataset = std::move(*dataset);
  loaded->model = std::move(*model);
  loaded->blas = std::move(*blas);
  return std::shared_ptr<const Loaded>(std::move(loaded));
}

std::shared_ptr<const WorkerSite::Loaded> WorkerSite::loaded() const {
  const std::lock_guard lock(mutex_);
  return loaded_;
}

// ---- executor -----------------------------------------------------------------------------------

WorkerOutcome WorkerExecutor::operator()(WorkerJob&& job) {
  if (auto* load = std::get_if<WorkerLoad>(&job)) return site_.load(*load);
  return std::visit(Overloaded{
                        [](WorkerLoad&) -> WorkerOutcome {
                          BALLAST_CHECK(false);
                          std::abort();
                        },
                        [](AddNodes& add) -> WorkerOutcome {
                          auto sum = std::make_shared<Gradient>();
                          add_gradients(*add.left, *add.right, *sum);
                          return NodeReady{add.group, add.sum, std::move(sum)};
                        },
                        [](PackPush& push) -> WorkerOutcome {
                          auto pushes = pack(push);
                          return Packed{std::move(push), std::move(pushes)};
                        },
                        [&](auto& other) -> WorkerOutcome {
                          if (!use(other.run.get())) return Dropped{};
                          return run(other);
                        },
                    },
                    job);
}

bool WorkerExecutor::use(const RunConfig* run) {
  auto latest = site_.loaded();
  BALLAST_CHECK(latest != nullptr);
  if (latest->run.get() != run) return false;
  if (latest == loaded_) return true;
  engine_.reset();  // It reads the model that may go now.
  loaded_ = std::move(latest);
  engine_ = loaded_->model->make_engine(*loaded_->run, loaded_->blas);
  sharding_ = std::make_unique<Sharding>(*loaded_->run);
  return true;
}

WorkerOutcome WorkerExecutor::run(GatherLeaves& job) {
  std::vector<std::uint32_t> examples;
  for (const Leaf leaf : job.leaves) {
    const auto part = sharding_->examples_of_leaf(job.step, leaf);
    examples.insert(examples.end(), part.begin(), part.end());
  }
  auto keys = std::make_shared<KeySets>(loaded_->run->tables.size());
  if (!examples.empty()) loaded_->model->gather(*loaded_->dataset, Split::train, examples, *keys);
  return Gathered{job.group, std::move(keys)};
}

WorkerOutcome WorkerExecutor::run(GatherBatches& job) {
  const std::uint64_t batch = loaded_->run->evaluation_batch;
  const std::uint64_t end = std::min(job.end * batch, loaded_->dataset->examples(job.split));
  std::vector<std::uint32_t> examples;
  for (std::uint64_t i = job.begin * batch; i < end; ++i) {
    examples.push_back(static_cast<std::uint32_t>(i));
  }
  auto keys = std::make_shared<KeySets>(loaded_->run->tables.size());
  loaded_->model->gather(*loaded_->dataset, job.split, examples, *keys);
  return Gathered{job.group, std::move(keys)};
}

WorkerOutcome WorkerExecutor::run(ComputeLeaf& job) {
  auto gradient = std::make_shared<Gradient>();
  engine_->compute(*loaded_->dataset, sharding_->examples_of_leaf(job.step, job.leaf), job.step,
                   job.leaf, job.weights->view(), *gradient);
  return NodeReady{job.group, Node{0, job.leaf}, std::move(gradient)};
}

WorkerOutcome WorkerExecutor::run(EvaluateBatch& job) {
  const RunConfig& run = *loaded_->run;
  const std::uint64_t first = std::uint64_t{job.batch} * run.evaluation_batch;
  const auto count = static_cast<std::uint32_t>(
      std::min<std::uint64_t>(run.evaluation_batch, loaded_->dataset->examples(job.split) - first));
  std::vector<float> outputs(std::size_t{count} * run.outputs);
  std::vector<float> labels(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    labels[i] = loaded_->dataset->label(job.split, first + i);
  }
  std::vector<double> weights;
  if (const auto own = loaded_->dataset->weights(job.split); !own.empty()) {
    const auto batch = own.subspan(first, count);
    weights.assign(batch.begin(), batch.end());
  }
  const double loss =
      engine_->predict(*loaded_->dataset, job.split, first, count, job.weights->view(), outputs);
  return BatchEvaluated{job.group, wire::Evaluated{.timeline = job.timeline,
                                                   .version = job.version,
                                                   .split = job.split,
                                                   .batch = job.batch,
                                                   .loss = loss,
                                                   .outputs = Bytes::own(std::move(outputs)),
                                                   .labels = Bytes::own(std::move(labels)),
                                                   .weights = Bytes::own(std::move(weights))}};
}

}  // namespace ballast

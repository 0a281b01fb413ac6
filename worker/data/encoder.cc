#include <algorithm>
#include <array>
#include <memory>
#include <thread>
#include <utility>

#include "worker/data/encode.h"
#include "worker/data/labels.h"
#include "worker/data/pipeline.h"
#include "worker/data/prepare.h"
#include "worker/data/read.h"
#include "worker/data/rows.h"
#include "worker/data/split_files.h"

namespace ballast {

namespace {

constexpr std::size_t kTest = static_cast<std::size_t>(Split::test);

class PipelineEncoder final : public Encoder {
 public:
  PipelineEncoder(Pipeline pipeline, std::string cache)
      : pipeline_(std::move(pipeline)), schema_(schema_of(pipeline_)), cache_(std::move(cache)) {}

  [[nodiscard]] const DataSchema& schema() const override { return schema_; }

  [[nodiscard]] Result<std::unique_ptr<Dataset>> encode(
      const Spec& given, const std::vector<std::string>& paths) const override {
    Spec spec = given;
    spec.model.task = pipeline_.task;
    spec.data.weight.clear();             // Nobody counts with it.
    spec.data.on_bad_row = BadRow::stop;  // Predictions must stay beside their rows.
    auto loaded = load_split({.paths = paths, .label_paths = {}}, "", "input",
                             {.cache = cache_, .digests = nullptr, .meter = nullptr});
    if (!loaded) return loaded.error();
    std::vector<SplitFiles> files = {*std::move(loaded)};
    const std::uint32_t threads = std::max(1U, std::thread::hardware_concurrency());
    if (Status status = unpack_all(files, threads); !status) return status.error();

    Meter meter(nullptr);
    const Table like = table_like(pipeline_);
    auto table = read_table(spec, files.front(), &like,
                            {.threads = threads, .label_rule = LabelRule::optional}, meter);
    if (!table) return table.error();
    if (!fits(pipeline_, *table)) {
      return Error{ErrorCode::corrupt,
                   "transforms: expected those of data in the spec's format, saw others; one of "
                   "the two was altered: take the model from its source again, or train again"};
    }
    auto labels = read_labels(spec, pipeline_.classes, LabelRule::optional, *table);
    if (!labels) return labels.error();
    const Selection selection = all_rows(*table);
    auto store = std::make_shared<MemoryArrays>();
    auto split = encode_split({.table = *table,
                               .selection = selection,
                               .labels = *labels,
                               .pipeline = pipeline_,
                               .name = "input",
                               .threads = threads},
                              *store, meter);
    if (!split) return split.error();
    std::array<PackedSplit, kSplits> splits;
    splits[kTest] = *std::move(split);
    return std::unique_ptr<Dataset>(
        std::make_unique<PackedDataset>(schema_, "", std::move(splits), std::move(store)));
  }

 private:
  const Pipeline pipeline_;
  const DataSchema schema_;
  const std::string cache_;
};

}  // namespace

Result<std::unique_ptr<Encoder>> Encoder::create(const std::string& transforms_json,
                                                 const std::string& cache) {
  auto pipeline = pipeline_from_json(transforms_json);
  if (!pipeline) return pipeline.error();
  return std::unique_ptr<Encoder>(std::make_unique<PipelineEncoder>(*std::move(pipeline), cache));
}

}  // namespace ballast

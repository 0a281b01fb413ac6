#include "worker/model/model.h"

#include <utility>

#include "worker/model/architecture.h"
#include "worker/model/engine.h"
#include "worker/model/key_sort.h"
#include "worker/model/sparse_input.h"

namespace ballast {
namespace {

class LayeredModel final : public Model {
 public:
  explicit LayeredModel(Architecture architecture) : architecture_(std::move(architecture)) {}

  [[nodiscard]] const std::vector<TableSpec>& tables() const override {
    return architecture_.tables;
  }
  [[nodiscard]] std::uint32_t outputs() const override { return architecture_.outputs; }

  void gather(const Dataset& dataset, Split split, std::span<const std::uint32_t> examples,
              KeySets& keys) const override {
    keys.resize(architecture_.tables.size());
    for (std::vector<Key>& set : keys) set.clear();
    for (const SparseLayer& layer : architecture_.sparse) {
      std::vector<Key>& set = keys[index(layer.table)];
      append_keys(layer, dataset, split, examples, set);
      sort_unique(set);
    }
  }

  [[nodiscard]] std::unique_ptr<Engine> make_engine(
      const RunConfig& run, std::shared_ptr<const Blas> blas) const override {
    return ballast::make_engine(architecture_, run, std::move(blas));
  }

 private:
  const Architecture architecture_;
};

}  // namespace

Result<std::unique_ptr<Model>> Model::create(const Spec& spec, const DataSchema& schema) {
  Result<Architecture> architecture = resolve(spec, schema);
  if (!architecture) return architecture.error();
  return std::unique_ptr<Model>(std::make_unique<LayeredModel>(std::move(*architecture)));
}

}  // namespace ballast

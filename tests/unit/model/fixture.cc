#include "tests/unit/model/fixture.h"

#include <cstring>
#include <numeric>

namespace ballast::test {

Weights StoredWeights::view() const {
  Weights weights;
  for (const Table& table : tables_) {
    weights.tables.push_back({.values = table.values, .keys = table.keys});
  }
  return weights;
}

Spec spec_of(std::vector<LayerSpec> layers, LossKind loss) {
  Spec spec = spec_of(ModelKind::layers, loss);
  spec.model.layers = std::move(layers);
  return spec;
}

Spec spec_of(ModelKind kind, LossKind loss) {
  Spec spec;
  spec.name = "test";
  spec.seed = 7;
  spec.model.kind = kind;
  spec.model.loss = loss;
  return spec;
}

DataSchema schema_of(std::uint32_t dense, std::vector<std::string> groups, std::uint32_t classes) {
  DataSchema schema;
  for (std::uint32_t i = 0; i < dense; ++i) schema.dense.push_back("x" + std::to_string(i));
  schema.sparse_groups = std::move(groups);
  for (std::uint32_t i = 0; i < classes; ++i) schema.classes.push_back("c" + std::to_string(i));
  return schema;
}

MemoryDataset examples_for(const DataSchema& schema, const ExampleOptions& options) {
  Draw draw(options.seed);
  std::vector<MemoryExample> examples(options.count);
  for (MemoryExample& example : examples) {
    for (std::size_t i = 0; i < schema.dense.size(); ++i) example.dense.push_back(draw.number());
    for (std::size_t g = 0; g < schema.sparse_groups.size(); ++g) {
      MemoryBag bag;
      const std::uint32_t entries = draw.below(options.entries_max + 1);
      const bool valued = draw.below(2) == 1;
      for (std::uint32_t i = 0; i < entries; ++i) {
        bag.keys.push_back(draw.below(options.keys));
        if (valued) bag.values.push_back(draw.number(2.0F));
      }
      example.bags.push_back(std::move(bag));
    }
    const auto classes = static_cast<std::uint32_t>(schema.classes.size());
    example.label = classes > 0 ? static_cast<float>(draw.below(classes)) : draw.number(2.0F);
  }
  return {schema, std::move(examples)};
}

StoredWeights random_weights(const Model& model, const Dataset& dataset, std::uint64_t seed) {
  KeySets keys;
  model.gather(dataset, Split::train,
               first_examples(static_cast<std::uint32_t>(dataset.examples(Split::train))), keys);
  Draw draw(seed);
  StoredWeights weights(model.tables().size());
  for (const TableSpec& table : model.tables()) {
    StoredWeights::Table& stored = weights[index(table.id)];
    stored.keys = keys[index(table.id)];
    const std::size_t rows = table.kind == TableKind::dense ? 1 : stored.keys.size();
    stored.values.resize(rows * floats_of(table));
    for (float& value : stored.values) value = draw.number(0.8F);
  }
  return weights;
}

RunConfig run_of(const Model& model, std::uint32_t leaf_examples, std::uint32_t evaluation_batch) {
  RunConfig run;
  run.seed = 7;
  run.tables = model.tables();
  run.leaf_examples = leaf_examples;
  run.evaluation_batch = evaluation_batch;
  run.outputs = model.outputs();
  return run;
}

std::shared_ptr<const Blas> blas() {
  auto loaded = Blas::load(KernelFamily::automatic);
  if (!loaded) {
    std::fprintf(stderr, "%s\n", loaded.error().message.c_str());
    std::abort();
  }
  return *loaded;
}

std::unique_ptr<Model> model_of(const Spec& spec, const DataSchema& schema) {
  auto model = Model::create(spec, schema);
  if (!model) {
    std::fprintf(stderr, "%s\n", model.error().message.c_str());
    std::abort();
  }
  return std::move(*model);
}

std::vector<std::uint32_t> first_examples(std::uint32_t count) {
  std::vector<std::uint32_t> examples(count);
  std::iota(examples.begin(), examples.end(), 0U);
  return examples;
}

bool same_bits(const Gradient& a, const Gradient& b) {
  if (a.tables.size() != b.tables.size() || !(a.figures == b.figures)) return false;
  for (std::size_t t = 0; t < a.tables.size(); ++t) {
    const std::vector<float>& left = a.tables[t].values;
    const std::vector<float>& right = b.tables[t].values;
    if (a.tables[t].keys != b.tables[t].keys || left.size() != right.size()) return false;
    // An empty vector has no address to compare at.
    if (!left.empty() && std::memcmp(left.data(), right.data(), left.size() * 4) != 0) return false;
  }
  return true;
}

}  // namespace ballast::test

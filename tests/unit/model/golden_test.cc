// Layers and losses against PyTorch's, from the vectors that tests/golden/make_layers.py wrote.

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "common/job/names.h"
#include "tests/unit/model/fixture.h"

namespace ballast::test {
namespace {

using Json = nlohmann::json;

Json load_cases() {
  std::ifstream file("tests/golden/layers.json");
  BALLAST_CHECK(file.good());
  return Json::parse(file);
}

Spec spec_from(const Json& record) {
  Spec spec = spec_of(*value_named<ModelKind>(record["kind"].get<std::string>()),
                      *value_named<LossKind>(record["loss"].get<std::string>()));
  spec.model.huber_delta = record["huber_delta"];
  spec.model.focal_gamma = record.value("focal_gamma", 2.0);
  spec.model.focal_alpha = record.value("focal_alpha", std::vector<double>{});
  for (const Json& entry : record["layers"]) {
    LayerSpec layer;
    layer.kind = *value_named<LayerKind>(entry["kind"].get<std::string>());
    layer.name = entry.value("name", "");
    layer.width = entry.value("width", 0U);
    layer.combine = *value_named<Combine>(entry.value("combine", "mean"));
    layer.features = entry.value("features", std::vector<std::string>{});
    layer.epsilon = entry.value("epsilon", 1e-5);
    spec.model.layers.push_back(std::move(layer));
  }
  return spec;
}

MemoryDataset dataset_from(const Json& record) {
  const std::size_t columns = record["dense"][0].size();
  const DataSchema schema = schema_of(static_cast<std::uint32_t>(columns), record["groups"],
                                      record["classes"].get<std::uint32_t>());
  std::vector<MemoryExample> examples;
  for (std::size_t e = 0; e < record["labels"].size(); ++e) {
    MemoryExample example{.label = record["labels"][e], .dense = record["dense"][e]};
    for (const Json& group : record["bags"]) {
      MemoryBag bag;
      for (const Json& entry : group[e]) {
        bag.keys.push_back(entry[0]);
        bag.values.push_back(entry[1]);
      }
      example.bags.push_back(std::move(bag));
    }
    examples.push_back(std::move(example));
  }
  return {schema, std::move(examples)};
}

const Json& table_named(const Json& record, const std::string& name) {
  for (const Json& table : record["tables"]) {
    if (table["name"] == name) return table;
  }
  ADD_FAILURE() << "no table " << name << " in the golden case";
  return record["tables"][0];
}

StoredWeights weights_from(const Json& record, const Model& model) {
  StoredWeights weights(model.tables().size());
  for (const TableSpec& table : model.tables()) {
    const Json& golden = table_named(record, table.name);
    for (const float value : golden["values"]) weights[index(table.id)].values.push_back(value);
    weights[index(table.id)].keys = golden["keys"].get<std::vector<Key>>();
  }
  return weights;
}

void expect_near(std::span<const float> values, const Json& expected) {
  ASSERT_EQ(values.size(), expected.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double golden = expected[i];
    EXPECT_NEAR(double{values[i]}, golden, 1e-5 * (1.0 + std::abs(golden))) << "element " << i;
  }
}

TEST(Golden, LayersAndLossesAgreeWithPyTorch) {
  const Json cases = load_cases();
  ASSERT_GE(cases.size(), 24U);
  for (const Json& record : cases) {
    SCOPED_TRACE(record["name"].get<std::string>());
    const MemoryDataset dataset = dataset_from(record);
    const auto model = model_of(spec_from(record), dataset.schema());
    ASSERT_EQ(model->tables().size(), record["tables"].size());
    const StoredWeights weights = weights_from(record, *model);
    const auto count = static_cast<std::uint32_t>(dataset.examples(Split::train));
    const auto engine = model->make_engine(run_of(*model, 8, 8), blas());

    Gradient gradient;
    engine->compute(dataset, first_examples(count), 1, 0, weights.view(), gradient);
    const double loss = record["expected_loss"];
    EXPECT_NEAR(gradient.figures.loss, loss, 2e-6 * (1.0 + loss));
    for (const TableSpec& table : model->tables()) {
      SCOPED_TRACE(table.name);
      const Json& golden = table_named(record, table.name);
      EXPECT_EQ(gradient.tables[index(table.id)].keys, golden["keys"].get<std::vector<Key>>());
      expect_near(gradient.tables[index(table.id)].values, golden["expected_gradient"]);
    }

    std::vector<float> predictions(count * model->outputs());
    EXPECT_NEAR(engine->predict(dataset, Split::validation, 0, count, weights.view(), predictions),
                loss, 2e-6 * (1.0 + loss));
    expect_near(predictions, record["expected_predictions"]);
  }
}

}  // namespace
}  // namespace ballast::test

// Specs against schemas: the tables of good ones, and one sentence for each bad one.

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/unit/model/fixture.h"
#include "tests/unit/model/layer_specs.h"
#include "worker/model/architecture.h"

namespace ballast::test {
namespace {

using Shape = std::vector<std::uint32_t>;

std::vector<std::string> names(const std::vector<TableSpec>& tables) {
  std::vector<std::string> all;
  for (const TableSpec& table : tables) all.push_back(table.name);
  return all;
}

TEST(Architecture, DeclaresTheTablesOfItsLayers) {
  const auto model =
      model_of(spec_of({bag(16), dense(32), layer_norm(), relu(), named("out", dense(3))},
                       LossKind::cross_entropy),
               schema_of(5, {"words"}, 3));
  const auto& tables = model->tables();
  EXPECT_EQ(names(tables),
            (std::vector<std::string>{"embedding_bag_0.rows", "dense_1.weight", "dense_1.bias",
                                      "layer_norm_2.gain", "layer_norm_2.bias", "out.weight",
                                      "out.bias"}));
  const Shape shapes[] = {{16}, {21, 32}, {32}, {32}, {32}, {32, 3}, {3}};
  const bool decays[] = {true, true, false, false, false, true, false};
  for (std::size_t t = 0; t < tables.size(); ++t) {
    SCOPED_TRACE(tables[t].name);
    EXPECT_EQ(index(tables[t].id), t);
    EXPECT_EQ(tables[t].kind, t == 0 ? TableKind::sparse : TableKind::dense);
    EXPECT_EQ(tables[t].shape, shapes[t]);
    EXPECT_EQ(tables[t].decays, decays[t]);
  }
  EXPECT_EQ(model->outputs(), 3U);
}

TEST(Architecture, DeclaresTheTablesOfLinearModels) {
  struct Case {
    const char* name;
    ModelKind kind;
    LossKind loss;
    DataSchema schema;
    std::vector<std::string> tables;
    std::vector<Shape> shapes;
  };
  const Case cases[] = {
      {"dense features alone",
       ModelKind::linear,
       LossKind::mean_squared_error,
       schema_of(4, {}, 0),
       {"linear.weight", "linear.bias"},
       {{4, 1}, {1}}},
      {"sparse features alone",
       ModelKind::logistic,
       LossKind::binary_cross_entropy,
       schema_of(0, {"a"}, 2),
       {"logistic.rows", "logistic.bias"},
       {{1}, {1}}},
      {"both",
       ModelKind::softmax,
       LossKind::cross_entropy,
       schema_of(4, {"a", "b"}, 5),
       {"softmax.weight", "softmax.rows", "softmax.bias"},
       {{4, 5}, {5}, {5}}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const auto model = model_of(spec_of(c.kind, c.loss), c.schema);
    EXPECT_EQ(names(model->tables()), c.tables);
    for (std::size_t t = 0; t < c.shapes.size(); ++t) {
      EXPECT_EQ(model->tables()[t].shape, c.shapes[t]);
      EXPECT_EQ(model->tables()[t].initializer, Initializer::zeros);
    }
  }
  Spec spec = spec_of(ModelKind::linear, LossKind::huber);
  spec.model.bias = false;
  EXPECT_EQ(model_of(spec, schema_of(4, {}, 0))->tables().size(), 1U);
}

TEST(Architecture, ResolvesInitialBounds) {
  struct Case {
    const char* name;
    std::optional<Initializer> initializer;
    double scale;
    double weight, bias, rows;
  };
  // A dense layer of 8 + 2 inputs and 5 outputs; rows of width 2.
  const Case cases[] = {
      {"default", std::nullopt, 1.0, 1 / std::sqrt(10.0), 1 / std::sqrt(10.0), 0.5},
      {"default, scaled", std::nullopt, 0.1, 0.1 / std::sqrt(10.0), 0.1 / std::sqrt(10.0), 0.05},
      {"zeros", Initializer::zeros, 1.0, 0.0, 0.0, 0.0},
      {"uniform_fan_in", Initializer::uniform_fan_in, 1.0, 1 / std::sqrt(10.0), 1 / std::sqrt(10.0),
       1 / std::sqrt(2.0)},
      {"he_uniform", Initializer::he_uniform, 2.0, 2 * std::sqrt(0.6), 0.0, 2 * std::sqrt(3.0)},
      {"glorot_uniform", Initializer::glorot_uniform, 1.0, std::sqrt(6.0 / 15.0), 0.0,
       std::sqrt(6.0 / 4.0)},
      {"normal", Initializer::normal, 1.0, 1 / std::sqrt(10.0), 0.0, 1 / std::sqrt(2.0)},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    LayerSpec rows = bag(2);
    LayerSpec layer = dense(5);
    for (LayerSpec* spec : {&rows, &layer}) {
      spec->initializer = c.initializer;
      spec->initial_scale = c.scale;
    }
    const auto model =
        model_of(spec_of({rows, layer}, LossKind::cross_entropy), schema_of(8, {"a"}, 5));
    EXPECT_FLOAT_EQ(model->tables()[0].initial_bound, static_cast<float>(c.rows));
    EXPECT_FLOAT_EQ(model->tables()[1].initial_bound, static_cast<float>(c.weight));
    EXPECT_FLOAT_EQ(model->tables()[2].initial_bound, static_cast<float>(c.bias));
  }
}

TEST(Architecture, RefusesWhatCannotFit) {
  const auto ce = LossKind::cross_entropy;
  const auto bce = LossKind::binary_cross_entropy;
  const auto mse = LossKind::mean_squared_error;
  const DataSchema three = schema_of(4, {}, 3);
  const DataSchema words = schema_of(4, {"title", "body"}, 2);
  const DataSchema numbers = schema_of(4, {}, 0);
  Spec bad_delta = spec_of({dense(1)}, LossKind::huber);
  bad_delta.model.huber_delta = 0.0;
  LayerSpec bad_scale = dense(3);
  bad_scale.initial_scale = std::numeric_limits<double>::infinity();
  LayerSpec dense_with_features = dense(3);
  dense_with_features.features = {"title"};

  struct Case {
    const char* name;
    Spec spec;
    DataSchema schema;
    std::vector<std::string> said;
  };
  const Case cases[] = {
      {"no layers", spec_of(std::vector<LayerSpec>{}, ce), three, {"at least one layer"}},
      {"output too wide",
       spec_of({at_line(12, dense(4))}, ce),
       three,
       {"line 12", "dense_0", "4 numbers", "3 classes", "width 3"}},
      {"binary with two outputs", spec_of({dense(2)}, bce), schema_of(4, {}, 2), {"width 1"}},
      {"regression with two outputs", spec_of({dense(2)}, mse), numbers, {"width 1"}},
      {"ends before the right width",
       spec_of({dense(3), dense(5), dense(2)}, ce),
       three,
       {"dense_2", "width 3"}},
      {"binary with three classes",
       spec_of({dense(1)}, bce),
       three,
       {"binary_cross_entropy", "2 classes", "has 3", "cross_entropy"}},
      {"classes wanted, numbers there",
       spec_of({dense(1)}, ce),
       numbers,
       {"at least 2 classes", "has 0", "mean_squared_error"}},
      {"one class only", spec_of({dense(1)}, ce), schema_of(4, {}, 1), {"has 1"}},
      {"numbers wanted, classes there",
       spec_of({dense(1)}, mse),
       three,
       {"mean_squared_error", "3 classes", "cross_entropy"}},
      {"Huber without delta", bad_delta, numbers, {"huber_delta", "positive"}},
      {"dense without width",
       spec_of({at_line(7, dense(0)), dense(3)}, ce),
       three,
       {"line 7", "dense_0", "width", "got 0"}},
      {"much too wide",
       spec_of({dense(4000000000U), dense(3)}, ce),
       three,
       {"width of at most", "4000000000"}},
      {"table too large",
       spec_of({dense(1U << 20), dense(1U << 20), dense(3)}, ce),
       three,
       {"dense_1.weight", "1099511627776"}},
      {"dropout of everything", spec_of({dropout(1.0), dense(3)}, ce), three, {"[0, 1)", "got 1"}},
      {"dropout of less than nothing", spec_of({dropout(-0.1), dense(3)}, ce), three, {"[0, 1)"}},
      {"dropout that is no number",
       spec_of({dropout(std::numeric_limits<double>::quiet_NaN()), dense(3)}, ce),
       three,
       {"[0, 1)"}},
      {"layer norm without epsilon", spec_of({layer_norm(0.0), dense(3)}, ce), three, {"epsilon"}},
      {"endless scale", spec_of({bad_scale}, ce), three, {"initial_scale"}},
      {"two layers of one name",
       spec_of({named("a", dense(3)), named("a", dense(3))}, ce),
       three,
       {"same name"}},
      {"named like another's default",
       spec_of({named("dense_1", dense(3)), dense(3)}, ce),
       three,
       {"dense_1", "same name"}},
      {"nothing to train",
       spec_of({relu()}, ce),
       schema_of(3, {}, 3),
       {"anything to train", "dense"}},
      {"sigmoid before its loss",
       spec_of({dense(1), sigmoid()}, bce),
       schema_of(4, {}, 2),
       {"sigmoid_1", "binary_cross_entropy", "remove"}},
      {"relu at the end", spec_of({dense(3), relu()}, ce), three, {"relu_1", "remove"}},
      {"dropout at the end",
       spec_of({dense(1), dropout(0.5)}, mse),
       numbers,
       {"dropout_1", "last"}},
      {"unknown group",
       spec_of({at_line(3, bag(8, {"titel"})), dense(2)}, ce),
       words,
       {"line 3", "\"titel\"", "title, body"}},
      {"a dense feature as a group",
       spec_of({embedding(8, {"x1"}), bag(8), dense(2)}, ce),
       words,
       {"\"x1\"", "dense feature"}},
      {"a group twice",
       spec_of({bag(8, {"title", "body", "title"}), dense(2)}, ce),
       words,
       {"\"title\" twice"}},
      {"a group that nobody reads",
       spec_of({bag(8, {"title"}), dense(2)}, ce),
       words,
       {"no layer reads", "\"body\"", "skip"}},
      {"groups and no layer for them", spec_of({dense(2)}, ce), words, {"no layer reads"}},
      {"no group at all", spec_of({bag(8), dense(3)}, ce), three, {"no sparse group", "tokenize"}},
      {"embedding after dense",
       spec_of({bag(8), dense(4), at_line(9, embedding(3)), dense(2)}, ce),
       words,
       {"line 9", "embedding_2", "must stand before", "dense_1"}},
      {"features on a dense layer", spec_of({dense_with_features}, ce), three, {"features"}},
      {"no features", spec_of({dense(3)}, ce), schema_of(0, {}, 3), {"no input"}},
      {"linear without features",
       spec_of(ModelKind::linear, mse),
       schema_of(0, {}, 0),
       {"no features"}},
      {"logistic with the wrong loss",
       spec_of(ModelKind::logistic, ce),
       schema_of(4, {}, 2),
       {"logistic", "binary_cross_entropy"}},
      {"softmax with the wrong loss",
       spec_of(ModelKind::softmax, bce),
       schema_of(4, {}, 2),
       {"softmax", "cross_entropy"}},
      {"linear with classes",
       spec_of(ModelKind::linear, ce),
       three,
       {"linear", "mean_squared_error"}},
      {"logistic with three classes", spec_of(ModelKind::logistic, bce), three, {"has 3"}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const auto model = Model::create(c.spec, c.schema);
    ASSERT_FALSE(model.has_value());
    EXPECT_EQ(model.error().code, ErrorCode::invalid);
    for (const std::string& words_expected : c.said) {
      EXPECT_NE(model.error().message.find(words_expected), std::string::npos)
          << "\"" << words_expected << "\" is missing in: " << model.error().message;
    }
    EXPECT_EQ(model.error().message.find('\n'), std::string::npos);
  }
}

}  // namespace
}  // namespace ballast::test

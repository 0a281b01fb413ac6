// Every layer and every loss against the naive twin: outputs and loss directly, gradients against
// central differences of the twin's float64 loss.

#include <gtest/gtest.h>

#include <cmath>

#include "tests/unit/model/layer_specs.h"
#include "tests/unit/model/naive.h"

namespace ballast::test::gradient_test {
namespace {

struct Case {
  const char* name;
  Spec spec;
  DataSchema schema;

  friend void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }
};

LayerSpec without_bias(LayerSpec spec) {
  spec.bias = false;
  return spec;
}

Spec with_focal(Spec spec, double gamma, std::vector<double> alpha) {
  spec.model.focal_gamma = gamma;
  spec.model.focal_alpha = std::move(alpha);
  return spec;
}

std::vector<Case> cases() {
  const auto ce = LossKind::cross_entropy;
  const auto bce = LossKind::binary_cross_entropy;
  const auto mse = LossKind::mean_squared_error;
  const auto huber = LossKind::huber;
  const auto focal = LossKind::focal;
  const auto binary_focal = LossKind::binary_focal;
  const DataSchema three = schema_of(5, {}, 3);
  const DataSchema mixed = schema_of(2, {"a", "b"}, 3);
  const DataSchema words = schema_of(0, {"a"}, 3);
  return {
      {"dense, cross-entropy", spec_of({dense(3)}, ce), three},
      {"dense, binary cross-entropy", spec_of({dense(1)}, bce), schema_of(5, {}, 2)},
      {"dense, mean squared error", spec_of({dense(1)}, mse), schema_of(5, {}, 0)},
      {"dense, Huber", spec_of({dense(1)}, huber), schema_of(5, {}, 0)},
      {"focal", with_focal(spec_of({dense(3)}, focal), 2.0, {}), three},
      {"focal by class", with_focal(spec_of({dense(3)}, focal), 0.5, {0.5, 2.0, 1.0}), three},
      {"binary focal", with_focal(spec_of({dense(1)}, binary_focal), 2.0, {}), schema_of(5, {}, 2)},
      {"binary focal by class", with_focal(spec_of({dense(1)}, binary_focal), 1.5, {0.25}),
       schema_of(5, {}, 2)},
      {"dense without bias", spec_of({without_bias(dense(3))}, ce), three},
      {"relu", spec_of({dense(7), relu(), dense(3)}, ce), three},
      {"sigmoid", spec_of({dense(7), sigmoid(), dense(3)}, ce), three},
      {"tanh", spec_of({dense(7), tanh(), dense(3)}, ce), three},
      {"gelu", spec_of({dense(7), gelu(), dense(3)}, ce), three},
      {"dropout", spec_of({dense(9), dropout(0.4), dense(3)}, ce), three},
      {"dropout after tanh", spec_of({dense(9), tanh(), dropout(0.5), dense(3)}, ce), three},
      {"layer norm", spec_of({dense(7), layer_norm(), dense(3)}, ce), three},
      {"layer norm first", spec_of({layer_norm(), dense(3)}, ce), three},
      {"layer norm last", spec_of({dense(3), layer_norm()}, ce), three},
      {"activation first", spec_of({tanh(), dense(3)}, ce), three},
      {"sigmoid as the output of a regression", spec_of({dense(1), sigmoid()}, mse),
       schema_of(5, {}, 0)},
      {"deep",
       spec_of({dense(8), layer_norm(), gelu(), dropout(0.2), dense(6), relu(), dense(3)}, ce),
       three},
      {"bag, sum", spec_of({bag(4, {"a"}, Combine::sum), dense(3)}, ce), words},
      {"bag, mean", spec_of({bag(4, {"a"}, Combine::mean), dense(3)}, ce), words},
      {"bag, sqrt_n", spec_of({bag(4, {"a"}, Combine::sqrt_n), dense(3)}, ce), words},
      {"bag as the output", spec_of({bag(3, {"a"}, Combine::mean)}, ce), words},
      {"bag of two groups with dense features",
       spec_of({bag(4, {"a", "b"}, Combine::mean), dense(6), relu(), dense(3)}, ce), mixed},
      {"embedding of two groups", spec_of({embedding(3, {"a", "b"}), dense(3)}, ce), mixed},
      {"embedding and bag of the same group",
       spec_of({embedding(2, {"a"}), bag(3, {"b", "a"}, Combine::sqrt_n), layer_norm(), dense(3)},
               ce),
       mixed},
      {"dropout on embeddings",
       spec_of({embedding(3, {"a"}), bag(3, {"b"}, Combine::sum), dropout(0.3), dense(3)}, ce),
       mixed},
      {"linear", spec_of(ModelKind::linear, mse), schema_of(4, {"a", "b"}, 0)},
      {"linear, Huber", spec_of(ModelKind::linear, huber), schema_of(4, {}, 0)},
      {"logistic", spec_of(ModelKind::logistic, bce), schema_of(4, {"a"}, 2)},
      {"logistic on sparse features", spec_of(ModelKind::logistic, bce), schema_of(0, {"a"}, 2)},
      {"softmax", spec_of(ModelKind::softmax, ce), mixed},
  };
}

class NaiveTwin : public testing::TestWithParam<Case> {};

constexpr std::uint32_t kExamples = 11;
constexpr Step kStep = 5;
constexpr Leaf kLeaf = 3;

TEST_P(NaiveTwin, GivesTheSameLossAndGradients) {
  const auto& [name, spec, schema] = GetParam();
  const auto model = model_of(spec, schema);
  const MemoryDataset dataset = examples_for(schema, {.count = kExamples});
  StoredWeights weights = random_weights(*model, dataset, 3);
  const auto examples = first_examples(kExamples);
  const auto engine = model->make_engine(run_of(*model, 16, 8), blas());
  Gradient gradient;
  engine->compute(dataset, examples, kStep, kLeaf, weights.view(), gradient);

  const Architecture architecture = *resolve(spec, schema);
  const NaivePass pass{
      .architecture = architecture, .dataset = dataset, .step = kStep, .leaf = kLeaf};
  NaiveWeights naive(weights);
  const double loss = naive_loss(pass, naive, examples);
  EXPECT_NEAR(gradient.figures.loss, loss, 1e-5 * (1.0 + std::abs(loss)));
  EXPECT_EQ(gradient.figures.examples, kExamples);
  EXPECT_EQ(gradient.figures.nonfinite, 0U);

  double largest = 0.0;
  for (std::size_t t = 0; t < naive.tables.size(); ++t) {
    SCOPED_TRACE(model->tables()[t].name);
    ASSERT_EQ(gradient.tables[t].keys, naive.tables[t].keys);
    ASSERT_EQ(gradient.tables[t].values.size(), naive.tables[t].values.size());
    for (std::size_t i = 0; i < naive.tables[t].values.size(); ++i) {
      double& value = naive.tables[t].values[i];
      const double before = value;
      constexpr double kDelta = 1e-5;
      value = before + kDelta;
      const double above = naive_loss(pass, naive, examples);
      value = before - kDelta;
      const double below = naive_loss(pass, naive, examples);
      value = before;
      const double expected = (above - below) / (2.0 * kDelta);
      largest = std::max(largest, std::abs(expected));
      EXPECT_NEAR(double{gradient.tables[t].values[i]}, expected, 2e-5 * (1.0 + std::abs(expected)))
          << "element " << i;
    }
  }
  // A gradient of zeros would agree with a loss that depends on nothing.
  EXPECT_GT(largest, 0.05);
}

TEST_P(NaiveTwin, GivesTheSamePredictions) {
  const auto& [name, spec, schema] = GetParam();
  const auto model = model_of(spec, schema);
  const MemoryDataset dataset = examples_for(schema, {.count = kExamples});
  const StoredWeights weights = random_weights(*model, dataset, 3);
  const auto engine = model->make_engine(run_of(*model, 16, 8), blas());

  const Architecture architecture = *resolve(spec, schema);
  const NaivePass pass{
      .architecture = architecture, .dataset = dataset, .dropout = NaiveDropout::off};
  const NaiveWeights naive(weights);
  const auto examples = first_examples(kExamples);
  double loss = 0.0;
  for (std::uint32_t first = 0; first < kExamples; first += 8) {
    const std::uint32_t count = std::min(8U, kExamples - first);
    std::vector<float> predictions(count * model->outputs());
    loss += engine->predict(dataset, Split::test, first, count, weights.view(), predictions);
    for (std::uint32_t r = 0; r < count; ++r) {
      const auto expected =
          naive_predictions(architecture, naive_outputs(pass, naive, examples, first + r));
      ASSERT_EQ(expected.size(), model->outputs());
      for (std::size_t k = 0; k < expected.size(); ++k) {
        EXPECT_NEAR(double{predictions[r * expected.size() + k]}, expected[k], 5e-6);
      }
    }
  }
  const double expected_loss = naive_loss(pass, naive, examples);
  EXPECT_NEAR(loss, expected_loss, 1e-5 * (1.0 + expected_loss));
}

TEST(Weighted, LossAndGradientAreSumsOfWeightedExamples) {
  const DataSchema schema = schema_of(5, {"a"}, 3);
  const Spec spec =
      spec_of({bag(3, {"a"}, Combine::mean), dense(4), tanh(), dense(3)}, LossKind::cross_entropy);
  const auto model = model_of(spec, schema);
  MemoryDataset dataset = examples_for(schema, {.count = kExamples});
  for (std::size_t i = 0; i < kExamples; ++i) {
    dataset.mutable_examples()[i].weight = i % 4 == 1 ? 0.0 : 0.25 * static_cast<double>(i);
  }
  dataset.set_weighted();
  const ExampleWeights of{.has_own = true, .classes = {1.0, 3.0, 0.5}, .scale = 0.75};
  RunConfig run = run_of(*model, 16, 16);
  run.weights = of;
  const StoredWeights weights = random_weights(*model, dataset, 3);
  const auto examples = first_examples(kExamples);
  const auto engine = model->make_engine(run, blas());
  Gradient gradient;
  engine->compute(dataset, examples, kStep, kLeaf, weights.view(), gradient);

  const Architecture architecture = *resolve(spec, schema);
  NaivePass pass{.architecture = architecture, .dataset = dataset, .step = kStep, .leaf = kLeaf};
  for (std::size_t i = 0; i < kExamples; ++i) {
    const MemoryExample& example = dataset.mutable_examples()[i];
    pass.weights.push_back(example.weight * of.scale *
                           of.classes[static_cast<std::size_t>(example.label)]);
  }
  NaiveWeights naive(weights);
  const double loss = naive_loss(pass, naive, examples);
  EXPECT_NEAR(gradient.figures.loss, loss, 1e-5 * (1.0 + std::abs(loss)));
  EXPECT_EQ(gradient.figures.examples, kExamples);
  for (std::size_t t = 0; t < naive.tables.size(); ++t) {
    SCOPED_TRACE(model->tables()[t].name);
    ASSERT_EQ(gradient.tables[t].values.size(), naive.tables[t].values.size());
    for (std::size_t i = 0; i < naive.tables[t].values.size(); ++i) {
      double& value = naive.tables[t].values[i];
      const double before = value;
      value = before + 1e-5;
      const double above = naive_loss(pass, naive, examples);
      value = before - 1e-5;
      const double expected = (above - naive_loss(pass, naive, examples)) / 2e-5;
      value = before;
      EXPECT_NEAR(double{gradient.tables[t].values[i]}, expected,
                  2e-5 * (1.0 + std::abs(expected)));
    }
  }

  // Evaluation knows the examples' own weights alone.
  std::vector<float> predictions(kExamples * model->outputs());
  pass.weights.assign(dataset.weights(Split::test).begin(), dataset.weights(Split::test).end());
  EXPECT_NEAR(engine->predict(dataset, Split::test, 0, kExamples, weights.view(), predictions),
              naive_loss(pass, naive, examples), 1e-4);
}

TEST(Weighted, OnesChangeNoBitAndNothingCountsWhateverItsOutputs) {
  const DataSchema schema = schema_of(4, {}, 2);
  const auto model = model_of(spec_of(ModelKind::logistic, LossKind::binary_cross_entropy), schema);
  MemoryDataset dataset = examples_for(schema, {.count = kExamples});
  const StoredWeights weights = random_weights(*model, dataset, 3);
  RunConfig run = run_of(*model, 16, 8);
  const auto compute = [&](std::uint32_t count) {
    Gradient gradient;
    model->make_engine(run, blas())
        ->compute(dataset, first_examples(count), kStep, kLeaf, weights.view(), gradient);
    return gradient;
  };
  const Gradient plain = compute(kExamples);
  dataset.set_weighted();
  run.weights = ExampleWeights{.has_own = true, .classes = {1.0, 1.0}, .scale = 1.0};
  const Gradient ones = compute(kExamples);
  EXPECT_TRUE(same_bits(plain, ones));
  EXPECT_EQ(plain.figures, ones.figures);

  // Its output is infinite, and so would be its loss; its weight is 0.
  const Gradient before = compute(kExamples - 1);
  dataset.mutable_examples().back().weight = 0.0;
  dataset.mutable_examples().back().dense[0] = 3e38F;
  dataset.set_weighted();
  const Gradient with_it = compute(kExamples);
  EXPECT_EQ(with_it.figures.nonfinite, 0U);
  EXPECT_EQ(with_it.figures.loss, before.figures.loss);
}

std::string test_name(const testing::TestParamInfo<Case>& test) {
  std::string name = test.param.name;
  std::erase_if(name, [](char c) { return c == ','; });
  std::replace_if(
      name.begin(), name.end(), [](char c) { return c == ' ' || c == '-'; }, '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Models, NaiveTwin, testing::ValuesIn(cases()), test_name);

}  // namespace
}  // namespace ballast::test::gradient_test

// What makes a leaf's gradient a pure function: the same bits from any engine, in any order, on any
// thread; padding that counts for nothing; absence that is not zero; numbers that never leave when
// they are not finite.

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>
#include <thread>

#include "common/math/kernels.h"
#include "tests/unit/model/fixture.h"
#include "tests/unit/model/layer_specs.h"

namespace ballast::test {
namespace {

constexpr std::uint32_t kLeafExamples = 16;
constexpr std::uint32_t kExamples = 40;

// Dropout, layer norm, two sparse layers that share a group, dense features.
Spec busy_spec() {
  return spec_of({embedding(5, {"a"}), bag(9, {"b", "a"}), dense(33), layer_norm(), gelu(),
                  dropout(0.3), dense(20), relu(), dense(10)},
                 LossKind::cross_entropy);
}

class Determinism : public testing::Test {
 protected:
  std::unique_ptr<Engine> engine() const {
    return model_->make_engine(run_of(*model_, kLeafExamples, 8), blas());
  }

  Gradient compute(Engine& engine, std::uint32_t first, std::uint32_t count, Step step,
                   Leaf leaf) const {
    Gradient gradient;
    const auto all = first_examples(kExamples);
    engine.compute(dataset_, std::span(all).subspan(first, count), step, leaf, weights_.view(),
                   gradient);
    return gradient;
  }

  DataSchema schema_ = schema_of(7, {"a", "b"}, 10);
  std::unique_ptr<Model> model_ = model_of(busy_spec(), schema_);
  MemoryDataset dataset_ =
      examples_for(schema_, {.count = kExamples, .entries_max = 12, .keys = 30, .seed = 5});
  StoredWeights weights_ = random_weights(*model_, dataset_, 9);
};

TEST_F(Determinism, AnyEngineInAnyOrderOnAnyThreadGivesTheSameBits) {
  struct Leaf3 {
    std::uint32_t first, count;
    Step step;
    Leaf leaf;
  };
  const std::vector<Leaf3> leaves = {{0, 16, 1, 0}, {16, 16, 1, 1}, {32, 8, 1, 2},
                                     {3, 16, 2, 0}, {39, 1, 2, 3},  {5, 0, 2, 1}};
  const auto forward = engine();
  std::vector<Gradient> first;
  for (const Leaf3& leaf : leaves) {
    first.push_back(compute(*forward, leaf.first, leaf.count, leaf.step, leaf.leaf));
  }

  const auto backward = engine();
  for (std::size_t i = leaves.size(); i-- > 0;) {
    const Leaf3& leaf = leaves[i];
    EXPECT_TRUE(
        same_bits(compute(*backward, leaf.first, leaf.count, leaf.step, leaf.leaf), first[i]))
        << "leaf " << i << " in reverse order";
  }

  std::vector<std::vector<Gradient>> by_thread(3);
  std::vector<std::thread> threads;
  for (auto& gradients : by_thread) {
    threads.emplace_back([&] {
      pin_floating_point_mode();
      const auto own = engine();
      for (const Leaf3& leaf : leaves) {
        gradients.push_back(compute(*own, leaf.first, leaf.count, leaf.step, leaf.leaf));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const auto& gradients : by_thread) {
    for (std::size_t i = 0; i < leaves.size(); ++i) {
      EXPECT_TRUE(same_bits(gradients[i], first[i])) << "leaf " << i << " on a thread";
    }
  }
}

TEST_F(Determinism, EveryInstructionSetGivesTheSameBits) {
  const InstructionSet chosen = instruction_set();
  const auto first = compute(*engine(), 0, 13, 1, 0);
  for (const InstructionSet set :
       {InstructionSet::portable, InstructionSet::avx2, InstructionSet::avx512}) {
    if (!supports(set)) continue;
    force_instruction_set(set);
    EXPECT_TRUE(same_bits(compute(*engine(), 0, 13, 1, 0), first));
  }
  force_instruction_set(chosen);
}

TEST_F(Determinism, DropoutDependsOnStepLeafAndSeed) {
  const auto one = engine();
  const Gradient first = compute(*one, 0, 16, 1, 0);
  EXPECT_FALSE(same_bits(compute(*one, 0, 16, 2, 0), first));
  EXPECT_FALSE(same_bits(compute(*one, 0, 16, 1, 1), first));
  RunConfig run = run_of(*model_, kLeafExamples, 8);
  run.seed += 1;
  EXPECT_FALSE(same_bits(compute(*model_->make_engine(run, blas()), 0, 16, 1, 0), first));
}

TEST_F(Determinism, PaddedRowsNeverMatterWhateverTheyHeldBefore) {
  const Gradient fresh = compute(*engine(), 32, 5, 4, 1);

  // Every workspace of this engine is full of a leaf that overflowed.
  const auto dirty = engine();
  StoredWeights wild = weights_;
  for (std::size_t t = 0; t < wild.size(); ++t) {
    for (float& value : wild[t].values) value *= 1e30F;
  }
  Gradient overflowed;
  dirty->compute(dataset_, first_examples(kLeafExamples), 4, 1, wild.view(), overflowed);
  ASSERT_EQ(overflowed.figures.nonfinite, 1U);
  EXPECT_TRUE(same_bits(compute(*dirty, 32, 5, 4, 1), fresh));

  // The workspaces of evaluation are others.
  std::vector<float> predictions(80);
  (void)dirty->predict(dataset_, Split::test, 0, 8, wild.view(), predictions);
  EXPECT_TRUE(same_bits(compute(*dirty, 32, 5, 4, 1), fresh));
}

TEST_F(Determinism, APredictionDoesNotDependOnTheRowsBesideIt) {
  const auto one = engine();
  std::vector<float> all(8 * 10);
  (void)one->predict(dataset_, Split::test, 8, 8, weights_.view(), all);
  std::vector<float> some(3 * 10);
  (void)one->predict(dataset_, Split::test, 8, 3, weights_.view(), some);
  EXPECT_TRUE(std::equal(some.begin(), some.end(), all.begin()));
}

TEST_F(Determinism, MoreWeightsThanNeededChangeNothing) {
  const Gradient fewer = compute(*engine(), 0, 16, 1, 0);
  StoredWeights more(weights_.size());
  for (std::size_t t = 0; t < more.size(); ++t) {
    if (weights_[t].keys.empty()) {
      more[t] = weights_[t];
      continue;
    }
    // A foreign key before each of ours.
    const std::size_t width = weights_[t].values.size() / weights_[t].keys.size();
    for (std::size_t i = 0; i < weights_[t].keys.size(); ++i) {
      const Key key = weights_[t].keys[i];
      if (key > 0 && (i == 0 || weights_[t].keys[i - 1] != key - 1)) {
        more[t].keys.push_back(key - 1);
        more[t].values.insert(more[t].values.end(), width, 1e6F);
      }
      more[t].keys.push_back(key);
      const auto row = weights_[t].values.begin() + static_cast<std::ptrdiff_t>(i * width);
      more[t].values.insert(more[t].values.end(), row, row + static_cast<std::ptrdiff_t>(width));
    }
  }
  ASSERT_GT(more[1].keys.size(), weights_[1].keys.size());
  Gradient gradient;
  const auto all = first_examples(kExamples);
  engine()->compute(dataset_, std::span(all).first(16), 1, 0, more.view(), gradient);
  EXPECT_TRUE(same_bits(gradient, fewer));
}

TEST_F(Determinism, AnEmptyLeafIsAbsent) {
  const auto one = engine();
  (void)compute(*one, 0, 16, 1, 0);
  const Gradient empty = compute(*one, 0, 0, 1, 1);
  ASSERT_EQ(empty.tables.size(), model_->tables().size());
  for (const Gradient::Table& table : empty.tables) {
    EXPECT_TRUE(table.keys.empty());
    EXPECT_TRUE(table.values.empty());
  }
  EXPECT_EQ(empty.figures, Figures{});
}

TEST_F(Determinism, AKeyIsPresentWhateverItsValue) {
  auto& example = dataset_.mutable_examples()[0];
  for (MemoryBag& bag : example.bags) {
    bag.keys = {3, 4};
    bag.values = {0.0F, 0.0F};
  }
  const auto one = engine();
  const Gradient gradient = compute(*one, 0, 1, 1, 0);
  EXPECT_EQ(gradient.tables[0].keys, (std::vector<Key>{3, 4}));
  EXPECT_EQ(gradient.tables[1].keys.size(), 4U);
  for (const float value : gradient.tables[1].values) EXPECT_EQ(value, 0.0F);
}

TEST_F(Determinism, ALeafThatIsNotFiniteSaysSoAndSendsNoNumbers) {
  const float bad[] = {std::numeric_limits<float>::quiet_NaN(),
                       std::numeric_limits<float>::infinity()};
  for (const float value : bad) {
    MemoryDataset dataset = examples_for(schema_, {.count = kExamples, .keys = 30, .seed = 5});
    dataset.mutable_examples()[2].dense[1] = value;
    const StoredWeights weights = random_weights(*model_, dataset, 9);
    Gradient gradient;
    const auto one = engine();
    one->compute(dataset, first_examples(4), 1, 0, weights.view(), gradient);
    EXPECT_EQ(gradient.figures.nonfinite, 1U);
    EXPECT_EQ(gradient.figures.examples, 4U);
    EXPECT_EQ(gradient.figures.loss, 0.0);
    for (const Gradient::Table& table : gradient.tables) {
      for (const float number : table.values) EXPECT_EQ(number, 0.0F);
    }
    // The next leaf is not touched by it.
    one->compute(dataset, std::vector<std::uint32_t>{3, 4, 5}, 1, 0, weights.view(), gradient);
    EXPECT_EQ(gradient.figures.nonfinite, 0U);
    EXPECT_TRUE(std::isfinite(gradient.figures.loss));
  }
}

TEST(Nonfinite, IsSeenInAGradientWhereTheLossIsFinite) {
  const DataSchema schema = schema_of(1, {}, 0);
  const auto model = model_of(spec_of(ModelKind::linear, LossKind::mean_squared_error), schema);
  const MemoryDataset dataset(schema, {{0.0F, {1e20F}, {}}});
  StoredWeights weights(2);
  weights[0].values = {1.0F};  // The output is 1e20, the loss 1e40, the gradient 2e40: no float.
  weights[1].values = {0.0F};
  Gradient gradient;
  model->make_engine(run_of(*model, 4, 4), blas())
      ->compute(dataset, first_examples(1), 1, 0, weights.view(), gradient);
  EXPECT_EQ(gradient.figures.nonfinite, 1U);
  EXPECT_EQ(gradient.tables[0].values, std::vector<float>{0.0F});
}

TEST(Rows, KeepTheSignOfZeroOfTheirFirstOccurrence) {
  const DataSchema schema = schema_of(0, {"a"}, 2);
  const auto model = model_of(spec_of(ModelKind::logistic, LossKind::binary_cross_entropy), schema);
  // The gradient of the output is p - 1 < 0, so a value of zero makes the row's -0.
  const MemoryDataset dataset(schema, {{1.0F, {}, {{{5}, {0.0F}}}}});
  const StoredWeights weights = random_weights(*model, dataset, 1);
  Gradient gradient;
  model->make_engine(run_of(*model, 4, 4), blas())
      ->compute(dataset, first_examples(1), 1, 0, weights.view(), gradient);
  ASSERT_EQ(gradient.tables[0].values.size(), 1U);
  EXPECT_EQ(gradient.tables[0].values[0], 0.0F);
  EXPECT_TRUE(std::signbit(gradient.tables[0].values[0]));
}

TEST(Nonfinite, ReachesTheFlagThroughEveryActivation) {
  for (const LayerKind kind : {LayerKind::relu, LayerKind::sigmoid, LayerKind::tanh,
                               LayerKind::gelu, LayerKind::layer_norm, LayerKind::dropout}) {
    SCOPED_TRACE(static_cast<int>(kind));
    const DataSchema schema = schema_of(3, {}, 0);
    const auto model =
        model_of(spec_of({dense(4), layer(kind), dense(1)}, LossKind::mean_squared_error), schema);
    MemoryDataset dataset = examples_for(schema, {.count = 4});
    dataset.mutable_examples()[1].dense[0] = std::numeric_limits<float>::quiet_NaN();
    const StoredWeights weights = random_weights(*model, dataset, 1);
    Gradient gradient;
    model->make_engine(run_of(*model, 4, 4), blas())
        ->compute(dataset, first_examples(4), 1, 0, weights.view(), gradient);
    EXPECT_EQ(gradient.figures.nonfinite, 1U);
  }
}

TEST(Figures, CountWhatTheModelGotRight) {
  const DataSchema schema = schema_of(2, {}, 3);
  const auto model = model_of(spec_of({dense(3)}, LossKind::cross_entropy), schema);
  // Class 0 for (1, 0), class 1 for (0, 1); class 2 never. A tie goes to the first class.
  MemoryDataset dataset(schema,
                        {{0, {1, 0}, {}}, {1, {0, 1}, {}}, {2, {1, 0}, {}}, {0, {1, 1}, {}}});
  StoredWeights weights(2);
  weights[0].values = {1, 0, 0, 0, 1, 0};
  weights[1].values = {0, 0, -5};
  Gradient gradient;
  model->make_engine(run_of(*model, 4, 4), blas())
      ->compute(dataset, first_examples(4), 1, 0, weights.view(), gradient);
  EXPECT_EQ(gradient.figures.correct, 3U);
}

TEST(Figures, CountWhatABinaryModelGotRight) {
  const DataSchema schema = schema_of(1, {}, 2);
  const auto model = model_of(spec_of(ModelKind::logistic, LossKind::binary_cross_entropy), schema);
  // Probabilities above and below one half: right, right, wrong, wrong, right.
  MemoryDataset dataset(
      schema, {{1, {0.3F}, {}}, {0, {-0.3F}, {}}, {0, {0.3F}, {}}, {1, {-0.3F}, {}}, {0, {0}, {}}});
  StoredWeights weights(2);
  weights[0].values = {1};
  weights[1].values = {0};
  Gradient gradient;
  model->make_engine(run_of(*model, 8, 8), blas())
      ->compute(dataset, first_examples(5), 1, 0, weights.view(), gradient);
  EXPECT_EQ(gradient.figures.correct, 3U);
}

TEST(Predict, LeavesExamplesWithoutLabelOutOfTheLoss) {
  const DataSchema schema = schema_of(3, {}, 2);
  const auto model = model_of(spec_of(ModelKind::logistic, LossKind::binary_cross_entropy), schema);
  MemoryDataset dataset = examples_for(schema, {.count = 4});
  const StoredWeights weights = random_weights(*model, dataset, 2);
  const auto engine = model->make_engine(run_of(*model, 4, 4), blas());
  std::vector<float> outputs(4);
  std::vector<float> one(1);
  double others = 0.0;
  for (const std::uint64_t i : {0U, 1U, 3U}) {
    others += engine->predict(dataset, Split::test, i, 1, weights.view(), one);
  }
  dataset.mutable_examples()[2].label = std::numeric_limits<float>::quiet_NaN();
  EXPECT_NEAR(engine->predict(dataset, Split::test, 0, 4, weights.view(), outputs), others, 1e-6);
  for (const float p : outputs) EXPECT_TRUE(p > 0.0F && p < 1.0F);
}

TEST(Loss, StaysFiniteWhereExpOverflows) {
  struct Case {
    const char* name;
    LossKind loss;
    std::uint32_t classes, outputs;
    std::vector<float> logits;
    float label;
    double expected;
  };
  const Case cases[] = {
      {"cross-entropy, right and sure", LossKind::cross_entropy, 3, 3, {1000, -1000, 0}, 0, 0},
      {"cross-entropy, wrong and sure", LossKind::cross_entropy, 3, 3, {1000, -1000, 0}, 1, 2000},
      {"binary, right and sure", LossKind::binary_cross_entropy, 2, 1, {-1000}, 0, 0},
      {"binary, wrong and sure", LossKind::binary_cross_entropy, 2, 1, {-1000}, 1, 1000},
      {"focal, right and sure", LossKind::focal, 3, 3, {1000, -1000, 0}, 0, 0},
      {"focal, wrong and sure", LossKind::focal, 3, 3, {1000, -1000, 0}, 1, 2000},
      {"binary focal, right and sure", LossKind::binary_focal, 2, 1, {-1000}, 0, 0},
      {"binary focal, wrong and sure", LossKind::binary_focal, 2, 1, {-1000}, 1, 1000},
      {"Huber, far away", LossKind::huber, 0, 1, {1e20F}, 0, 1e20},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const DataSchema schema = schema_of(1, {}, c.classes);
    const auto model = model_of(spec_of({dense(c.outputs)}, c.loss), schema);
    const MemoryDataset dataset(schema, {{c.label, {0.0F}, {}}});
    StoredWeights weights(2);
    weights[0].values.resize(c.outputs);
    weights[1].values.assign(c.logits.begin(), c.logits.end());
    Gradient gradient;
    model->make_engine(run_of(*model, 4, 4), blas())
        ->compute(dataset, first_examples(1), 1, 0, weights.view(), gradient);
    EXPECT_NEAR(gradient.figures.loss, c.expected, 1e-6 * (1.0 + c.expected));
    EXPECT_EQ(gradient.figures.nonfinite, 0U);
    for (const float g : gradient.tables[1].values) EXPECT_LE(std::abs(g), 1.0F);
  }
}

}  // namespace
}  // namespace ballast::test

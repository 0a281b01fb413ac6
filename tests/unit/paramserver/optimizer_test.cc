#include "paramserver/optimizer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/unit/math/instruction_sets.h"

namespace ballast {
namespace {

using testing::bits_of;
using testing::Forced;
using testing::name_of;
using testing::supported_sets;
using testing::uniform;

// ---- one table under training
// ---------------------------------------------------------------------

struct Trained {
  OptimizerSpec optimizer;
  std::vector<float> weights;
  std::vector<float> state;
  int updates = 0;

  Trained(const OptimizerSpec& spec, std::vector<float> initial)
      : optimizer(spec), weights(std::move(initial)) {
    for (std::uint32_t slot = 0; slot < slots(spec); ++slot) {
      state.insert(state.end(), weights.size(), initial_slot(spec, slot));
    }
  }

  void update(const std::vector<float>& gradient, float scale = 1.0F, bool decays = true) {
    updates += 1;
    const UpdateScalars scalars = {
        .scale = scale,
        .learning_rate = static_cast<float>(optimizer.learning_rate),
        .bias_correction1 = static_cast<float>(1.0 - std::pow(optimizer.beta1, updates)),
        .bias_correction2 = static_cast<float>(1.0 - std::pow(optimizer.beta2, updates))};
    apply_update(optimizer, scalars, decays, gradient, weights, weights, state);
  }
};

OptimizerSpec of_kind(OptimizerKind kind) {
  OptimizerSpec spec;
  spec.kind = kind;
  spec.learning_rate = 0.1;
  return spec;
}

// Every optimizer with all its terms on.
std::map<std::string, OptimizerSpec> every_optimizer() {
  std::map<std::string, OptimizerSpec> specs;
  specs["sgd"] = of_kind(OptimizerKind::sgd);
  specs["sgd, momentum"] = of_kind(OptimizerKind::sgd);
  specs["sgd, momentum"].momentum = 0.9;
  specs["sgd, nesterov"] = specs["sgd, momentum"];
  specs["sgd, nesterov"].nesterov = true;
  specs["adagrad"] = of_kind(OptimizerKind::adagrad);
  specs["adagrad"].initial_accumulator = 0.1;
  specs["rmsprop"] = of_kind(OptimizerKind::rmsprop);
  specs["rmsprop, momentum"] = of_kind(OptimizerKind::rmsprop);
  specs["rmsprop, momentum"].momentum = 0.9;
  specs["adam"] = of_kind(OptimizerKind::adam);
  specs["adamw"] = of_kind(OptimizerKind::adamw);
  specs["adamw"].weight_decay = 0.1;
  specs["ftrl"] = of_kind(OptimizerKind::ftrl);
  specs["ftrl"].l1 = 0.3;
  for (auto& [name, spec] : specs) spec.l2 = 0.01;
  return specs;
}

// ---- golden vectors
// ---------------------------------------------------------------------------------

OptimizerSpec parse_optimizer(const nlohmann::json& entry) {
  const std::map<std::string, OptimizerKind> kinds = {
      {"sgd", OptimizerKind::sgd},         {"adagrad", OptimizerKind::adagrad},
      {"rmsprop", OptimizerKind::rmsprop}, {"adam", OptimizerKind::adam},
      {"adamw", OptimizerKind::adamw},     {"ftrl", OptimizerKind::ftrl}};
  OptimizerSpec spec;
  spec.kind = kinds.at(entry.at("kind"));
  std::map<std::string, double*> fields = {{"learning_rate", &spec.learning_rate},
                                           {"momentum", &spec.momentum},
                                           {"beta1", &spec.beta1},
                                           {"beta2", &spec.beta2},
                                           {"rho", &spec.rho},
                                           {"epsilon", &spec.epsilon},
                                           {"initial_accumulator", &spec.initial_accumulator},
                                           {"ftrl_beta", &spec.ftrl_beta},
                                           {"l1", &spec.l1},
                                           {"l2", &spec.l2},
                                           {"weight_decay", &spec.weight_decay}};
  for (const auto& [name, value] : entry.at("options").items()) {
    if (name == "nesterov") {
      spec.nesterov = value.get<bool>();
    } else {
      *fields.at(name) = value.get<double>();
    }
  }
  return spec;
}

TEST(Optimizer, AgreesWithPyTorchAndThePaperOfFtrl) {
  std::ifstream file("tests/golden/optimizers.json");
  ASSERT_TRUE(file) << "run from the repository's root";
  const nlohmann::json cases = nlohmann::json::parse(file);
  ASSERT_GE(cases.size(), 15U);
  for (const nlohmann::json& entry : cases) {
    SCOPED_TRACE(entry.at("name").get<std::string>());
    Trained trained(parse_optimizer(entry), entry.at("initial").get<std::vector<float>>());
    for (const nlohmann::json& step : entry.at("steps")) {
      trained.update(step.at("gradient").get<std::vector<float>>(), entry.at("scale").get<float>());
      const auto expected = step.at("weights").get<std::vector<double>>();
      ASSERT_EQ(expected.size(), trained.weights.size());
      for (std::size_t i = 0; i < expected.size(); ++i) {
        ASSERT_NEAR(trained.weights[i], expected[i], 2e-6 * std::max(1.0, std::fabs(expected[i])))
            << "weight " << i << " after " << trained.updates << " updates";
      }
    }
  }
}

// ---- bits
// --------------------------------------------------------------------------------------------

TEST(Optimizer, GivesTheSameBitsUnderEveryInstructionSet) {
  for (const auto& [name, spec] : every_optimizer()) {
    SCOPED_TRACE(name);
    std::vector<std::uint32_t> portable;
    for (const InstructionSet set : supported_sets()) {
      SCOPED_TRACE(name_of(set));
      const Forced forced(set);
      Trained trained(spec, uniform(1003, 1, 1.0F));
      for (std::uint64_t t = 0; t < 5; ++t) {
        trained.update(uniform(1003, 2 + t, t == 3 ? 0x1p-75F : 5.0F), 0.37F);
      }
      std::vector<std::uint32_t> bits = bits_of(trained.weights);
      const std::vector<std::uint32_t> state = bits_of(trained.state);
      bits.insert(bits.end(), state.begin(), state.end());
      if (portable.empty()) portable = bits;
      EXPECT_TRUE(bits == portable);
    }
  }
}

// A block or row may be cut anywhere, and written elsewhere: each weight is on its own.
TEST(Optimizer, AWeightsUpdateDoesNotDependOnItsPlace) {
  constexpr std::size_t kCount = 37;
  for (const auto& [name, spec] : every_optimizer()) {
    SCOPED_TRACE(name);
    const std::vector<float> initial = uniform(kCount, 7, 1.0F);
    Trained together(spec, initial);
    std::vector<Trained> alone;
    for (const float weight : initial) alone.emplace_back(spec, std::vector<float>{weight});
    for (std::uint64_t t = 0; t < 4; ++t) {
      const std::vector<float> gradient = uniform(kCount, 8 + t, 2.0F);
      together.update(gradient);
      for (std::size_t i = 0; i < kCount; ++i) alone[i].update({gradient[i]});
    }
    for (std::size_t i = 0; i < kCount; ++i) {
      ASSERT_EQ(bits_of(alone[i].weights[0]), bits_of(together.weights[i])) << "weight " << i;
    }
  }
}

TEST(Optimizer, WritesOutOfPlaceWhatItWritesInPlace) {
  const std::vector<float> gradient = uniform(29, 12, 1.0F);
  for (const auto& [name, spec] : every_optimizer()) {
    SCOPED_TRACE(name);
    Trained in_place(spec, uniform(29, 13, 1.0F));
    const Trained before = in_place;
    in_place.update(gradient);

    std::vector<float> out(29);
    std::vector<float> state = before.state;
    const UpdateScalars scalars = {.learning_rate = static_cast<float>(spec.learning_rate),
                                   .bias_correction1 = static_cast<float>(1.0 - spec.beta1),
                                   .bias_correction2 = static_cast<float>(1.0 - spec.beta2)};
    apply_update(spec, scalars, true, gradient, before.weights, out, state);
    EXPECT_EQ(bits_of(out), bits_of(in_place.weights));
    EXPECT_EQ(bits_of(state), bits_of(in_place.state));
  }
}

TEST(Optimizer, MatchesScalarArithmeticBitForBit) {
  const OptimizerSpec spec = every_optimizer()["adamw"];
  const std::vector<float> initial = uniform(23, 14, 1.0F);
  const std::vector<float> gradient = uniform(23, 15, 3.0F);
  Trained trained(spec, initial);
  trained.update(gradient, 0.3F);

  const auto lr = static_cast<float>(spec.learning_rate);
  const auto bias1 = static_cast<float>(1.0 - spec.beta1);
  const auto bias2 = static_cast<float>(1.0 - spec.beta2);
  for (std::size_t i = 0; i < initial.size(); ++i) {
    const float w = initial[i];
    const float g = gradient[i] * 0.3F + w * static_cast<float>(spec.l2);
    const float m = 0.0F * static_cast<float>(spec.beta1) + g * bias1;
    const float v = 0.0F * static_cast<float>(spec.beta2) + g * g * bias2;
    const float keep = static_cast<float>(1.0 - double{lr} * spec.weight_decay);
    const float root = std::sqrt(v) / std::sqrt(bias2) + static_cast<float>(spec.epsilon);
    ASSERT_EQ(bits_of(trained.weights[i]), bits_of(w * keep - m * (lr / bias1) / root));
  }
}

// ---- semantics
// -----------------------------------------------------------------------------------------

TEST(Optimizer, SlotsAreThoseOfTheKind) {
  const std::map<std::string, std::uint32_t> expected = {
      {"sgd", 0},     {"sgd, momentum", 1}, {"sgd, nesterov", 1},
      {"adagrad", 1}, {"rmsprop", 1},       {"rmsprop, momentum", 2},
      {"adam", 2},    {"adamw", 2},         {"ftrl", 2}};
  for (const auto& [name, spec] : every_optimizer()) {
    EXPECT_EQ(slots(spec), expected.at(name)) << name;
    for (std::uint32_t slot = 0; slot < slots(spec); ++slot) {
      EXPECT_EQ(initial_slot(spec, slot), name == "adagrad" ? 0.1F : 0.0F) << name;
    }
  }
}

TEST(Optimizer, DecayReachesATableThatDoesNotDecayOnlyWhenAsked) {
  for (auto [name, spec] : every_optimizer()) {
    SCOPED_TRACE(name);
    spec.l2 = 0.5;
    OptimizerSpec plain = spec;
    plain.l1 = plain.l2 = plain.weight_decay = 0.0;
    const auto after = [](const OptimizerSpec& s, bool decays) {
      Trained trained(s, {1.0F, -1.0F});
      trained.update({0.5F, 0.5F}, 1.0F, decays);
      trained.update({0.4F, 0.6F}, 1.0F, decays);
      return bits_of(trained.weights);
    };
    EXPECT_EQ(after(spec, false), after(plain, true));
    EXPECT_NE(after(spec, true), after(plain, true));
    spec.decay_bias = true;
    EXPECT_EQ(after(spec, false), after(spec, true));
  }
}

TEST(Ftrl, ShrinksByL1TowardsZeroFromBothSides) {
  OptimizerSpec spec = of_kind(OptimizerKind::ftrl);
  spec.l1 = 1.0;
  spec.l2 = 0.5;
  // One update from z = n = w = 0: z = g, n = g^2.
  Trained trained(spec, {0.0F, 0.0F, 0.0F, 0.0F, 0.0F});
  trained.update({3.0F, -3.0F, 1.0F, -1.0F, 0.25F});
  const double moved = (3.0 - 1.0) / ((1.0 + 3.0) / 0.1 + 0.5);
  EXPECT_NEAR(trained.weights[0], -moved, 1e-8);
  EXPECT_NEAR(trained.weights[1], moved, 1e-8);
  EXPECT_EQ(trained.weights[2], 0.0F);  // |z| = l1 still is zero.
  EXPECT_EQ(trained.weights[3], 0.0F);
  EXPECT_EQ(trained.weights[4], 0.0F);
  EXPECT_EQ(trained.state[0], 3.0F);
  EXPECT_EQ(trained.state[1], -3.0F);
  EXPECT_EQ(trained.state[5], 9.0F);
}

// The initial weight has no z in the paper. It is given the z that makes it the optimum so far.
TEST(Ftrl, KeepsAnInitialWeightUntilAGradientMovesIt) {
  OptimizerSpec spec = of_kind(OptimizerKind::ftrl);
  spec.l1 = 0.2;
  spec.l2 = 0.3;
  Trained trained(spec, {0.5F, -0.5F, 0.0F});
  for (int t = 0; t < 3; ++t) {
    trained.update({0.0F, 0.0F, 0.0F});
    EXPECT_NEAR(trained.weights[0], 0.5, 1e-6);
    EXPECT_NEAR(trained.weights[1], -0.5, 1e-6);
    EXPECT_EQ(trained.weights[2], 0.0F);
  }
  trained.update({1.0F, 1.0F, 1.0F});
  // From z = -w (beta / alpha + l2) - sgn(w) l1: z += g - |g| w / alpha.
  const double z = -0.5 * (10.0 + 0.3) - 0.2 + 1.0 - 10.0 * 0.5;
  EXPECT_NEAR(trained.weights[0], -(z + 0.2) / (20.0 + 0.3), 1e-6);
  EXPECT_LT(trained.weights[1], -0.5F);
}

TEST(Ftrl, SurvivesAZeroStrength) {
  OptimizerSpec spec = of_kind(OptimizerKind::ftrl);
  spec.ftrl_beta = 0.0;
  Trained trained(spec, {0.0F, 0.7F});
  trained.update({1e-30F, 0.0F});  // The square underflows: n = 0, and the divisor with it.
  EXPECT_EQ(trained.weights[0], 0.0F);
  EXPECT_EQ(trained.weights[1], 0.0F);
}

}  // namespace
}  // namespace ballast

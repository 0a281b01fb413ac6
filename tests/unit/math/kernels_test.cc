#include "common/math/kernels.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cfenv>
#include <limits>
#include <thread>

#include "tests/unit/math/instruction_sets.h"

namespace ballast {
namespace {

using testing::bits_of;
using testing::Forced;
using testing::name_of;
using testing::random_words;
using testing::supported_sets;
using testing::uniform;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// Lengths around every vector width and the sixteen lanes.
constexpr std::size_t kLengths[] = {0, 1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 100, 1027};

struct Unary {
  const char* name;
  void (*kernel)(std::span<const float>, std::span<float>);
};
constexpr Unary kUnaries[] = {{"exp", exp},         {"log", log}, {"tanh", tanh},
                              {"sigmoid", sigmoid}, {"erf", erf}, {"rsqrt", rsqrt}};

std::vector<float> applied(const Unary& unary, const std::vector<float>& x) {
  std::vector<float> out(x.size());
  unary.kernel(x, out);
  return out;
}

// ---- naive twins
// ---------------------------------------------------------------------------------

float naive_fold(std::vector<float> lanes, float (*op)(float, float)) {
  for (std::size_t half = 8; half > 0; half /= 2) {
    for (std::size_t i = 0; i < half; ++i) lanes[i] = op(lanes[i], lanes[i + half]);
  }
  return lanes[0];
}

float naive_sum(std::span<const float> x) {
  std::vector<float> lanes(16, 0.0F);
  for (std::size_t i = 0; i < x.size(); ++i) lanes[i % 16] += x[i];
  return naive_fold(lanes, [](float a, float b) { return a + b; });
}

float naive_dot(std::span<const float> a, std::span<const float> b) {
  std::vector<float> lanes(16, 0.0F);
  for (std::size_t i = 0; i < a.size(); ++i) lanes[i % 16] += a[i] * b[i];
  return naive_fold(lanes, [](float x, float y) { return x + y; });
}

double naive_sum_of_squares(std::span<const float> x) {
  std::vector<double> lanes(16, 0.0);
  for (std::size_t i = 0; i < x.size(); ++i) lanes[i % 16] += double{x[i]} * double{x[i]};
  for (std::size_t half = 8; half > 0; half /= 2) {
    for (std::size_t i = 0; i < half; ++i) lanes[i] += lanes[i + half];
  }
  return lanes[0];
}

// The arithmetic of exp, one number at a time.
float naive_exp(float x) {
  if (x < -104.0F) x = -104.0F;
  if (x > 89.0F) x = 89.0F;
  const float shifted = x * 1.44269504088896341F + 12582912.0F;
  const float n = shifted - 12582912.0F;
  const float r = (x - n * 0.693359375F) - n * -2.12194440e-4F;
  float p = 1.9875691500e-4F;
  for (const float c :
       {1.3981999507e-3F, 8.3334519073e-3F, 4.1665795894e-2F, 1.6666665459e-1F, 5.0000001201e-1F}) {
    p = p * r + c;
  }
  const float value = p * (r * r) + r + 1.0F;
  if (std::isnan(value)) return value;
  const int power = static_cast<int>(n);
  const int half = power >> 1;
  return value * std::ldexp(1.0F, half) * std::ldexp(1.0F, power - half);
}

// ---- tests
// ---------------------------------------------------------------------------------------

TEST(Kernels, FunctionsGiveTheSameBitsUnderEveryInstructionSet) {
  std::vector<float> inputs = random_words(100'003, 1);
  const std::vector<float> ordinary = uniform(50'001, 2, 12.0F);
  inputs.insert(inputs.end(), ordinary.begin(), ordinary.end());

  for (const Unary& unary : kUnaries) {
    SCOPED_TRACE(unary.name);
    std::vector<std::uint32_t> portable;
    for (const InstructionSet set : supported_sets()) {
      SCOPED_TRACE(name_of(set));
      const Forced forced(set);
      const std::vector<std::uint32_t> bits = bits_of(applied(unary, inputs));
      if (portable.empty()) portable = bits;
      EXPECT_TRUE(bits == portable);
    }
  }
}

TEST(Kernels, AnElementsResultDoesNotDependOnItsPlace) {
  const std::vector<float> inputs = uniform(41, 3, 9.0F);
  for (const InstructionSet set : supported_sets()) {
    SCOPED_TRACE(name_of(set));
    const Forced forced(set);
    for (const Unary& unary : kUnaries) {
      SCOPED_TRACE(unary.name);
      const std::vector<float> together = applied(unary, inputs);
      for (std::size_t i = 0; i < inputs.size(); ++i) {
        EXPECT_EQ(bits_of(applied(unary, {inputs[i]})[0]), bits_of(together[i])) << inputs[i];
      }
    }
  }
}

TEST(Kernels, ExpIsItsNaiveTwin) {
  std::vector<float> inputs = random_words(20'000, 4);
  const std::vector<float> ordinary = uniform(20'000, 5, 110.0F);
  inputs.insert(inputs.end(), ordinary.begin(), ordinary.end());
  const std::vector<float> outputs = applied(kUnaries[0], inputs);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    ASSERT_EQ(bits_of(outputs[i]), bits_of(naive_exp(inputs[i]))) << inputs[i];
  }
}

TEST(Kernels, ElementwiseArithmeticIsOneRoundingPerOperation) {
  for (const InstructionSet set : supported_sets()) {
    const Forced forced(set);
    for (const std::size_t n : kLengths) {
      SCOPED_TRACE(name_of(set) + ", " + std::to_string(n) + " elements");
      const std::vector<float> a = uniform(n, 6, 3.0F);
      const std::vector<float> b = uniform(n, 7, 3.0F);
      std::vector<float> added(n);
      add(a, b, added);
      std::vector<float> accumulated = a;
      accumulate(accumulated, b);
      std::vector<float> scaled = a;
      scale(scaled, 0.3F);
      std::vector<float> stepped = b;
      axpy(0.3F, a, stepped);
      std::vector<float> product = a;
      multiply(product, b);
      for (std::size_t i = 0; i < n; ++i) {
        ASSERT_EQ(added[i], a[i] + b[i]);
        ASSERT_EQ(accumulated[i], a[i] + b[i]);
        ASSERT_EQ(scaled[i], a[i] * 0.3F);
        const float rounded = 0.3F * a[i];  // A fused multiply-add would skip this rounding.
        ASSERT_EQ(stepped[i], b[i] + rounded);
        ASSERT_EQ(product[i], a[i] * b[i]);
      }
    }
  }
}

TEST(Kernels, ReductionsAreTheirNaiveTwinsUnderEveryInstructionSet) {
  for (const InstructionSet set : supported_sets()) {
    const Forced forced(set);
    for (const std::size_t n : kLengths) {
      SCOPED_TRACE(name_of(set) + ", " + std::to_string(n) + " elements");
      const std::vector<float> a = uniform(n, 8, 1000.0F);
      const std::vector<float> b = uniform(n, 9, 0.01F);
      EXPECT_EQ(bits_of(sum(a)), bits_of(naive_sum(a)));
      EXPECT_EQ(bits_of(dot(a, b)), bits_of(naive_dot(a, b)));
      EXPECT_EQ(sum_of_squares(a), naive_sum_of_squares(a));
      EXPECT_EQ(max(a), n == 0 ? -kInfinity : *std::max_element(a.begin(), a.end()));
    }
  }
}

TEST(Kernels, TheSumOfNegativeZerosIsPositive) {
  for (const InstructionSet set : supported_sets()) {
    const Forced forced(set);
    for (const std::size_t n : kLengths) {
      EXPECT_EQ(bits_of(sum(std::vector<float>(n, -0.0F))), 0U);
    }
  }
}

TEST(Kernels, MaxPassesOverNan) {
  std::vector<float> x(37, std::nanf(""));
  EXPECT_EQ(max(x), -kInfinity);
  x[35] = -3.0F;
  EXPECT_EQ(max(x), -3.0F);
}

TEST(Kernels, AllFiniteSeesOneBadElementAnywhere) {
  constexpr float kFinite[] = {std::numeric_limits<float>::max(),
                               std::numeric_limits<float>::lowest(),
                               std::numeric_limits<float>::denorm_min(), -0.0F};
  for (const InstructionSet set : supported_sets()) {
    SCOPED_TRACE(name_of(set));
    const Forced forced(set);
    for (const std::size_t n : {1U, 15U, 17U, 2050U}) {
      std::vector<float> x(n);
      for (std::size_t i = 0; i < n; ++i) x[i] = kFinite[i % 4];
      EXPECT_TRUE(all_finite(x));
      for (std::size_t i = 0; i < n; ++i) {
        const float before = x[i];
        for (const float bad : {kInfinity, -kInfinity, std::nanf(""), -std::nanf("")}) {
          x[i] = bad;
          ASSERT_FALSE(all_finite(x)) << n << " elements, " << bad << " at " << i;
        }
        x[i] = before;
      }
    }
  }
  EXPECT_TRUE(all_finite({}));
}

TEST(Kernels, FunctionsAtTheirEdges) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  constexpr float kMin = std::numeric_limits<float>::denorm_min();
  struct Case {
    std::size_t function;
    float x;
    float expected;
  };
  const Case cases[] = {
      {0, 0.0F, 1.0F},        {0, -0.0F, 1.0F},       {0, kInfinity, kInfinity},
      {0, -kInfinity, 0.0F},  {0, kNan, kNan},        {0, 88.72284F, kInfinity},
      {0, -103.97F, kMin},    {0, -104.0F, 0.0F},     {0, kMin, 1.0F},
      {1, 1.0F, 0.0F},        {1, 0.0F, -kInfinity},  {1, -0.0F, -kInfinity},
      {1, -kMin, kNan},       {1, -kInfinity, kNan},  {1, kInfinity, kInfinity},
      {1, kNan, kNan},        {1, kMin, -103.27893F}, {2, 0.0F, 0.0F},
      {2, -0.0F, -0.0F},      {2, kInfinity, 1.0F},   {2, -kInfinity, -1.0F},
      {2, kNan, kNan},        {2, kMin, kMin},        {2, -30.0F, -1.0F},
      {3, 0.0F, 0.5F},        {3, kInfinity, 1.0F},   {3, -kInfinity, 0.0F},
      {3, kNan, kNan},        {3, -103.97F, kMin},    {3, 100.0F, 1.0F},
      {4, 0.0F, 0.0F},        {4, -0.0F, -0.0F},      {4, kInfinity, 1.0F},
      {4, -kInfinity, -1.0F}, {4, kNan, kNan},        {4, 5.0F, 1.0F},
      {5, 4.0F, 0.5F},        {5, 0.0F, kInfinity},   {5, -0.0F, -kInfinity},
      {5, kInfinity, 0.0F},   {5, -1.0F, kNan},       {5, kNan, kNan},
  };
  for (const InstructionSet set : supported_sets()) {
    const Forced forced(set);
    for (const Case& c : cases) {
      const Unary& unary = kUnaries[c.function];
      SCOPED_TRACE(name_of(set) + ": " + unary.name + "(" + std::to_string(c.x) + ")");
      EXPECT_EQ(bits_of(applied(unary, {c.x})[0]), bits_of(c.expected));
    }
  }
}

TEST(FloatingPointMode, IsSeenWhenChangedAndPinnedAgain) {
  std::thread([] {
    pin_floating_point_mode();
    EXPECT_TRUE(floating_point_mode_is_pinned());
    std::fesetround(FE_UPWARD);
    EXPECT_FALSE(floating_point_mode_is_pinned());
    pin_floating_point_mode();
    EXPECT_TRUE(floating_point_mode_is_pinned());
#if defined(__x86_64__)
    __builtin_ia32_ldmxcsr(0x1f80 | 0x8000);  // Flush to zero, as -ffast-math would set it.
    EXPECT_FALSE(floating_point_mode_is_pinned());
    __builtin_ia32_ldmxcsr(0x1f80 | 0x0040);  // Denormals are zero.
    EXPECT_FALSE(floating_point_mode_is_pinned());
#endif
  }).join();
}

}  // namespace
}  // namespace ballast

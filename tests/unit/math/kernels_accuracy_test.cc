// The functions against libm in float64, in units in the last place. The step is a prime, so that
// samples fall on every exponent and on all low bits; step 1 walks all 2^32 inputs, which is how
// the bounds in kernel_body.h were measured:
//   BALLAST_ACCURACY_STEP=1 build/release/tests/kernels_accuracy_test

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "common/math/kernels.h"
#include "tests/unit/math/instruction_sets.h"

namespace ballast::kernels_accuracy_test {
namespace {

std::uint64_t step_from_environment() {
  const char* text = std::getenv("BALLAST_ACCURACY_STEP");
  return text == nullptr ? 4093 : std::strtoull(text, nullptr, 10);
}

// The distance in units of the last place that a float of the exact result's size has.
double error_in_units(float got, double exact) {
  if (std::isnan(exact)) return std::isnan(got) ? 0.0 : 1e9;
  const auto nearest = static_cast<float>(exact);
  if (std::isinf(nearest) || std::isinf(got)) return nearest == got ? 0.0 : 1e9;
  int exponent = 0;
  std::frexp(exact, &exponent);
  return std::fabs(double{got} - exact) / std::ldexp(1.0, std::max(exponent, -125) - 24);
}

struct Case {
  const char* name;
  void (*kernel)(std::span<const float>, std::span<float>);
  double (*exact)(double);
  double bound;
};

double exact_sigmoid(double x) {
  const double e = std::exp(-std::fabs(x));
  return (x < 0.0 ? e : 1.0) / (1.0 + e);
}

const Case kCases[] = {
    {"exp", exp, [](double x) { return std::exp(x); }, 1.0},
    {"log", log, [](double x) { return std::log(x); }, 0.9},
    {"tanh", tanh, [](double x) { return std::tanh(x); }, 1.5},
    {"sigmoid", sigmoid, exact_sigmoid, 2.5},
    {"erf", erf, [](double x) { return std::erf(x); }, 1.5},
    {"rsqrt", rsqrt, [](double x) { return 1.0 / std::sqrt(x); }, 1.5},
};

TEST(KernelAccuracy, StaysWithinTheDocumentedUnits) {
  const std::uint64_t step = step_from_environment();
  ASSERT_GT(step, 0U);
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.name);
    double worst = 0.0;
    float worst_at = 0.0F;
    std::vector<float> x;
    std::vector<float> out;
    for (std::uint64_t word = 0; word <= 0xffffffffULL;) {
      x.clear();
      for (; word <= 0xffffffffULL && x.size() < 65536; word += step) {
        x.push_back(std::bit_cast<float>(static_cast<std::uint32_t>(word)));
      }
      out.resize(x.size());
      c.kernel(x, out);
      for (std::size_t i = 0; i < x.size(); ++i) {
        const double error = error_in_units(out[i], c.exact(double{x[i]}));
        if (error > worst) {
          worst = error;
          worst_at = x[i];
        }
      }
    }
    RecordProperty(c.name, std::to_string(worst));
    EXPECT_LE(worst, c.bound) << "at " << worst_at;
    EXPECT_GT(worst, 0.4) << "no function of floats is this exact: the test measures nothing";
  }
}

}  // namespace
}  // namespace ballast::kernels_accuracy_test

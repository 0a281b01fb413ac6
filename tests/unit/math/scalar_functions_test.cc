// exp_double and its siblings against the 64-bit significands of x87, which see 2^-11 of a double's
// last place.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "common/base/philox.h"
#include "common/math/kernels.h"

namespace ballast::scalar_functions_test {
namespace {

static_assert(std::numeric_limits<long double>::digits >= 64);

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

double error_in_units(double got, long double exact) {
  int exponent = 0;
  std::frexp(exact, &exponent);
  const long double unit = std::ldexp(1.0L, std::max(exponent, -1021) - 53);
  return static_cast<double>(std::fabs(static_cast<long double>(got) - exact) / unit);
}

double uniform(std::uint64_t i, double low, double high) {
  static const PhiloxStream stream(7, Purpose::canary, 2);
  const double unit = (static_cast<double>(stream.word(2 * i)) +
                       static_cast<double>(stream.word(2 * i + 1)) * 0x1p-32) *
                      0x1p-32;
  return low + (high - low) * unit;
}

double worst_error(double low, double high, const std::function<double(double)>& ours,
                   const std::function<long double(long double)>& exact) {
  double worst = 0.0;
  for (std::uint64_t i = 0; i < 20'000; ++i) {
    const double x = uniform(i, low, high);
    worst = std::max(worst, error_in_units(ours(x), exact(x)));
  }
  return worst;
}

long double exact_exp(long double x) { return std::exp(x); }
long double exact_log(long double x) { return std::log(x); }
long double exact_cos(long double x) { return std::cos(x); }

TEST(ScalarFunctions, StayWithinAUnitOfTheExactResult) {
  EXPECT_LE(worst_error(-1.0, 1.0, exp_double, exact_exp), 1.0);
  EXPECT_LE(worst_error(-745.0, 709.7, exp_double, exact_exp), 1.0);
  EXPECT_LE(worst_error(0.5, 2.0, log_double, exact_log), 1.0);
  EXPECT_LE(worst_error(0.0, 1e6, log_double, exact_log), 1.0);
  EXPECT_LE(worst_error(0.0, 1e-310, log_double, exact_log), 1.0);
  EXPECT_LE(worst_error(0.0, 6.4, cos_double, exact_cos), 1.0);
  EXPECT_LE(worst_error(-0x1p20, 0x1p20, cos_double, exact_cos), 1.0);
}

TEST(ScalarFunctions, PowIsNearlyCorrectlyRounded) {
  struct Case {
    double low, high;
    double y;
  };
  const Case cases[] = {
      {0.001, 10.0, -2.5},
      {0.001, 10.0, -0.5},
      {0.001, 10.0, 1.0 / 3.0},
      {0.001, 10.0, 2.0},
      {0.001, 10.0, 17.0},
      // The powers of Adam's betas at late steps, down to the denormals.
      {0.89, 0.91, 1000.0},
      {0.999, 0.99901, 1000.0},
      {0.999, 0.99901, 100'000.0},
      {0.999, 0.99901, 740'000.0},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(std::to_string(c.low) + " ^ " + std::to_string(c.y));
    const double worst = worst_error(
        c.low, c.high, [&c](double x) { return pow_double(x, c.y); },
        [&c](long double x) { return std::pow(x, static_cast<long double>(c.y)); });
    EXPECT_LE(worst, 0.52);
  }
}

TEST(ScalarFunctions, AtTheirEdges) {
  constexpr double kMin = std::numeric_limits<double>::denorm_min();
  EXPECT_EQ(exp_double(0.0), 1.0);
  EXPECT_EQ(exp_double(kInfinity), kInfinity);
  EXPECT_EQ(exp_double(-kInfinity), 0.0);
  EXPECT_EQ(exp_double(709.79), kInfinity);
  EXPECT_EQ(exp_double(-745.13), kMin);
  EXPECT_EQ(exp_double(-745.14), 0.0);
  EXPECT_TRUE(std::isnan(exp_double(kNan)));

  EXPECT_EQ(log_double(1.0), 0.0);
  EXPECT_EQ(log_double(0.0), -kInfinity);
  EXPECT_EQ(log_double(kInfinity), kInfinity);
  EXPECT_TRUE(std::isnan(log_double(-1.0)));
  EXPECT_TRUE(std::isnan(log_double(kNan)));

  EXPECT_EQ(cos_double(0.0), 1.0);
  EXPECT_EQ(cos_double(3.14159265358979323846), -1.0);

  EXPECT_EQ(pow_double(2.0, 10.0), 1024.0);
  EXPECT_EQ(pow_double(1.0, kInfinity), 1.0);
  EXPECT_EQ(pow_double(5.0, 0.0), 1.0);
  EXPECT_EQ(pow_double(0.5, 1074.0), kMin);
  EXPECT_EQ(pow_double(0.5, 1080.0), 0.0);
  EXPECT_EQ(pow_double(10.0, 400.0), kInfinity);
  EXPECT_EQ(pow_double(10.0, kInfinity), kInfinity);
  EXPECT_EQ(pow_double(10.0, -kInfinity), 0.0);
}

}  // namespace
}  // namespace ballast::scalar_functions_test

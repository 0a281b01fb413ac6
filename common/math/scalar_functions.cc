// exp, log, cos and pow in float64. libm's own differ in the last bit between CPUs with and without
// FMA (determinism.md); these are plain IEEE operations in a written order. Each reduces its
// argument and sums a Taylor series whose coefficients are exact fractions, so there is nothing to
// quote: the interval decides how many terms reach 2^-60.
//
// Accuracy against x87's 64-bit significands (tests/unit/math/scalar_functions_test.cc): exp, log
// and cos within 1 unit in the last place, pow within 0.52.

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "common/base/check.h"
#include "common/math/kernels.h"

namespace ballast {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInverseLn2 = 1.4426950408889634074;
// ln 2 in three parts; the first two have 32 bits, so n times them is exact.
constexpr double kLn2A = 0x1.62e42feep-1;
constexpr double kLn2B = 0x1.a39ef356p-33;
constexpr double kLn2C = 0x1.93c7673007e5ep-65;

double power_of_two(int n) {  // REQUIRES: -1022 <= n <= 1023
  return std::bit_cast<double>(static_cast<std::uint64_t>(n + 1023) << 52);
}

// x 2^n for |n| < 2000 and x near 1, rounded once.
double scaled(double x, int n) { return x * power_of_two(n / 2) * power_of_two(n - n / 2); }

double nearest(double x) {  // |x| < 2^51
  constexpr double kShift = 0x1.8p52;
  return (x + kShift) - kShift;
}

// x = m 2^e with sqrt(1/2) <= m < sqrt(2), for positive finite x.
struct Decomposed {
  double mantissa;
  int exponent;
};

Decomposed decompose(double x) {
  int exponent = 0;
  if (x < std::numeric_limits<double>::min()) {
    x *= 0x1p54;
    exponent = -54;
  }
  constexpr std::uint64_t kRootHalf = 0x3fe6a09e667f3bcdULL;
  const std::uint64_t word = std::bit_cast<std::uint64_t>(x) - kRootHalf;
  exponent += static_cast<int>(static_cast<std::int64_t>(word) >> 52);
  return {std::bit_cast<double>((word & 0xfffffffffffffULL) + kRootHalf), exponent};
}

// ---- twice the precision -----------------------------------------------------------------------
// The unevaluated sum of two doubles (Dekker 1971; Knuth, TAOCP 2, section 4.2.2). For pow, where
// the error of the logarithm is multiplied by up to 700.

struct Pair {
  double high;
  double low;
};

Pair sum_exactly(double a, double b) {
  const double s = a + b;
  const double t = s - a;
  return {s, (a - (s - t)) + (b - t)};
}

Pair product_exactly(double a, double b) {
  constexpr double kSplit = 134217729.0;  // 2^27 + 1
  const double as = a * kSplit;
  const double bs = b * kSplit;
  const double ah = as - (as - a);
  const double bh = bs - (bs - b);
  const double al = a - ah;
  const double bl = b - bh;
  const double p = a * b;
  return {p, ((ah * bh - p) + ah * bl + al * bh) + al * bl};
}

Pair operator+(Pair a, Pair b) {
  const Pair s = sum_exactly(a.high, b.high);
  return sum_exactly(s.high, s.low + (a.low + b.low));
}

Pair operator*(Pair a, Pair b) {
  const Pair p = product_exactly(a.high, b.high);
  return sum_exactly(p.high, p.low + (a.high * b.low + a.low * b.high));
}

Pair operator/(Pair a, Pair b) {
  const double q = a.high / b.high;
  const Pair rest = a + Pair{-q, 0.0} * b;
  return sum_exactly(q, rest.high / b.high);
}

// log m + e ln 2, log m = 2 (s + s^3 / 3 + s^5 / 5 + ...) with s = (m - 1) / (m + 1), |s| < 0.172.
Pair log_pair(double x) {
  const Decomposed d = decompose(x);
  const Pair s = Pair{d.mantissa - 1.0, 0.0} / sum_exactly(d.mantissa, 1.0);
  const Pair z = s * s;
  Pair series = {0.0, 0.0};
  for (int k = 20; k >= 0; --k) {  // 0.172^42 < 2^-105
    series = series * z + Pair{1.0, 0.0} / Pair{2.0 * k + 1.0, 0.0};
  }
  const double e = d.exponent;
  const Pair tail = Pair{e * kLn2B, 0.0} + Pair{e * kLn2C, 0.0};
  return Pair{e * kLn2A, 0.0} + (tail + Pair{2.0, 0.0} * s * series);
}

// REQUIRES: |x| < 800
double exp_pair(Pair x) {
  const double n = nearest(x.high * kInverseLn2);
  const Pair r = x + Pair{-n * kLn2A, 0.0} + Pair{-n * kLn2B, 0.0} + Pair{-n * kLn2C, 0.0};
  Pair series = {1.0, 0.0};
  for (int k = 22; k >= 1; --k) {  // 0.347^23 / 23! < 2^-105
    series = Pair{1.0, 0.0} + series * r / Pair{static_cast<double>(k), 0.0};
  }
  return scaled(series.high + series.low, static_cast<int>(n));
}

}  // namespace

double exp_double(double x) {
  if (x != x) return x;
  if (x > 710.0) return kInfinity;
  if (x < -746.0) return 0.0;

  const double n = nearest(x * kInverseLn2);
  const double high = x - n * kLn2A;  // Exact, by Sterbenz' lemma.
  const double low = n * kLn2B + n * kLn2C;
  const double r = high - low;
  const double lost = (high - r) - low;
  // exp(r) = 1 + r + r^2 q(r), q(r) = 1/2! + r/3! + ...; 0.347^14 / 14! < 2^-57 of the term r^2/2.
  constexpr double kFactorials[] = {87178291200.0, 6227020800.0, 479001600.0, 39916800.0, 3628800.0,
                                    362880.0,      40320.0,      5040.0,      720.0,      120.0,
                                    24.0,          6.0,          2.0};
  double q = 0.0;
  for (const double factorial : kFactorials) q = q * r + 1.0 / factorial;
  return scaled(1.0 + (r + (r * r * q + lost)), static_cast<int>(n));
}

double log_double(double x) {
  if (x != x || x == kInfinity) return x;
  if (x == 0.0) return -kInfinity;
  if (x < 0.0) return kNan;

  // log(1 + f) = f - f^2/2 + s (f^2/2 + R), s = f / (2 + f), R = 2 s^2 / 3 + 2 s^4 / 5 + ...
  // The small terms carry all the rounding errors.
  const Decomposed d = decompose(x);
  const double f = d.mantissa - 1.0;
  const double s = f / (2.0 + f);
  const double z = s * s;
  double series = 0.0;
  for (int k = 12; k >= 1; --k) series = series * z + 2.0 / (2.0 * k + 1.0);
  const double half_square = 0.5 * f * f;
  const double e = d.exponent;
  const double small = s * (half_square + series * z) + (e * kLn2B + e * kLn2C);
  return e * kLn2A - ((half_square - small) - f);
}

double cos_double(double x) {
  BALLAST_CHECK(std::fabs(x) <= 0x1p20);

  // r = x - n pi/2 with pi/2 in three parts: the first two have 32 bits, so n times them is exact.
  constexpr double kHalfPiA = 0x1.921fb544p+0;
  constexpr double kHalfPiB = 0x1.0b4611a6p-34;
  constexpr double kHalfPiC = 0x1.3198a2e037073p-69;
  const double n = nearest(x * 0.63661977236758134308);
  const Pair reduced =
      Pair{x - n * kHalfPiA, 0.0} + Pair{-n * kHalfPiB, 0.0} + Pair{-n * kHalfPiC, 0.0};
  const double r = reduced.high;
  const double z = r * r;

  const auto quadrant = static_cast<std::int64_t>(n) & 3;
  double value = 0.0;
  if (quadrant % 2 == 0) {
    // cos(r + low) = 1 - z/2 + (z^2/4! - ... - r low), the larger part of 1 - z/2 kept exactly.
    double series = 0.0;
    for (int k = 10; k >= 2; --k) series = (1.0 - z * series) / ((2.0 * k) * (2.0 * k - 1.0));
    const double half = 0.5 * z;
    const double w = 1.0 - half;
    value = w + (((1.0 - w) - half) + (z * series * half - r * reduced.low));
  } else {
    // sin(r + low) = r - r z (1/3! - z/5! + ...) + low.
    double series = 0.0;
    for (int k = 10; k >= 1; --k) series = (1.0 - z * series) / ((2.0 * k) * (2.0 * k + 1.0));
    value = r - (r * z * series - reduced.low * (1.0 - 0.5 * z));
  }
  return quadrant == 0 || quadrant == 3 ? value : -value;
}

double pow_double(double x, double y) {
  BALLAST_CHECK(x > 0.0);
  if (x == 1.0 || y == 0.0) return 1.0;
  if (y != y) return y;
  if (x == kInfinity) return y > 0.0 ? kInfinity : 0.0;

  const Pair logarithm = log_pair(x);
  const double rough = logarithm.high * y;
  if (rough > 710.0) return kInfinity;
  if (rough < -746.0) return 0.0;
  return exp_pair(logarithm * Pair{y, 0.0});
}

}  // namespace ballast

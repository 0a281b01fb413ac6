// The kernels, written once for vectors of kWidth floats and included by kernels_portable.cc,
// kernels_avx2.cc and kernels_avx512.cc, which differ in compiler flags alone. Not a header for
// anybody else.
//
// Why the three agree bit for bit: each output element is computed by the same sequence of IEEE 754
// operations, whatever the width (no fused multiply-add: -ffp-contract=off); branches are masks;
// tails run through the same code, padded; reductions have 16 fixed lanes, held in 16 / kWidth
// vectors.
//
// Everything lives in the unnamed namespace and nothing of the standard library is included but
// <cstddef> and <cstdint>, so no code compiled for AVX can leave through the linker's choice of an
// inline function's copy.
//
// Accuracy: the worst error over all 2^32 inputs against libm in float64, in units in the last
// place of the exact result (tests/unit/math/kernels_accuracy_test.cc samples it and holds the
// bounds):
//   exp 0.99 · log 0.83 · tanh 1.33 · sigmoid 2.41 · erf 1.42 · rsqrt 1.50
// NaN gives NaN, with no promise about its payload.

#include <cstddef>
#include <cstdint>

#include "common/math/kernel_table.h"

namespace ballast {
namespace {

#if defined(__AVX512F__)
constexpr std::size_t kWidth = 16;
#elif defined(__AVX2__)
constexpr std::size_t kWidth = 8;
#else
constexpr std::size_t kWidth = 4;
#endif
constexpr std::size_t kLanes = 16;
constexpr std::size_t kVectors = kLanes / kWidth;

typedef float F __attribute__((vector_size(kWidth * 4)));
typedef std::int32_t I __attribute__((vector_size(kWidth * 4)));
typedef std::uint32_t U __attribute__((vector_size(kWidth * 4)));
typedef float HalfF __attribute__((vector_size(kWidth * 2)));  // As many floats as D has doubles.
typedef double D __attribute__((vector_size(kWidth * 4)));

constexpr float kInfinity = __builtin_inff();
constexpr float kNan = __builtin_nanf("");

F splat(float value) {
  F v = {};
  for (std::size_t i = 0; i < kWidth; ++i) v[i] = value;
  return v;
}

F load(const float* x) {
  F v;
  __builtin_memcpy(&v, x, sizeof v);
  return v;
}

void store(float* out, F v) { __builtin_memcpy(out, &v, sizeof v); }

// Fixed sizes, so that each copy is one instruction: rows of a few floats are all tail.
void copy_tail(float* to, const float* from, std::size_t count) {
  std::size_t i = 0;
  if constexpr (kWidth > 8) {
    if ((count & 8U) != 0) {
      __builtin_memcpy(to, from, 32);
      i = 8;
    }
  }
  if constexpr (kWidth > 4) {
    if ((count & 4U) != 0) {
      __builtin_memcpy(to + i, from + i, 16);
      i += 4;
    }
  }
  if ((count & 2U) != 0) {
    __builtin_memcpy(to + i, from + i, 8);
    i += 2;
  }
  if ((count & 1U) != 0) to[i] = from[i];
}

F load_tail(const float* x, std::size_t count, float padding = 0.0F) {
  float buffer[kWidth];
  store(buffer, splat(padding));
  copy_tail(buffer, x, count);
  return load(buffer);
}

void store_tail(float* out, std::size_t count, F v) {
  float buffer[kWidth];
  store(buffer, v);
  copy_tail(out, buffer, count);
}

U bits(F v) { return reinterpret_cast<U>(v); }
F from_bits(U v) { return reinterpret_cast<F>(v); }

F absolute(F x) { return from_bits(bits(x) & 0x7fffffffU); }
F with_sign_of(F magnitude, F sign) {
  return from_bits(bits(magnitude) | (bits(sign) & 0x80000000U));
}

F square_root(F x) {
  F root = {};
  for (std::size_t i = 0; i < kWidth; ++i) root[i] = __builtin_sqrtf(x[i]);
  return root;
}

template <std::size_t kCount>
F polynomial(F x, const float (&coefficients)[kCount]) {  // Highest order first.
  F value = splat(coefficients[0]);
  for (std::size_t i = 1; i < kCount; ++i) value = value * x + coefficients[i];
  return value;
}

// ---- transcendental functions ------------------------------------------------------------------

// exp(x) = 2^n exp(r) with n = round(x / ln 2), |r| <= ln 2 / 2. The polynomial is that of Cephes'
// expf (S. Moshier). n is read from the low bits of x / ln 2 + 1.5 * 2^23, and the power is applied
// in two halves, so that results down to the smallest denormal are rounded once.
F exp_of(F x) {
  const F low = splat(-104.0F);  // exp(-104) rounds to 0
  const F high = splat(89.0F);   // exp(89) overflows
  x = x < low ? low : x;
  x = x > high ? high : x;

  const F shifted = x * 1.44269504088896341F + 12582912.0F;
  const F n = shifted - 12582912.0F;
  const F r = (x - n * 0.693359375F) - n * -2.12194440e-4F;  // The first product is exact.

  constexpr float kCoefficients[] = {1.9875691500e-4F, 1.3981999507e-3F, 8.3334519073e-3F,
                                     4.1665795894e-2F, 1.6666665459e-1F, 5.0000001201e-1F};
  const F value = polynomial(r, kCoefficients) * (r * r) + r + 1.0F;

  const I power = reinterpret_cast<I>(bits(shifted) - 0x4b400000U);
  const I first = power >> 1;
  const I second = power - first;
  return value * from_bits(reinterpret_cast<U>(first + 127) << 23) *
         from_bits(reinterpret_cast<U>(second + 127) << 23);
}

// log(x) = e ln 2 + log(m), sqrt(1/2) <= m < sqrt(2); the polynomial is that of Cephes' logf.
F log_of(F x) {
  const I denormal = x < splat(1.17549435e-38F);
  const U word = bits(denormal ? x * 8388608.0F : x) - 0x3f3504f3U;  // sqrt(1/2)
  const I exponent = (reinterpret_cast<I>(word) >> 23) - (denormal & 23);
  const F e = __builtin_convertvector(exponent, F);
  const F f = from_bits((word & 0x7fffffU) + 0x3f3504f3U) - 1.0F;

  constexpr float kCoefficients[] = {7.0376836292e-2F,  -1.1514610310e-1F, 1.1676998740e-1F,
                                     -1.2420140846e-1F, 1.4249322787e-1F,  -1.6668057665e-1F,
                                     2.0000714765e-1F,  -2.4999993993e-1F, 3.3333331174e-1F};
  const F z = f * f;
  F value = polynomial(f, kCoefficients) * f * z;
  value = value + e * -2.12194440e-4F;
  value = value - z * 0.5F;
  value = f + value;
  value = value + e * 0.693359375F;

  const F infinity = splat(kInfinity);
  value = x == infinity ? infinity : value;
  value = x == 0.0F ? -infinity : value;
  value = x < 0.0F ? splat(kNan) : value;
  return x != x ? x : value;
}

// Cephes' tanhf: a polynomial below 0.625, 1 - 2 / (exp(2 |x|) + 1) above.
F tanh_of(F x) {
  constexpr float kCoefficients[] = {-5.70498872745e-3F, 2.06390887954e-2F, -5.37397155531e-2F,
                                     1.33314422036e-1F, -3.33332819422e-1F};
  const F t = absolute(x);
  const F z = t * t;
  const F small = polynomial(z, kCoefficients) * z * t + t;
  const F large = 1.0F - 2.0F / (exp_of(t + t) + 1.0F);
  const F value = with_sign_of(t < 0.625F ? small : large, x);
  return x != x ? x : value;
}

// 1 / (1 + e) for x >= 0 and e / (1 + e) below, e = exp(-|x|): never overflows, keeps denormals.
F sigmoid_of(F x) {
  const F e = exp_of(-absolute(x));
  const F numerator = x < 0.0F ? e : splat(1.0F);
  return numerator / (1.0F + e);
}

// x + x P(x^2) below 0.93, 1 - exp(-(t + t Q(t))) above. Coefficients by erf_coefficients.py.
F erf_of(F x) {
  constexpr float kSmall[] = {-0.000595374207F, 0.00498594064F, -0.02676172F,
                              0.112816826F,     -0.376124799F,  0.128379151F};
  constexpr float kLarge[] = {1.16123529e-05F, -0.000326623151F, 0.00365801179F, -0.0237950105F,
                              0.106275193F,    0.635128081F,     0.128654212F};
  const F four = splat(4.0F);  // erf(4) rounds to 1.
  F t = absolute(x);
  t = t > four ? four : t;
  const F small = polynomial(t * t, kSmall) * t + t;
  const F large = 1.0F - exp_of(-(polynomial(t, kLarge) * t + t));
  const F value = with_sign_of(t < 0.93F ? small : large, x);
  return x != x ? x : value;
}

F rsqrt_of(F x) { return 1.0F / square_root(x); }

// ---- elementwise loops -------------------------------------------------------------------------

template <class Op>
void map(std::size_t n, const float* x, float* out, Op op) {
  std::size_t i = 0;
  for (; i + kWidth <= n; i += kWidth) store(out + i, op(load(x + i)));
  if (i < n) store_tail(out + i, n - i, op(load_tail(x + i, n - i)));
}

template <class Op>
void map(std::size_t n, const float* x, const float* y, float* out, Op op) {
  std::size_t i = 0;
  for (; i + kWidth <= n; i += kWidth) store(out + i, op(load(x + i), load(y + i)));
  if (i < n) {
    store_tail(out + i, n - i, op(load_tail(x + i, n - i), load_tail(y + i, n - i)));
  }
}

void add(std::size_t n, const float* a, const float* b, float* out) {
  map(n, a, b, out, [](F x, F y) { return x + y; });
}
void scale(std::size_t n, float factor, float* x) {
  map(n, x, x, [factor](F v) { return v * factor; });
}
void axpy(std::size_t n, float a, const float* x, float* y) {
  map(n, x, y, y, [a](F u, F v) { return v + u * a; });
}
void multiply(std::size_t n, const float* y, float* x) {
  map(n, x, y, x, [](F u, F v) { return u * v; });
}
void exp(std::size_t n, const float* x, float* out) { map(n, x, out, exp_of); }
void log(std::size_t n, const float* x, float* out) { map(n, x, out, log_of); }
void tanh(std::size_t n, const float* x, float* out) { map(n, x, out, tanh_of); }
void sigmoid(std::size_t n, const float* x, float* out) { map(n, x, out, sigmoid_of); }
void erf(std::size_t n, const float* x, float* out) { map(n, x, out, erf_of); }
void rsqrt(std::size_t n, const float* x, float* out) { map(n, x, out, rsqrt_of); }

// ---- reductions --------------------------------------------------------------------------------
// Sixteen lanes, element i in lane i % 16, then lane i + lane i + 8, + 4, + 2, + 1. A tail is
// padded with the operation's neutral element: a lane starts at +0, so it never is the -0 that +0
// changes.

template <class T, class Op>
T fold(T* lanes, Op op) {
  for (std::size_t half = kLanes / 2; half > 0; half /= 2) {
    for (std::size_t i = 0; i < half; ++i) lanes[i] = op(lanes[i], lanes[i + half]);
  }
  return lanes[0];
}

// Calls op(vector of accumulators, elements) for each group of 16.
template <class Op>
void for_lanes(std::size_t n, const float* x, F (&lanes)[kVectors], float padding, Op op) {
  std::size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (std::size_t v = 0; v < kVectors; ++v) lanes[v] = op(lanes[v], load(x + i + v * kWidth));
  }
  for (std::size_t v = 0; v < kVectors && i < n; ++v) {
    const std::size_t count = n - i < kWidth ? n - i : kWidth;
    const F tail = count == kWidth ? load(x + i) : load_tail(x + i, count, padding);
    lanes[v] = op(lanes[v], tail);
    i += count;
  }
}

float sum(std::size_t n, const float* x) {
  F lanes[kVectors] = {};
  for_lanes(n, x, lanes, 0.0F, [](F total, F v) { return total + v; });
  float all[kLanes];
  __builtin_memcpy(all, lanes, sizeof all);
  return fold(all, [](float a, float b) { return a + b; });
}

float dot(std::size_t n, const float* a, const float* b) {
  F lanes[kVectors] = {};
  std::size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (std::size_t v = 0; v < kVectors; ++v) {
      lanes[v] = lanes[v] + load(a + i + v * kWidth) * load(b + i + v * kWidth);
    }
  }
  for (std::size_t v = 0; v < kVectors && i < n; ++v) {
    const std::size_t count = n - i < kWidth ? n - i : kWidth;
    if (count == kWidth) {
      lanes[v] = lanes[v] + load(a + i) * load(b + i);
    } else {
      lanes[v] = lanes[v] + load_tail(a + i, count) * load_tail(b + i, count);
    }
    i += count;
  }
  float all[kLanes];
  __builtin_memcpy(all, lanes, sizeof all);
  return fold(all, [](float x, float y) { return x + y; });
}

// NaN elements lose every comparison and are passed over.
float max(std::size_t n, const float* x) {
  F lanes[kVectors];
  for (F& lane : lanes) lane = splat(-kInfinity);
  for_lanes(n, x, lanes, -kInfinity, [](F best, F v) { return v > best ? v : best; });
  float all[kLanes];
  __builtin_memcpy(all, lanes, sizeof all);
  return fold(all, [](float a, float b) { return b > a ? b : a; });
}

D widened(const float* x) {
  HalfF half;
  __builtin_memcpy(&half, x, sizeof half);
  return __builtin_convertvector(half, D);
}

double sum_of_squares(std::size_t n, const float* x) {
  constexpr std::size_t kDoubles = kWidth / 2;
  D lanes[kLanes / kDoubles] = {};
  const auto add_group = [&lanes](const float* group) {
    for (std::size_t v = 0; v < kLanes / kDoubles; ++v) {
      const D value = widened(group + v * kDoubles);
      lanes[v] = lanes[v] + value * value;
    }
  };

  std::size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) add_group(x + i);
  if (i < n) {
    float group[kLanes] = {};
    __builtin_memcpy(group, x + i, (n - i) * sizeof(float));
    add_group(group);
  }
  double all[kLanes];
  __builtin_memcpy(all, lanes, sizeof all);
  return fold(all, [](double a, double b) { return a + b; });
}

// Infinities and NaNs are the words whose exponent is all ones: from 0x7f800000 without the sign.
int all_finite(std::size_t n, const float* x) {
  constexpr std::size_t kBlock = 64 * kWidth;  // Between looks at the answer.
  std::size_t i = 0;
  while (i < n) {
    const std::size_t end = n - i < kBlock ? n : i + kBlock;
    I bad = {};
    for (; i + kWidth <= end; i += kWidth) {
      bad |= reinterpret_cast<I>(bits(load(x + i)) & 0x7fffffffU) >= 0x7f800000;
    }
    if (i < end) {
      bad |= reinterpret_cast<I>(bits(load_tail(x + i, end - i)) & 0x7fffffffU) >= 0x7f800000;
      i = end;
    }
    std::int32_t any = 0;
    for (std::size_t lane = 0; lane < kWidth; ++lane) any |= bad[lane];
    if (any != 0) return 0;
  }
  return 1;
}

// ---- optimizer updates -------------------------------------------------------------------------
// Each is a function of one vector: (gradient, weight, slots by reference) -> new weight. The forms
// and their sources are in paramserver/optimizer.cc.

template <std::size_t kSlots, class Op>
void update(const UpdateArrays& arrays, Op op) {
  const std::size_t n = arrays.count;
  F state[kSlots + 1];  // One more: an array cannot be empty.
  std::size_t i = 0;
  for (; i + kWidth <= n; i += kWidth) {
    for (std::size_t s = 0; s < kSlots; ++s) state[s] = load(arrays.state + s * n + i);
    store(arrays.weights_out + i, op(load(arrays.gradient + i), load(arrays.weights + i), state));
    for (std::size_t s = 0; s < kSlots; ++s) store(arrays.state + s * n + i, state[s]);
  }
  if (i == n) return;

  const std::size_t rest = n - i;
  for (std::size_t s = 0; s < kSlots; ++s) state[s] = load_tail(arrays.state + s * n + i, rest);
  store_tail(arrays.weights_out + i, rest,
             op(load_tail(arrays.gradient + i, rest), load_tail(arrays.weights + i, rest), state));
  for (std::size_t s = 0; s < kSlots; ++s) store_tail(arrays.state + s * n + i, rest, state[s]);
}

F with_l2(const UpdateCommon& common, F gradient, F weight) {
  return gradient * common.scale + weight * common.l2;
}

void sgd(const SgdUpdate& u, const UpdateArrays& arrays) {
  const SgdUpdate c = u;
  update<0>(arrays, [c](F gradient, F w, F*) {
    return w - with_l2(c.common, gradient, w) * c.common.learning_rate;
  });
}

void sgd_momentum(const SgdUpdate& u, const UpdateArrays& arrays) {
  const SgdUpdate c = u;
  update<1>(arrays, [c](F gradient, F w, F* slots) {
    slots[0] = slots[0] * c.momentum + with_l2(c.common, gradient, w);
    return w - slots[0] * c.common.learning_rate;
  });
}

void sgd_nesterov(const SgdUpdate& u, const UpdateArrays& arrays) {
  const SgdUpdate c = u;
  update<1>(arrays, [c](F gradient, F w, F* slots) {
    const F g = with_l2(c.common, gradient, w);
    slots[0] = slots[0] * c.momentum + g;
    return w - (g + slots[0] * c.momentum) * c.common.learning_rate;
  });
}

void adagrad(const AdagradUpdate& u, const UpdateArrays& arrays) {
  const AdagradUpdate c = u;
  update<1>(arrays, [c](F gradient, F w, F* slots) {
    const F g = with_l2(c.common, gradient, w);
    slots[0] = slots[0] + g * g;
    return w - g * c.common.learning_rate / (square_root(slots[0]) + c.epsilon);
  });
}

void rmsprop(const RmspropUpdate& u, const UpdateArrays& arrays) {
  const RmspropUpdate c = u;
  update<1>(arrays, [c](F gradient, F w, F* slots) {
    const F g = with_l2(c.common, gradient, w);
    slots[0] = slots[0] * c.rho + g * g * c.one_minus_rho;
    return w - g * c.common.learning_rate / (square_root(slots[0]) + c.epsilon);
  });
}

void rmsprop_momentum(const RmspropUpdate& u, const UpdateArrays& arrays) {
  const RmspropUpdate c = u;
  update<2>(arrays, [c](F gradient, F w, F* slots) {
    const F g = with_l2(c.common, gradient, w);
    slots[0] = slots[0] * c.rho + g * g * c.one_minus_rho;
    slots[1] = slots[1] * c.momentum + g / (square_root(slots[0]) + c.epsilon);
    return w - slots[1] * c.common.learning_rate;
  });
}

void adam(const AdamUpdate& u, const UpdateArrays& arrays) {
  const AdamUpdate c = u;
  update<2>(arrays, [c](F gradient, F w, F* slots) {
    const F g = with_l2(c.common, gradient, w);
    slots[0] = slots[0] * c.beta1 + g * c.one_minus_beta1;
    slots[1] = slots[1] * c.beta2 + g * g * c.one_minus_beta2;
    const F root = square_root(slots[1]) / c.sqrt_bias_correction2 + c.epsilon;
    return w * c.keep - slots[0] * c.step_size / root;
  });
}

void ftrl(const FtrlUpdate& u, const UpdateArrays& arrays) {
  const FtrlUpdate c = u;
  update<2>(arrays, [c](F gradient, F w, F* slots) {
    const F g = gradient * c.common.scale;
    const float alpha = c.common.learning_rate;
    const F zero = {};
    const F l1 = splat(c.l1);

    // A weight that was never updated has z = n = 0: take the z of which it is the image.
    const I fresh = (slots[0] == zero) & (slots[1] == zero);
    const F image = w * -(c.beta / alpha + c.common.l2) - with_sign_of(l1, w);
    const F z_before = (fresh & (w != zero)) ? image : slots[0];

    const F root_before = square_root(slots[1]);
    const F n = slots[1] + g * g;
    const F root = square_root(n);
    const F z = z_before + g - (root - root_before) / alpha * w;
    slots[0] = z;
    slots[1] = n;

    const F strength = (root + c.beta) / alpha + c.common.l2;
    const F moved = (with_sign_of(l1, z) - z) / strength;
    return ((absolute(z) <= l1) | (strength <= zero)) ? zero : moved;
  });
}

constexpr KernelTable kTable = {
    .add = add,
    .scale = scale,
    .axpy = axpy,
    .multiply = multiply,
    .exp = exp,
    .log = log,
    .tanh = tanh,
    .sigmoid = sigmoid,
    .erf = erf,
    .rsqrt = rsqrt,
    .sum = sum,
    .dot = dot,
    .max = max,
    .sum_of_squares = sum_of_squares,
    .all_finite = all_finite,
    .sgd = sgd,
    .sgd_momentum = sgd_momentum,
    .sgd_nesterov = sgd_nesterov,
    .adagrad = adagrad,
    .rmsprop = rmsprop,
    .rmsprop_momentum = rmsprop_momentum,
    .adam = adam,
    .ftrl = ftrl,
};

}  // namespace
}  // namespace ballast

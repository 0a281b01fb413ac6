#include "common/math/kernels.h"

#include <atomic>
#include <cfenv>

#include "common/base/check.h"
#include "common/math/kernel_table.h"

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace ballast {
namespace {

const KernelTable& table_of(InstructionSet set) {
#if defined(__x86_64__)
  if (set == InstructionSet::avx512) return kAvx512Kernels;
  if (set == InstructionSet::avx2) return kAvx2Kernels;
#endif
  BALLAST_CHECK(set == InstructionSet::portable);
  return kPortableKernels;
}

InstructionSet widest() {
  if (supports(InstructionSet::avx512)) return InstructionSet::avx512;
  if (supports(InstructionSet::avx2)) return InstructionSet::avx2;
  return InstructionSet::portable;
}

// The one mutable global of this folder: which of equal implementations runs, fixed but for tests.
std::atomic<InstructionSet>& chosen() {
  static std::atomic<InstructionSet> set{widest()};
  return set;
}

}  // namespace

bool supports(InstructionSet set) {
  switch (set) {
    case InstructionSet::portable:
      return true;
#if defined(__x86_64__)
    case InstructionSet::avx2:
      return __builtin_cpu_supports("avx2") != 0;
    case InstructionSet::avx512:
      return __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512dq") != 0 &&
             __builtin_cpu_supports("avx512vl") != 0 && __builtin_cpu_supports("avx512bw") != 0;
#else
    default:
      return false;
#endif
  }
  return false;
}

InstructionSet instruction_set() { return chosen().load(std::memory_order_relaxed); }

void force_instruction_set(InstructionSet set) {
  BALLAST_CHECK(supports(set));
  chosen().store(set, std::memory_order_relaxed);
}

const KernelTable& kernels() { return table_of(instruction_set()); }

// ---- elementwise -------------------------------------------------------------------------------

void add(std::span<const float> a, std::span<const float> b, std::span<float> out) {
  BALLAST_CHECK(a.size() == out.size() && b.size() == out.size());
  kernels().add(out.size(), a.data(), b.data(), out.data());
}

void accumulate(std::span<float> sum, std::span<const float> x) {
  BALLAST_CHECK(sum.size() == x.size());
  kernels().add(sum.size(), sum.data(), x.data(), sum.data());
}

void scale(std::span<float> x, float factor) { kernels().scale(x.size(), factor, x.data()); }

void axpy(float a, std::span<const float> x, std::span<float> y) {
  BALLAST_CHECK(x.size() == y.size());
  kernels().axpy(y.size(), a, x.data(), y.data());
}

void multiply(std::span<float> x, std::span<const float> y) {
  BALLAST_CHECK(x.size() == y.size());
  kernels().multiply(x.size(), y.data(), x.data());
}

// ---- transcendental ----------------------------------------------------------------------------

void exp(std::span<const float> x, std::span<float> out) {
  BALLAST_CHECK(x.size() == out.size());
  kernels().exp(x.size(), x.data(), out.data());
}

void log(std::span<const float> x, std::span<float> out) {
  BALLAST_CHECK(x.size() == out.size());
  kernels().log(x.size(), x.data(), out.data());
}

void tanh(std::span<const float> x, std::span<float> out) {
  BALLAST_CHECK(x.size() == out.size());
  kernels().tanh(x.size(), x.data(), out.data());
}

void sigmoid(std::span<const float> x, std::span<float> out) {
  BALLAST_CHECK(x.size() == out.size());
  kernels().sigmoid(x.size(), x.data(), out.data());
}

void erf(std::span<const float> x, std::span<float> out) {
  BALLAST_CHECK(x.size() == out.size());
  kernels().erf(x.size(), x.data(), out.data());
}

void rsqrt(std::span<const float> x, std::span<float> out) {
  BALLAST_CHECK(x.size() == out.size());
  kernels().rsqrt(x.size(), x.data(), out.data());
}

// ---- reductions --------------------------------------------------------------------------------

float sum(std::span<const float> x) { return kernels().sum(x.size(), x.data()); }

float dot(std::span<const float> a, std::span<const float> b) {
  BALLAST_CHECK(a.size() == b.size());
  return kernels().dot(a.size(), a.data(), b.data());
}

float max(std::span<const float> x) { return kernels().max(x.size(), x.data()); }

double sum_of_squares(std::span<const float> x) {
  return kernels().sum_of_squares(x.size(), x.data());
}

bool all_finite(std::span<const float> x) { return kernels().all_finite(x.size(), x.data()) != 0; }

// ---- floating-point mode -----------------------------------------------------------------------

void pin_floating_point_mode() {
  BALLAST_CHECK(std::fesetenv(FE_DFL_ENV) == 0);
#if defined(__x86_64__)
  _mm_setcsr(0x1f80);  // All exceptions masked, round to nearest, denormals in and out are kept.
#endif
}

bool floating_point_mode_is_pinned() {
  if (std::fegetround() != FE_TONEAREST) return false;
#if defined(__x86_64__)
  constexpr unsigned kRounding = 0x6000;
  constexpr unsigned kFlushToZero = 0x8000;
  constexpr unsigned kDenormalsAreZero = 0x0040;
  return (_mm_getcsr() & (kRounding | kFlushToZero | kDenormalsAreZero)) == 0;
#else
  return true;
#endif
}

}  // namespace ballast

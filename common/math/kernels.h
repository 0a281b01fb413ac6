#pragma once

// Vector kernels: elementwise arithmetic, transcendental functions and reductions, each with one
// defined result at every vector width. The instruction set is chosen once at run time (portable,
// AVX2 or AVX-512); all three give the same bits, which tests/unit/math holds.
//
// How: only IEEE 754 operations (+ - * / sqrt, comparisons, integer work), never a fused
// multiply-add; reductions run over 16 fixed lanes (element i goes to lane i % 16) that are added
// pairwise at the end, whatever the width. This is rule R4 of docs/architecture.md.
//
// Pure and reentrant. Inputs and outputs may alias only where they are the same array.

#include <cstddef>
#include <cstdint>
#include <span>

namespace ballast {

// ---- elementwise ------------------------------------------------------------------------------

void add(std::span<const float> a, std::span<const float> b, std::span<float> out);  // out = a + b
void accumulate(std::span<float> sum, std::span<const float> x);                     // sum += x
void scale(std::span<float> x, float factor);                                        // x *= factor
void axpy(float a, std::span<const float> x, std::span<float> y);                    // y += a * x
void multiply(std::span<float> x, std::span<const float> y);                         // x *= y

// ---- transcendental (errors in kernel_body.h: all below 2.5 ulp) ----------

void exp(std::span<const float> x, std::span<float> out);
void log(std::span<const float> x, std::span<float> out);
void tanh(std::span<const float> x, std::span<float> out);
void sigmoid(std::span<const float> x, std::span<float> out);
void erf(std::span<const float> x, std::span<float> out);
void rsqrt(std::span<const float> x,
           std::span<float> out);  // 1 / sqrt(x), each step correctly rounded

// ---- reductions ---------------------------------------------------------------------------------

[[nodiscard]] float sum(std::span<const float> x);
[[nodiscard]] float dot(std::span<const float> a, std::span<const float> b);
[[nodiscard]] float max(std::span<const float> x);              // -inf when empty; passes over NaN
[[nodiscard]] double sum_of_squares(std::span<const float> x);  // in float64, for norms
[[nodiscard]] bool all_finite(std::span<const float> x);

// ---- double precision scalars, for the coordinator's and optimizers' once-a-step arithmetic
// ------ Our own, since libm's differ between CPUs (determinism.md).

[[nodiscard]] double exp_double(double x);
[[nodiscard]] double log_double(double x);
[[nodiscard]] double cos_double(double x);            // |x| <= 2^20
[[nodiscard]] double pow_double(double x, double y);  // x > 0

// ---- which implementation runs
// -------------------------------------------------------------------

enum class InstructionSet { portable, avx2, avx512 };
[[nodiscard]] InstructionSet instruction_set();
// For tests: forces one. REQUIRES: the CPU has it (supports()).
void force_instruction_set(InstructionSet set);
[[nodiscard]] bool supports(InstructionSet set);

// Round to nearest, denormals kept: what every thread that computes must run under. Called at the
// start of each; a change by a foreign library would show as a failed canary otherwise.
void pin_floating_point_mode();
[[nodiscard]] bool floating_point_mode_is_pinned();

}  // namespace ballast

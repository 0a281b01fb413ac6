// R5: what a member computes, in 64 bits. Everything a step's arithmetic can meet is in here: each
// form of product in shapes below and above the sizes at which OpenBLAS changes kernels (its
// SkylakeX and Cooperlake kernels agree up to 300, determinism.md), each kernel of ours on ordinary
// and special numbers, optimizer steps in a row, and denormals, which a process with
// flush-to-zero would lose.

#include <bit>
#include <cstdint>
#include <cstring>
#include <span>

#include "common/base/hash.h"
#include "common/base/philox.h"
#include "common/math/aligned.h"
#include "common/math/blas.h"
#include "common/math/kernel_table.h"
#include "common/math/kernels.h"

namespace ballast {
namespace {

constexpr std::uint64_t kSeed = 0x62616c6c61737431ULL;

using Floats = AlignedVector<float>;

class Digest {
 public:
  // NaNs enter as one value: which payload comes out of an operation is nobody's promise.
  void add(std::span<const float> values) {
    Floats copy(values.begin(), values.end());
    for (float& value : copy) {
      if (value != value) value = std::bit_cast<float>(0x7fc00000U);
    }
    hash_ = mix(hash_, hash_bytes(std::as_bytes(std::span(copy))));
  }
  void add(double value) { hash_ = mix(hash_, std::bit_cast<std::uint64_t>(value)); }
  void add(float value) { hash_ = mix(hash_, std::bit_cast<std::uint32_t>(value)); }

  [[nodiscard]] std::uint64_t hash() const { return hash_; }

 private:
  std::uint64_t hash_ = 0;
};

// Uniform in [-magnitude, magnitude), another sequence for each `which`.
Floats random_floats(std::size_t count, std::uint64_t which, float magnitude) {
  const PhiloxStream stream(kSeed, Purpose::canary, which);
  Floats values(count);
  for (std::size_t i = 0; i < count; i += 4) {
    const PhiloxBlock block = stream.block(static_cast<std::uint32_t>(i / 4));
    for (std::size_t j = i; j < count && j < i + 4; ++j) {
      values[j] = (PhiloxStream::to_unit(block[j - i]) * 2.0F - 1.0F) * magnitude;
    }
  }
  return values;
}

void add_products(const Blas& blas, Digest& digest) {
  struct Shape {
    std::uint32_t m, n, k;
  };
  constexpr Shape kShapes[] = {{1, 10, 64},   {7, 13, 29},    {64, 32, 784},
                               {33, 65, 127}, {256, 100, 17}, {320, 352, 384}};
  const Floats a = random_floats(384 * 384, 1, 1.0F);
  const Floats b = random_floats(384 * 384, 2, 1.0F);
  Floats c = random_floats(384 * 384, 3, 1.0F);

  for (const Shape& s : kShapes) {
    for (const Form form : {Form::nn, Form::nt, Form::tn}) {
      const Product product = {.form = form,
                               .m = s.m,
                               .n = s.n,
                               .k = s.k,
                               .lda = form == Form::tn ? s.m : s.k,
                               .ldb = form == Form::nt ? s.k : s.n,
                               .ldc = s.n,
                               .beta = form == Form::tn ? 1.0F : 0.0F};
      blas.sgemm(product, a.data(), b.data(), c.data());
      digest.add(std::span(c).first(std::size_t{s.m} * s.n));
    }
  }

  // Products whose every term is denormal.
  Floats tiny = a;
  scale(tiny, 0x1p-70F);
  Floats tiny_too = b;
  scale(tiny_too, 0x1p-70F);
  blas.sgemm({.m = 16, .n = 16, .k = 16, .lda = 16, .ldb = 16, .ldc = 16}, tiny.data(),
             tiny_too.data(), c.data());
  digest.add(std::span(c).first(256));
}

// Ordinary numbers of several magnitudes, every exponent, and the special values.
Floats function_inputs() {
  Floats inputs = random_floats(1021, 4, 1.0F);
  const Floats wide = random_floats(1021, 5, 110.0F);
  inputs.insert(inputs.end(), wide.begin(), wide.end());
  for (std::uint32_t exponent = 0; exponent < 256; ++exponent) {
    for (const std::uint32_t sign : {0x00000000U, 0x80000000U}) {
      inputs.push_back(std::bit_cast<float>(sign | exponent << 23));
      inputs.push_back(std::bit_cast<float>(sign | exponent << 23 | 0x2aaaabU));
    }
  }
  return inputs;
}

void add_functions(Digest& digest) {
  const Floats inputs = function_inputs();
  Floats outputs(inputs.size());
  for (auto* function : {&exp, &log, &tanh, &sigmoid, &erf, &rsqrt}) {
    function(inputs, outputs);
    digest.add(outputs);
  }

  Floats values = random_floats(1021, 6, 3.0F);
  Floats others = random_floats(1021, 7, 3.0F);
  digest.add(sum(values));
  digest.add(dot(values, others));
  digest.add(max(values));
  digest.add(sum_of_squares(values));
  axpy(0.3F, values, others);
  multiply(others, values);
  accumulate(others, values);
  digest.add(others);
  scale(others, 0x1p-130F);  // Into the denormals and, by the rounding, back.
  digest.add(others);
  scale(others, 0x1p+126F);
  digest.add(others);

  for (int i = 1; i < 64; ++i) {
    const double x = static_cast<double>(i) * 0.37;
    digest.add(exp_double(x - 12.0));
    digest.add(log_double(x));
    digest.add(cos_double(x * 1000.0));
    digest.add(pow_double(0.999, x * 50.0));
  }
}

void add_updates(Digest& digest) {
  constexpr std::size_t kCount = 203;
  const UpdateCommon common = {.scale = 0.37F, .learning_rate = 0.01F, .l2 = 0.003F};
  const SgdUpdate sgd = {common, 0.9F};
  const AdagradUpdate adagrad = {common, 1e-8F};
  const RmspropUpdate rmsprop = {common, 0.99F, 0.01F, 1e-8F, 0.9F};
  const AdamUpdate adam = {common, 0.9F, 0.1F, 0.999F, 0.001F, 1e-8F, 0.02F, 0.5F, 0.9999F};
  const FtrlUpdate ftrl = {common, 1.0F, 0.1F};

  const KernelTable& table = kernels();
  const auto run = [&digest](const auto& step) {
    Floats weights = random_floats(kCount, 8, 1.0F);
    Floats state(2 * kCount, 0.0F);
    for (std::uint64_t t = 0; t < 4; ++t) {
      const Floats gradient = random_floats(kCount, 9 + t, t == 2 ? 0x1p-70F : 2.0F);
      step(UpdateArrays{kCount, gradient.data(), weights.data(), weights.data(), state.data()});
    }
    digest.add(weights);
    digest.add(state);
  };
  run([&](const UpdateArrays& arrays) { table.sgd(sgd, arrays); });
  run([&](const UpdateArrays& arrays) { table.sgd_momentum(sgd, arrays); });
  run([&](const UpdateArrays& arrays) { table.sgd_nesterov(sgd, arrays); });
  run([&](const UpdateArrays& arrays) { table.adagrad(adagrad, arrays); });
  run([&](const UpdateArrays& arrays) { table.rmsprop(rmsprop, arrays); });
  run([&](const UpdateArrays& arrays) { table.rmsprop_momentum(rmsprop, arrays); });
  run([&](const UpdateArrays& arrays) { table.adam(adam, arrays); });
  run([&](const UpdateArrays& arrays) { table.ftrl(ftrl, arrays); });
}

}  // namespace

std::uint64_t canary(const Blas& blas) {
  Digest digest;
  digest.add(floating_point_mode_is_pinned() ? 1.0F : 0.0F);
  add_products(blas, digest);
  add_functions(digest);
  add_updates(digest);
  return digest.hash();
}

}  // namespace ballast

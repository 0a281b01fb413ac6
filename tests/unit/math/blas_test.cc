#include "common/math/blas.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <thread>

#include "common/math/aligned.h"
#include "common/math/kernels.h"
#include "tests/unit/math/instruction_sets.h"

namespace ballast {
namespace {

using testing::Forced;
using testing::name_of;
using testing::supported_sets;

std::shared_ptr<const Blas> loaded() {
  Result<std::shared_ptr<const Blas>> blas = Blas::load(KernelFamily::automatic);
  EXPECT_TRUE(blas) << blas.error().message;
  return *blas;
}

AlignedVector<float> uniform(std::size_t count, std::uint64_t seed) {
  const std::vector<float> values = testing::uniform(count, seed, 1.0F);
  return {values.begin(), values.end()};
}

// ---- products
// --------------------------------------------------------------------------------------

// A tight product: strides as narrow as the shape allows.
Product product_of(Form form, std::uint32_t m, std::uint32_t n, std::uint32_t k, float beta) {
  return {.form = form,
          .m = m,
          .n = n,
          .k = k,
          .lda = form == Form::tn ? m : k,
          .ldb = form == Form::nt ? k : n,
          .ldc = n,
          .beta = beta};
}

void expect_is_product(const Product& p, const float* a, const float* b, const float* before,
                       const float* c) {
  for (std::uint32_t i = 0; i < p.m; ++i) {
    for (std::uint32_t j = 0; j < p.n; ++j) {
      double sum = double{p.beta} * before[std::size_t{i} * p.ldc + j];
      double magnitude = std::fabs(sum);
      for (std::uint32_t l = 0; l < p.k; ++l) {
        const double x =
            p.form == Form::tn ? a[std::size_t{l} * p.lda + i] : a[std::size_t{i} * p.lda + l];
        const double y =
            p.form == Form::nt ? b[std::size_t{j} * p.ldb + l] : b[std::size_t{l} * p.ldb + j];
        sum += x * y;
        magnitude += std::fabs(x * y);
      }
      ASSERT_NEAR(c[std::size_t{i} * p.ldc + j], sum, 1e-6 * magnitude + 1e-12)
          << "row " << i << ", column " << j;
    }
  }
}

TEST(Blas, MultipliesInEveryForm) {
  struct Shape {
    std::uint32_t m, n, k;
  };
  const Shape shapes[] = {{1, 1, 1}, {1, 10, 64},  {3, 5, 7},     {17, 1, 9},
                          {8, 8, 8}, {33, 65, 31}, {64, 10, 200}, {5, 129, 3}};
  const auto blas = loaded();
  for (const Shape& s : shapes) {
    for (const Form form : {Form::nn, Form::nt, Form::tn}) {
      for (const float beta : {0.0F, 1.0F}) {
        SCOPED_TRACE(std::to_string(s.m) + " x " + std::to_string(s.n) + " x " +
                     std::to_string(s.k) + ", form " + std::to_string(static_cast<int>(form)));
        const Product product = product_of(form, s.m, s.n, s.k, beta);
        const auto a = uniform(std::size_t{s.m} * s.k, 1);
        const auto b = uniform(std::size_t{s.k} * s.n, 2);
        const auto before = uniform(std::size_t{s.m} * s.n, 3);
        auto c = before;
        blas->sgemm(product, a.data(), b.data(), c.data());
        expect_is_product(product, a.data(), b.data(), before.data(), c.data());
      }
    }
  }
}

TEST(Blas, HonorsStridesAndTouchesNothingBetweenRows) {
  const auto blas = loaded();
  const Product product = {
      .form = Form::nn, .m = 4, .n = 3, .k = 5, .lda = 7, .ldb = 6, .ldc = 8, .beta = 0.0F};
  const auto a = uniform(4 * 7, 4);
  const auto b = uniform(5 * 6, 5);
  AlignedVector<float> c(4 * 8, 77.0F);
  blas->sgemm(product, a.data(), b.data(), c.data());
  expect_is_product(product, a.data(), b.data(), c.data(), c.data());
  for (std::size_t i = 0; i < 4; ++i) {
    for (std::size_t j = 3; j < 8; ++j) EXPECT_EQ(c[i * 8 + j], 77.0F);
  }
}

TEST(Blas, GivesTheSameBitsOnEveryThreadEveryTime) {
  const auto blas = loaded();
  const Product product = product_of(Form::nt, 67, 131, 263, 0.0F);
  const auto a = uniform(67 * 263, 6);
  const auto b = uniform(263 * 131, 7);
  AlignedVector<float> expected(67 * 131);
  blas->sgemm(product, a.data(), b.data(), expected.data());

  std::vector<int> different(3, 0);
  std::vector<std::thread> threads;
  for (int& count : different) {
    threads.emplace_back([&] {
      for (int repeat = 0; repeat < 20; ++repeat) {
        AlignedVector<float> c(67 * 131);
        blas->sgemm(product, a.data(), b.data(), c.data());
        count += c == expected ? 0 : 1;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(different, std::vector<int>(3, 0));
}

// ---- families
// --------------------------------------------------------------------------------------

TEST(Blas, HasOneFamilyPerProcess) {
  const auto blas = loaded();
  EXPECT_EQ(blas->family(), families_of_this_cpu().front());
  EXPECT_NE(blas->version().find("OpenBLAS"), std::string::npos) << blas->version();

  const auto again = Blas::load(blas->family());
  ASSERT_TRUE(again);
  EXPECT_EQ(again->get(), blas.get());

  const KernelFamily other =
      blas->family() == KernelFamily::haswell ? KernelFamily::zen : KernelFamily::haswell;
  const auto refused = Blas::load(other);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::conflict);
  EXPECT_NE(refused.error().message.find(to_string(other)), std::string::npos);
}

TEST(Blas, LoadsFromSeveralThreadsAtOnce) {
  std::vector<const Blas*> seen(3);
  std::vector<std::thread> threads;
  for (const Blas*& blas : seen) threads.emplace_back([&blas] { blas = loaded().get(); });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(seen, std::vector<const Blas*>(3, loaded().get()));
}

// Each family in a process of its own, as the first load decides. The child answers by its exit.
int hash_of_family(KernelFamily family) {
  const auto blas = Blas::load(family);
  if (!blas) {
    std::fprintf(stderr, "%s\n", blas.error().message.c_str());
    return 1;
  }
  if ((*blas)->family() != family) return 2;
  return canary(**blas) == canary(**blas) ? 0 : 3;
}

TEST(BlasDeathTest, EveryFamilyThatTheCpuIsSaidToRunWorks) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  ASSERT_FALSE(families_of_this_cpu().empty());
  for (const KernelFamily family : families_of_this_cpu()) {
    if (family == KernelFamily::sapphirerapids) continue;  // Not in every build of the library.
    SCOPED_TRACE(to_string(family));
    EXPECT_EXIT(std::exit(hash_of_family(family)), ::testing::ExitedWithCode(0), "");
  }
}

TEST(BlasDeathTest, AFamilyThatTheCpuLacksIsRefusedByName) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const std::vector<KernelFamily> able = families_of_this_cpu();
  for (const KernelFamily family : {KernelFamily::skylakex, KernelFamily::cooperlake}) {
    if (std::find(able.begin(), able.end(), family) != able.end()) continue;
    EXPECT_EXIT(std::exit(hash_of_family(family)), ::testing::ExitedWithCode(1),
                "cannot run the kernel family " + to_string(family));
  }
}

TEST(KernelFamily, NamesAreReadBack) {
  for (const KernelFamily family :
       {KernelFamily::automatic, KernelFamily::haswell, KernelFamily::zen, KernelFamily::skylakex,
        KernelFamily::cooperlake, KernelFamily::sapphirerapids}) {
    const auto parsed = parse_family(to_string(family));
    ASSERT_TRUE(parsed);
    EXPECT_EQ(*parsed, family);
  }
  const auto unknown = parse_family("haswel");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, ErrorCode::invalid);
  EXPECT_NE(unknown.error().message.find("\"haswel\""), std::string::npos);
}

// ---- canary
// ----------------------------------------------------------------------------------------

TEST(Canary, IsTheSameUnderEveryInstructionSetAndOnEveryThread) {
  const auto blas = loaded();
  const std::uint64_t expected = canary(*blas);
  for (const InstructionSet set : supported_sets()) {
    SCOPED_TRACE(name_of(set));
    const Forced forced(set);
    EXPECT_EQ(canary(*blas), expected);
  }
  std::uint64_t elsewhere = 0;
  std::thread([&] { elsewhere = canary(*blas); }).join();
  EXPECT_EQ(elsewhere, expected);
}

#if defined(__x86_64__)
TEST(Canary, SeesAThreadThatFlushesDenormals) {
  const auto blas = loaded();
  const std::uint64_t expected = canary(*blas);
  std::uint64_t flushed = expected;
  std::thread([&] {
    __builtin_ia32_ldmxcsr(0x1f80 | 0x8000 | 0x0040);
    flushed = canary(*blas);
  }).join();
  EXPECT_NE(flushed, expected);
}
#endif

TEST(AlignedVector, StartsOnACacheLine) {
  for (const std::size_t size : {1U, 3U, 17U, 1000U}) {
    const AlignedVector<float> values(size);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(values.data()) % kAlignment, 0U);
  }
}

}  // namespace
}  // namespace ballast

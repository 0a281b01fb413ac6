#pragma once

// OpenBLAS, one thread, one kernel family. The library picks its kernels when it is loaded, from
// OPENBLAS_CORETYPE, and falls back silently; so it is loaded here at run time (dlopen), after the
// family is known, and asked afterwards what it really chose. Matrices are row-major float32.
//
// Thread-safe after load(). A product's bits depend on its form and on m, n, k; callers therefore
// keep all of these fixed for a layer (determinism.md).

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/job/spec.h"

namespace ballast {

enum class Form { nn, nt, tn };

struct Product {
  Form form = Form::nn;
  std::uint32_t m = 0;                      // rows of c
  std::uint32_t n = 0;                      // columns of c
  std::uint32_t k = 0;                      // the inner dimension
  std::uint32_t lda = 0, ldb = 0, ldc = 0;  // row strides as stored
  float beta = 0.0F;                        // c = a * b + beta * c
};

class Blas {
 public:
  // Loads the library under the family and verifies what it chose. The family of a process is
  // fixed by its first load; asking for another one later is an error that says so.
  [[nodiscard]] static Result<std::shared_ptr<const Blas>> load(KernelFamily family);

  void sgemm(const Product& product, const float* a, const float* b, float* c) const;

  [[nodiscard]] KernelFamily family() const { return family_; }
  [[nodiscard]] const std::string& version() const { return version_; }

 private:
  Blas() = default;
  using Sgemm = void (*)(int, int, int, int, int, int, float, const float*, int, const float*, int,
                         float, float*, int);
  Sgemm sgemm_ = nullptr;
  KernelFamily family_ = KernelFamily::haswell;
  std::string version_;
};

// The families this CPU can run, best first; never empty on a CPU with AVX2.
[[nodiscard]] std::vector<KernelFamily> families_of_this_cpu();
[[nodiscard]] std::string to_string(KernelFamily family);
[[nodiscard]] Result<KernelFamily> parse_family(const std::string& text);

// R5: the hash of a fixed set of products, functions, optimizer-like updates and denormals as this
// process computes them. Two members with equal hashes compute a run's steps alike.
[[nodiscard]] std::uint64_t canary(const Blas& blas);

}  // namespace ballast

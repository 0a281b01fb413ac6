#include "common/math/blas.h"

#include <dlfcn.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <mutex>
#include <string_view>
#include <utility>

#include "common/base/check.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace ballast {
namespace {

// From cblas.h, which we do not include: nothing of OpenBLAS may be linked.
constexpr int kRowMajor = 101;
constexpr int kNotTransposed = 111;
constexpr int kTransposed = 112;

struct FamilyName {
  KernelFamily family;
  const char* ours;
  const char* openblas;  // As OPENBLAS_CORETYPE and openblas_get_corename() have it.
};

constexpr std::array<FamilyName, 6> kFamilies = {{
    {KernelFamily::automatic, "automatic", ""},
    {KernelFamily::haswell, "haswell", "Haswell"},
    {KernelFamily::zen, "zen", "Zen"},
    {KernelFamily::skylakex, "skylakex", "SkylakeX"},
    {KernelFamily::cooperlake, "cooperlake", "Cooperlake"},
    {KernelFamily::sapphirerapids, "sapphirerapids", "SapphireRapids"},
}};

const FamilyName& name_of(KernelFamily family) {
  const auto* found = std::find_if(kFamilies.begin(), kFamilies.end(),
                                   [family](const FamilyName& f) { return f.family == family; });
  BALLAST_CHECK(found != kFamilies.end());
  return *found;
}

std::string list_of(const std::vector<KernelFamily>& families) {
  std::string list;
  for (const KernelFamily family : families) {
    if (!list.empty()) list += ", ";
    list += to_string(family);
  }
  return list;
}

// OpenBLAS reads its environment in a constructor, so this precedes dlopen. One thread: with two,
// sums are split otherwise and the bits change (determinism.md).
void set_environment(const FamilyName& name) {
  setenv("OPENBLAS_CORETYPE", name.openblas, 1);
  setenv("OPENBLAS_NUM_THREADS", "1", 1);
  setenv("OMP_NUM_THREADS", "1", 1);
}

struct Symbols {
  void* library = nullptr;
  void* sgemm = nullptr;
  std::string corename;
  std::string config;
  int threads = 0;
};

void* open_library() {
  for (const char* file : {"libopenblas.so.0", "libopenblas.so"}) {
    if (void* library = dlopen(file, RTLD_NOW | RTLD_LOCAL)) return library;
  }
  return nullptr;
}

template <class Function>
Function* find(void* library, const char* name) {
  return reinterpret_cast<Function*>(dlsym(library, name));
}

Result<Symbols> open_as(const FamilyName& name) {
  set_environment(name);
  Symbols symbols;
  symbols.library = open_library();
  if (symbols.library == nullptr) {
    const char* reason = dlerror();
    return Error{
        ErrorCode::not_found,
        "expected the OpenBLAS library (libopenblas.so.0), found none: install the package "
        "libopenblas0; the loader says: " +
            std::string(reason == nullptr ? "nothing" : reason)};
  }
  symbols.sgemm = dlsym(symbols.library, "cblas_sgemm");
  auto* corename = find<char*()>(symbols.library, "openblas_get_corename");
  auto* config = find<char*()>(symbols.library, "openblas_get_config");
  auto* threads = find<int()>(symbols.library, "openblas_get_num_threads");
  if (symbols.sgemm == nullptr || corename == nullptr || config == nullptr || threads == nullptr) {
    dlclose(symbols.library);
    return Error{ErrorCode::unsupported,
                 "expected libopenblas to have cblas_sgemm, openblas_get_corename, "
                 "openblas_get_config and openblas_get_num_threads, and it does not: install the "
                 "distribution's package libopenblas0"};
  }
  symbols.corename = corename();
  symbols.config = config();
  symbols.threads = threads();
  return symbols;
}

// What OpenBLAS really chose; it falls back silently.
Status verify(const Symbols& symbols, const FamilyName& name) {
  if (symbols.corename != name.openblas) {
    return Error{ErrorCode::unsupported, "expected OpenBLAS to run its " +
                                             std::string(name.openblas) + " kernels, but " +
                                             symbols.config + " chose " + symbols.corename +
                                             ": set cluster.kernel to another family"};
  }
  if (symbols.threads != 1) {
    return Error{ErrorCode::unsupported, "expected OpenBLAS to run one thread, but " +
                                             symbols.config + " runs " +
                                             std::to_string(symbols.threads) +
                                             ": load it before anything else in the process does"};
  }
  return {};
}

#if defined(__x86_64__)
struct CpuidLeaf {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
};

CpuidLeaf cpuid(unsigned leaf, unsigned subleaf) {
  CpuidLeaf r;
  if (__get_cpuid_count(leaf, subleaf, &r.eax, &r.ebx, &r.ecx, &r.edx) == 0) return {};
  return r;
}

// __builtin_cpu_supports also asks whether the system saves the wide registers.
bool has_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
bool has_avx512() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512bw");
}
bool has_avx512_bf16() { return has_avx512() && (cpuid(7, 1).eax & (1U << 5)) != 0; }
bool has_amx_bf16() { return has_avx512_bf16() && (cpuid(7, 0).edx & (1U << 22)) != 0; }
#endif

// The process's one library, kept until it ends: OpenBLAS cannot change its kernels.
struct Loaded {
  std::mutex mutex;
  std::shared_ptr<const Blas> blas;
};

Loaded& loaded() {
  static Loaded instance;
  return instance;
}

}  // namespace

std::vector<KernelFamily> families_of_this_cpu() {
  std::vector<KernelFamily> families;
#if defined(__x86_64__)
  // Sapphire Rapids stands behind two families it is no faster than in float32 (it adds AMX for
  // bfloat16), because many builds of OpenBLAS lack it: the first entry always works.
  if (has_avx512_bf16()) families.push_back(KernelFamily::cooperlake);
  if (has_avx512()) families.push_back(KernelFamily::skylakex);
  if (has_amx_bf16()) families.push_back(KernelFamily::sapphirerapids);
  if (has_avx2()) {
    families.push_back(KernelFamily::haswell);
    families.push_back(KernelFamily::zen);
    // What OpenBLAS itself prefers on AMD.
    if (__builtin_cpu_is("amd")) std::swap(families.end()[-1], families.end()[-2]);
  }
#endif
  return families;
}

std::string to_string(KernelFamily family) { return name_of(family).ours; }

Result<KernelFamily> parse_family(const std::string& text) {
  for (const FamilyName& name : kFamilies) {
    if (text == name.ours) return name.family;
  }
  std::string known;
  for (const FamilyName& name : kFamilies) {
    known += known.empty() ? "" : ", ";
    known += name.ours;
  }
  return Error{ErrorCode::invalid, "expected a kernel family (" + known + "), found \"" + text +
                                       "\": write one of these"};
}

Result<std::shared_ptr<const Blas>> Blas::load(KernelFamily family) {
  const std::lock_guard lock(loaded().mutex);
  std::shared_ptr<const Blas>& blas = loaded().blas;
  if (blas != nullptr) {
    if (family == KernelFamily::automatic || family == blas->family()) return blas;
    return Error{ErrorCode::conflict, "expected the kernel family of this process, " +
                                          to_string(blas->family()) + ", but " + to_string(family) +
                                          " was asked for: OpenBLAS keeps the family it was first "
                                          "loaded with, start another process"};
  }

  const std::vector<KernelFamily> able = families_of_this_cpu();
  if (able.empty()) {
    return Error{ErrorCode::unsupported,
                 "expected a CPU with AVX2 and FMA, this one has none: use another machine"};
  }
  if (family == KernelFamily::automatic) family = able.front();
  if (std::find(able.begin(), able.end(), family) == able.end()) {
    return Error{ErrorCode::unsupported, "this CPU cannot run the kernel family " +
                                             to_string(family) + ", only " + list_of(able) +
                                             ": set cluster.kernel to one of these"};
  }

  const FamilyName& name = name_of(family);
  Result<Symbols> symbols = open_as(name);
  if (!symbols) return symbols.error();
  if (const Status verified = verify(*symbols, name); !verified) {
    dlclose(symbols->library);
    return verified.error();
  }

  std::shared_ptr<Blas> fresh(new Blas);
  fresh->sgemm_ = reinterpret_cast<Sgemm>(symbols->sgemm);
  fresh->family_ = family;
  fresh->version_ = symbols->config;
  blas = std::move(fresh);
  return blas;
}

void Blas::sgemm(const Product& product, const float* a, const float* b, float* c) const {
  const int transpose_a = product.form == Form::tn ? kTransposed : kNotTransposed;
  const int transpose_b = product.form == Form::nt ? kTransposed : kNotTransposed;
  sgemm_(kRowMajor, transpose_a, transpose_b, static_cast<int>(product.m),
         static_cast<int>(product.n), static_cast<int>(product.k), 1.0F, a,
         static_cast<int>(product.lda), b, static_cast<int>(product.ldb), product.beta, c,
         static_cast<int>(product.ldc));
}

}  // namespace ballast

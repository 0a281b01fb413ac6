#include "common/runtime/memory.h"

#include <cstdlib>  // Defines __GLIBC__ where it is.

#if defined(__GLIBC__)
#include <malloc.h>
#endif

namespace ballast {

void keep_freed_memory() {
#if defined(__GLIBC__)
  constexpr int kBlockBytesMax = 1 << 26;  // Larger ones are mapped as before.
  constexpr int kKeptBytesMax = 1 << 29;
  mallopt(M_MMAP_THRESHOLD, kBlockBytesMax);
  mallopt(M_TRIM_THRESHOLD, kKeptBytesMax);
#endif
}

}  // namespace ballast

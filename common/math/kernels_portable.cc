#include "common/math/kernel_body.h"

namespace ballast {

const KernelTable kPortableKernels = kTable;

}  // namespace ballast

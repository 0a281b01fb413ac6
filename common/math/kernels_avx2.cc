#include "common/math/kernel_body.h"

namespace ballast {

const KernelTable kAvx2Kernels = kTable;

}  // namespace ballast

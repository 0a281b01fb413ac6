#include "common/math/kernel_body.h"

namespace ballast {

const KernelTable kAvx512Kernels = kTable;

}  // namespace ballast

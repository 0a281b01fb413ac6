#include "common/job/spec.h"

namespace ballast {

std::uint32_t leaves_of(const TrainingSpec& training) {
  if (training.leaves != 0) return training.leaves;
  std::uint32_t leaves = 1;
  while (leaves * 2 <= training.batch / 64) leaves *= 2;
  return leaves;
}

}  // namespace ballast

#include "common/job/spec.h"

namespace ballast {

bool needs_classes(SplitKind kind) {
  return kind == SplitKind::stratified || kind == SplitKind::stratified_grouped ||
         kind == SplitKind::stratified_shuffled;
}

bool needs_groups(SplitKind kind) {
  return kind == SplitKind::grouped || kind == SplitKind::stratified_grouped ||
         kind == SplitKind::leave_one_group_out;
}

bool needs_times(SplitKind kind) {
  return kind == SplitKind::expanding || kind == SplitKind::sliding;
}

bool holds_out(SplitKind kind) {
  return kind == SplitKind::shuffled || kind == SplitKind::stratified_shuffled;
}

CrossValidationSpec default_cross_validation(Task task) {
  CrossValidationSpec spec;
  spec.split = task == Task::regression ? SplitKind::k_fold : SplitKind::stratified;
  return spec;
}

std::uint32_t leaves_of(const TrainingSpec& training) {
  if (training.leaves != 0) return training.leaves;
  std::uint32_t leaves = 1;
  while (leaves * 2 <= training.batch / 64) leaves *= 2;
  return leaves;
}

}  // namespace ballast

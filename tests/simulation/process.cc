#include "tests/simulation/process.h"

namespace ballast::simulation {

JobKind kind_of(const CoordinatorJob&) { return JobKind::disk; }

JobKind kind_of(const ServerJob& job) {
  return std::holds_alternative<ServerLoad>(job) ? JobKind::load : JobKind::disk;
}

JobKind kind_of(const WorkerJob& job) {
  if (std::holds_alternative<WorkerLoad>(job)) return JobKind::load;
  const bool computes =
      std::holds_alternative<ComputeLeaf>(job) || std::holds_alternative<EvaluateBatch>(job);
  return computes ? JobKind::compute : JobKind::light;
}

std::string state_of(const Coordinator& machine) {
  static constexpr const char* kPhases[] = {"gathering",  "restoring", "training",
                                            "evaluating", "saving",    "done"};
  const RunProgress& progress = machine.progress();
  return std::string(kPhases[static_cast<std::size_t>(progress.phase)]) + ", timeline " +
         std::to_string(machine.timeline()) + ", step " + std::to_string(progress.commit.step) +
         ", plan " + std::to_string(machine.plan().number) + ", " +
         std::to_string(progress.workers) + " workers, " + std::to_string(progress.servers) +
         " servers" + (progress.waiting_for.empty() ? "" : ", waiting for " + progress.waiting_for);
}

std::string state_of(const Server& machine) {
  return "timeline " + std::to_string(machine.timeline()) + ", applied " +
         std::to_string(machine.applied()) + ", " + std::to_string(machine.partitions().size()) +
         " partitions";
}

std::string state_of(const Worker& machine) {
  return "timeline " + std::to_string(machine.timeline()) + ", " +
         std::to_string(machine.groups_in_flight()) + " groups in flight";
}

}  // namespace ballast::simulation

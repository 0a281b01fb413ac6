#include "tests/simulation/process.h"

#include "common/base/overloaded.h"

namespace ballast::simulation {

namespace {

JobKind kind_of(const ServerJob& job) {
  return std::holds_alternative<ServerLoad>(job) ? JobKind::load : JobKind::disk;
}

JobKind kind_of(const WorkerJob& job) {
  if (std::holds_alternative<WorkerLoad>(job)) return JobKind::load;
  const bool computes =
      std::holds_alternative<ComputeLeaf>(job) || std::holds_alternative<EvaluateBatch>(job);
  return computes ? JobKind::compute : JobKind::light;
}

template <class Machine>
StartedJob describe_job(const typename Crew<Machine>::Job& job) {
  const auto* const close = std::get_if<CloseRun>(&job.work);
  if (close != nullptr) return {.kind = JobKind::light, .run = job.run, .milestone = *close};
  return {.kind = kind_of(std::get<typename Machine::Job>(job.work)), .run = job.run};
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

std::string label(RunId run) { return " [run " + std::to_string(index(run)) + "] "; }

template <class Machine>
std::string state_of_crew(const Crew<Machine>& crew) {
  std::string text = crew.runs().empty() ? "serves no run" : "";
  for (const RunId run : crew.runs()) text += label(run) + state_of(crew.machine(run));
  return text;
}

}  // namespace

StartedJob describe(const FleetJob& job) {
  return std::visit(
      Overloaded{
          [](const RunWork& work) { return StartedJob{.kind = JobKind::disk, .run = work.run}; },
          [](const MakeRun& make) {
            return StartedJob{.kind = JobKind::disk, .run = make.run, .milestone = make};
          },
          [](const RecordEnd& end) {
            return StartedJob{.kind = JobKind::disk, .run = end.run, .milestone = end};
          },
          [](const ConcludeJob& conclude) {
            return StartedJob{.kind = JobKind::disk, .milestone = conclude};
          },
          [](const ClaimFleet&) { return StartedJob{.kind = JobKind::disk}; },
          [](const FileWork& work) { return StartedJob{.kind = JobKind::disk, .run = work.run}; },
      },
      job);
}

StartedJob describe(const Crew<Server>::Job& job) { return describe_job<Server>(job); }
StartedJob describe(const Crew<Worker>::Job& job) { return describe_job<Worker>(job); }

std::string state_of(const Fleet& fleet) {
  std::string text = "term " + std::to_string(fleet.term()) + ", " +
                     std::to_string(fleet.ended().size()) + " runs ended";
  for (const RunId run : fleet.active()) {
    if (fleet.machine(run) != nullptr) text += label(run) + state_of(*fleet.machine(run));
  }
  return text;
}

std::string state_of(const Crew<Server>& crew) { return state_of_crew(crew); }
std::string state_of(const Crew<Worker>& crew) { return state_of_crew(crew); }

}  // namespace ballast::simulation

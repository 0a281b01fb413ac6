#pragma once

// The very small cluster that the model walks: who is there, what they train, and what comes of
// their jobs, which take no time and have constants for arithmetic.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "coordinator/coordinator.h"
#include "paramserver/server.h"
#include "worker/trainer.h"

namespace ballast::simulation::model {

constexpr std::uint32_t kPartitions = 2;
constexpr std::uint32_t kLeaves = 2;
constexpr const char* kVersion = "model";
constexpr const char* kFenced = "another coordinator has taken over this run";

using Place = std::uint8_t;
constexpr Place kFirst = 0;
constexpr Place kSecond = 1;  // The coordinator that comes after.
constexpr Place kServers[] = {2, 3};
constexpr Place kWorkers[] = {4, 5};
constexpr Place kPlaces = 6;

// Each life of a server or worker has an id of its own.
[[nodiscard]] inline MemberId id_of(Place place, std::uint32_t life) {
  return place <= kSecond ? kCoordinator : MemberId{100U * (life + 1) + place};
}
[[nodiscard]] inline bool is_coordinator(Place place) { return place <= kSecond; }
[[nodiscard]] inline bool is_server(Place place) { return place == 2 || place == 3; }
[[nodiscard]] inline bool is_worker(Place place) { return place >= 4; }

[[nodiscard]] std::string name_of(Place place);

[[nodiscard]] std::shared_ptr<const RunConfig> make_run(Step steps);

// ---- what outlives processes --------------------------------------------------------------------

struct Store {
  Timeline claimed = 0;
  std::optional<Checkpoint> latest;
};

// Rows of partitions as they were written, by name. The same partition and version have the same
// bits wherever and whenever they are written, so this is no part of any state.
using Files = std::map<std::string, std::vector<std::tuple<Key, Step, std::vector<float>>>>;

// ---- jobs ---------------------------------------------------------------------------------------

struct Findings {
  std::string violation;
  void violated(const std::string& what) {
    if (violation.empty()) violation = what;
  }
};

[[nodiscard]] ServerOutcome perform(const ServerJob& job, Files& files, Findings& findings);
// `mine` is the coordinator's term.
[[nodiscard]] CoordinatorOutcome perform(const CoordinatorJob& job, Store& store, Timeline mine);
[[nodiscard]] WorkerOutcome perform(WorkerJob&& job);

}  // namespace ballast::simulation::model

// model: walks every interleaving of a very small cluster (README.md says of which, and what must
// hold). The machines are the ones that the binary runs; only their arithmetic is replaced by
// constants, and jobs take no time.
//
//   model [--states N]   stops a walk after N states (200000), and says how deep it went
//
// Exit codes: 0 nothing found, 1 something that must hold does not, 2 the command line is wrong.

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <deque>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "common/math/kernels.h"
#include "tests/simulation/model_world.h"

namespace ballast::simulation::model {
namespace {

struct Walk {
  const char* name;
  Step steps;
  Budget budget;
};
constexpr Walk kWalks[] = {
    {"no fault", 1, {}},
    {"no fault", 2, {}},
    {"a message is lost", 1, {.losses = 1, .passes = 4}},
    {"a server dies", 1, {.kills = 1, .passes = 2}},
    {"a server dies", 2, {.kills = 1, .passes = 2}},
    {"a server dies and comes back", 1, {.kills = 1, .restarts = 1, .passes = 2}},
    {"the coordinator dies", 1, {.successors = 1, .passes = 2}},
    {"two coordinators", 1, {.rivals = 1, .passes = 2}},
    {"the coordinator and a server die", 1, {.kills = 1, .successors = 1, .passes = 2}},
    {"two coordinators, a loss, a death",
     2,
     {.losses = 1, .kills = 1, .restarts = 1, .rivals = 1, .passes = 2}},
};

struct Visited {
  std::uint32_t before = 0;
  Event event;
};

// The events that lead to a state, for a person.
void print_path(const Walk& what, const std::vector<Visited>& visited, std::uint32_t last,
                std::optional<Event> event) {
  std::vector<Event> path;
  if (event) path.push_back(*event);
  for (std::uint32_t at = last; at != 0; at = visited[at].before) path.push_back(visited[at].event);
  std::reverse(path.begin(), path.end());
  Model model(what.steps);
  World world = model.begin(what.budget);
  for (const Event& next : path) {
    std::printf("    %s\n", model.describe(world, next).c_str());
    model.make(world, next);
  }
}

// Breadth first. False: something does not hold.
bool walk(const Walk& what, std::uint32_t states_max) {
  Model model(what.steps);
  std::vector<Visited> visited(1);
  std::set<std::uint64_t> known;
  std::deque<std::tuple<World, std::uint32_t, std::uint32_t>> open;  // Its number, its depth.
  open.emplace_back(model.begin(what.budget), 0, 0);
  known.insert(hash_of(std::get<World>(open.front())));
  std::uint64_t moves = 0;
  std::uint64_t ends = 0;
  std::uint32_t depth = 0;
  std::optional<Event> last;
  std::uint32_t number = 0;
  while (!open.empty() && model.violation().empty() && visited.size() < states_max) {
    const auto [world, here, steps] = std::move(open.front());
    open.pop_front();
    depth = steps;
    number = here;
    last.reset();
    if (world.ways.empty() && !world.over) {
      ++ends;
      model.finish(world);
    }
    for (const Event& event : model.moves(world)) {
      if (!model.violation().empty()) break;
      World next = world;
      model.make(next, event);
      ++moves;
      last = event;
      if (!known.insert(hash_of(next)).second) continue;
      visited.push_back({here, event});
      open.emplace_back(std::move(next), static_cast<std::uint32_t>(visited.size() - 1), steps + 1);
    }
  }
  const bool whole = open.empty();
  const std::string title =
      std::to_string(what.steps) + (what.steps == 1 ? " step, " : " steps, ") + what.name;
  std::printf("%-43s %7zu states, %8llu transitions, depth %2u, %5llu waits, %7zu histories%s\n",
              title.c_str(), visited.size(), static_cast<unsigned long long>(moves), depth,
              static_cast<unsigned long long>(ends), model.histories(), whole ? "" : "; cut off");
  if (model.violation().empty()) return true;
  std::printf("  %s\n", model.violation().c_str());
  print_path(what, visited, number, last);
  return false;
}

int run(std::uint32_t states_max) {
  bool holds = true;
  for (const Walk& what : kWalks) {
    holds = walk(what, states_max) && holds;
    std::fflush(stdout);
  }
  return holds ? 0 : 1;
}

}  // namespace
}  // namespace ballast::simulation::model

int main(int argc, char** argv) {
  ballast::pin_floating_point_mode();
  std::uint32_t states_max = 200'000;
  if (argc == 3 && std::strcmp(argv[1], "--states") == 0) {
    const char* const end = argv[2] + std::strlen(argv[2]);
    const auto [stop, error] = std::from_chars(argv[2], end, states_max);
    if (error != std::errc() || stop != end || states_max == 0) argc = 0;
  }
  if (argc != 1 && argc != 3) {
    std::fputs("usage: model [--states N]\n", stderr);
    return 2;
  }
  return ballast::simulation::model::run(states_max);
}

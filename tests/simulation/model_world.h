#pragma once

// A state of the whole very small cluster, what may happen in it, and what must hold (README.md).

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/simulation/model_members.h"

namespace ballast::simulation::model {

constexpr BodyId kClosed = ~BodyId{0};  // On a way: the connection closed behind what came before.

struct Budget {
  std::uint8_t losses = 0;      // Of single messages.
  std::uint8_t kills = 0;       // Of servers.
  std::uint8_t restarts = 0;    // Of those.
  std::uint8_t successors = 0;  // The coordinator dies, and another one is started.
  std::uint8_t rivals = 0;      // Another one is started, and the first one lives.
  std::uint8_t passes = 0;      // Of time, where nothing is in flight.
  auto operator<=>(const Budget&) const = default;
};

struct OnWay {
  MemberId from{};  // A place may have had several lives.
  BodyId body = 0;
};

struct World {
  std::array<NodeId, kPlaces> members{};
  std::array<std::uint32_t, kPlaces> lives{};
  std::array<Place, kPlaces> dials{};  // Servers, workers: their coordinator.
  std::map<std::pair<Place, Place>, std::vector<OnWay>> ways;  // None is empty.
  StoreId store = 0;
  std::map<Timeline, Step> committed;  // Said by a coordinator, or what a timeline began with.
  Budget left;
  bool over = false;  // The model is written and somebody was told.
};

[[nodiscard]] std::uint64_t hash_of(const World& world);

enum class Move : std::uint8_t {
  deliver,
  lose,
  kill,
  cut_down,  // Killed, and what it had sent is lost.
  restart,
  succeed,
  rival,
  go_over,
  pass,
};
struct Event {
  Move move = Move::deliver;
  Place from = 0;
  Place to = 0;
};

// What must hold, numbered in README.md.
class Model {
 public:
  explicit Model(Step steps) : members_(steps, findings_) {}

  [[nodiscard]] const std::string& violation() const { return findings_.violation; }
  [[nodiscard]] std::size_t histories() const { return members_.size(); }

  // Everybody has joined and knows the first plan; the pushes of the first step are on their way.
  World begin(const Budget& budget);

  [[nodiscard]] std::vector<Event> moves(const World& world) const;
  // REQUIRES: one of moves(world).
  void make(World& world, const Event& event);

  // From where nothing is in flight, without further faults: the run has to end.
  void finish(World world);

  // For people; `world` is as it is before the event.
  [[nodiscard]] std::string describe(const World& world, const Event& event) const;

 private:
  static constexpr int kPassesMax = 60;

  void act(World& world, const Event& event);
  // What takes no time: what workers are told, since their pushes take as long as they like; how
  // they join; pulls, which change nothing; and heartbeats.
  void settle(World& world);
  void start(World& world, Place place);

  // The place has got so far; what it sends goes on its way.
  void become(World& world, Place place, const Outcome& outcome);

  [[nodiscard]] std::optional<Place> place_of(const World& world, Place from, MemberId id) const;

  static MemberId self(const World& world, Place place) { return id_of(place, world.lives[place]); }

  static OnWay take(World& world, std::pair<Place, Place> way);

  void deliver(World& world, std::pair<Place, Place> way);

  void die(World& world, Place place);

  void go_over(World& world, Place place);

  void pass(World& world);

  // ---- what must hold ---------------------------------------------------------------------------

  // `world` is as it was before the outcome.
  void check(World& world, Place place, const Outcome& outcome);

  void check_commit(World& world, Place place, const wire::CommitStep& said);

  void check_prepared(const wire::Prepared& prepared);

  void check_finish(World& world, const Outcome& outcome, const wire::Finish& finish);

  void check_server(const World& world, Place place, const Seen& before, const Seen& seen);

  void check_timeline(const World& world, const Seen& before, const Seen& seen);

  [[nodiscard]] std::string states_of(const World& world) const;

  std::map<Step, Commit> commits_;
  std::map<std::pair<PartitionId, Step>, std::uint64_t> hashes_;
  Findings findings_;
  Members members_;
};

}  // namespace ballast::simulation::model

#include "tests/simulation/model_world.h"

#include <algorithm>
#include <variant>

#include "common/base/hash.h"

namespace ballast::simulation::model {

std::uint64_t hash_of(const World& world) {
  std::uint64_t hash = 1;
  const auto add = [&](std::uint64_t value) { hash = mix(value, hash); };
  for (std::size_t i = 0; i < kPlaces; ++i) {
    add(world.members[i]);
    add(world.lives[i]);
    add(world.dials[i]);
  }
  for (const auto& [way, items] : world.ways) {
    add(1000U + way.first * kPlaces + way.second);
    for (const OnWay& item : items) add(mix(index(item.from), item.body));
  }
  add(world.store);
  for (const auto& [timeline, step] : world.committed) add(timeline * 100 + step);
  const Budget& left = world.left;
  add(left.losses + 10U * left.kills + 100U * left.restarts + 1000U * left.successors +
      10000U * left.rivals + 100000U * left.passes);
  add(world.over ? 1 : 0);
  return hash;
}

World Model::begin(const Budget& budget) {
  World world;
  world.left = budget;
  start(world, kFirst);
  for (const Place place : {kServers[0], kServers[1], kWorkers[0], kWorkers[1]}) {
    world.dials[place] = kFirst;
    start(world, place);
  }
  while (!members_.node(world.members[kFirst]).seen.trains) {
    if (!violation().empty()) return world;
    if (world.ways.empty()) {
      pass(world);
    } else {
      deliver(world, world.ways.begin()->first);
    }
  }
  while (violation().empty()) {
    const auto way = std::find_if(world.ways.begin(), world.ways.end(), [&](const auto& entry) {
      return !std::holds_alternative<wire::Push>(members_.body(entry.second.front().body));
    });
    if (way == world.ways.end()) break;
    deliver(world, way->first);
  }
  return world;
}

std::vector<Event> Model::moves(const World& world) const {
  std::vector<Event> moves;
  if (world.over) return moves;
  for (const auto& [way, items] : world.ways) {
    moves.push_back({Move::deliver, way.first, way.second});
    if (world.left.losses > 0 && items.front().body != kClosed) {
      moves.push_back({Move::lose, way.first, way.second});
    }
  }
  // The server that owns the first partition, and with it the figures; the other one is like it.
  const Place server = kServers[0];
  if (world.members[server] == 0) {
    if (world.left.restarts > 0) moves.push_back({Move::restart, server, server});
  } else if (world.left.kills > 0) {
    moves.push_back({Move::kill, server, server});
    moves.push_back({Move::cut_down, server, server});
  }
  const bool second = world.members[kSecond] != 0;
  if (!second && world.members[kFirst] != 0) {
    if (world.left.successors > 0) moves.push_back({Move::succeed, kFirst, kSecond});
    if (world.left.rivals > 0) moves.push_back({Move::rival, kFirst, kSecond});
  }
  for (Place place = kServers[0]; second && place < kPlaces; ++place) {
    if (world.members[place] != 0 && world.dials[place] == kFirst) {
      moves.push_back({Move::go_over, place, kSecond});
    }
  }
  if (world.ways.empty() && world.left.passes > 0) moves.push_back({Move::pass, 0, 0});
  return moves;
}

void Model::make(World& world, const Event& event) {
  act(world, event);
  settle(world);
}

void Model::act(World& world, const Event& event) {
  switch (event.move) {
    case Move::deliver:
      return deliver(world, {event.from, event.to});
    case Move::lose:
      --world.left.losses;
      static_cast<void>(take(world, {event.from, event.to}));
      return;
    case Move::kill:
      --world.left.kills;
      return die(world, event.from);
    case Move::cut_down:
      --world.left.kills;
      std::erase_if(world.ways, [&](const auto& way) { return way.first.first == event.from; });
      return die(world, event.from);
    case Move::restart:
      --world.left.restarts;
      return start(world, event.from);
    case Move::succeed:
      --world.left.successors;
      die(world, kFirst);
      start(world, kSecond);
      return;
    case Move::rival:
      --world.left.rivals;
      return start(world, kSecond);
    case Move::go_over:
      return go_over(world, event.from);
    case Move::pass:
      --world.left.passes;
      return pass(world);
  }
}

void Model::settle(World& world) {
  while (violation().empty()) {
    const auto way = std::find_if(world.ways.begin(), world.ways.end(), [&](const auto& entry) {
      const auto [from, to] = entry.first;
      if (is_worker(to) || (is_worker(from) && is_coordinator(to))) return true;
      const BodyId body = entry.second.front().body;
      return body != kClosed && (std::holds_alternative<wire::Pull>(members_.body(body)) ||
                                 std::holds_alternative<wire::Heartbeat>(members_.body(body)));
    });
    if (way == world.ways.end()) return;
    deliver(world, way->first);
  }
}

void Model::finish(World world) {
  world.left = {};
  for (int passes = 0; passes < kPassesMax && violation().empty(); ++passes) {
    if (world.members[kSecond] != 0) {
      for (Place place = kServers[0]; place < kPlaces; ++place) {
        if (world.members[place] != 0 && world.dials[place] == kFirst) go_over(world, place);
      }
      if (world.members[kFirst] != 0) die(world, kFirst);
    }
    for (Place place = 0; place < kPlaces; ++place) {
      const bool needed =
          is_coordinator(place) ? world.members[kFirst] == 0 && place == kSecond : true;
      if (world.members[place] == 0 && needed) start(world, place);
    }
    while (!world.ways.empty() && !world.over && violation().empty()) {
      deliver(world, world.ways.begin()->first);
    }
    if (world.over) return;
    pass(world);
  }
  findings_.violated("without a further fault the run does not end" + states_of(world));
}

std::string Model::describe(const World& world, const Event& event) const {
  static constexpr const char* kNames[] = {
      "",           "lost: ", "killed: ",         "killed, and what it sent is lost: ",
      "again: ",    "dead: ", "taken for dead: ", "goes over: ",
      "time passes"};
  std::string text = kNames[static_cast<std::size_t>(event.move)];
  if (event.move == Move::pass) return text;
  text += name_of(event.from);
  if (event.move != Move::deliver && event.move != Move::lose) return text;
  const BodyId body = world.ways.at({event.from, event.to}).front().body;
  return text + " -> " + name_of(event.to) + "  " +
         (body == kClosed ? "closed" : wire::name_of(members_.body(body)));
}

void Model::start(World& world, Place place) {
  if (!is_coordinator(place)) {
    ++world.lives[place];
    world.dials[place] = world.members[kSecond] != 0 ? kSecond : kFirst;
  }
  const StoreId store = world.store;
  become(world, place, members_.start(place, world.lives[place], store));
  if (place != kSecond) return;
  for (Place member = kServers[0]; member < kPlaces; ++member) {
    if (world.members[kFirst] == 0) world.dials[member] = kSecond;
  }
}

void Model::become(World& world, Place place, const Outcome& outcome) {
  check(world, place, outcome);
  world.members[place] = outcome.node;
  if (is_coordinator(place)) world.store = outcome.store;
  for (const Sent& sent : outcome.sent) {
    const std::optional<Place> to = place_of(world, place, sent.to);
    if (to) world.ways[{place, *to}].push_back({self(world, place), sent.body});
  }
  if (outcome.gone) {
    die(world, place);
    // Told that its coordinator gave way, or released: a supervisor starts it again.
    if (!is_coordinator(place) && !world.over) start(world, place);
  }
}

std::optional<Place> Model::place_of(const World& world, Place from, MemberId id) const {
  if (id == kCoordinator) {
    const Place to = world.dials[from];
    return world.members[to] != 0 ? std::optional(to) : std::nullopt;
  }
  for (Place place = kServers[0]; place < kPlaces; ++place) {
    if (world.members[place] == 0 || id_of(place, world.lives[place]) != id) continue;
    if (is_coordinator(from) && world.dials[place] != from) continue;
    return place;
  }
  return std::nullopt;
}

OnWay Model::take(World& world, std::pair<Place, Place> way) {
  const auto found = world.ways.find(way);
  const OnWay item = found->second.front();
  found->second.erase(found->second.begin());
  if (found->second.empty()) world.ways.erase(found);
  return item;
}

void Model::deliver(World& world, std::pair<Place, Place> way) {
  const OnWay item = take(world, way);
  const Place to = way.second;
  if (world.members[to] == 0) return;
  const bool closes = item.body == kClosed;
  become(world, to,
         members_.step(world.members[to], {.kind = closes ? Kind::closed : Kind::message,
                                           .from = item.from,
                                           .body = closes ? 0 : item.body,
                                           .store = world.store}));
}

void Model::die(World& world, Place place) {
  world.members[place] = 0;
  std::erase_if(world.ways, [&](const auto& way) { return way.first.second == place; });
  for (Place peer = 0; peer < kPlaces; ++peer) {
    if (peer == place || world.members[peer] == 0) continue;
    const bool met = is_coordinator(place)  ? !is_coordinator(peer) && world.dials[peer] == place
                     : is_coordinator(peer) ? world.dials[place] == peer
                                            : true;
    if (met) world.ways[{place, peer}].push_back({self(world, place), kClosed});
  }
}

void Model::go_over(World& world, Place place) {
  world.ways.erase({place, kFirst});
  world.ways.erase({kFirst, place});
  if (world.members[kFirst] != 0)
    world.ways[{place, kFirst}].push_back({self(world, place), kClosed});
  world.ways[{kFirst, place}].push_back({kCoordinator, kClosed});
  world.dials[place] = kSecond;
}

void Model::pass(World& world) {
  for (Place place = 0; place < kPlaces; ++place) {
    if (world.members[place] == 0) continue;
    become(world, place,
           members_.step(world.members[place],
                         {.kind = Kind::tick, .from = {}, .body = 0, .store = world.store}));
  }
}

void Model::check(World& world, Place place, const Outcome& outcome) {
  for (const Sent& sent : outcome.sent) {
    const wire::Body& body = members_.body(sent.body);
    if (const auto* const restore = std::get_if<wire::Restore>(&body)) {
      world.committed.try_emplace(restore->timeline, restore->commit.step);
    } else if (const auto* const said = std::get_if<wire::CommitStep>(&body)) {
      check_commit(world, place, *said);
    } else if (const auto* const prepared = std::get_if<wire::Prepared>(&body)) {
      check_prepared(*prepared);
    } else if (const auto* const finish = std::get_if<wire::Finish>(&body)) {
      check_finish(world, outcome, *finish);
    } else if (std::holds_alternative<wire::Fault>(body)) {
      findings_.violated(name_of(place) + " found a fault");
    }
  }
  const Seen& before = members_.node(world.members[place]).seen;
  const Seen& seen = members_.node(outcome.node).seen;
  if (is_server(place)) check_server(world, place, before, seen);
  if (is_coordinator(place)) check_timeline(world, before, seen);
}

void Model::check_commit(World& world, Place place, const wire::CommitStep& said) {
  Commit commit = said.commit;
  commit.cut = false;
  if (commits_.try_emplace(commit.step, commit).first->second != commit) {
    findings_.violated("step " + std::to_string(commit.step) + " has two commits");
  }
  Step& committed = world.committed[said.timeline];
  if (commit.step <= committed) return;
  committed = commit.step;
  // The plan before this step: one that comes with the commit may name more.
  for (const wire::Replica& copy : members_.node(world.members[place]).seen.plan.second) {
    const std::optional<Place> keeper = place_of(world, place, copy.server);
    if (!keeper) continue;  // Dead, or gone over; the coordinator will hear of it.
    const Seen& seen = members_.node(world.members[*keeper]).seen;
    const auto partition = seen.partitions.find(copy.partition);
    const bool is_there = seen.timeline == said.timeline && partition != seen.partitions.end() &&
                          seen.applied + 1 == commit.step && partition->second;
    if (!is_there && seen.timeline <= said.timeline) {
      findings_.violated("step " + std::to_string(commit.step) + " was committed before " +
                         name_of(*keeper) + " had prepared partition " +
                         std::to_string(index(copy.partition)));
    }
  }
}

void Model::check_prepared(const wire::Prepared& prepared) {
  for (const wire::PreparedPartition& p : prepared.partitions) {
    const auto [there, fresh] = hashes_.try_emplace({p.partition, prepared.step}, p.hash);
    if (!fresh && there->second != p.hash) {
      findings_.violated("step " + std::to_string(prepared.step) + " has two gradients");
    }
  }
}

void Model::check_finish(World& world, const Outcome& outcome, const wire::Finish& finish) {
  const Store& store = members_.store(outcome.store);
  if (finish.ending == wire::Ending::done) {
    if (!store.latest || !store.latest->commit.last) {
      findings_.violated("done, and the last version is not in the store");
    }
    world.over = true;
  } else if (finish.reason != kFenced || members_.node(outcome.node).seen.term == store.claimed) {
    findings_.violated("the run ends: " + finish.reason);
  }
}

void Model::check_server(const World& world, Place place, const Seen& before, const Seen& seen) {
  if (seen.partitions.empty()) return;
  const auto committed = world.committed.find(seen.timeline);
  if (committed == world.committed.end() || committed->second < seen.applied) {
    findings_.violated(name_of(place) + " applied step " + std::to_string(seen.applied) +
                       ", which nobody committed");
  }
  if (before.timeline == seen.timeline && !before.partitions.empty() &&
      seen.applied != before.applied && seen.applied != before.applied + 1) {
    findings_.violated(name_of(place) + " went from version " + std::to_string(before.applied) +
                       " to " + std::to_string(seen.applied));
  }
}

void Model::check_timeline(const World& world, const Seen& before, const Seen& seen) {
  if (seen.timeline == before.timeline || world.committed.contains(seen.timeline)) return;
  if (world.committed.empty()) return;
  const auto& [former, committed] = *world.committed.rbegin();
  if (committed <= seen.applied) return;
  for (const Place place : kServers) {
    if (world.members[place] == 0 || !seen.joined.contains(self(world, place))) continue;
    const Seen& server = members_.node(world.members[place]).seen;
    if (server.timeline == former && server.applied == committed &&
        server.partitions.size() == kPartitions) {
      findings_.violated("it went back although " + name_of(place) + " holds version " +
                         std::to_string(committed) + " of every partition");
    }
  }
}

std::string Model::states_of(const World& world) const {
  std::string text;
  for (Place place = 0; place < kPlaces; ++place) {
    if (world.members[place] == 0) continue;
    const Seen& seen = members_.node(world.members[place]).seen;
    text += "; " + name_of(place) + ": timeline " + std::to_string(seen.timeline) + ", version " +
            std::to_string(seen.applied);
  }
  return text;
}

}  // namespace ballast::simulation::model

#include "tests/simulation/network.h"

#include <algorithm>
#include <utility>
#include <variant>
#include <vector>

namespace ballast::simulation {
namespace {

constexpr std::size_t kBacklogMax = 1000;
constexpr std::size_t kOldKept = 8;  // Of one member's messages to another.

// Messages of the step are idempotent whenever they come; orders are numbered. Those by which
// members join and leave may be repeated, but a connection never gives an old one again behind a
// newer one.
bool may_come_late(const wire::Body& body) {
  return std::holds_alternative<wire::Plan>(body) || std::holds_alternative<wire::Pull>(body) ||
         std::holds_alternative<wire::Values>(body) || std::holds_alternative<wire::Passed>(body) ||
         std::holds_alternative<wire::Missing>(body) || std::holds_alternative<wire::Push>(body) ||
         std::holds_alternative<wire::Prepared>(body) || std::holds_alternative<wire::Late>(body) ||
         std::holds_alternative<wire::Assist>(body) ||
         std::holds_alternative<wire::CommitStep>(body) ||
         std::holds_alternative<wire::CutDone>(body) ||
         std::holds_alternative<wire::CutKnown>(body) ||
         std::holds_alternative<wire::Restore>(body) ||
         std::holds_alternative<wire::Restored>(body) ||
         std::holds_alternative<wire::Evaluate>(body) ||
         std::holds_alternative<wire::Evaluated>(body) ||
         std::holds_alternative<wire::Enlist>(body) || std::holds_alternative<wire::Orders>(body);
}

// What would be counted, or obeyed.
bool may_come_again(const wire::Body& body) {
  return std::holds_alternative<wire::Push>(body) || std::holds_alternative<wire::Prepared>(body) ||
         std::holds_alternative<wire::CommitStep>(body) ||
         std::holds_alternative<wire::CutDone>(body) ||
         std::holds_alternative<wire::Restored>(body) ||
         std::holds_alternative<wire::Evaluated>(body) ||
         std::holds_alternative<wire::Orders>(body);
}

// 0 for what belongs to none.
Timeline stamped_timeline(const wire::Body& body) {
  return std::visit(
      [](const auto& concrete) {
        if constexpr (requires { concrete.timeline; }) return concrete.timeline;
        return Timeline{0};
      },
      body);
}

}  // namespace

void Network::connect(MemberId dialer, MemberId acceptor) {
  const auto [entry, fresh] = connections_.try_emplace({dialer, acceptor});
  const bool wanted = std::exchange(entry->second.wanted, true);
  if (fresh || !wanted) come_up_later(entry->first);
}

void Network::disconnect(MemberId dialer, MemberId acceptor) {
  Connection& connection = connections_.at({dialer, acceptor});
  lose_in_flight(dialer, acceptor);
  lose_in_flight(acceptor, dialer);
  if (connection.up) notice_later(acceptor, dialer);
  connection = {.wanted = false, .up = false, .backlog = {}};
}

void Network::come_up_later(Pair pair) {
  const Duration wait = delay() + prng_.between(Duration(0), options_.reconnect_max);
  agenda_.after(wait, [this, pair] {
    const auto found = connections_.find(pair);
    if (found == connections_.end() || found->second.up || !found->second.wanted) return;
    if (!there_.contains(pair.first) || !there_.contains(pair.second)) return;
    if (between(pair.first, pair.second) != nullptr || between(pair.second, pair.first) != nullptr)
      return come_up_later(pair);
    found->second.up = true;
    std::deque<wire::Message> waiting;
    waiting.swap(found->second.backlog);
    for (wire::Message& message : waiting) put_on_way(pair.first, pair.second, std::move(message));
  });
}

void Network::redial(MemberId dialer, MemberId former, MemberId acceptor) {
  Connection& before = connections_.at({dialer, former});
  Connection moved{.wanted = true, .up = false, .backlog = std::move(before.backlog)};
  if (before.up) {
    lose_in_flight(dialer, former);
    lose_in_flight(former, dialer);
    notice_later(former, dialer);
    notice_later(dialer, former);
  }
  before = {.wanted = false, .up = false, .backlog = {}};
  connections_.insert_or_assign({dialer, acceptor}, std::move(moved));
  come_up_later({dialer, acceptor});
}

void Network::send(MemberId from, MemberId to, wire::Message message) {
  ++counters_.sent;
  const auto dialed = connections_.find({from, to});
  if (dialed != connections_.end() && dialed->second.wanted) {
    if (dialed->second.up) {
      put_on_way(from, to, std::move(message));
    } else if (dialed->second.backlog.size() < kBacklogMax) {
      dialed->second.backlog.push_back(std::move(message));
    }
    return;
  }
  const auto accepted = connections_.find({to, from});
  if (accepted == connections_.end()) {
    ends_.unreachable(from, to);
  } else if (accepted->second.up) {
    put_on_way(from, to, std::move(message));
  } else {
    ++counters_.lost;
  }
}

void Network::put_on_way(MemberId from, MemberId to, wire::Message message) {
  const Split* const apart = between(from, to);
  if (prng_.chance(options_.loss) || (apart != nullptr && apart->crossing == Crossing::lost)) {
    ++counters_.lost;
    return;
  }
  Way& way = ways_[{from, to}];
  const Time leaves = apart != nullptr ? std::max(agenda_.now(), apart->until) : agenda_.now();
  const Time arrival = std::max(way.last_arrival, leaves + delay());
  way.last_arrival = arrival;
  const std::uint64_t number = way.next++;
  if (options_.duplicate > 0.0 && may_come_late(message.body)) {
    come_again(way, from, to, message, arrival);
    if (may_come_again(message.body)) remember(way, number, message);
  }
  if (prng_.chance(options_.duplicate)) {
    ++counters_.duplicated;
    const bool late = may_come_late(message.body) && prng_.chance(0.5);
    const Duration extra = late ? prng_.between(Duration(0), 50 * options_.delay_max) : Duration(0);
    arrive_at(arrival, from, to, message, number);
    arrive_at(arrival + extra, from, to, std::move(message), number);
    return;
  }
  arrive_at(arrival, from, to, std::move(message), number);
}

// A few of those that went this way, old and new.
void Network::remember(Way& way, std::uint64_t number, const wire::Message& message) {
  if (way.old.size() < kOldKept) {
    way.old.push_back({number, message});
  } else if (prng_.chance(0.3)) {
    way.old[prng_.below(kOldKept)] = {number, message};
  }
}

// Rather those of an earlier timeline: behind the first messages of a later one they do most harm.
void Network::come_again(const Way& way, MemberId from, MemberId to, const wire::Message& newer,
                         Time arrival) {
  std::vector<const Way::Old*> old;
  for (const Way::Old& one : way.old) {
    if (stamped_timeline(one.message.body) < stamped_timeline(newer.body)) old.push_back(&one);
  }
  if (!prng_.chance(old.empty() ? options_.duplicate : 0.5)) return;
  if (old.empty()) {
    for (const Way::Old& one : way.old) old.push_back(&one);
  }
  if (old.empty()) return;
  const Way::Old& again = *old[prng_.below(old.size())];
  ++counters_.duplicated;
  arrive_at(arrival + prng_.between(Duration(0), 10 * options_.delay_max), from, to, again.message,
            again.number);
}

void Network::arrive_at(Time time, MemberId from, MemberId to, wire::Message message,
                        std::uint64_t number) {
  agenda_.at(time, [this, from, to, number, message = std::move(message)] {
    if (!there_.contains(to) || number < ways_[{from, to}].lost_before) {
      ++counters_.lost;
      return;
    }
    ++counters_.delivered;
    ends_.deliver(to, from, message);
  });
}

void Network::lose_in_flight(MemberId from, MemberId to) {
  Way& way = ways_[{from, to}];
  way.lost_before = way.next;
}

void Network::notice_later(MemberId at, MemberId peer) {
  Time earliest = std::max(agenda_.now(), ways_[{peer, at}].last_arrival);
  if (const Split* const apart = between(peer, at)) earliest = std::max(earliest, apart->until);
  agenda_.at(earliest + prng_.between(Duration(0), options_.notice_max), [this, at, peer] {
    if (there_.contains(at)) ends_.disconnected(at, peer);
  });
}

void Network::started(MemberId member) {
  there_.insert(member);
  for (const auto& [pair, connection] : connections_) {
    if (pair.second == member) come_up_later(pair);
  }
}

void Network::died(MemberId member, Death death) {
  there_.erase(member);
  for (auto& [pair, connection] : connections_) {
    if (pair.first != member && pair.second != member) continue;
    const MemberId other = pair.first == member ? pair.second : pair.first;
    lose_in_flight(other, member);
    if (death == Death::silence || (death == Death::kill && prng_.chance(0.5))) {
      lose_in_flight(member, other);
    }
    if (connection.up && death != Death::silence) notice_later(other, member);
    connection.up = false;
    if (pair.first == member) connection.backlog.clear();
  }
}

bool Network::reaches(MemberId from, MemberId to) const {
  if (!there_.contains(to)) return false;
  for (const Pair& pair : {Pair{from, to}, Pair{to, from}}) {
    const auto found = connections_.find(pair);
    if (found != connections_.end() && found->second.up) return true;
  }
  return false;
}

void Network::break_one() {
  std::vector<Pair> up;
  for (const auto& [pair, connection] : connections_) {
    if (connection.up) up.push_back(pair);
  }
  if (up.empty()) return;
  const Pair pair = up[prng_.below(up.size())];
  connections_.at(pair).up = false;
  lose_in_flight(pair.first, pair.second);
  lose_in_flight(pair.second, pair.first);
  notice_later(pair.first, pair.second);
  notice_later(pair.second, pair.first);
  come_up_later(pair);
}

// ---- splits -------------------------------------------------------------------------------------

void Network::split(const Split& split) { splits_.push_back(split); }

void Network::calm() {
  options_.loss = options_.duplicate = 0.0;
  splits_.clear();
}

const Network::Split* Network::between(MemberId from, MemberId to) const {
  for (const Split& split : splits_) {
    if (split.until <= agenda_.now()) continue;
    const auto is_first = [&](MemberId member) {
      if (split.alone) return *split.alone == member;
      return static_cast<double>(mix(split.side, index(member)) >> 11) * 0x1p-53 < split.first;
    };
    const bool leaves_first = is_first(from);
    if (leaves_first == is_first(to)) continue;
    if (split.direction == Direction::both || leaves_first) return &split;
  }
  return nullptr;
}

}  // namespace ballast::simulation

#include "coordinator/placement.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "common/base/check.h"

namespace ballast {
namespace {

// What uneven memory costs against uneven work: every step waits for the busiest server.
constexpr double kSizeShare = 0.25;

// In units of the mean over partitions; all 1 where nothing is known.
std::vector<Weight> normalized(std::vector<Weight> weights, std::size_t partitions) {
  Weight sum{.load = 0.0, .size = 0.0};
  for (const Weight& weight : weights) {
    sum.load += weight.load;
    sum.size += weight.size;
  }
  if (weights.size() != partitions || sum.load <= 0.0 || sum.size <= 0.0) {
    return std::vector<Weight>(partitions);
  }
  const auto n = static_cast<double>(partitions);
  for (Weight& weight : weights) {
    weight.load *= n / sum.load;
    weight.size *= n / sum.size;
  }
  return weights;
}

// A placement being changed, with how much each server has.
class Draft {
 public:
  Draft(Placement placement, const std::vector<MemberId>& servers, const Balance& balance)
      : placement_(std::move(placement)),
        wanted_(servers),
        weights_(normalized(balance.weights, partitions())) {
    const auto even = static_cast<double>(partitions());
    // Rounding alone moves nothing.
    gain_min_ = balance.gain_min * even * even / static_cast<double>(servers.size()) + 1e-6;
    for (std::size_t p = 0; p < partitions(); ++p) {
      loads_[placement_.owners[p]] += weights_[p].load;
      for (const MemberId holder : holders(p)) sizes_[holder] += weights_[p].size;
    }
  }

  [[nodiscard]] std::size_t partitions() const { return placement_.owners.size(); }
  [[nodiscard]] const Placement& placement() const { return placement_; }
  [[nodiscard]] double gain_min() const { return gain_min_; }
  [[nodiscard]] const std::vector<MemberId>& wanted() const { return wanted_; }
  [[nodiscard]] MemberId owner(std::size_t p) const { return placement_.owners[p]; }
  [[nodiscard]] std::vector<MemberId> holders(std::size_t p) const {
    std::vector<MemberId> all = placement_.replicas[p];
    all.push_back(placement_.owners[p]);
    return all;
  }
  [[nodiscard]] bool is_wanted(MemberId server) const { return contains(wanted_, server); }
  [[nodiscard]] bool holds(MemberId server, std::size_t p) const {
    return placement_.owners[p] == server || contains(placement_.replicas[p], server);
  }
  [[nodiscard]] std::size_t wanted_holders(std::size_t p) const {
    const std::vector<MemberId> all = holders(p);
    return static_cast<std::size_t>(
        std::count_if(all.begin(), all.end(), [&](MemberId server) { return is_wanted(server); }));
  }
  [[nodiscard]] std::optional<MemberId> emptiest_without(std::size_t p) const {
    std::optional<MemberId> best;
    for (const MemberId server : wanted_) {
      if (holds(server, p)) continue;
      if (!best || std::pair(size(server), server) < std::pair(size(*best), *best)) best = server;
    }
    return best;
  }

  // How much more uneven it becomes when somebody else owns a partition; less than 0: less.
  [[nodiscard]] double cost_of_owner(std::size_t p, MemberId owner) const {
    const MemberId before = placement_.owners[p];
    return before == owner ? 0.0 : cost_of_move(load(before), load(owner), weights_[p].load);
  }
  // ... when a copy is dropped, or goes from one server to another.
  [[nodiscard]] double cost_of_drop(std::size_t p, MemberId from) const {
    const double w = weights_[p].size;
    return kSizeShare * w * (w - 2.0 * size(from));
  }
  [[nodiscard]] double cost_of_copy(std::size_t p, MemberId from, MemberId to) const {
    return kSizeShare * cost_of_move(size(from), size(to), weights_[p].size);
  }

  void add(std::size_t p, MemberId server) {
    auto& replicas = placement_.replicas[p];
    replicas.insert(std::upper_bound(replicas.begin(), replicas.end(), server), server);
    sizes_[server] += weights_[p].size;
  }
  void promote(std::size_t p, MemberId replica) {
    if (placement_.owners[p] == replica) return;
    const MemberId before = std::exchange(placement_.owners[p], replica);
    auto& replicas = placement_.replicas[p];
    std::erase(replicas, replica);
    replicas.insert(std::upper_bound(replicas.begin(), replicas.end(), before), before);
    loads_[before] -= weights_[p].load;
    loads_[replica] += weights_[p].load;
  }
  // REQUIRES: it is not the owner.
  void drop(std::size_t p, MemberId server) {
    std::erase(placement_.replicas[p], server);
    sizes_[server] -= weights_[p].size;
  }

 private:
  static bool contains(const std::vector<MemberId>& all, MemberId one) {
    return std::find(all.begin(), all.end(), one) != all.end();
  }
  static double cost_of_move(double from, double to, double weight) {
    return 2.0 * weight * (to + weight - from);
  }
  static double value(const std::map<MemberId, double>& all, MemberId server) {
    const auto found = all.find(server);
    return found == all.end() ? 0.0 : found->second;
  }
  [[nodiscard]] double load(MemberId server) const { return value(loads_, server); }
  [[nodiscard]] double size(MemberId server) const { return value(sizes_, server); }

  Placement placement_;
  const std::vector<MemberId> wanted_;
  const std::vector<Weight> weights_;
  double gain_min_ = 0.0;
  std::map<MemberId, double> loads_;
  std::map<MemberId, double> sizes_;
};

// How many copies are to be added still.
std::uint32_t add_missing(Draft& draft, std::size_t copies_wanted, std::uint32_t additions) {
  for (std::size_t p = 0; p < draft.partitions(); ++p) {
    while (additions > 0 && draft.wanted_holders(p) < copies_wanted) {
      draft.add(p, *draft.emptiest_without(p));
      --additions;
    }
  }
  return additions;
}

// Which copy to drop, and who owns the partition then: first of servers that want to leave, then
// what leaves the least unevenness.
void drop_surplus(Draft& draft, std::size_t copies_wanted) {
  for (std::size_t p = 0; p < draft.partitions(); ++p) {
    while (draft.holders(p).size() > copies_wanted) {
      using Choice = std::tuple<bool, bool, double, MemberId, MemberId>;
      std::optional<Choice> best;
      for (const MemberId dropped : draft.holders(p)) {
        for (const MemberId owner : draft.holders(p)) {
          if (owner == dropped) continue;
          const Choice choice{draft.is_wanted(dropped), !draft.is_wanted(owner),
                              draft.cost_of_drop(p, dropped) + draft.cost_of_owner(p, owner),
                              dropped, owner};
          if (!best || choice < *best) best = choice;
        }
      }
      draft.promote(p, std::get<4>(*best));
      draft.drop(p, std::get<3>(*best));
    }
  }
}

void even_out_owners(Draft& draft) {
  for (bool changed = true; changed;) {
    changed = false;
    for (std::size_t p = 0; p < draft.partitions(); ++p) {
      const std::vector<MemberId> replicas = draft.placement().replicas[p];
      for (const MemberId replica : replicas) {
        if (draft.cost_of_owner(p, replica) >= -draft.gain_min()) continue;
        draft.promote(p, replica);
        changed = true;
        break;
      }
    }
  }
}

// A copy that goes from one server to another, and who owns the partition then.
struct Move {
  double cost = 0.0;
  std::size_t partition = 0;
  MemberId from{};
  MemberId to{};
  MemberId owner{};
};

// REQUIRES: nobody who wants to leave has a copy.
std::optional<Move> best_move(const Draft& draft, const std::vector<bool>& moved) {
  std::optional<Move> best;
  for (std::size_t p = 0; p < draft.partitions(); ++p) {
    if (moved[p]) continue;
    const std::vector<MemberId> holders = draft.holders(p);
    for (const MemberId to : draft.wanted()) {
      if (draft.holds(to, p)) continue;
      for (const MemberId from : holders) {
        std::vector<MemberId> after = holders;
        std::erase(after, from);
        after.push_back(to);
        for (const MemberId owner : after) {
          const double cost = draft.cost_of_copy(p, from, to) + draft.cost_of_owner(p, owner);
          if (cost >= -draft.gain_min() || (best && cost >= best->cost)) continue;
          best = Move{cost, p, from, to, owner};
        }
      }
    }
  }
  return best;
}

// Adds copies where they are to go; the next round drops those that they replace.
void move_copies(Draft& draft, std::uint32_t additions) {
  Draft planned = draft;
  std::vector<bool> moved(draft.partitions());
  for (; additions > 0; --additions) {
    const std::optional<Move> move = best_move(planned, moved);
    if (!move) return;
    moved[move->partition] = true;
    draft.add(move->partition, move->to);
    planned.add(move->partition, move->to);
    planned.promote(move->partition, move->owner);
    planned.drop(move->partition, move->from);
  }
}

}  // namespace

Placement place(std::uint32_t partitions, const std::vector<MemberId>& servers,
                std::uint32_t replicas) {
  BALLAST_CHECK(!servers.empty());
  const std::size_t n = servers.size();
  Placement placement;
  for (std::size_t p = 0; p < partitions; ++p) {
    placement.owners.push_back(servers[p % n]);
    auto& copies = placement.replicas.emplace_back();
    // Shifted from round to round, so that a lost server's partitions go to all the others.
    for (std::size_t r = 0; r < std::min<std::size_t>(replicas, n - 1); ++r) {
      copies.push_back(servers[(p + 1 + (p / n + r) % (n - 1)) % n]);
    }
    std::sort(copies.begin(), copies.end());
  }
  return placement;
}

std::optional<Placement> improve(const Placement& now, const std::vector<MemberId>& servers,
                                 std::uint32_t replicas, std::uint32_t additions_max,
                                 const Balance& balance) {
  BALLAST_CHECK(!servers.empty());
  const std::size_t copies_wanted = 1 + std::min<std::size_t>(replicas, servers.size() - 1);
  Draft draft(now, servers, balance);
  add_missing(draft, copies_wanted, additions_max);
  if (draft.placement() != now) return draft.placement();
  drop_surplus(draft, copies_wanted);
  even_out_owners(draft);
  if (draft.placement() != now) return draft.placement();
  move_copies(draft, additions_max);
  if (draft.placement() != now) return draft.placement();
  return std::nullopt;
}

std::optional<Placement> without(const Placement& now, MemberId lost) {
  Placement placement = now;
  std::map<MemberId, std::size_t> owned;
  for (const MemberId owner : now.owners) ++owned[owner];
  for (std::size_t p = 0; p < now.owners.size(); ++p) {
    auto& replicas = placement.replicas[p];
    std::erase(replicas, lost);
    if (placement.owners[p] != lost) continue;
    if (replicas.empty()) return std::nullopt;
    const MemberId heir = *std::min_element(
        replicas.begin(), replicas.end(),
        [&](MemberId a, MemberId b) { return std::pair(owned[a], a) < std::pair(owned[b], b); });
    placement.owners[p] = heir;
    ++owned[heir];
    std::erase(replicas, heir);
  }
  return placement;
}

}  // namespace ballast

#include "coordinator/placement.h"

#include <algorithm>
#include <map>
#include <utility>

#include "common/base/check.h"

namespace ballast {
namespace {

using Load = std::map<MemberId, std::size_t>;

// A placement being changed, with how much each server has.
class Draft {
 public:
  Draft(Placement placement, const std::vector<MemberId>& servers)
      : placement_(std::move(placement)), wanted_(servers) {
    for (std::size_t p = 0; p < partitions(); ++p) {
      ++owned_[placement_.owners[p]];
      for (const MemberId holder : holders(p)) ++copies_[holder];
    }
  }

  [[nodiscard]] std::size_t partitions() const { return placement_.owners.size(); }
  [[nodiscard]] const Placement& placement() const { return placement_; }
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
  [[nodiscard]] std::size_t copies(MemberId server) const { return count(copies_, server); }
  [[nodiscard]] std::size_t owned(MemberId server) const { return count(owned_, server); }

  // Servers that want to leave count as the fullest of all.
  [[nodiscard]] MemberId fullest(const std::vector<MemberId>& among) const {
    return *std::max_element(among.begin(), among.end(), [&](MemberId a, MemberId b) {
      return std::tuple(!is_wanted(a), copies(a), a) < std::tuple(!is_wanted(b), copies(b), b);
    });
  }
  [[nodiscard]] std::optional<MemberId> emptiest_without(std::size_t p) const {
    std::optional<MemberId> best;
    for (const MemberId server : wanted_) {
      if (holds(server, p)) continue;
      if (!best || std::pair(copies(server), server) < std::pair(copies(*best), *best)) {
        best = server;
      }
    }
    return best;
  }

  void add(std::size_t p, MemberId server) {
    auto& replicas = placement_.replicas[p];
    replicas.insert(std::upper_bound(replicas.begin(), replicas.end(), server), server);
    ++copies_[server];
  }
  void promote(std::size_t p, MemberId replica) {
    const MemberId before = std::exchange(placement_.owners[p], replica);
    auto& replicas = placement_.replicas[p];
    std::erase(replicas, replica);
    replicas.insert(std::upper_bound(replicas.begin(), replicas.end(), before), before);
    --owned_[before];
    ++owned_[replica];
  }
  void drop(std::size_t p, MemberId server) {
    if (placement_.owners[p] == server) {
      const auto& replicas = placement_.replicas[p];
      promote(p, *std::min_element(replicas.begin(), replicas.end(), [&](MemberId a, MemberId b) {
                return std::tuple(!is_wanted(a), owned(a), a) <
                       std::tuple(!is_wanted(b), owned(b), b);
              }));
    }
    std::erase(placement_.replicas[p], server);
    --copies_[server];
  }

 private:
  static bool contains(const std::vector<MemberId>& all, MemberId one) {
    return std::find(all.begin(), all.end(), one) != all.end();
  }

  static std::size_t count(const Load& load, MemberId server) {
    const auto found = load.find(server);
    return found == load.end() ? 0 : found->second;
  }

  Placement placement_;
  const std::vector<MemberId> wanted_;
  Load copies_;
  Load owned_;
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

void drop_surplus(Draft& draft, std::size_t copies_wanted) {
  for (std::size_t p = 0; p < draft.partitions(); ++p) {
    while (draft.holders(p).size() > copies_wanted) {
      draft.drop(p, draft.fullest(draft.holders(p)));
    }
  }
}

void even_out_owners(Draft& draft) {
  for (bool changed = true; changed;) {
    changed = false;
    for (std::size_t p = 0; p < draft.partitions(); ++p) {
      const MemberId owner = draft.placement().owners[p];
      const std::vector<MemberId> replicas = draft.placement().replicas[p];
      for (const MemberId replica : replicas) {
        if (draft.owned(owner) < draft.owned(replica) + 2) continue;
        draft.promote(p, replica);
        changed = true;
        break;
      }
    }
  }
}

// Adds copies on the emptiest servers; the surplus is dropped from the fullest in the next round.
void move_copies(Draft& draft, std::uint32_t additions) {
  std::map<MemberId, std::size_t> leaving;  // Copies that the next round will drop.
  for (std::size_t p = 0; p < draft.partitions() && additions > 0; ++p) {
    const MemberId fullest = draft.fullest(draft.holders(p));
    const auto emptiest = draft.emptiest_without(p);
    if (!emptiest) continue;
    const std::size_t most = draft.copies(fullest) - leaving[fullest];
    if (most < draft.copies(*emptiest) + 2) continue;
    draft.add(p, *emptiest);
    ++leaving[fullest];
    --additions;
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
                                 std::uint32_t replicas, std::uint32_t additions_max) {
  BALLAST_CHECK(!servers.empty());
  const std::size_t copies_wanted = 1 + std::min<std::size_t>(replicas, servers.size() - 1);
  Draft draft(now, servers);
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

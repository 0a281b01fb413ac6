#include "coordinator/placement.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "common/base/hash.h"

namespace ballast {
namespace {

std::vector<MemberId> servers(std::uint64_t count) {
  std::vector<MemberId> ids;
  for (std::uint64_t i = 1; i <= count; ++i) ids.push_back(MemberId{i});
  return ids;
}

std::map<MemberId, std::size_t> owned(const Placement& placement) {
  std::map<MemberId, std::size_t> count;
  for (const MemberId owner : placement.owners) ++count[owner];
  return count;
}

// The rules that hold for every placement; the copies of each partition.
void check(const Placement& placement, std::size_t partitions) {
  ASSERT_EQ(placement.owners.size(), partitions);
  ASSERT_EQ(placement.replicas.size(), partitions);
  for (std::size_t p = 0; p < partitions; ++p) {
    const auto& replicas = placement.replicas[p];
    const std::set<MemberId> distinct(replicas.begin(), replicas.end());
    EXPECT_EQ(distinct.size(), replicas.size());
    EXPECT_FALSE(distinct.contains(placement.owners[p]));
  }
}

// In balance: every partition has its copies on servers that are there, owners and copies evenly.
void check_balanced(const Placement& placement, const std::vector<MemberId>& there,
                    std::uint32_t replicas) {
  std::map<MemberId, std::size_t> copies;
  std::map<MemberId, std::size_t> owners = owned(placement);
  for (const MemberId server : there) copies[server] += 0, owners[server] += 0;
  for (std::size_t p = 0; p < placement.owners.size(); ++p) {
    EXPECT_EQ(placement.replicas[p].size(), std::min<std::size_t>(replicas, there.size() - 1));
    ++copies[placement.owners[p]];
    for (const MemberId replica : placement.replicas[p]) ++copies[replica];
  }
  EXPECT_EQ(copies.size(), there.size()) << "a copy on a server that is gone";
  const auto [least, most] = std::minmax_element(
      copies.begin(), copies.end(), [](auto& a, auto& b) { return a.second < b.second; });
  EXPECT_LE(most->second - least->second, 1U);
}

TEST(Placement, PlacesEvenlyAndSpreadsWhatALossLeavesBehind) {
  for (std::uint64_t n = 1; n <= 6; ++n) {
    for (std::uint32_t replicas = 0; replicas <= 2; ++replicas) {
      SCOPED_TRACE(std::to_string(n) + " servers, " + std::to_string(replicas) + " replicas");
      const Placement placement = place(64, servers(n), replicas);
      check(placement, 64);
      const auto owners = owned(placement);
      EXPECT_EQ(owners.size(), n);
      for (const auto& [server, count] : owners) EXPECT_LE(count, 64 / n + 1);
      const auto after = without(placement, MemberId{1});
      EXPECT_EQ(after.has_value(), replicas > 0 && n > 1);
      if (!after) continue;
      check(*after, 64);
      EXPECT_FALSE(owned(*after).contains(MemberId{1}));
      for (const auto& [server, count] : owned(*after)) EXPECT_LE(count, 64 / (n - 1) + 3);
    }
  }
}

// From any history of joins, leaves and losses it comes to rest in balance, and never gives up the
// last copy of a partition on the way.
TEST(Placement, ComesToRestInBalance) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const auto partitions = static_cast<std::uint32_t>(1 + mix(seed, 1) % 20);
    const auto replicas = static_cast<std::uint32_t>(mix(seed, 2) % 3);
    const auto additions = static_cast<std::uint32_t>(1 + mix(seed, 3) % 9);
    std::vector<MemberId> there = servers(1 + mix(seed, 4) % 5);
    Placement placement = place(partitions, there, replicas);
    for (std::uint64_t change = 0; change < 6; ++change) {
      const std::uint64_t draw = mix(seed, 10 + change);
      if (draw % 2 == 0 || there.size() == 1) {
        there.push_back(MemberId{100 + change});
      } else {
        const MemberId gone = there[draw / 2 % there.size()];
        std::erase(there, gone);
        if (draw % 3 == 0) {  // Killed, rather than asked to leave.
          if (auto rest = without(placement, gone)) placement = *rest;
        }
      }
      int rounds = 0;
      while (auto next = improve(placement, there, replicas, additions)) {
        check(*next, partitions);
        std::size_t added = 0;
        for (std::size_t p = 0; p < partitions; ++p) {
          std::set<MemberId> before(placement.replicas[p].begin(), placement.replicas[p].end());
          before.insert(placement.owners[p]);
          EXPECT_TRUE(before.contains(next->owners[p])) << "an owner without a copy";
          for (const MemberId replica : next->replicas[p]) added += !before.contains(replica);
        }
        EXPECT_LE(added, additions);
        placement = *next;
        ASSERT_LT(++rounds, 200);
      }
      check_balanced(placement, there, replicas);
    }
  }
}

// How uneven it is, as placement.h says it.
double unevenness(const Placement& placement, const std::vector<Weight>& weights) {
  Weight sum{.load = 0.0, .size = 0.0};
  for (const Weight& weight : weights) sum.load += weight.load, sum.size += weight.size;
  const auto n = static_cast<double>(weights.size());
  std::map<MemberId, double> loads;
  std::map<MemberId, double> sizes;
  for (std::size_t p = 0; p < weights.size(); ++p) {
    loads[placement.owners[p]] += weights[p].load * n / sum.load;
    sizes[placement.owners[p]] += weights[p].size * n / sum.size;
    for (const MemberId replica : placement.replicas[p]) {
      sizes[replica] += weights[p].size * n / sum.size;
    }
  }
  double squares = 0.0;
  for (const auto& [server, load] : loads) squares += load * load;
  for (const auto& [server, size] : sizes) squares += size * size / 4.0;
  return squares;
}

Placement rest(Placement placement, const std::vector<MemberId>& there, std::uint32_t replicas,
               std::uint32_t additions, const Balance& balance) {
  int rounds = 0;
  while (auto next = improve(placement, there, replicas, additions, balance)) {
    placement = *next;
    if (++rounds >= 500) {
      ADD_FAILURE() << "it does not come to rest";
      break;
    }
  }
  return placement;
}

TEST(Placement, AHotPartitionGoesWhereLittleIsGoingOn) {
  Balance balance{.weights = std::vector<Weight>(8), .gain_min = 0.01};
  balance.weights[0].load = 7.0;  // As much as all the others.
  for (std::uint32_t replicas = 0; replicas <= 1; ++replicas) {
    const Placement placement =
        rest(place(8, servers(2), replicas), servers(2), replicas, 8, balance);
    std::size_t with_it = 0;
    for (std::size_t p = 1; p < 8; ++p) with_it += placement.owners[p] == placement.owners[0];
    EXPECT_LE(with_it, 1U) << replicas << " replicas";
  }
}

// Whatever partitions weigh: it comes to rest, is no more uneven than before, and no single copy
// could go elsewhere to make it better.
TEST(Placement, ComesToRestWhereNoMoveIsBetter) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const auto partitions = static_cast<std::uint32_t>(1 + mix(seed, 1) % 20);
    const auto replicas = static_cast<std::uint32_t>(mix(seed, 2) % 3);
    const auto additions = static_cast<std::uint32_t>(1 + mix(seed, 3) % 9);
    const std::vector<MemberId> there = servers(1 + mix(seed, 4) % 5);
    Balance balance;
    for (std::uint32_t p = 0; p < partitions; ++p) {
      const std::uint64_t draw = mix(seed, 100 + p);
      balance.weights.push_back(
          {.load = 1.0 + static_cast<double>(draw % 7 == 0 ? draw % 500 : draw % 5),
           .size = 1.0 + static_cast<double>(draw / 7 % 10)});
    }
    if (seed % 2 == 0) balance.gain_min = 0.01;
    const Placement first = place(partitions, there, replicas);
    const Placement last = rest(first, there, replicas, additions, balance);
    check(last, partitions);
    const double reached = unevenness(last, balance.weights);
    EXPECT_LE(reached, unevenness(first, balance.weights) + 1e-6);
    const double gain =
        balance.gain_min * partitions * partitions / static_cast<double>(there.size()) + 1e-5;
    for (std::size_t p = 0; p < partitions; ++p) {
      std::vector<MemberId> holders = last.replicas[p];
      holders.push_back(last.owners[p]);
      for (std::size_t from = 0; from < holders.size(); ++from) {
        for (const MemberId to : there) {
          if (std::find(holders.begin(), holders.end(), to) != holders.end()) continue;
          std::vector<MemberId> after = holders;
          after[from] = to;
          for (const MemberId owner : after) {
            Placement moved = last;
            moved.owners[p] = owner;
            moved.replicas[p] = after;
            std::erase(moved.replicas[p], owner);
            EXPECT_GE(unevenness(moved, balance.weights), reached - gain) << "partition " << p;
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace ballast

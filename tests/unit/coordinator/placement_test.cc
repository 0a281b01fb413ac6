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

}  // namespace
}  // namespace ballast

#include "paramserver/tree.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <vector>

#include "tests/unit/paramserver/small_run.h"

namespace ballast::tree_test {
namespace {

using test::contribution_of;
using test::small_run;

constexpr std::uint32_t kLeaves = 8;
const RunConfig kRun = small_run(1, kLeaves);

// Each leaf has some rows of its own, some shared with others, and one leaf has none.
Contribution leaf(Leaf i) {
  if (i == 5) return {};
  std::vector<Key> keys = {1, 10 + i % 3, 20 + i};
  return contribution_of(i + 1, keys);
}

Contribution sum_of(Node node) {
  if (node.level == 0) return leaf(node.position);
  const Node left{node.level - 1, node.position * 2};
  return add(kRun.tables, sum_of(left), sum_of(left.sibling()));
}

const Contribution& whole() {
  static const Contribution sum = sum_of({3, 0});
  return sum;
}

TEST(ReductionTree, GivesTheSameBitsInEveryOrderOfLeaves) {
  std::vector<Leaf> order(kLeaves);
  std::iota(order.begin(), order.end(), 0U);
  int orders = 0;
  do {
    ReductionTree tree(kRun.tables, kLeaves);
    for (const Leaf i : order) {
      EXPECT_FALSE(tree.complete());
      ASSERT_EQ(tree.offer({0, i}, leaf(i)), Offer::counted);
    }
    ASSERT_TRUE(tree.complete());
    ASSERT_TRUE(same_bits(tree.sum(), whole())) << "in order " << orders;
    ++orders;
  } while (std::next_permutation(order.begin(), order.begin() + 7));  // The last leaf stays last.
  EXPECT_EQ(orders, 5040);
}

// Any mixture of nodes, some of them several times over, in any order.
TEST(ReductionTree, GivesTheSameBitsForEveryMixtureOfNodes) {
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    SCOPED_TRACE(seed);
    ReductionTree tree(kRun.tables, kLeaves);
    std::uint64_t draws = 0;
    while (!tree.complete()) {
      const std::uint64_t word = mix(seed, draws++);
      const auto level = static_cast<std::uint32_t>(word % 4);
      const Node node{level, static_cast<std::uint32_t>((word >> 8) % (kLeaves >> level))};
      ASSERT_NE(tree.offer(node, sum_of(node)), Offer::diverged);
      ASSERT_LT(draws, 1000U);
    }
    EXPECT_TRUE(same_bits(tree.sum(), whole()));
    EXPECT_EQ(tree.bytes(), whole().bytes());
  }
}

TEST(ReductionTree, DropsWhatIsCoveredAndReplacesWhatItCovers) {
  ReductionTree tree(kRun.tables, kLeaves);
  EXPECT_EQ(tree.offer({0, 0}, leaf(0)), Offer::counted);
  EXPECT_EQ(tree.offer({0, 0}, leaf(0)), Offer::covered) << "the same leaf again";
  EXPECT_EQ(tree.offer({2, 0}, sum_of({2, 0})), Offer::counted) << "covers the leaf";
  EXPECT_EQ(tree.offer({0, 0}, leaf(0)), Offer::covered);
  EXPECT_EQ(tree.offer({1, 1}, sum_of({1, 1})), Offer::covered);
  EXPECT_EQ(tree.offer({2, 1}, sum_of({2, 1})), Offer::counted);
  ASSERT_TRUE(tree.complete());
  EXPECT_TRUE(same_bits(tree.sum(), whole()));
  EXPECT_EQ(tree.offer({3, 0}, whole()), Offer::covered);
}

TEST(ReductionTree, SeesTwoComputationsThatDiffer) {
  Contribution other = leaf(2);
  other.figures.correct += 1;
  ReductionTree tree(kRun.tables, kLeaves);
  ASSERT_EQ(tree.offer({0, 2}, leaf(2)), Offer::counted);
  EXPECT_EQ(tree.offer({0, 2}, other), Offer::diverged);
  EXPECT_EQ(tree.offer({0, 2}, contribution_of(99, {1})), Offer::diverged);
  EXPECT_EQ(tree.offer({0, 2}, {}), Offer::diverged);
}

TEST(ReductionTree, SaysWhichMaximalNodesAreMissing) {
  struct Case {
    const char* name;
    std::vector<Node> there;
    std::vector<Node> missing;
  };
  const Case cases[] = {
      {"nothing is there", {}, {{3, 0}}},
      {"the first leaf", {{0, 0}}, {{0, 1}, {1, 1}, {2, 1}}},
      {"a leaf in the middle", {{0, 5}}, {{2, 0}, {0, 4}, {1, 3}}},
      {"the right half", {{2, 1}}, {{2, 0}}},
      {"both ends", {{0, 7}, {1, 0}}, {{1, 1}, {1, 2}, {0, 6}}},
      {"siblings become their parent", {{0, 4}, {0, 5}}, {{2, 0}, {1, 3}}},
      {"everything", {{2, 0}, {2, 1}}, {}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    ReductionTree tree(kRun.tables, kLeaves);
    for (const Node node : c.there) {
      ASSERT_EQ(tree.offer(node, sum_of(node)), Offer::counted);
    }
    EXPECT_EQ(tree.missing(), c.missing);
    EXPECT_EQ(tree.first_missing(), c.missing.empty() ? kLeaves : c.missing[0].begin());
    for (const Node node : c.there) EXPECT_TRUE(tree.covers(node));
    for (const Node node : c.missing) EXPECT_FALSE(tree.covers(node));
  }
}

// R1: a row that is there with the value -0 is another thing than a row that is not there.
TEST(Contribution, TakesWhatOneSideLacksFromTheOtherAsItIs) {
  const auto row = [](std::vector<float> values) {
    Contribution contribution;
    contribution.sparse.push_back(
        {test::kSparse, Bytes::own(std::vector<Key>{4}), Bytes::own(std::move(values))});
    return contribution;
  };
  const Contribution minus = row({-0.0F, -0.0F});
  EXPECT_TRUE(same_bits(add(kRun.tables, minus, {}), minus));
  EXPECT_TRUE(same_bits(add(kRun.tables, {}, minus), minus));
  EXPECT_TRUE(same_bits(add(kRun.tables, row({0.0F, 0.0F}), minus), row({0.0F, 0.0F})));
  EXPECT_FALSE(same_bits(minus, row({0.0F, 0.0F})));
  EXPECT_NE(hash_of(minus), hash_of(row({0.0F, 0.0F})));
}

}  // namespace
}  // namespace ballast::tree_test

#include "paramserver/account.h"

#include <gtest/gtest.h>

namespace ballast {
namespace {

TEST(Account, CountsEachLeafInSequence) {
  Account account(3);
  EXPECT_TRUE(account.expects(1, 1));
  EXPECT_FALSE(account.expects(1, 0));
  EXPECT_FALSE(account.expects(1, 2));
  account.count(1, 1);
  EXPECT_FALSE(account.expects(1, 1));
  EXPECT_TRUE(account.expects(1, 2));
  EXPECT_TRUE(account.expects(0, 1));
  EXPECT_EQ(account.counted(), 1U);
}

TEST(Account, TheFloorIsTheLowestClock) {
  Account account(3);
  const struct {
    Leaf leaf;
    Step step;
    Step floor;
  } counts[] = {{0, 1, 0}, {0, 2, 0}, {2, 1, 0}, {1, 1, 1}, {1, 2, 1}, {1, 3, 1}, {2, 2, 2}};
  for (const auto& [leaf, step, floor] : counts) {
    account.count(leaf, step);
    EXPECT_EQ(account.floor(), floor) << "leaf " << leaf << ", step " << step;
  }
  EXPECT_EQ(account.counted(), 7U);
}

TEST(Account, GoesOnFromWhatASnapshotHad) {
  Account account(2);
  account.raise(0, 5);
  EXPECT_EQ(account.floor(), 0U);
  account.raise(1, 4);
  EXPECT_EQ(account.floor(), 4U);
  EXPECT_EQ(account.counted(), 9U);
  EXPECT_TRUE(account.expects(1, 5));
}

}  // namespace
}  // namespace ballast

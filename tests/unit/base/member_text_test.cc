#include "common/base/member_text.h"

#include <gtest/gtest.h>

namespace ballast {
namespace {

TEST(MemberText, LeavesAreNamedInRanges) {
  EXPECT_EQ(text_of({3}), "leaf 3");
  EXPECT_EQ(text_of({0, 1, 2, 5}), "leaves 0 to 2, 5");
}

TEST(MemberText, OneIsNoPlural) {
  EXPECT_EQ(counted(0, "run"), "0 runs");
  EXPECT_EQ(counted(1, "run"), "1 run");
  EXPECT_EQ(counted(1, "leaf", "leaves"), "1 leaf");
  EXPECT_EQ(counted(4, "leaf", "leaves"), "4 leaves");
}

}  // namespace
}  // namespace ballast

#include "common/runtime/background.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

namespace ballast {
namespace {

TEST(Background, ComesAfterOthersAndIsDoneWhenItReturns) {
  const int ours = ::getpriority(PRIO_PROCESS, 0);
  int theirs = ours - 1;
  in_background([&] { theirs = ::getpriority(PRIO_PROCESS, 0); });
  EXPECT_GE(theirs, 10);
  EXPECT_EQ(::getpriority(PRIO_PROCESS, 0), ours);
}

}  // namespace
}  // namespace ballast

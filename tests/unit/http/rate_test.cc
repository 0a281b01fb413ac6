#include "common/http/rate.h"

#include <gtest/gtest.h>

namespace ballast::http {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(Rate, GrantsABurstAndThenASteadyRate) {
  Rate rate({.per_second = 10, .burst = 3});
  Time now{};
  for (int i = 0; i < 3; ++i) EXPECT_EQ(rate.take("a", now), Duration::zero());
  const Duration wait = rate.take("a", now);
  EXPECT_GT(wait, milliseconds(99));
  EXPECT_LT(wait, milliseconds(101));
  EXPECT_EQ(rate.take("b", now), Duration::zero()) << "others are not concerned";

  now += wait;
  EXPECT_EQ(rate.take("a", now), Duration::zero());
  EXPECT_GT(rate.take("a", now), Duration::zero());
  now += seconds(60);  // No more than the burst is saved up.
  for (int i = 0; i < 3; ++i) EXPECT_EQ(rate.take("a", now), Duration::zero());
  EXPECT_GT(rate.take("a", now), Duration::zero());
}

TEST(Rate, RemembersOnlySoManyAndTheRestShareOne) {
  Rate rate({.per_second = 1, .burst = 2, .names_max = 3});
  Time now{};
  for (const char* name : {"a", "b", "c"}) EXPECT_EQ(rate.take(name, now), Duration::zero());
  EXPECT_EQ(rate.take("d", now), Duration::zero());
  EXPECT_EQ(rate.take("e", now), Duration::zero());
  EXPECT_GT(rate.take("f", now), Duration::zero()) << "d and e took what strangers share";
  EXPECT_LE(rate.names(), 4U);

  now += seconds(10);  // All are full again, so forgotten.
  EXPECT_EQ(rate.take("g", now), Duration::zero());
  EXPECT_EQ(rate.names(), 1U);
}

}  // namespace
}  // namespace ballast::http

#include "coordinator/chain.h"

#include <gtest/gtest.h>

#include <string>

namespace ballast {
namespace {

wire::SnapshotFile file(Step since, std::uint64_t bytes) {
  return {PartitionId{0}, "f" + std::to_string(since), bytes, 1, "c", since};
}

TEST(Chain, WhatIsAskedFor) {
  struct Case {
    const char* name;
    Chain chain;
    std::uint32_t files_max;
    Step since;
  };
  const Case cases[] = {
      {"nothing to go on from", {}, 8, 0},
      {"a base", {file(0, 100)}, 8, 50},
      {"a base and small deltas", {file(0, 100), file(10, 1), file(20, 99)}, 8, 50},
      {"deltas that outgrew their base", {file(0, 100), file(10, 1), file(20, 100)}, 8, 0},
      {"a full chain: one delta for all", {file(0, 100), file(10, 1), file(20, 1)}, 3, 10},
      {"as short as a chain with deltas gets", {file(0, 100), file(10, 1)}, 2, 10},
      {"no deltas at all", {file(0, 100)}, 1, 0},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(since_for(c.chain, 50, c.files_max), c.since);
  }
}

TEST(Chain, HowItGoesOn) {
  const Chain chain = {file(0, 100), file(10, 1), file(20, 1)};
  struct Case {
    const char* name;
    Step since;
    std::optional<wire::SnapshotFile> written;
    Chain expected;
  };
  const Case cases[] = {
      {"nothing changed", 30, {}, chain},
      {"a delta more", 30, file(30, 5), {chain[0], chain[1], chain[2], file(30, 5)}},
      {"a delta for all", 10, file(10, 5), {chain[0], file(10, 5)}},
      {"a base where a delta was asked for", 30, file(0, 7), {file(0, 7)}},
      {"a base where one was asked for", 0, file(0, 7), {file(0, 7)}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(extended(chain, c.since, c.written), c.expected);
  }
}

// However many checkpoints: never more files than allowed, nor deltas beyond base and one delta.
TEST(Chain, StaysShort) {
  for (const std::uint32_t files_max : {1U, 2U, 3U, 8U}) {
    SCOPED_TRACE(files_max);
    Chain chain = extended({}, 0, file(0, 100));
    for (Step kept = 1; kept < 200; ++kept) {
      const Step since = since_for(chain, kept, files_max);
      const std::uint64_t bytes = since == 0 ? 100 : std::min<std::uint64_t>(50, kept + 1 - since);
      chain = extended(chain, since, file(since, bytes));
      ASSERT_LE(chain.size(), files_max);
      ASSERT_EQ(chain[0].since, 0U);
      for (std::size_t i = 1; i < chain.size(); ++i) {
        ASSERT_LT(chain[i - 1].since, chain[i].since);
      }
    }
  }
}

}  // namespace
}  // namespace ballast

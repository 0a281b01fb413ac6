#include "common/runtime/cgroup.h"

#include <gtest/gtest.h>

#include <map>

namespace ballast {
namespace {

using Files = std::map<std::string, std::string>;

CgroupLimits limits_of(const Files& files) {
  return cgroup_limits([&](const std::string& path) -> std::optional<std::string> {
    const auto found = files.find(path);
    if (found == files.end()) return std::nullopt;
    return found->second;
  });
}

const char* const kMountedV2 =
    "22 26 0:20 / /proc rw - proc proc rw\n"
    "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n";
const char* const kMountedV1 =
    "40 39 0:33 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
    "41 39 0:34 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n"
    "42 39 0:35 / /sys/fs/cgroup/memory rw master:1 - cgroup cgroup rw,memory\n";
// In a container that sees its own group as the root of the mount and the whole path in /proc.
const char* const kMountedV1InContainer =
    "40 39 0:33 /pods/one /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpu\n"
    "42 39 0:35 /pods/one /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n";

TEST(Cgroup, TheSmallestLimitOnTheWayUpCounts) {
  struct Case {
    const char* name;
    Files files;
    std::optional<double> cpus;
    std::optional<std::uint64_t> memory_bytes;
  };
  const Case cases[] = {
      {"no control groups", {}, {}, {}},
      {"version 2, a container with a namespace",
       {{"/proc/self/cgroup", "0::/\n"},
        {"/proc/self/mountinfo", kMountedV2},
        {"/sys/fs/cgroup/cpu.max", "150000 100000\n"},
        {"/sys/fs/cgroup/memory.max", "536870912\n"}},
       1.5,
       536870912},
      {"version 2, no limits",
       {{"/proc/self/cgroup", "0::/\n"},
        {"/proc/self/mountinfo", kMountedV2},
        {"/sys/fs/cgroup/cpu.max", "max 100000\n"},
        {"/sys/fs/cgroup/memory.max", "max\n"}},
       {},
       {}},
      {"version 2, the group above allows less",
       {{"/proc/self/cgroup", "0::/a/b\n"},
        {"/proc/self/mountinfo", kMountedV2},
        {"/sys/fs/cgroup/a/b/cpu.max", "400000 100000\n"},
        {"/sys/fs/cgroup/a/cpu.max", "200000 100000\n"},
        {"/sys/fs/cgroup/a/b/memory.max", "1000\n"},
        {"/sys/fs/cgroup/a/memory.max", "2000\n"}},
       2.0,
       1000},
      {"version 1",
       {{"/proc/self/cgroup", "3:cpuset:/\n2:cpuacct,cpu:/a\n1:memory:/a\n"},
        {"/proc/self/mountinfo", kMountedV1},
        {"/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us", "50000\n"},
        {"/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us", "100000\n"},
        {"/sys/fs/cgroup/memory/a/memory.limit_in_bytes", "4096\n"}},
       0.5,
       4096},
      {"version 1, no limits",
       {{"/proc/self/cgroup", "2:cpu,cpuacct:/\n1:memory:/\n"},
        {"/proc/self/mountinfo", kMountedV1},
        {"/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1\n"},
        {"/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n"},
        {"/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"}},
       {},
       {}},
      {"version 1, a container without a namespace",
       {{"/proc/self/cgroup", "2:cpu:/pods/one\n1:memory:/pods/one\n"},
        {"/proc/self/mountinfo", kMountedV1InContainer},
        {"/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "300000\n"},
        {"/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n"},
        {"/sys/fs/cgroup/memory/memory.limit_in_bytes", "8192\n"}},
       3.0,
       8192},
      {"both versions, the limits in version 1",
       {{"/proc/self/cgroup", "1:memory:/a\n0::/\n"},
        {"/proc/self/mountinfo", std::string(kMountedV1) + kMountedV2},
        {"/sys/fs/cgroup/memory/a/memory.limit_in_bytes", "8192\n"}},
       {},
       8192},
      {"a group outside of what is mounted",
       {{"/proc/self/cgroup", "0::/../../other\n"},
        {"/proc/self/mountinfo", kMountedV2},
        {"/sys/fs/cgroup/memory.max", "8192\n"}},
       {},
       8192},
      {"nonsense",
       {{"/proc/self/cgroup", "0\n:\n0::/\n"},
        {"/proc/self/mountinfo", std::string("- cgroup2\n\n") + kMountedV2},
        {"/sys/fs/cgroup/cpu.max", "many 0\n"},
        {"/sys/fs/cgroup/memory.max", "12 bytes\n"}},
       {},
       {}},
  };

  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const CgroupLimits limits = limits_of(c.files);
    EXPECT_EQ(limits.cpus, c.cpus);
    EXPECT_EQ(limits.memory_bytes, c.memory_bytes);
  }
}

TEST(Cgroup, ThreadsAreWholeAndAtLeastOne) {
  struct Case {
    const char* name;
    std::optional<double> cpus;
    std::uint32_t cores;
    std::uint32_t threads;
  };
  const Case cases[] = {
      {"no limit", {}, 8, 8},
      {"a limit below the cores", 2.0, 8, 2},
      {"rounded down", 2.9, 8, 2},
      {"less than one", 0.1, 8, 1},
      {"more than there are", 64, 8, 8},
      {"a machine that does not know its cores", {}, 0, 1},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(threads_within({.cpus = c.cpus, .memory_bytes = {}}, c.cores), c.threads);
  }
}

TEST(Cgroup, TheBufferIsAQuarterOfALimit) {
  const CgroupLimits small{.cpus = {}, .memory_bytes = 1000};
  EXPECT_EQ(buffer_within({}, 500, 10), 500U);
  EXPECT_EQ(buffer_within(small, 500, 10), 250U);
  EXPECT_EQ(buffer_within(small, 200, 10), 200U);
  EXPECT_EQ(buffer_within(small, 500, 300), 300U);
}

// Where a limit is set at all, it is this process's: a machine under test has some memory.
TEST(Cgroup, ThisProcessHasRoomForATest) {
  const CgroupLimits limits = cgroup_limits();
  if (limits.memory_bytes) {
    EXPECT_GT(*limits.memory_bytes, std::uint64_t{1} << 20);
  }
  if (limits.cpus) {
    EXPECT_GT(*limits.cpus, 0.0);
  }
}

}  // namespace
}  // namespace ballast

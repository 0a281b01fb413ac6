#pragma once

// What the control groups that a container runtime or systemd put this process in allow it.
// Defaults follow them: a process that runs as many threads as the machine has cores is stopped for
// most of each period when it may use two, and one that fills the machine's memory is killed.
//
// Both versions of control groups are read, also side by side. A limit binds wherever it is set:
// the smallest of the process's group and those above it counts.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace ballast {

struct CgroupLimits {
  std::optional<double> cpus;  // Seconds of computing per second; none: no limit.
  std::optional<std::uint64_t> memory_bytes;
};

// The text of a file; none where it cannot be read.
using ReadText = std::function<std::optional<std::string>(const std::string& path)>;

// From /proc/self/cgroup, /proc/self/mountinfo and the groups' own files, as `read` has them. What
// is not there or not understood is no limit: these are defaults, and a kernel without control
// groups is an ordinary one.
[[nodiscard]] CgroupLimits cgroup_limits(const ReadText& read);

// Those of this process now.
[[nodiscard]] CgroupLimits cgroup_limits();

// How many threads can compute at once: the cores that this process may run on, of `cores`, rounded
// down where the limit is not whole. A step is as slow as its slowest leaf, and one thread too many
// has all of them wait for the rest of a period. At least 1.
[[nodiscard]] std::uint32_t threads_within(const CgroupLimits& limits, std::uint32_t cores);

// `wanted`, or a quarter of the limit on memory where that is less: tables and their copies need
// the rest. At least `least`.
[[nodiscard]] std::uint64_t buffer_within(const CgroupLimits& limits, std::uint64_t wanted,
                                          std::uint64_t least);

}  // namespace ballast

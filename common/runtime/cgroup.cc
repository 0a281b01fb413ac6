#include "common/runtime/cgroup.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string_view>
#include <vector>

namespace ballast {
namespace {

// Version 1 has no word for "no limit": it says the largest number of whole pages.
constexpr std::uint64_t kUnlimitedBytes = std::uint64_t{1} << 60;

// Where one hierarchy is mounted, and which part of it.
struct Mount {
  std::string root;
  std::string point;
};

std::vector<std::string> words_of(const std::string& text, char separator) {
  std::vector<std::string> words;
  std::istringstream stream(text);
  for (std::string word; std::getline(stream, word, separator);) words.push_back(word);
  return words;
}

bool contains(const std::vector<std::string>& words, std::string_view wanted) {
  return std::find(words.begin(), words.end(), wanted) != words.end();
}

template <class Number>
std::optional<Number> number(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

template <class Number>
void lower(std::optional<Number>& limit, std::optional<Number> other) {
  if (other && (!limit || *other < *limit)) limit = other;
}

// A line of mountinfo: "ID PARENT DEVICE ROOT POINT OPTIONS [FIELDS...] - TYPE SOURCE
// SUPER-OPTIONS". `controller` is that of version 1; empty: version 2, which has one hierarchy for
// all of them.
std::optional<Mount> mount_of(const std::string& mountinfo, std::string_view controller) {
  for (const std::string& line : words_of(mountinfo, '\n')) {
    const auto words = words_of(line, ' ');
    const auto dash = std::find(words.begin(), words.end(), "-");
    if (words.size() < 6 || std::distance(dash, words.end()) < 4) continue;
    const bool is_it = controller.empty()
                           ? dash[1] == "cgroup2"
                           : dash[1] == "cgroup" && contains(words_of(dash[3], ','), controller);
    if (is_it) return Mount{.root = words[3], .point = words[4]};
  }
  return std::nullopt;
}

// A line of /proc/self/cgroup: "NUMBER:CONTROLLERS:PATH"; version 2 has the number 0 and none.
std::optional<std::string> group_of(const std::string& groups, std::string_view controller) {
  for (const std::string& line : words_of(groups, '\n')) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const bool is_it = controller.empty() ? line.starts_with("0::")
                                          : contains(words_of(controllers, ','), controller);
    if (is_it) return line.substr(second + 1);
  }
  return std::nullopt;
}

// The directories of the process's group and of those above it, as far as they are mounted.
std::vector<std::string> directories(const std::optional<Mount>& mount,
                                     const std::optional<std::string>& group) {
  if (!mount || !group) return {};
  // A container sees its own group as the root of what is mounted. Where the group lies outside of
  // it, the mount is all that can be seen.
  std::string path = *group;
  if (mount->root != "/") {
    path = path.starts_with(mount->root) ? path.substr(mount->root.size()) : "";
  }
  if (path.find("/..") != std::string::npos) path.clear();
  std::vector<std::string> found;
  while (path.size() > 1) {
    found.push_back(mount->point + path);
    path.resize(path.rfind('/'));
  }
  found.push_back(mount->point);
  return found;
}

// "max 100000", or "150000 100000": microseconds of computing, and of the period.
std::optional<double> cpus_of_max(const std::optional<std::string>& text) {
  const auto words = words_of(text.value_or(""), ' ');
  if (words.size() != 2) return std::nullopt;
  const auto quota = number<std::int64_t>(words[0]);
  const auto period = number<std::int64_t>(words[1]);
  if (!quota || !period || *quota <= 0 || *period <= 0) return std::nullopt;
  return static_cast<double>(*quota) / static_cast<double>(*period);
}

// The same in two files; a quota of -1 is none.
std::optional<double> cpus_of_quota(const std::optional<std::string>& quota,
                                    const std::optional<std::string>& period) {
  if (!quota || !period) return std::nullopt;
  std::string text = quota->substr(0, quota->find('\n'));
  return cpus_of_max(text + " " + *period);
}

std::optional<std::uint64_t> bytes_of(const std::optional<std::string>& text) {
  const auto bytes = number<std::uint64_t>(text.value_or(""));
  return bytes && *bytes < kUnlimitedBytes ? bytes : std::nullopt;
}

}  // namespace

CgroupLimits cgroup_limits(const ReadText& read) {
  const std::string groups = read("/proc/self/cgroup").value_or("");
  const std::string mountinfo = read("/proc/self/mountinfo").value_or("");
  const auto directories_of = [&](std::string_view controller) {
    return directories(mount_of(mountinfo, controller), group_of(groups, controller));
  };

  CgroupLimits limits;
  for (const std::string& directory : directories_of("")) {
    lower(limits.cpus, cpus_of_max(read(directory + "/cpu.max")));
    lower(limits.memory_bytes, bytes_of(read(directory + "/memory.max")));
  }
  for (const std::string& directory : directories_of("cpu")) {
    lower(limits.cpus, cpus_of_quota(read(directory + "/cpu.cfs_quota_us"),
                                     read(directory + "/cpu.cfs_period_us")));
  }
  for (const std::string& directory : directories_of("memory")) {
    lower(limits.memory_bytes, bytes_of(read(directory + "/memory.limit_in_bytes")));
  }
  return limits;
}

CgroupLimits cgroup_limits() {
  return cgroup_limits([](const std::string& path) -> std::optional<std::string> {
    std::ifstream file(path);
    if (!file) return std::nullopt;
    return std::string(std::istreambuf_iterator<char>(file), {});
  });
}

std::uint32_t threads_within(const CgroupLimits& limits, std::uint32_t cores) {
  double threads = std::max(cores, 1U);
  if (limits.cpus) threads = std::min(threads, std::floor(*limits.cpus));
  return static_cast<std::uint32_t>(std::max(threads, 1.0));
}

std::uint64_t buffer_within(const CgroupLimits& limits, std::uint64_t wanted, std::uint64_t least) {
  if (!limits.memory_bytes) return wanted;
  return std::max(std::min(wanted, *limits.memory_bytes / 4), least);
}

}  // namespace ballast

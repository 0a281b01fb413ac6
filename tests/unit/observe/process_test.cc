#include "common/observe/process.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <vector>

namespace ballast {
namespace {

TEST(Process, IsDescribedByWhatTheSystemKnowsOfIt) {
  const ProcessUse before = read_process_use();
  const auto now =
      std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch());
  EXPECT_LT(before.start_time, now.count() + 2);
  EXPECT_GT(before.start_time, now.count() - 3600);
  EXPECT_GT(before.resident_bytes, 1e6);
  EXPECT_GT(before.virtual_bytes, before.resident_bytes);
  EXPECT_GE(before.threads, 1);
  EXPECT_GE(before.files_max, before.open_files);

  std::ifstream one_more("/proc/self/stat");
  const std::vector<char> memory(64 << 20, 'x');
  EXPECT_EQ(read_process_use().open_files, before.open_files + 1);
  EXPECT_GT(read_process_use().resident_bytes, before.resident_bytes + 5e7);
  ASSERT_EQ(memory.back(), 'x');
}

TEST(Process, CountsItsTime) {
  const double before = read_process_use().cpu_seconds;
  // The system counts in hundredths of a second.
  while (read_process_use().cpu_seconds < before + 0.02) {
  }
  MetricRegistry metrics;
  show_process(metrics, "worker", "1.2.3");
  const std::string text = metrics.text();
  EXPECT_NE(text.find("ballast_build_info{role=\"worker\",version=\"1.2.3\"} 1\n"),
            std::string::npos);
  EXPECT_NE(text.find("\nprocess_open_fds "), std::string::npos);
}

}  // namespace
}  // namespace ballast

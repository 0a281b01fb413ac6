#include "common/observe/disk.h"

#include <gtest/gtest.h>

#include <string>

namespace ballast {
namespace {

double value_of(const MetricRegistry& metrics, const std::string& sample) {
  const std::string text = "\n" + metrics.text();
  const std::size_t at = text.find("\n" + sample + " ");
  return at == std::string::npos ? -1 : std::stod(text.substr(at + sample.size() + 2));
}

TEST(Disk, IsThatOfTheNearestDirectoryThatThereIs) {
  MetricRegistry metrics;
  show_disk(metrics, "here", ".");
  show_disk(metrics, "later", "is-not-there/yet");
  const double size = value_of(metrics, "ballast_disk_size_bytes{of=\"here\"}");
  EXPECT_GT(size, 0);
  EXPECT_GE(size, value_of(metrics, "ballast_disk_available_bytes{of=\"here\"}"));
  EXPECT_EQ(size, value_of(metrics, "ballast_disk_size_bytes{of=\"later\"}"));
}

TEST(Disk, OfWhatCannotBeLookedAtNothingIsKnown) {
  MetricRegistry metrics;
  show_disk(metrics, "proc", "/proc");
  EXPECT_EQ(value_of(metrics, "ballast_disk_size_bytes{of=\"proc\"}"), 0) << "it has no size";
}

}  // namespace
}  // namespace ballast

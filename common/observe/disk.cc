#include "common/observe/disk.h"

#include <filesystem>
#include <system_error>

namespace ballast {
namespace {

// What is not there yet will be on the file system of the nearest directory that is.
std::filesystem::space_info space_at(const std::string& directory, std::error_code& error) {
  std::filesystem::path at = std::filesystem::absolute(directory, error);
  for (;;) {
    error.clear();
    const auto space = std::filesystem::space(at, error);
    if (!error || !at.has_relative_path()) return space;
    at = at.parent_path();
  }
}

}  // namespace

void show_disk(MetricRegistry& metrics, const std::string& of, const std::string& directory) {
  Gauge& size = metrics.gauge("ballast_disk_size_bytes",
                              "Of the file system that a directory is on.", {{"of", of}});
  Gauge& available = metrics.gauge("ballast_disk_available_bytes",
                                   "Free there, for whoever is not root.", {{"of", of}});
  metrics.before_text([directory, &size, &available] {
    std::error_code error;
    const auto space = space_at(directory, error);
    if (error) return;  // As it was.
    size.set(static_cast<double>(space.capacity));
    available.set(static_cast<double>(space.available));
  });
}

}  // namespace ballast

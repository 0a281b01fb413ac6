#include "common/observe/disk.h"

#include <filesystem>
#include <system_error>

namespace ballast {

void show_disk(MetricRegistry& metrics, const std::string& of, const std::string& directory) {
  Gauge& size = metrics.gauge("ballast_disk_size_bytes",
                              "Of the file system that a directory is on.", {{"of", of}});
  Gauge& available = metrics.gauge("ballast_disk_available_bytes",
                                   "Free there, for whoever is not root.", {{"of", of}});
  metrics.before_text([directory, &size, &available] {
    std::error_code error;
    const auto space = std::filesystem::space(directory, error);
    if (error) return;  // Not there yet, or gone: as it was.
    size.set(static_cast<double>(space.capacity));
    available.set(static_cast<double>(space.available));
  });
}

}  // namespace ballast

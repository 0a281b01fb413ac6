#pragma once

// What the system knows of this process, under the names that every exporter has for it
// (process_cpu_seconds_total, process_resident_memory_bytes, process_open_fds, ...), and who it is.

#include <string>

#include "common/observe/metrics.h"

namespace ballast {

struct ProcessUse {
  double cpu_seconds = 0;  // User and system, of all threads.
  double start_time = 0;   // Seconds since 1970, UTC
  double resident_bytes = 0;
  double virtual_bytes = 0;
  double threads = 0;
  double open_files = 0;
  double files_max = 0;
};
// From /proc; what cannot be read is 0.
[[nodiscard]] ProcessUse read_process_use();

// Read anew for each text(). `role` and `version` become the labels of ballast_build_info.
void show_process(MetricRegistry& metrics, const std::string& role, const std::string& version);

}  // namespace ballast

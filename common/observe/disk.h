#pragma once

// How full the file systems are that a process writes to.

#include <string>

#include "common/observe/metrics.h"

namespace ballast {

// ballast_disk_size_bytes and ballast_disk_available_bytes, read anew for each text(). `of` says
// what is there ("home", "output", "state"); `directory` need not exist yet.
void show_disk(MetricRegistry& metrics, const std::string& of, const std::string& directory);

}  // namespace ballast

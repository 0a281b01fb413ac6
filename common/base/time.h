#pragma once

// Time as a value: the host reads a clock, a machine is told. Nanoseconds of a monotonic clock
// whose origin means nothing; only differences do.

#include <chrono>

namespace ballast {

using Duration = std::chrono::nanoseconds;
using Time = std::chrono::time_point<std::chrono::steady_clock, Duration>;

}  // namespace ballast

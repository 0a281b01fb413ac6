#pragma once

// Times as people read them.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "common/base/time.h"

namespace ballast {

[[nodiscard]] inline double seconds_between(Time begin, Time end) {
  return std::chrono::duration<double>(end - begin).count();
}

// "42s", "3m07s", "2h05m".
[[nodiscard]] inline std::string duration_text(double seconds) {
  const auto whole = std::llround(std::max(0.0, seconds));
  if (whole < 60) return fmt::format("{}s", whole);
  if (whole < 3600) return fmt::format("{}m{:02}s", whole / 60, whole % 60);
  return fmt::format("{}h{:02}m", whole / 3600, whole / 60 % 60);
}

}  // namespace ballast

#pragma once

// The page around the numbers, in three parts: before the job, before the timings, and the rest.
// Their definition is generated.

#include <string_view>

namespace ballast {

extern const std::string_view kReportHead;
extern const std::string_view kReportMiddle;
extern const std::string_view kReportTail;

}  // namespace ballast

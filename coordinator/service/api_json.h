#pragma once

// What the API says and takes, as JSON: docs/api.md.

#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/http/message.h"
#include "coordinator/service/board.h"
#include "coordinator/service/service.h"

namespace ballast {

// "2026-11-29T09:30:00.125Z"; of 0 nothing.
[[nodiscard]] std::string date_text(Milliseconds at);

enum class JobDetail { row, whole };  // Without and with its spec and files.
[[nodiscard]] std::string job_json(const JobRecord& job, JobDetail detail);

struct JobQuery {
  std::string state{};  // Empty: any, as below.
  std::string owner{};
  std::uint64_t after = 0;  // The newest first: those with lower numbers; 0: all.
  std::size_t limit = 100;
};
// {"jobs": [...], "next": number or null}
[[nodiscard]] std::string jobs_json(const ServiceView& view, const JobQuery& query);
[[nodiscard]] std::string members_json(const ServiceView& view);
// How many jobs and members there are, and who asks.
[[nodiscard]] std::string service_json(const ServiceView& view, const std::string& version,
                                       const http::Caller& caller);
// How many jobs there are in each state: {"queued": 3, ...}
[[nodiscard]] std::string counts_json(const ServiceView& view);
// What of a report belongs into a row of the list. Null for a report that cannot be read.
[[nodiscard]] std::string progress_json(JobId job, const JobReport& report);
// {"age_seconds": ..., "report": ...}
[[nodiscard]] std::string report_json(const JobReport& report);

// The body of a submission. The spec is parsed: a mistake in it is told at once.
[[nodiscard]] Result<JobRequest> job_request_from_json(std::string_view text);

}  // namespace ballast

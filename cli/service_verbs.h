#pragma once

// What `status` and `resume` do with a job of a service instead of a directory.

#include <cstdint>
#include <optional>
#include <string>

namespace ballast {

// "12", where a service is meant and no file has that name.
[[nodiscard]] std::optional<std::uint64_t> job_number(const std::string& text);

[[nodiscard]] int show_service_status(const std::optional<std::uint64_t>& job, bool json);
[[nodiscard]] int resume_service_job(std::uint64_t job);

}  // namespace ballast

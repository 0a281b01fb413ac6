#pragma once

// A job of the service: what was asked for, and how far it has come.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/ids.h"
#include "common/base/result.h"

namespace ballast {

enum class JobKind : std::uint8_t { train, cv, search };

enum class JobState : std::uint8_t {
  queued,
  running,     // It has a process, or is about to have one again.
  cancelling,  // The same, and it is asked to stop.
  done,
  unfinished,  // It ended with what its budget reached for.
  failed,
  cancelled,
};
inline constexpr JobState kJobStates[] = {
    JobState::queued,     JobState::running, JobState::cancelling, JobState::done,
    JobState::unfinished, JobState::failed,  JobState::cancelled};
[[nodiscard]] constexpr bool is_under_way(JobState state) {
  return state == JobState::running || state == JobState::cancelling;
}
[[nodiscard]] constexpr bool has_ended(JobState state) {
  return state != JobState::queued && !is_under_way(state);
}
// Whether `resume` puts it back into the queue.
[[nodiscard]] constexpr bool can_go_on(JobState state) {
  return has_ended(state) && state != JobState::done;
}

[[nodiscard]] const char* name_of(JobKind kind);
[[nodiscard]] const char* name_of(JobState state);
[[nodiscard]] std::optional<JobKind> job_kind_named(std::string_view name);
[[nodiscard]] std::optional<JobState> job_state_named(std::string_view name);

// A file that came with the job: `path`, relative to the spec, is the upload with this digest.
struct JobFileEntry {
  std::string path;
  std::string sha256;
  friend bool operator==(const JobFileEntry&, const JobFileEntry&) = default;
};

inline constexpr int kPriorityMax = 100;

struct JobRequest {
  JobKind kind = JobKind::train;
  std::string name{};                    // Of the spec, if it has one.
  std::string owner{};                   // Who submitted it: the name of a token.
  std::string key{};                     // Of the submission: one job each; empty: none.
  std::string spec{};                    // YAML
  std::vector<std::string> overrides{};  // field=value
  std::vector<JobFileEntry> files{};
  int priority = 0;           // -kPriorityMax to kPriorityMax; the higher the sooner.
  std::uint32_t workers = 0;  // At most; 0: as many as its share.
  std::uint32_t servers = 0;  // At most; 0: all.
  friend bool operator==(const JobRequest&, const JobRequest&) = default;
};

// Milliseconds since 1970, UTC; 0: not yet.
using Milliseconds = std::int64_t;

struct JobRecord {
  JobId id{};
  JobRequest request;
  JobState state = JobState::queued;
  std::uint64_t life = 0;  // How often it was begun from the queue.
  std::uint32_t slot = 0;  // Where its coordinator listens, while it is under way.
  std::string reason;      // Of its end, or why its process had to be started again.
  int exit_code = 0;       // Of its process, once it has ended.
  Milliseconds submitted_at = 0;
  Milliseconds begun_at = 0;  // This life.
  Milliseconds ended_at = 0;
  friend bool operator==(const JobRecord&, const JobRecord&) = default;
};

// As kept, and as the API shows it.
[[nodiscard]] std::string to_json(const JobRecord& job);
[[nodiscard]] Result<JobRecord> job_record_from_json(std::string_view text);

}  // namespace ballast

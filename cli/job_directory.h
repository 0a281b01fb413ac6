#pragma once

// The directory of a cross-validation or search: what says that it is one, and how a job in it is
// begun or gone on with.

#include <optional>
#include <string>

#include "cli/run_options.h"
#include "common/base/result.h"
#include "common/job/spec.h"

namespace ballast {

// job.json of a job of many runs; that of a training run is job_file.h's.
struct JobOrigin {
  std::string spec;  // The effective YAML.
  std::string spec_directory;
};
[[nodiscard]] Status write_job_origin(const std::string& output, const JobOrigin& record);
// Nothing: there is a training run, or nothing at all.
[[nodiscard]] Result<std::optional<JobOrigin>> read_job_origin(const std::string& output);

// Removes what an earlier job, or run, left.
[[nodiscard]] Status clear_job(const std::string& output);

// Changed: it goes on, and job.json is to say by what spec.
enum class Begin { anew, again, changed };
// Sets the job up, runs it and shows it; returns the exit code.
[[nodiscard]] int run_job(Spec spec, const RunOptions& options, const std::string& listen,
                          Begin begin);

}  // namespace ballast

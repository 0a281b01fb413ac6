#pragma once

// job.json: what a run is, written into its output directory before the first step, so that it can
// be resumed even when it dies before the first checkpoint. It never changes afterwards.

#include <memory>
#include <string>

#include "common/base/result.h"
#include "common/job/run.h"

namespace ballast {

struct JobFile {
  RunConfig run;
  std::string transforms_json;  // prepare.h: the fitted transforms.
};

[[nodiscard]] Status write_job_file(const std::string& output, const JobFile& job);
[[nodiscard]] Result<JobFile> read_job_file(const std::string& output);

// Where the coordinator of a run can be asked, as long as one runs: for `ballast status`.
[[nodiscard]] Status write_endpoint(const std::string& output, const std::string& endpoint);
[[nodiscard]] Result<std::string> read_endpoint(const std::string& output);
[[nodiscard]] Status remove_endpoint(const std::string& output);

// Where things are in an output directory.
[[nodiscard]] std::string checkpoints_of(const std::string& output);
// The store that the run names (checkpoint.store), else the directory above.
[[nodiscard]] std::string checkpoints_of(const std::string& output, const RunConfig& run);
[[nodiscard]] std::string home_of_server(const std::string& output, std::uint32_t server);

}  // namespace ballast

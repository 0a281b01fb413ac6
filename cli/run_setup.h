#pragma once

// From a spec to a run that can start: prepare the data, check the model against it, and fix
// everything the roles must agree on.

#include <functional>
#include <string>

#include "cli/job_file.h"
#include "common/job/spec.h"
#include "worker/data/prepare.h"
#include "worker/model/model.h"

namespace ballast {

struct SetupOptions {
  std::string cache;  // For prepared data.
  std::uint32_t threads = 1;
  std::function<void(const PrepareProgress&)> progress;
};

struct Setup {
  JobFile job;
  std::vector<std::string> notices;  // For the user: rows skipped, duplicates dropped.
};

// What the data of a run looks like to make_run().
struct RunShape {
  std::string dataset;  // Directory, ...
  std::string digest;   // ... and of what is in it.
  std::vector<std::string> classes;
  std::uint64_t train = 0;  // Examples.
  std::uint64_t validation = 0;
  std::uint64_t test = 0;
};
[[nodiscard]] Result<RunConfig> make_run(const Spec& spec, const RunShape& shape,
                                         const Model& model);

[[nodiscard]] Result<Setup> set_up_run(const Spec& spec, const SetupOptions& options);

// The prepared data of a run that was set up before: found again, or prepared again to the same
// digest.
[[nodiscard]] Status restore_dataset(JobFile& job, const SetupOptions& options);

// $BALLAST_CACHE, else $XDG_CACHE_HOME/ballast, else ~/.cache/ballast, else .ballast-cache.
[[nodiscard]] std::string default_cache();

}  // namespace ballast

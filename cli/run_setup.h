#pragma once

// From a spec to a run that can start: prepare the data, check the model against it, and fix
// everything the roles must agree on.

#include <functional>
#include <string>

#include "cli/job_file.h"
#include "common/job/spec.h"
#include "worker/data/fold_files.h"
#include "worker/data/prepare.h"

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

[[nodiscard]] Result<Setup> set_up_run(const Spec& spec, const SetupOptions& options);

// How many steps a run of `spec` has on so many training examples.
[[nodiscard]] Result<Step> steps_on(const Spec& spec, std::uint64_t train_examples);

struct FoldOptions {
  std::string
      folds;  // Directory for fold files, which every worker must see; created when missing.
  std::uint32_t threads = 1;
  std::string transforms_json = {};  // Fitted before on the same examples; empty: not yet.
};

// A run over one fold of packed data: fits its transforms, writes the fold's files, and fixes what
// the roles must agree on. The fold itself is encoded by the workers.
[[nodiscard]] Result<JobFile> set_up_fold(const Spec& spec, const PackedTable& packed,
                                          const FoldExamples& examples, const FoldOptions& options);

// The prepared data of a run that was set up before: found again, or prepared again to the same
// digest. That of a fold is found, or an error.
[[nodiscard]] Status restore_dataset(JobFile& job, const SetupOptions& options);

}  // namespace ballast

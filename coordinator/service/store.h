#pragma once

// Where the jobs of a service are kept: a RocksDB in its state directory. A change is durable when
// keep() returns.
//
// One thread.

#include <memory>
#include <string>
#include <vector>

#include "common/base/ids.h"
#include "common/base/result.h"
#include "common/storage/kv_store.h"
#include "coordinator/service/service.h"

namespace ballast {

class JobStore {
 public:
  // Opens what is there, and claims the next term. Error{conflict} when another service has it.
  [[nodiscard]] static Result<std::unique_ptr<JobStore>> open(const std::string& directory);

  [[nodiscard]] Term term() const { return term_; }
  // As they were when it was opened.
  [[nodiscard]] std::vector<JobRecord> take_jobs() { return std::move(jobs_); }
  [[nodiscard]] Status keep(const KeepJobs& batch);

 private:
  explicit JobStore(std::string directory) : directory_(std::move(directory)) {}
  [[nodiscard]] Status reopen();
  [[nodiscard]] Status load();
  [[nodiscard]] Status claim();

  const std::string directory_;
  std::unique_ptr<KvStore> store_;  // Null: it refused a change, and is to be opened anew.
  Term term_ = 0;
  std::vector<JobRecord> jobs_;
};

}  // namespace ballast

#pragma once

// Where things are in the state directory of a service, and the command line by which the process
// of a job is started there.
//
//   STATE/queue/             the jobs (RocksDB)
//   STATE/uploads/SHA256     files that came with jobs, by content
//   STATE/jobs/000001/spec/  spec.yaml, and what came with it, under the names that it uses
//   STATE/jobs/000001/run/   the output directory, as everywhere
//   STATE/jobs/000001/log    what the process said
//   STATE/cache/             prepared data

#include <string>
#include <vector>

#include "common/base/result.h"
#include "coordinator/service/job.h"
#include "coordinator/service/service.h"

namespace ballast {

class JobPlaces {
 public:
  explicit JobPlaces(std::string state) : state_(std::move(state)) {}

  [[nodiscard]] std::string state() const { return state_; }
  [[nodiscard]] std::string queue() const;
  [[nodiscard]] std::string uploads() const;
  [[nodiscard]] std::string upload(const std::string& sha256) const;
  [[nodiscard]] std::string cache() const;
  [[nodiscard]] std::string job(JobId job) const;
  [[nodiscard]] std::string spec(JobId job) const;  // The directory.
  [[nodiscard]] std::string run(JobId job) const;
  [[nodiscard]] std::string log(JobId job) const;

 private:
  std::string state_;
};

// A file of a job: a path below the directory of its spec, and no way out of it.
[[nodiscard]] Status check_job_path(const std::string& path);

// Writes the spec and the files that came with it, where they are not there yet.
[[nodiscard]] Status lay_out_job(const JobPlaces& places, const JobRecord& job);

struct JobProcessOptions {
  std::string listen;
  std::uint32_t threads = 1;
  std::vector<std::string> log;  // Options of it, as words.
  std::string keys;              // Directory; empty: none
  bool insecure = false;
};
// It goes on with what is there of the job.
[[nodiscard]] std::vector<std::string> words_of_job(const JobPlaces& places, const StartJob& start,
                                                    const JobProcessOptions& options);

// The last sentence that a process ended with; empty: it said none.
[[nodiscard]] std::string last_words(const std::string& log);

}  // namespace ballast

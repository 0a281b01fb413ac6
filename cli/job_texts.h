#pragma once

// The metrics of the processes that were started for jobs, each with the number of its job. The
// label is job_id, since `job` is Prometheus' own word for what it scrapes.

#include <string>
#include <vector>

#include "common/observe/exposition.h"
#include "common/runtime/processes.h"

namespace ballast {

// REQUIRES: processes are named by their jobs.
[[nodiscard]] inline std::vector<ShownText> texts_of_jobs(const Processes& processes) {
  std::vector<ShownText> texts;
  for (auto& [id, text] : processes.shown()) {
    texts.push_back({std::move(text), {{"job_id", std::to_string(id)}}});
  }
  return texts;
}

}  // namespace ballast

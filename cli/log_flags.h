#pragma once

// What a process says of its work on stderr, and in which form.

#include <CLI/CLI.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/observe/log.h"

namespace ballast {

struct LogFlags {
  std::string level = "info";
  std::string form = "text";
  std::uint64_t job = 0;  // Of a service; 0: none.
};

// --log-level, --log, and --log-job for processes that are started for a job.
void add_log(CLI::App& verb, LogFlags& flags);

// Opens the log, or says why not.
[[nodiscard]] Result<std::unique_ptr<Log>> open_log(const LogFlags& flags);

// For processes that are started as we were: all but the job, which is theirs.
[[nodiscard]] std::vector<std::string> words_of(const LogFlags& flags);

}  // namespace ballast

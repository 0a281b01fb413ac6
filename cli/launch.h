#pragma once

// Does work that has been set up: everything in this process, or with local processes for the
// other roles, or as the coordinator of a cluster whose members are started elsewhere. `train`,
// `resume` and `coordinator` are thin around it.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "cli/links.h"
#include "cli/log_flags.h"
#include "cli/role_http.h"
#include "cli/roles.h"
#include "cli/show.h"
#include "common/base/result.h"
#include "common/observe/log.h"
#include "common/runtime/machine.h"

namespace ballast {

enum class Shape {
  embedded,  // One process, inproc.
  local,     // Local processes, ipc or tcp on the loopback.
  cluster,   // Only the coordinator; members join it.
};

struct LaunchOptions {
  std::string output;
  Shape shape = Shape::embedded;
  std::uint32_t workers = 1;
  std::uint32_t servers = 1;
  std::uint32_t threads = 1;  // Of each worker.
  std::uint32_t embedded_workers = 1;
  std::string listen;             // cluster: the coordinator's endpoint.
  std::string transport = "ipc";  // local
  LogFlags log{};
  HttpFlags http{};               // Of the coordinator.
  Links links{};                  // cluster
  std::function<Status()> begin;  // Called once everything that can be refused has been accepted.
};

// Blocks until the run is over; shows its progress and its end.
[[nodiscard]] Exit launch(Work work, const LaunchOptions& options, Log& log, Show& show);

}  // namespace ballast

#pragma once

// The options that train, resume and coordinator share.

#include <CLI/CLI.hpp>
#include <cstdint>
#include <memory>
#include <string>

#include "cli/cache.h"
#include "cli/display.h"
#include "cli/launch.h"
#include "cli/links.h"
#include "cli/log_flags.h"
#include "cli/role_http.h"
#include "cli/run_setup.h"
#include "common/job/spec.h"

namespace ballast {

struct RunOptions {
  std::string output;
  std::uint32_t workers = 0;  // 0: not given
  std::uint32_t servers = 0;
  std::uint32_t threads = 1;
  std::string transport = "ipc";
  std::string cache = default_cache();
  LogFlags log{.level = "warning"};
  HttpFlags http{};
  LinkOptions links;
};

// What CLI11's own conversion lets through: "-1" wraps around, and larger numbers than 64 bits hold
// become the largest that they do.
[[nodiscard]] CLI::Validator whole_number();

void add_shape(CLI::App& verb, RunOptions& options);
void add_common(CLI::App& verb, RunOptions& options);

// What no data is needed for to see that it is a mistake. Preparing data may take an hour.
[[nodiscard]] Status check_output_place(const std::string& output);
[[nodiscard]] Status check_listen(const std::string& listen, const Links& links);
// Of a cluster that others join nobody knows the CPUs yet.
[[nodiscard]] Status check_kernel(KernelFamily kernel, Shape shape);

// Embedded without workers and servers, local processes with either.
[[nodiscard]] LaunchOptions launch_options(const RunOptions& options);
[[nodiscard]] SetupOptions setup_options(const RunOptions& options, Display& display);

// For Signals: while data is being prepared there is nothing to keep. Says so and ends the process.
[[noreturn]] void end_while_preparing(int signal);

// Prints the reason of an exit that is not done; returns its code.
[[nodiscard]] int exit_code(const Exit& exit);

}  // namespace ballast

#include "cli/run_options.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <utility>
#include <vector>

#include "common/math/blas.h"
#include "common/net/endpoint.h"
#include "common/storage/files.h"

namespace ballast {

CLI::Validator whole_number() {
  const auto reason = [](std::string& text) -> std::string {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error == std::errc() && end == text.data() + text.size()) return {};
    return "expected a whole number from 0 to 18446744073709551615, got \"" + text + "\"";
  };
  return {reason, "UINT"};
}

void add_shape(CLI::App& verb, RunOptions& options) {
  verb.add_option("--workers", options.workers,
                  "Local worker processes; without this and --servers all runs in one process")
      ->check(CLI::Range(1, 1024));
  verb.add_option("--servers", options.servers, "Local server processes")
      ->check(CLI::Range(1, 1024));
  verb.add_option("--transport", options.transport, "Between local processes: ipc or tcp")
      ->check(CLI::IsMember({"ipc", "tcp"}))
      ->capture_default_str();
}

void add_common(CLI::App& verb, RunOptions& options) {
  verb.add_option("--threads", options.threads, "Computing threads of each worker")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  verb.add_option("--cache", options.cache, "Where prepared data is kept ($BALLAST_CACHE)")
      ->capture_default_str();
  add_log(verb, options.log);
  add_role_http(verb, options.http);
}

Status check_output_place(const std::string& output) {
  const Status place = check_writable_directory(output);
  if (place) return {};
  return Error{place.error().code, place.error().message + "; choose another --out"};
}

Status check_listen(const std::string& listen, const Links& links) {
  const auto endpoint = parse_endpoint(listen, EndpointUse::bind, links.reach);
  if (!endpoint) return endpoint.error();
  return {};
}

Status check_kernel(KernelFamily kernel, Shape shape) {
  if (kernel == KernelFamily::automatic || shape == Shape::cluster) return {};
  const std::vector<KernelFamily> families = families_of_this_cpu();
  if (std::find(families.begin(), families.end(), kernel) != families.end()) return {};
  std::string possible;
  for (const KernelFamily family : families) possible += ", " + to_string(family);
  return Error{ErrorCode::invalid, "cluster.kernel: this CPU cannot run " + to_string(kernel) +
                                       "; choose auto" + possible};
}

LaunchOptions launch_options(const RunOptions& options) {
  LaunchOptions launch;
  launch.output = options.output;
  launch.shape = options.workers == 0 && options.servers == 0 ? Shape::embedded : Shape::local;
  launch.workers = std::max(1U, options.workers);
  launch.servers = std::max(1U, options.servers);
  launch.threads = options.threads;
  launch.transport = options.transport;
  launch.log = options.log;
  launch.http = options.http;
  return launch;
}

SetupOptions setup_options(const RunOptions& options, Display& display) {
  return {.cache = options.cache,
          .threads = std::max(options.threads, options.workers),
          .progress = [&display](const PrepareProgress& progress) { display.prepare(progress); }};
}

void end_while_preparing(int) {
  // What is half prepared has no name yet; the next run removes it.
  std::fprintf(
      stderr,
      "\nballast: interrupted while preparing the data; no run has begun, so give the same "
      "command again\n");
  _exit(static_cast<int>(ExitCode::interrupted));
}

int exit_code(const Exit& exit) {
  if (exit.code != ExitCode::done && !exit.reason.empty()) {
    std::fprintf(stderr, "ballast: %s\n", exit.reason.c_str());
  }
  return static_cast<int>(exit.code);
}

}  // namespace ballast

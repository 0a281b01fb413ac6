#include "cli/launch.h"

#include <fmt/core.h>
#include <stdlib.h>
#include <unistd.h>

#include <cstdio>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "cli/children.h"
#include "cli/roles.h"
#include "common/base/member_text.h"
#include "common/runtime/signals.h"
#include "common/storage/files.h"

namespace ballast {
namespace {

// A way to stop a host that may not be there yet, or not any more. Any thread.
class Stopper {
 public:
  void set(std::function<void()> stop) {
    const std::lock_guard lock(mutex_);
    stop_ = std::move(stop);
    if (asked_ && stop_) stop_();
  }
  void ask() {
    const std::lock_guard lock(mutex_);
    asked_ = true;
    if (stop_) stop_();
  }

 private:
  std::mutex mutex_;  // Guards both.
  std::function<void()> stop_;
  bool asked_ = false;
};

// A directory for the sockets of local processes, and of those who ask; gone with the run.
class SocketDirectory {
 public:
  SocketDirectory() {
    char name[] = "/tmp/ballast-XXXXXX";
    if (mkdtemp(name) != nullptr) path_ = name;
  }
  ~SocketDirectory() {
    if (!path_.empty()) static_cast<void>(remove_directory(path_));
  }
  SocketDirectory(const SocketDirectory&) = delete;
  SocketDirectory& operator=(const SocketDirectory&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// The servers and workers of an embedded run, on threads of this process.
class EmbeddedMembers {
 public:
  // `failed` hears, from another thread, why a member cannot take part.
  EmbeddedMembers(const Process& process, const LaunchOptions& options,
                  std::function<void(const std::string& reason)> failed)
      : process_(process),
        options_(options),
        failed_(std::move(failed)),
        stoppers_(1 + options.embedded_workers) {}
  ~EmbeddedMembers() {
    for (Stopper& stopper : stoppers_) stopper.ask();
    for (std::thread& thread : threads_) thread.join();
  }
  EmbeddedMembers(const EmbeddedMembers&) = delete;
  EmbeddedMembers& operator=(const EmbeddedMembers&) = delete;

  void start(const std::string& coordinator) {
    threads_.emplace_back([this, coordinator] {
      report(run_server(process_, {.coordinator = coordinator,
                                   .listen = "inproc://server",
                                   .advertise = "",
                                   .home = home_of_server(options_.output, 0),
                                   .stoppable = stoppable(0)}));
    });
    for (std::uint32_t i = 1; i <= options_.embedded_workers; ++i) {
      threads_.emplace_back([this, coordinator, i] {
        report(run_worker(process_, {.coordinator = coordinator,
                                     .threads = options_.threads,
                                     .cache = "",
                                     .stoppable = stoppable(i)}));
      });
    }
  }

 private:
  void report(const Exit& exit) const {
    if (exit.code == ExitCode::user_error) failed_(exit.reason);
  }
  OnStoppable stoppable(std::size_t member) {
    return [this, member](std::function<void()> stop) { stoppers_[member].set(std::move(stop)); };
  }

  const Process& process_;
  const LaunchOptions& options_;
  const std::function<void(const std::string&)> failed_;
  std::deque<Stopper> stoppers_;
  std::vector<std::thread> threads_;
};

void start_children(Children& children, const LaunchOptions& options,
                    const std::string& coordinator, const std::string& sockets) {
  const auto logged = [&](std::vector<std::string> words) {
    const std::vector<std::string> more = words_of(options.log);
    words.insert(words.end(), more.begin(), more.end());
    return words;
  };
  for (std::uint32_t i = 0; i < options.servers; ++i) {
    const std::string listen = options.transport == "tcp"
                                   ? "tcp://127.0.0.1:*"
                                   : "ipc://" + sockets + "/server-" + std::to_string(i);
    children.start({"server " + std::to_string(i),
                    logged({"server", "--coordinator", coordinator, "--listen", listen, "--home",
                            home_of_server(options.output, i)})});
  }
  for (std::uint32_t i = 0; i < options.workers; ++i) {
    children.start(
        {"worker " + std::to_string(i), logged({"worker", "--coordinator", coordinator, "--threads",
                                                std::to_string(options.threads)})});
  }
}

std::string shape_text(const LaunchOptions& options) {
  switch (options.shape) {
    case Shape::embedded: {
      const std::uint32_t threads = options.threads * options.embedded_workers;
      return "one process, " + counted(threads, "thread");
    }
    case Shape::local:
      return fmt::format("{} and {} on this machine over {}", counted(options.workers, "worker"),
                         counted(options.servers, "server"), options.transport);
    case Shape::cluster:
      return fmt::format("waiting for {} and {}", counted(options.workers, "worker"),
                         counted(options.servers, "server"));
  }
  return "";
}

// Only ours: another coordinator may have begun.
void forget_endpoint(const std::string& output, const std::string& endpoint, Log& log) {
  const auto written = read_endpoint(output);
  if (!written || *written != endpoint) return;
  if (const Status removed = remove_endpoint(output); !removed) {
    log.write(LogLevel::warning, {"coordinator", kCoordinator}, removed.error().message);
  }
}

std::string coordinator_endpoint(const LaunchOptions& options, const std::string& sockets) {
  switch (options.shape) {
    case Shape::embedded:
      return "inproc://coordinator";
    case Shape::local:
      return options.transport == "tcp" ? "tcp://127.0.0.1:*" : "ipc://" + sockets + "/coordinator";
    case Shape::cluster:
      return options.listen;
  }
  return "";
}

}  // namespace

Exit launch(Work work, const LaunchOptions& options, Log& log, Show& show) {
  std::optional<SocketDirectory> directory;
  if (options.shape == Shape::embedded ||
      (options.shape == Shape::local && options.transport == "ipc")) {
    directory.emplace();
  }
  const std::string sockets = directory ? directory->path() : "";
  ZmqContext context;
  const Process process{context, log, options.links};
  Stopper stopper;
  const Signals signals([&stopper](int) { stopper.ask(); });

  std::string failed;  // Guarded by `mutex`.
  std::mutex mutex;
  std::unique_ptr<Children> children;
  std::unique_ptr<EmbeddedMembers> embedded;
  std::string asked_at;  // As the output directory says; empty: it does not.
  show.start(shape_text(options));

  CoordinatorRole role;
  role.work = std::move(work);
  role.listen = coordinator_endpoint(options, sockets);
  if (options.shape == Shape::embedded && !sockets.empty()) {
    role.ask_at = "ipc://" + sockets + "/coordinator";
  }
  role.workers = options.workers;
  role.servers = options.servers;
  role.http = options.http;
  const auto on_failed = [&](const std::string& reason) {
    {
      const std::lock_guard lock(mutex);
      if (failed.empty()) failed = reason;
    }
    stopper.ask();
  };
  role.listening = [&](const std::string& endpoint) -> Status {
    if (options.begin) {
      if (const Status begun = options.begin(); !begun) return begun;
    }
    const std::string asked = role.ask_at.empty() ? endpoint : role.ask_at;
    if (const Status kept = write_endpoint(options.output, asked); !kept) {
      log.write(LogLevel::warning, {"coordinator", kCoordinator},
                "ballast status --out will not find this run: " + kept.error().message);
    } else {
      asked_at = asked;
    }
    if (options.shape == Shape::cluster) {
      fmt::print("coordinator listens at {}\n", endpoint);
      std::fflush(stdout);  // Somebody may be reading the log for it.
    }
    if (options.shape == Shape::local) {
      children = std::make_unique<Children>(log, [on_failed](const std::string& name) {
        on_failed(name + " cannot take part; its reason is above");
      });
      start_children(*children, options, endpoint, sockets);
    }
    if (options.shape == Shape::embedded) {
      embedded = std::make_unique<EmbeddedMembers>(process, options, on_failed);
      embedded->start(endpoint);
    }
    return {};
  };
  role.progress = [&](const Fleet& fleet) {
    show.update(fleet, std::chrono::steady_clock::now());
    if (fleet.is_over() && children) children->wind_down();
  };
  role.stoppable = [&stopper](std::function<void()> stop) { stopper.set(std::move(stop)); };

  Exit exit = run_coordinator(process, role);
  if (!asked_at.empty()) forget_endpoint(options.output, asked_at, log);
  if (exit.code == ExitCode::done || exit.code == ExitCode::unfinished) {
    show.finish(std::chrono::steady_clock::now());
  }
  show.clear();
  children.reset();  // So that what they have to say does not bury what comes now.
  {
    const std::lock_guard lock(mutex);
    const bool has_ended = exit.code == ExitCode::done || exit.code == ExitCode::unfinished;
    if (!failed.empty() && !has_ended) exit = {ExitCode::user_error, failed};
  }
  if (exit.code != ExitCode::done) {
    fmt::print(stderr, "ballast: {}\n", exit.reason);
    show.advise(exit);
  }
  return exit;
}

}  // namespace ballast

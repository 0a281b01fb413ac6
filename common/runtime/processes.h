#pragma once

// Processes of this binary, started and watched. They die with this process.
//
// Any thread; one thread inside.

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace ballast {

// The exit code that stands for a process that `signal` has killed, as shells have it.
[[nodiscard]] constexpr int exit_code_of_signal(int signal) { return 128 + signal; }

struct ProcessOrder {
  std::vector<std::string> arguments;  // Of this binary.
  std::string log;                     // The file that its output is appended to; empty: ours.
  bool is_shown = false;  // It takes --metrics-fd: what it says there is kept for shown().
};

class Processes {
 public:
  using Id = std::uint64_t;
  // `ended` is called on the thread inside once for every process that was started, with its exit
  // code. One that could not be started ends with code 3; `failed` hears why.
  Processes(std::function<void(Id, int code)> ended,
            std::function<void(Id, const std::string& why)> failed);
  // Ends what still runs: asks first, kills after `grace`. Nothing is called any more.
  ~Processes();
  Processes(const Processes&) = delete;
  Processes& operator=(const Processes&) = delete;

  // REQUIRES: no process of this id runs.
  void start(Id id, ProcessOrder order);
  // Nothing happens when it has ended.
  void signal(Id id, int signal);
  // What processes say of themselves (common/observe/metric_relay.h): the latest of each that runs
  // and has said something within kShownFor.
  [[nodiscard]] std::map<Id, std::string> shown() const;
  static constexpr std::chrono::seconds kShownFor{15};
  // Runs `call` on the thread inside.
  void call_after(std::chrono::milliseconds delay, std::function<void()> call);
  // What the end waits for, at most.
  static constexpr std::chrono::seconds kGrace{5};

 private:
  struct Watch;
  const std::unique_ptr<Watch> watch_;
};

}  // namespace ballast

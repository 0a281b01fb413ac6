#pragma once

// Running independent pieces of work on a few threads. Which thread runs which piece is left open,
// so work writes only to its own slot, and whoever folds the slots does so in their order: that is
// why nothing here can change a result.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "worker/data/prepare.h"

namespace ballast {

// Calls work(0) .. work(count - 1), each once, on at most `threads` threads; the caller is one.
template <class Work>
void parallel_for(std::size_t count, std::uint32_t threads, Work&& work) {
  std::atomic<std::size_t> next = 0;
  const auto run = [&] {
    for (std::size_t i = next.fetch_add(1); i < count; i = next.fetch_add(1)) work(i);
  };
  std::vector<std::thread> helpers;
  for (std::size_t t = 1; t < threads && t < count; ++t) helpers.emplace_back(run);
  run();
  for (std::thread& helper : helpers) helper.join();
}

// Counts what all threads have done and tells the user, always on the thread that made the meter.
class Meter {
 public:
  explicit Meter(std::function<void(const PrepareProgress&)> tell)
      : tell_(std::move(tell)), owner_(std::this_thread::get_id()) {}

  // REQUIRES: called by the owner, while no work runs.
  void begin(std::string stage, std::uint64_t total) {
    stage_ = std::move(stage);
    total_ = total;
    done_ = 0;
    say();
  }
  // So much of the whole is done. REQUIRES: as begin().
  void set(std::uint64_t done, std::uint64_t total) {
    done_ = done;
    total_ = total;
    say();
  }
  // REQUIRES: as begin().
  void notice(std::string sentence) const {
    if (tell_) tell_({stage_, done_.load(), total_, std::move(sentence)});
  }
  void add(std::uint64_t amount) {
    done_ += amount;
    if (std::this_thread::get_id() == owner_) say();
  }

 private:
  void say() const {
    if (tell_) tell_({stage_, done_.load(), total_, {}});
  }

  const std::function<void(const PrepareProgress&)> tell_;
  const std::thread::id owner_;
  std::string stage_;
  std::uint64_t total_ = 0;
  std::atomic<std::uint64_t> done_ = 0;
};

}  // namespace ballast

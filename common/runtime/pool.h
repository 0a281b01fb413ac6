#pragma once

// Threads that do a machine's jobs. Without lanes a job is done by whichever thread is free: jobs
// start in the order in which they were given, and what a job returns must not depend on which
// thread did it. With lanes each thread has jobs of its own, which it does in the order in which
// they were given: for jobs that must not pass one another. Outcomes come back in the order in
// which they are done. The threads know nothing of each other.

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "common/base/check.h"
#include "common/math/kernels.h"

namespace ballast {

template <class Job, class Outcome>
class Pool {
 public:
  using Executor = std::function<Outcome(Job&&)>;
  // Jobs of one lane are done by one thread; lanes may share it.
  using LaneOf = std::function<std::size_t(const Job&)>;

  // One thread per executor, which only that thread calls. `announce` is called from those threads
  // when take() went from having nothing to having something. Without `lane_of` there are no lanes.
  Pool(std::vector<Executor> executors, std::function<void()> announce, LaneOf lane_of = {})
      : executors_(std::move(executors)),
        announce_(std::move(announce)),
        lane_of_(std::move(lane_of)),
        lines_(lane_of_ ? executors_.size() : 1) {
    threads_.reserve(executors_.size());
    for (std::size_t i = 0; i < executors_.size(); ++i) {
      threads_.emplace_back([this, i] { work(executors_[i], lines_[i % lines_.size()]); });
    }
  }
  // Waits for jobs that have begun and drops the others.
  ~Pool() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    for (Line& line : lines_) line.wake.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  // REQUIRES: there is an executor.
  void give(Job job) {
    BALLAST_CHECK(!threads_.empty());
    Line& line = lines_[lane_of_ ? lane_of_(job) % lines_.size() : 0];
    {
      const std::lock_guard lock(mutex_);
      line.jobs.push_back(std::move(job));
    }
    line.wake.notify_one();
  }

  // All outcomes since the last call.
  [[nodiscard]] std::vector<Outcome> take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(outcomes_, {});
  }

 private:
  // Jobs that wait for one thread, or for any.
  struct Line {
    std::condition_variable wake;
    std::deque<Job> jobs;  // Guarded by mutex_.
  };

  void work(Executor& executor, Line& line) {
    pin_floating_point_mode();
    std::unique_lock lock(mutex_);
    while (true) {
      line.wake.wait(lock, [&] { return stopping_ || !line.jobs.empty(); });
      if (stopping_) return;
      Job job = std::move(line.jobs.front());
      line.jobs.pop_front();
      lock.unlock();
      Outcome outcome = executor(std::move(job));
      lock.lock();
      outcomes_.push_back(std::move(outcome));
      if (outcomes_.size() == 1) announce_();
    }
  }

  std::vector<Executor> executors_;
  const std::function<void()> announce_;
  const LaneOf lane_of_;
  std::deque<Line> lines_;  // One, or one per thread.

  // Guarded by mutex_.
  std::mutex mutex_;
  std::vector<Outcome> outcomes_;
  bool stopping_ = false;

  std::vector<std::thread> threads_;
};

}  // namespace ballast

#pragma once

// Threads that do a machine's jobs. Jobs start in the order in which they were given; outcomes come
// back in the order in which they are done. The threads know nothing of each other, so what a job
// returns must not depend on which one did it.

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

  // One thread per executor, which only that thread calls. `announce` is called from those threads
  // when take() went from having nothing to having something.
  Pool(std::vector<Executor> executors, std::function<void()> announce)
      : executors_(std::move(executors)), announce_(std::move(announce)) {
    threads_.reserve(executors_.size());
    for (Executor& executor : executors_) {
      threads_.emplace_back([this, &executor] { work(executor); });
    }
  }
  // Waits for jobs that have begun and drops the others.
  ~Pool() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  // REQUIRES: there is an executor.
  void give(Job job) {
    BALLAST_CHECK(!threads_.empty());
    {
      const std::lock_guard lock(mutex_);
      jobs_.push_back(std::move(job));
    }
    wake_.notify_one();
  }

  // All outcomes since the last call.
  [[nodiscard]] std::vector<Outcome> take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(outcomes_, {});
  }

 private:
  void work(Executor& executor) {
    pin_floating_point_mode();
    std::unique_lock lock(mutex_);
    while (true) {
      wake_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
      if (stopping_) return;
      Job job = std::move(jobs_.front());
      jobs_.pop_front();
      lock.unlock();
      Outcome outcome = executor(std::move(job));
      lock.lock();
      outcomes_.push_back(std::move(outcome));
      if (outcomes_.size() == 1) announce_();
    }
  }

  std::vector<Executor> executors_;
  const std::function<void()> announce_;

  // Guarded by mutex_.
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> jobs_;
  std::vector<Outcome> outcomes_;
  bool stopping_ = false;

  std::vector<std::thread> threads_;
};

}  // namespace ballast

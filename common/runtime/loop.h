#pragma once

// One thread's loop: a descriptor, an alarm and calls from other threads, in turn. It keeps Asio
// out of the headers above it.
//
// Everything belongs to the thread in run(), except post() and stop().

#include <functional>
#include <memory>

#include "common/base/time.h"

namespace ballast {

class Loop {
 public:
  Loop();
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // Calls `readable` whenever the descriptor is readable, again and again while it stays so. The
  // descriptor outlives the loop or the end of run().
  void watch(int descriptor, std::function<void()> readable);

  // Calls `alarm` once at `time` or a little later. Another call replaces the first.
  void wake_at(Time time, std::function<void()> alarm);

  // Runs `call` on the loop's thread, after everything posted before it. Any thread.
  void post(std::function<void()> call);

  // Until stop(). Calls that were posted and not yet made are then dropped.
  void run();
  void stop();  // Any thread.

 private:
  struct Asio;
  void wait_readable();
  void wait_alarm();

  const std::unique_ptr<Asio> asio_;
  std::function<void()> readable_;
  std::function<void()> alarm_;
  Time wish_{};   // When the alarm should ring,
  Time armed_{};  // and when the timer will look; earlier if a later wish replaced an earlier one.
  bool is_armed_ = false;
};

}  // namespace ballast

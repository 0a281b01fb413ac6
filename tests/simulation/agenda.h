#pragma once

// Simulated time: what happens next, in order of time and then of when it was planned.

#include <cstdint>
#include <functional>
#include <map>
#include <utility>

#include "common/base/check.h"
#include "common/base/time.h"

namespace ballast::simulation {

class Agenda {
 public:
  using Action = std::function<void()>;

  [[nodiscard]] Time now() const { return now_; }
  [[nodiscard]] std::uint64_t happened() const { return happened_; }

  void at(Time time, Action action) {
    BALLAST_CHECK(time >= now_);
    actions_.emplace(std::pair(time, planned_++), std::move(action));
  }
  void after(Duration delay, Action action) { at(now_ + delay, std::move(action)); }

  [[nodiscard]] bool empty() const { return actions_.empty(); }
  // REQUIRES: not empty().
  void next() {
    auto first = actions_.extract(actions_.begin());
    now_ = first.key().first;
    ++happened_;
    first.mapped()();
  }

 private:
  // Not zero: machines take an unset time for one.
  Time now_ = Time{} + std::chrono::seconds(1);
  std::uint64_t planned_ = 0;
  std::uint64_t happened_ = 0;
  std::map<std::pair<Time, std::uint64_t>, Action> actions_;
};

}  // namespace ballast::simulation

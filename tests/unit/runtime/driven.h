#pragma once

// A machine in a test: one input at a time, at a time of the test's own, and the effects of each.

#include <gtest/gtest.h>

#include <chrono>
#include <utility>
#include <variant>
#include <vector>

#include "common/runtime/machine.h"
#include "common/wire/messages.h"

namespace ballast::test {

template <class Machine>
class Driven : public testing::Test {
 protected:
  using After = Effects<typename Machine::Job>;
  using Outcome = typename Machine::Outcome;

  virtual Machine& machine() = 0;

  After step(Input<Outcome> input) {
    After effects;
    machine().step(now_, std::move(input), effects);
    return effects;
  }
  After receive(MemberId from, wire::Body body) {
    return step(Received{wire::Message{from, std::move(body)}});
  }
  After later(Duration time) {
    now_ += time;
    return step(Tick{});
  }

  template <class Job>
  static std::vector<Job> jobs(const After& effects) {
    std::vector<Job> found;
    for (const auto& job : effects.jobs) {
      if (const auto* concrete = std::get_if<Job>(&job)) found.push_back(*concrete);
    }
    return found;
  }

  Time now_ = Time{} + std::chrono::seconds(1);
};

}  // namespace ballast::test

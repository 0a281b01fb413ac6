#pragma once

// Which runs a job has, and in which order they are begun. Pure; the fleet asks it and tells it.
// What it answers must not depend on the order in which runs that are under way together end.

#include <algorithm>
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "common/runtime/machine.h"
#include "coordinator/coordinator.h"

namespace ballast {

struct RunEnd {
  RunId run{};
  Exit exit;
  RunProgress progress;  // The last.
};

class Agenda {
 public:
  virtual ~Agenda() = default;
  // The next run to begin, and never again; nothing: none for now.
  [[nodiscard]] virtual std::optional<RunId> next() = 0;
  // Whether next() is going to give this run, as far as is known by now.
  [[nodiscard]] virtual bool offers(RunId run) const = 0;
  virtual void on_end(const RunEnd& end) = 0;
  // How many runs have not ended, as far as is known by now.
  [[nodiscard]] virtual std::uint64_t left() const = 0;
  // Nothing will come any more, once the runs under way have ended.
  [[nodiscard]] virtual bool is_over() const = 0;
  // What the job ends with when all of its runs have: a run that fails need not end the job.
  [[nodiscard]] virtual Exit exit() const = 0;
};

// One run, and the job ends as it does: training.
class SingleRun final : public Agenda {
 public:
  static constexpr RunId kRun{1};

  std::optional<RunId> next() override {
    if (std::exchange(begun_, true)) return std::nullopt;
    return kRun;
  }
  bool offers(RunId run) const override { return run == kRun && !begun_; }
  void on_end(const RunEnd& end) override {
    exit_ = end.exit;
    has_ended_ = true;
  }
  std::uint64_t left() const override { return has_ended_ ? 0 : 1; }
  bool is_over() const override { return begun_; }
  Exit exit() const override { return exit_; }

 private:
  bool begun_ = false;
  bool has_ended_ = false;
  Exit exit_;
};

}  // namespace ballast

#pragma once

// Shows a training run: display.h, driven by a fleet with one run.

#include <string>
#include <utility>

#include "cli/display.h"
#include "cli/show.h"

namespace ballast {

class RunShow final : public Show {
 public:
  // REQUIRES: display outlives this.
  RunShow(RunConfig run, std::string output, Display& display)
      : run_(std::move(run)), output_(std::move(output)), display_(display) {}

  void start(const std::string& shape) override { display_.start(run_, shape); }
  void update(const Fleet& fleet, Time now) override;
  void finish(Time now) override { display_.finish(run_, progress_, output_, now); }
  void clear() override { display_.clear(); }
  void advise(const Exit& exit) const override;

 private:
  const RunConfig run_;
  const std::string output_;
  Display& display_;
  RunProgress progress_;
};

}  // namespace ballast

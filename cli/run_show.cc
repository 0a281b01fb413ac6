#include "cli/run_show.h"

#include <fmt/core.h>

#include <cstdio>

#include "coordinator/agenda.h"

namespace ballast {

void RunShow::update(const Fleet& fleet, Time now) {
  const RunProgress* const progress = fleet.progress(SingleRun::kRun);
  if (progress == nullptr) return;
  progress_ = *progress;
  display_.update(run_, progress_, now);
}

void RunShow::advise(const Exit& exit) const {
  if (exit.code == ExitCode::user_error) return;
  if (progress_.checkpoint) {
    fmt::print(stderr, "checkpoint of step {} is kept; go on with: ballast resume {}\n",
               *progress_.checkpoint, output_);
  } else {
    fmt::print(stderr, "no checkpoint was written yet; start again with: ballast resume {}\n",
               output_);
  }
}

}  // namespace ballast

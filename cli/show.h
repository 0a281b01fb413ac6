#pragma once

// What a user sees of the work while it goes on, and at its end. One thread calls it.

#include <string>

#include "common/base/time.h"
#include "coordinator/fleet.h"

namespace ballast {

class Show {
 public:
  virtual ~Show() = default;
  virtual void start(const std::string& shape) = 0;
  // After every step of the coordinator.
  virtual void update(const Fleet& fleet, Time now) = 0;
  // The work is done.
  virtual void finish(Time now) = 0;
  // Ends a moving line, so that other text can follow.
  virtual void clear() = 0;
  // How to go on after an exit that is not done.
  virtual void advise(const Exit& exit) const = 0;
};

}  // namespace ballast

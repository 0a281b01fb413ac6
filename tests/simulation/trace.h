#pragma once

// What happens, one line an event, for people: `simulate --seed N --trace`.

#include <string>

#include "common/base/time.h"
#include "common/wire/messages.h"

namespace ballast::simulation {

// "Push step 3, timeline 1, nodes 1/0 1/1".
[[nodiscard]] std::string describe(const wire::Body& body);

class Trace {
 public:
  enum class Mode { silent, printing };
  explicit Trace(Mode mode) : mode_(mode) {}

  // Whether lines are wanted at all: making them costs more than the simulation.
  [[nodiscard]] bool is_on() const { return mode_ == Mode::printing; }
  void line(Time now, const std::string& text);

 private:
  const Mode mode_;
};

}  // namespace ballast::simulation

#pragma once

// The local processes of a run: servers and workers started from this binary, watched, and started
// again when something kills them, as a cluster's supervisor would. They die with their parent.
//
// Any thread; one thread inside.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/observe/log.h"

namespace ballast {

struct Child {
  std::string name;                    // For messages: "worker 2".
  std::vector<std::string> arguments;  // Of this binary.
};

class Children {
 public:
  // `failed` is called, once, when a child says that trying again cannot help (exit code 2), with
  // its name. REQUIRES: log outlives this.
  Children(Log& log, std::function<void(const std::string& name)> failed);
  // Ends what still runs: asks first, then kills.
  ~Children();
  Children(const Children&) = delete;
  Children& operator=(const Children&) = delete;

  void start(Child child);
  // From now on a child that exits is left alone: the run is over.
  void wind_down();

 private:
  struct Watch;
  const std::unique_ptr<Watch> watch_;
};

}  // namespace ballast

#include "common/runtime/background.h"

#include <sys/resource.h>

#include <thread>

namespace ballast {

void in_background(const std::function<void()>& work) {
  std::thread([&work] {
    // Of the calling thread alone on Linux.
    static_cast<void>(::setpriority(PRIO_PROCESS, 0, 10));
    work();
  }).join();
}

}  // namespace ballast

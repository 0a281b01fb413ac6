#pragma once

// BALLAST_CHECK guards our own contracts and invariants. It is always on and aborts with the place
// and the condition: a supervisor restarts the process, the simulator prints its seed. It is never
// used on what a peer sent, what a file holds or what a user wrote; those come back as Result.

#include <cstdio>
#include <cstdlib>

namespace ballast {

[[noreturn]] inline void check_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "%s:%d: invariant broken: %s\n", file, line, condition);
  std::abort();
}

}  // namespace ballast

#define BALLAST_CHECK(condition) \
  ((condition) ? static_cast<void>(0) : ::ballast::check_failed(#condition, __FILE__, __LINE__))

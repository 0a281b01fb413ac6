#include "common/runtime/member_id.h"

#include <sys/random.h>

#include <cerrno>
#include <cstdint>

#include "common/base/check.h"

namespace ballast {

MemberId fresh_member_id() {
  std::uint64_t number = 0;
  while (number == index(kCoordinator)) {
    // Up to 256 bytes come whole; a signal may come before the kernel's pool is ready.
    const auto got = ::getrandom(&number, sizeof number, 0);
    BALLAST_CHECK(got == sizeof number || (got < 0 && errno == EINTR));
  }
  return MemberId{number};
}

}  // namespace ballast

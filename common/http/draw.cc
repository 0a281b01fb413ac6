#include "common/http/draw.h"

#include <sys/random.h>

#include <array>
#include <cerrno>
#include <cstdint>

#include "common/base/check.h"

namespace ballast::http {

std::string draw_hex(std::size_t bytes) {
  std::array<std::uint8_t, 128> drawn{};
  BALLAST_CHECK(bytes <= drawn.size());
  // Up to 256 bytes come whole; a signal may come before the kernel's pool is ready.
  ssize_t got = -1;
  while (got < 0) {
    got = ::getrandom(drawn.data(), bytes, 0);
    BALLAST_CHECK(got == static_cast<ssize_t>(bytes) || (got < 0 && errno == EINTR));
  }
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (std::size_t i = 0; i < bytes; ++i) {
    text += kDigits[drawn[i] >> 4];
    text += kDigits[drawn[i] & 15];
  }
  return text;
}

}  // namespace ballast::http

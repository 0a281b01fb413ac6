#pragma once

// Names and secrets that nobody can guess, from the kernel's random numbers.

#include <cstddef>
#include <string>

namespace ballast::http {

// `bytes` random bytes in hexadecimal. REQUIRES: at most 128.
[[nodiscard]] std::string draw_hex(std::size_t bytes);

}  // namespace ballast::http

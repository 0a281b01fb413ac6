#pragma once

// What stands in a wire input for values that its target computes: for payload frame i, the mark
// plus i.

#include <cstdint>

namespace ballast::fuzz {

inline constexpr std::uint64_t kChecksumMark = 0xba11a57c0dec0000;
inline constexpr std::uint64_t kBytesMark = 0xba11a57b17e50000;

}  // namespace ballast::fuzz

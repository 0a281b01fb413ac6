#pragma once

namespace ballast {

// Of this build; members of another version are refused.
inline constexpr const char* kVersion = BALLAST_VERSION;

}  // namespace ballast

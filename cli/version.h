#pragma once

namespace ballast {

// Of this build; members of another version are refused.
inline constexpr const char* kVersion = BALLAST_VERSION;

// What git calls the tree that it was built from, with -dirty where that was changed since. Empty
// where neither git nor BALLAST_REVISION said it. For people: members of another one are let in.
extern const char* const kRevision;

}  // namespace ballast

#pragma once

// Drawn once at the start of a process, at the edge: a core is given its id.

#include "common/base/ids.h"

namespace ballast {

// A random id that no other life of any process has, and never the coordinator's.
[[nodiscard]] MemberId fresh_member_id();

}  // namespace ballast

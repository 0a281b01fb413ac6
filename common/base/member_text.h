#pragma once

// Members and leaves as logs and answers name them.

#include <string>
#include <vector>

#include "common/base/ids.h"

namespace ballast {

// 16 hexadecimal digits.
[[nodiscard]] std::string to_string(MemberId member);
// "leaf 3", "leaves 0 to 2, 5". REQUIRES: ascending, not empty.
[[nodiscard]] std::string text_of(const std::vector<Leaf>& leaves);

}  // namespace ballast

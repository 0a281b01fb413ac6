#pragma once

// Members as logs and answers name them.

#include <string>

#include "common/base/ids.h"

namespace ballast {

// 16 hexadecimal digits.
[[nodiscard]] std::string to_string(MemberId member);

}  // namespace ballast

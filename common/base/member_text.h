#pragma once

// Members, leaves and numbers of things as logs and answers name them.

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/ids.h"

namespace ballast {

// 16 hexadecimal digits.
[[nodiscard]] std::string to_string(MemberId member);
// "leaf 3", "leaves 0 to 2, 5". REQUIRES: ascending, not empty.
[[nodiscard]] std::string text_of(const std::vector<Leaf>& leaves);
// "1 worker", "2 workers". `plural` is for nouns that take more than an s.
[[nodiscard]] std::string counted(std::uint64_t count, const std::string& noun,
                                  const std::string& plural = "");

}  // namespace ballast

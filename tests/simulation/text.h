#pragma once

// Words that several of the simulator's messages share.

#include <cstdint>
#include <string>

namespace ballast::simulation {

inline std::string number(std::uint64_t value) { return std::to_string(value); }

}  // namespace ballast::simulation

#pragma once

// Whether two machines that name the same directory see the same files: a checkpoint store has a
// mark of its own, drawn when it was made. The address of a store is "DIRECTORY#MARK".

#include <string>

#include "common/base/result.h"

namespace ballast {

// The address of a store in `directory`, which gets a mark if it has none yet.
[[nodiscard]] Result<std::string> store_address(const std::string& directory);

[[nodiscard]] std::string directory_of_store(const std::string& address);
// Whether the directory is the same one here. An address without a mark is taken at its word.
[[nodiscard]] bool sees_store(const std::string& address);

}  // namespace ballast

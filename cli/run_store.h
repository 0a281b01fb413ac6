#pragma once

// The checkpoint store of a training run where that is elsewhere (checkpoint.store of its spec):
// what an output directory does by being one, a store has to be asked for.

#include <string>

#include "common/base/result.h"

namespace ballast {

// Error{conflict} where the store holds a run: a new one would take its checkpoints for its own.
// Finds mistakes in the address and the credentials too, before any data is read.
[[nodiscard]] Status check_store_is_free(const std::string& store);

// Removes what a run left there, and nothing else.
[[nodiscard]] Status clear_store(const std::string& store);

}  // namespace ballast

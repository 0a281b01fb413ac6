#pragma once

// The Engine of every model: the network, the loss, and what makes a leaf's result a pure function
// of its arguments (model.h).

#include <memory>

#include "worker/model/architecture.h"
#include "worker/model/model.h"

namespace ballast {

// `architecture` outlives the engine.
[[nodiscard]] std::unique_ptr<Engine> make_engine(const Architecture& architecture,
                                                  const RunConfig& run,
                                                  std::shared_ptr<const Blas> blas);

}  // namespace ballast

#pragma once

// The checkpoint store that a place names: a directory, or "s3://BUCKET/PREFIX", with the server
// and the credentials of the environment (s3_environment.h).

#include <memory>
#include <string>

#include "common/base/result.h"
#include "common/storage/checkpoint_store.h"
#include "common/storage/rocks_store.h"

namespace ballast {

// `scratch`: a directory for copies of what is elsewhere, of this process alone; what is in it from
// before is removed. Empty: a temporary one, which goes with the store. A directory needs none.
// OpenMode::existing: Error{not_found} where there is nothing.
[[nodiscard]] Result<std::unique_ptr<CheckpointStore>> open_checkpoint_store(
    const std::string& place, OpenMode mode, const std::string& scratch);

// "PLACE/NAME", for directories and addresses.
[[nodiscard]] std::string place_below(const std::string& place, const std::string& name);

}  // namespace ballast

#pragma once

// A CheckpointStore that is a directory: local, NFS, or a mounted volume.

#include <memory>
#include <string>

#include "common/base/result.h"
#include "common/storage/checkpoint_store.h"
#include "common/storage/rocks_store.h"

namespace ballast {

// OpenMode::existing is for readers: it creates nothing, and Error{not_found} when there is none.
[[nodiscard]] Result<std::unique_ptr<CheckpointStore>> open_directory_store(
    const std::string& directory, OpenMode mode);

}  // namespace ballast

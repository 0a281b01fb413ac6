#pragma once

// The checkpoint store of a run as a server sees it that does not share its directory: files go to
// the coordinator over the link, and come from there. What the coordinator alone writes (manifests,
// claims) is refused here.
//
// One thread at a time.

#include <memory>
#include <string>

#include "common/runtime/file_link.h"
#include "common/storage/checkpoint_store.h"

namespace ballast {

// `directory`, on this machine, holds files on their way.
[[nodiscard]] std::unique_ptr<CheckpointStore> make_link_store(std::unique_ptr<FileLink> link,
                                                               std::string directory);

}  // namespace ballast

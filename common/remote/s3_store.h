#pragma once

// A CheckpointStore in a bucket of S3: the file NAME is the object PREFIX/NAME. An object appears
// whole or not at all, so nothing is staged there; what lies there of a crash are parts of uploads
// that were not ended, which no list shows, and which clear_staging() removes.
//
// Files are written and read in a scratch directory of this process; several go up at a time.

#include <memory>
#include <string>

#include "common/base/result.h"
#include "common/remote/s3_client.h"
#include "common/storage/checkpoint_store.h"
#include "common/storage/rocks_store.h"

namespace ballast {

// `where`: bucket and prefix. As open_checkpoint_store().
[[nodiscard]] Result<std::unique_ptr<CheckpointStore>> open_s3_store(
    const S3Name& where, OpenMode mode, const std::string& scratch,
    std::unique_ptr<S3Client> client);

}  // namespace ballast

#pragma once

// Where checkpoints live: a flat set of named files that outlives every process of the run: a
// directory (directory_store.h), or a bucket of S3 (common/remote/s3_store.h). Names have no '/'
// and do not start with a dot.
//
// A file appears under its name whole and durable, or not at all. Safe to call from any thread.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace ballast {

struct StoredFile {
  std::string name;
  std::uint64_t bytes = 0;
};

struct LocalFile {
  std::string path;
  std::string name;  // In the store.
};

class CheckpointStore {
 public:
  virtual ~CheckpointStore() = default;

  // A local directory to write files in before put_files(); near the store where that saves a copy.
  [[nodiscard]] virtual Result<std::string> staging_directory() = 0;
  // Removes what dead processes left there. A living process on an older timeline that still
  // writes there fails, as it should.
  [[nodiscard]] virtual Status clear_staging() = 0;

  // Moves local files, whose bytes are synced, into the store, replacing those of their names. All
  // are there for good when it succeeds; after an error some of them may be.
  [[nodiscard]] virtual Status put_files(std::span<const LocalFile> files) = 0;
  [[nodiscard]] Status put_file(const std::string& local_path, const std::string& name) {
    const LocalFile file{local_path, name};
    return put_files({&file, 1});
  }
  // A local path at which the file's bytes can be read until it is removed from the store, or until
  // release_files().
  [[nodiscard]] virtual Result<std::string> fetch_file(const std::string& name) = 0;
  // Nobody reads at paths of fetch_file() any more: what are copies can go, so that no more of them
  // lie about than are in use.
  [[nodiscard]] virtual Status release_files() { return {}; }

  // Small files. publish() replaces atomically.
  [[nodiscard]] virtual Status publish(const std::string& name, std::string_view text) = 0;
  // Error{conflict} when the name is taken.
  [[nodiscard]] virtual Status create_exclusively(const std::string& name,
                                                  std::string_view text) = 0;
  [[nodiscard]] virtual Result<std::string> read(const std::string& name) = 0;

  // Sorted by name.
  [[nodiscard]] virtual Result<std::vector<StoredFile>> list() = 0;
  // A file that is not there is fine.
  [[nodiscard]] virtual Status remove(const std::string& name) = 0;
  // For messages: where this is.
  [[nodiscard]] virtual std::string description() const = 0;
};

}  // namespace ballast

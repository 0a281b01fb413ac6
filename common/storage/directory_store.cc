#include "common/storage/directory_store.h"

#include <algorithm>
#include <utility>

#include "common/storage/files.h"

namespace ballast {
namespace {

constexpr std::string_view kStaging = ".staging";

// Moves a file to another file system, where a rename cannot.
Status copy_across(const std::string& from, const std::string& to) {
  const auto source = MappedFile::open(from);
  if (!source) return source.error();
  auto copy = OpenFile::create_temporary(to);
  if (!copy) return copy.error();
  const std::string temporary = (*copy)->path();
  Status done = (*copy)->write_at(0, (*source)->bytes());
  if (done) done = (*copy)->sync();
  if (done) done = rename_durably(temporary, to);
  if (!done) {
    static_cast<void>(remove_file(temporary));  // The first error is the one to tell.
    return done;
  }
  return remove_file(from);
}

class DirectoryStore final : public CheckpointStore {
 public:
  explicit DirectoryStore(std::string directory) : directory_(std::move(directory)) {}

  Result<std::string> staging_directory() override {
    std::string staging = join_path(directory_, kStaging);
    if (Status made = make_directories(staging); !made) return made.error();
    return staging;
  }

  // The directory itself stays: those who know its path go on writing there.
  Status clear_staging() override {
    const auto staging = staging_directory();
    if (!staging) return staging.error();
    for (const std::string& directory : {*staging, directory_}) {
      const auto names = list_files(directory);
      if (!names) return names.error();
      for (const std::string& name : *names) {
        if (directory == directory_ && !name.starts_with(".tmp-")) continue;
        if (Status gone = remove_file(join_path(directory, name)); !gone) return gone;
      }
    }
    return {};
  }

  // One sync of the directory for all of them.
  Status put_files(std::span<const LocalFile> files) override {
    for (const LocalFile& file : files) {
      const auto path = path_of(file.name);
      if (!path) return path.error();
      if (file.path == *path) continue;
      Status moved = rename(file.path, *path);
      if (!moved && path_exists(file.path)) moved = copy_across(file.path, *path);
      if (!moved) return moved;
    }
    return fsync_directory(directory_);
  }

  Result<std::string> fetch_file(const std::string& name) override {
    auto path = path_of(name);
    if (path && !path_exists(*path)) {
      return Error{ErrorCode::not_found, *path + ": expected a file of the checkpoint, found none"};
    }
    return path;
  }

  Status publish(const std::string& name, std::string_view text) override {
    const auto path = path_of(name);
    if (!path) return path.error();
    return write_file_atomically(*path, text);
  }

  Status create_exclusively(const std::string& name, std::string_view text) override {
    const auto path = path_of(name);
    if (!path) return path.error();
    return create_file_exclusively(*path, text);
  }

  Result<std::string> read(const std::string& name) override {
    const auto path = path_of(name);
    if (!path) return path.error();
    return read_file(*path);
  }

  Result<std::vector<StoredFile>> list() override {
    const auto names = list_files(directory_);
    if (!names) return names.error();
    std::vector<StoredFile> files;
    for (const std::string& name : *names) {
      if (name.starts_with('.')) continue;
      const auto bytes = file_bytes(join_path(directory_, name));
      if (!bytes && bytes.error().code == ErrorCode::not_found) continue;  // Removed just now.
      if (!bytes) return bytes.error();
      files.push_back({name, *bytes});
    }
    return files;
  }

  Status remove(const std::string& name) override {
    const auto path = path_of(name);
    if (!path) return path.error();
    return remove_file(*path);
  }

  [[nodiscard]] std::string description() const override { return directory_; }

 private:
  [[nodiscard]] Result<std::string> path_of(const std::string& name) const {
    if (name.empty() || name.front() == '.' || name.find('/') != std::string::npos) {
      return Error{ErrorCode::invalid,
                   directory_ + ": expected a plain file name, got \"" + name + "\""};
    }
    return join_path(directory_, name);
  }

  const std::string directory_;
};

}  // namespace

Result<std::unique_ptr<CheckpointStore>> open_directory_store(const std::string& directory,
                                                              OpenMode mode) {
  if (mode == OpenMode::create) {
    if (Status made = make_directories(directory); !made) return made.error();
  }
  // Listing it once tells a missing directory from an empty one, and a file from a directory.
  if (const auto names = list_files(directory); !names) {
    return Error{names.error().code,
                 "expected a directory of checkpoints: " + names.error().message};
  }
  return std::unique_ptr<CheckpointStore>(std::make_unique<DirectoryStore>(directory));
}

}  // namespace ballast

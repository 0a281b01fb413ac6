#include "common/runtime/link_store.h"

#include <utility>

#include "common/storage/files.h"

namespace ballast {
namespace {

class LinkStore final : public CheckpointStore {
 public:
  LinkStore(std::unique_ptr<FileLink> link, std::string directory)
      : link_(std::move(link)), directory_(std::move(directory)) {}

  Result<std::string> staging_directory() override {
    std::string staging = join_path(directory_, "staging");
    if (const Status made = make_directories(staging); !made) return made.error();
    return staging;
  }
  Status clear_staging() override { return clear("staging"); }

  // What was put last stays at hand: its server wants to read it next.
  Status put_files(std::span<const LocalFile> files) override {
    if (const Status cleared = clear("kept"); !cleared) return cleared;
    std::vector<wire::FileEntry> entries;
    for (const LocalFile& file : files) {
      const auto bytes = file_bytes(file.path);
      if (!bytes) return bytes.error();
      if (const Status sent = link_->send(file.path, file.name); !sent) return sent;
      entries.push_back({file.name, *bytes});
    }
    if (const Status kept = link_->keep(std::move(entries)); !kept) return kept;
    for (const LocalFile& file : files) {
      if (const Status moved = rename(file.path, kept_path(file.name)); !moved) return moved;
    }
    return {};
  }

  Result<std::string> fetch_file(const std::string& name) override {
    const std::string path = kept_path(name);
    if (path_exists(path)) return path;
    if (const Status made = make_directories(directory_of(path)); !made) return made.error();
    const Status fetched = link_->fetch(wire::FilesPlace::checkpoints, name, path);
    if (!fetched) return fetched.error();
    return path;
  }

  Status publish(const std::string& name, std::string_view) override { return refuse(name); }
  Status create_exclusively(const std::string& name, std::string_view) override {
    return refuse(name);
  }
  Status remove(const std::string& name) override { return refuse(name); }

  Result<std::string> read(const std::string& name) override {
    const auto path = fetch_file(name);
    if (!path) return path.error();
    return read_file(*path);
  }
  Result<std::vector<StoredFile>> list() override {
    const auto entries = link_->list(wire::FilesPlace::checkpoints);
    if (!entries) return entries.error();
    std::vector<StoredFile> files;
    for (const wire::FileEntry& entry : *entries) files.push_back({entry.name, entry.bytes});
    return files;
  }
  [[nodiscard]] std::string description() const override { return "the coordinator's store"; }

 private:
  [[nodiscard]] std::string kept_path(const std::string& name) const {
    return join_path(join_path(directory_, "kept"), name);
  }
  [[nodiscard]] Status clear(const std::string& part) const {
    const std::string directory = join_path(directory_, part);
    if (const Status gone = remove_directory(directory); !gone) return gone;
    return make_directories(directory);
  }
  static Status refuse(const std::string& name) {
    return Error{ErrorCode::unsupported, name + ": only the coordinator writes it"};
  }

  const std::unique_ptr<FileLink> link_;
  const std::string directory_;
};

}  // namespace

std::unique_ptr<CheckpointStore> make_link_store(std::unique_ptr<FileLink> link,
                                                 std::string directory) {
  return std::make_unique<LinkStore>(std::move(link), std::move(directory));
}

}  // namespace ballast

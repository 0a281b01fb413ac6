#include "common/remote/s3_store.h"

#include <stdlib.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "common/storage/files.h"

namespace ballast {
namespace {

// An upload of a small file is mostly waiting; more at a time than this and servers say "slow
// down".
constexpr std::size_t kUploadsMax = 8;

// A directory for copies, emptied at the start; a temporary one goes with its owner.
class Scratch {
 public:
  static Result<std::unique_ptr<Scratch>> open(const std::string& directory) {
    if (!directory.empty()) {
      if (Status gone = remove_directory(directory); !gone) return gone.error();
      return std::unique_ptr<Scratch>(new Scratch(directory, false));
    }
    const char* parent = std::getenv("TMPDIR");
    std::string path =
        join_path(parent == nullptr || *parent == '\0' ? "/tmp" : parent, "ballast-XXXXXX");
    if (::mkdtemp(path.data()) == nullptr) {
      return Error{ErrorCode::io, path +
                                      ": expected to make a directory for copies of files; set "
                                      "TMPDIR to a directory that can be written to"};
    }
    return std::unique_ptr<Scratch>(new Scratch(path, true));
  }
  ~Scratch() {
    if (temporary_) static_cast<void>(remove_directory(path_));
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  // One of the directories in it, made when missing.
  [[nodiscard]] Result<std::string> directory(const char* name) const {
    std::string path = join_path(path_, name);
    if (Status made = make_directories(path); !made) return made.error();
    return path;
  }

 private:
  Scratch(std::string path, bool temporary) : path_(std::move(path)), temporary_(temporary) {}

  const std::string path_;
  const bool temporary_;
};

// The files in it; it stays.
Status empty_directory(const std::string& directory) {
  const auto names = list_files(directory);
  if (!names) return names.error();
  for (const std::string& name : *names) {
    if (Status gone = remove_file(join_path(directory, name)); !gone) return gone;
  }
  return {};
}

class S3Store final : public CheckpointStore {
 public:
  S3Store(S3Name where, std::unique_ptr<Scratch> scratch, std::unique_ptr<S3Client> client)
      : where_(std::move(where)), scratch_(std::move(scratch)), client_(std::move(client)) {}

  Result<std::string> staging_directory() override { return scratch_->directory("staging"); }

  Status clear_staging() override {
    const auto staging = staging_directory();
    if (!staging) return staging.error();
    if (Status empty = empty_directory(*staging); !empty) return empty;
    return client_->abort_uploads(where_.bucket, prefix());
  }

  Status put_files(std::span<const LocalFile> files) override {
    std::vector<Status> results(files.size());
    std::atomic<std::size_t> next = 0;
    const auto work = [&] {
      for (std::size_t i = next++; i < files.size(); i = next++) results[i] = put(files[i]);
    };
    std::vector<std::thread> helpers;
    for (std::size_t t = 1; t < std::min(kUploadsMax, files.size()); ++t)
      helpers.emplace_back(work);
    work();
    for (std::thread& helper : helpers) helper.join();
    for (const Status& result : results) {
      if (!result) return result;
    }
    return {};
  }

  Result<std::string> fetch_file(const std::string& name) override {
    const auto object = object_of(name);
    if (!object) return object.error();
    const auto copies = scratch_->directory("copies");
    if (!copies) return copies.error();
    std::string path = join_path(*copies, name);
    if (path_exists(path)) return path;
    const auto done = client_->fetch(*object, path, {.retry = {}, .have = {}, .progress = {}});
    if (!done) return done.error();
    if (Status moved = rename(done->path, path); !moved) return moved.error();
    return path;
  }

  Status release_files() override {
    const auto copies = scratch_->directory("copies");
    if (!copies) return copies.error();
    return empty_directory(*copies);
  }

  Status publish(const std::string& name, std::string_view text) override {
    const auto object = object_of(name);
    if (!object) return object.error();
    return client_->put(*object, text);
  }

  Status create_exclusively(const std::string& name, std::string_view text) override {
    const auto object = object_of(name);
    if (!object) return object.error();
    return client_->create(*object, text);
  }

  Result<std::string> read(const std::string& name) override {
    const auto object = object_of(name);
    if (!object) return object.error();
    return client_->get(*object);
  }

  Result<std::vector<StoredFile>> list() override {
    const auto entries = client_->list(where_.bucket, prefix(), S3Listing::flat);
    if (!entries) return entries.error();
    std::vector<StoredFile> files;
    for (const S3Entry& entry : *entries) {
      std::string name = entry.key.substr(prefix().size());
      // "Folders" that consoles make have no name behind the prefix.
      if (name.empty() || name.front() == '.') continue;
      files.push_back({std::move(name), entry.bytes});
    }
    return files;
  }

  Status remove(const std::string& name) override {
    const auto object = object_of(name);
    if (!object) return object.error();
    const auto copies = scratch_->directory("copies");
    if (!copies) return copies.error();
    if (Status gone = remove_file(join_path(*copies, name)); !gone) return gone;
    return client_->remove(*object);
  }

  [[nodiscard]] std::string description() const override { return to_string(where_); }

 private:
  [[nodiscard]] std::string prefix() const { return where_.key + "/"; }

  [[nodiscard]] Result<S3Name> object_of(const std::string& name) const {
    if (name.empty() || name.front() == '.' || name.find('/') != std::string::npos) {
      return Error{ErrorCode::invalid,
                   description() + ": expected a plain file name, got \"" + name + "\""};
    }
    return S3Name{where_.bucket, prefix() + name};
  }

  // The local file becomes the copy that fetch_file() gives.
  Status put(const LocalFile& file) {
    const auto object = object_of(file.name);
    if (!object) return object.error();
    const auto copies = scratch_->directory("copies");
    if (!copies) return copies.error();
    if (Status sent = client_->put_file(*object, file.path); !sent) return sent;
    const std::string copy = join_path(*copies, file.name);
    if (file.path == copy) return {};
    Status moved = rename(file.path, copy);
    // On another file system it is fetched where it is asked for.
    return moved || !path_exists(file.path) ? moved : remove_file(file.path);
  }

  const S3Name where_;
  const std::unique_ptr<Scratch> scratch_;
  const std::unique_ptr<S3Client> client_;
};

}  // namespace

Result<std::unique_ptr<CheckpointStore>> open_s3_store(const S3Name& where, OpenMode mode,
                                                       const std::string& scratch,
                                                       std::unique_ptr<S3Client> client) {
  S3Name place = where;
  while (place.key.ends_with('/')) place.key.pop_back();
  if (place.key.empty()) {
    return Error{ErrorCode::invalid, "s3://" + place.bucket +
                                         ": expected a prefix in the bucket, such as s3://" +
                                         place.bucket + "/runs/digits"};
  }
  auto directory = Scratch::open(scratch);
  if (!directory) return directory.error();
  // Listing it once finds out whether the bucket is there and may be used.
  auto store =
      std::make_unique<S3Store>(std::move(place), *std::move(directory), std::move(client));
  const auto files = store->list();
  if (!files) return files.error();
  if (mode == OpenMode::existing && files->empty()) {
    return Error{ErrorCode::not_found, "expected checkpoints, but there is nothing below " +
                                           store->description() + "/; check the address"};
  }
  return std::unique_ptr<CheckpointStore>(std::move(store));
}

}  // namespace ballast

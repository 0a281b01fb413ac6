#include "coordinator/file_site.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "common/storage/directory_store.h"
#include "common/storage/files.h"

namespace ballast {
namespace {

// What was written of a file that is not whole yet, in the staging directory.
constexpr const char* kPartSuffix = ".part";

class Descriptor {
 public:
  Descriptor(const std::string& path, int flags) : value_(::open(path.c_str(), flags, 0640)) {}
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int get() const { return value_; }

 private:
  const int value_;
};

Error io_error(const std::string& path) {
  const ErrorCode code = errno == ENOENT ? ErrorCode::not_found : ErrorCode::io;
  return {code, path + ": " + std::strerror(errno)};
}

bool is_plain(const std::string& name) {
  return !name.empty() && name.front() != '.' && name.find('/') == std::string::npos &&
         name.find('\0') == std::string::npos;
}

Result<wire::Files> list(const std::string& directory) {
  const auto names = list_files(directory);
  if (!names) return names.error();
  wire::Files files;
  for (const std::string& name : *names) {
    if (!is_plain(name)) continue;
    const auto bytes = file_bytes(join_path(directory, name));
    if (!bytes && bytes.error().code == ErrorCode::not_found) continue;  // Removed just now.
    if (!bytes) return bytes.error();
    files.files.push_back({name, *bytes});
  }
  return files;
}

Result<wire::Files> read(const std::string& path, const wire::AskFiles& ask) {
  const Descriptor file(path, O_RDONLY | O_CLOEXEC);
  struct stat status {};
  if (file.get() < 0 || ::fstat(file.get(), &status) != 0) return io_error(path);
  const auto size = static_cast<std::uint64_t>(status.st_size);
  wire::Files files;
  files.files = {{ask.files[0].name, size}};
  if (ask.offset >= size) return files;
  std::vector<std::byte> data(std::min({ask.bytes, size - ask.offset, FileSite::kPartBytesMax}));
  std::size_t done = 0;
  while (done < data.size()) {
    const ssize_t got = ::pread(file.get(), data.data() + done, data.size() - done,
                                static_cast<off_t>(ask.offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return io_error(path);
    if (got == 0) {
      return Error{ErrorCode::corrupt, path + ": became shorter while it was read"};
    }
    done += static_cast<std::size_t>(got);
  }
  files.data = Bytes::own(std::move(data));
  return files;
}

Result<wire::Files> write(const std::string& path, const wire::AskFiles& ask) {
  const Descriptor file(path, O_WRONLY | O_CREAT | O_CLOEXEC);
  if (file.get() < 0) return io_error(path);
  // The first part of a file that was begun before begins it anew.
  if (ask.offset == 0 && ::ftruncate(file.get(), 0) != 0) return io_error(path);
  const std::span<const std::byte> data = ask.data.span();
  std::size_t done = 0;
  while (done < data.size()) {
    const ssize_t put = ::pwrite(file.get(), data.data() + done, data.size() - done,
                                 static_cast<off_t>(ask.offset + done));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return io_error(path);
    done += static_cast<std::size_t>(put);
  }
  return wire::Files{};
}

// Whole, durable, and under their names.
Result<wire::Files> keep(const std::string& directory, const wire::AskFiles& ask) {
  auto store = open_directory_store(directory, OpenMode::create);
  if (!store) return store.error();
  const auto staging = (*store)->staging_directory();
  if (!staging) return staging.error();
  std::vector<LocalFile> whole;
  for (const wire::FileEntry& file : ask.files) {
    const std::string part = join_path(*staging, file.name + kPartSuffix);
    const auto bytes = file_bytes(part);
    if (!bytes && file_bytes(join_path(directory, file.name))) continue;  // Kept before.
    if (!bytes) return bytes.error();
    if (*bytes != file.bytes) {
      return Error{ErrorCode::unavailable, part + ": has " + std::to_string(*bytes) + " bytes of " +
                                               std::to_string(file.bytes) +
                                               "; it is to be sent again"};
    }
    if (const Status synced = fsync_file(part); !synced) return synced.error();
    whole.push_back({part, file.name});
  }
  if (const Status put = (*store)->put_files(whole); !put) return put.error();
  return wire::Files{};
}

Result<wire::Files> run(const FilePlaces& places, const wire::AskFiles& ask) {
  const std::string& directory = ask.place == wire::FilesPlace::dataset  ? places.dataset
                                 : ask.place == wire::FilesPlace::packed ? places.packed
                                                                         : places.checkpoints;
  const bool writes = ask.verb == wire::FilesVerb::write || ask.verb == wire::FilesVerb::keep;
  const bool names_one = ask.verb == wire::FilesVerb::read || ask.verb == wire::FilesVerb::write;
  const bool is_sound =
      !directory.empty() && (!writes || ask.place == wire::FilesPlace::checkpoints) &&
      (!names_one || ask.files.size() == 1) &&
      std::all_of(ask.files.begin(), ask.files.end(),
                  [](const wire::FileEntry& file) { return is_plain(file.name); });
  if (!is_sound) {
    return Error{ErrorCode::invalid, "what was asked of files names none that this run has"};
  }
  switch (ask.verb) {
    case wire::FilesVerb::list:
      return list(directory);
    case wire::FilesVerb::read:
      return read(join_path(directory, ask.files[0].name), ask);
    case wire::FilesVerb::write: {
      auto store = open_directory_store(directory, OpenMode::create);
      if (!store) return store.error();
      const auto staging = (*store)->staging_directory();
      if (!staging) return staging.error();
      return write(join_path(*staging, ask.files[0].name + kPartSuffix), ask);
    }
    case wire::FilesVerb::keep:
      return keep(directory, ask);
  }
  return wire::Files{};
}

}  // namespace

void FileSite::open(RunId run, FilePlaces places) {
  const std::lock_guard lock(mutex_);
  places_[run] = std::move(places);
}

void FileSite::close(RunId run) {
  const std::lock_guard lock(mutex_);
  places_.erase(run);
}

wire::Files FileSite::answer(RunId run_id, const wire::AskFiles& ask) const {
  std::optional<FilePlaces> places;
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = places_.find(run_id); found != places_.end()) places = found->second;
  }
  Result<wire::Files> files =
      places ? run(*places, ask)
             : Result<wire::Files>(Error{ErrorCode::unavailable, "this run is not under way"});
  wire::Files answer;
  if (files) {
    answer = std::move(*files);
  } else {
    answer.error = files.error().message;
    answer.may_pass = may_pass(files.error());
  }
  answer.request = ask.request;
  return answer;
}

}  // namespace ballast

#include "common/storage/files.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>

namespace ballast {
namespace {

Error system_error(const std::string& path, std::string_view tried, int code) {
  ErrorCode kind = ErrorCode::io;
  if (code == ENOENT) kind = ErrorCode::not_found;
  if (code == EEXIST) kind = ErrorCode::conflict;
  return Error{
      kind, path + ": cannot " + std::string(tried) + ": " + std::generic_category().message(code)};
}

// A descriptor that closes itself, for the functions below.
class Descriptor {
 public:
  Descriptor(const std::string& path, int flags)
      : value_(::open(path.c_str(), flags | O_CLOEXEC, 0666)) {}
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  [[nodiscard]] bool valid() const { return value_ >= 0; }
  [[nodiscard]] int get() const { return value_; }
  [[nodiscard]] int release() { return std::exchange(value_, -1); }

 private:
  int value_;
};

Status write_whole(const std::string& path, std::unique_ptr<OpenFile> file,
                   std::string_view bytes) {
  if (Status done = file->append(bytes); !done) return done;
  if (Status done = file->sync(); !done) return done;
  return file->path() == path ? fsync_directory(directory_of(path))
                              : rename_durably(file->path(), path);
}

}  // namespace

Result<std::string> read_file(const std::string& path) {
  const Descriptor file(path, O_RDONLY);
  if (!file.valid()) return system_error(path, "open", errno);
  std::string bytes;
  std::string buffer(1 << 16, '\0');
  while (true) {
    const ssize_t count = ::read(file.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return system_error(path, "read", errno);
    if (count == 0) return bytes;
    bytes.append(buffer, 0, static_cast<std::size_t>(count));
  }
}

Status write_file_atomically(const std::string& path, std::string_view bytes) {
  auto file = OpenFile::create_temporary(path);
  if (!file) return file.error();
  const std::string temporary = (*file)->path();
  Status written = write_whole(path, *std::move(file), bytes);
  if (!written) static_cast<void>(remove_file(temporary));  // The first error is the one to tell.
  return written;
}

Status create_file_exclusively(const std::string& path, std::string_view bytes) {
  auto file = OpenFile::create_new(path);
  if (!file) return file.error();
  return write_whole(path, *std::move(file), bytes);
}

Status make_directories(const std::string& path) {
  std::error_code code;
  std::filesystem::path directory = std::filesystem::absolute(path, code).lexically_normal();
  if (code) return system_error(path, "create the directory", code.value());
  if (!directory.has_filename()) directory = directory.parent_path();  // "a/b/" is "a/b".
  std::vector<std::filesystem::path> parents;  // Of those that are to be made, the deepest first.
  while (!std::filesystem::exists(directory, code) && directory.has_relative_path()) {
    directory = directory.parent_path();
    parents.push_back(directory);
  }
  std::filesystem::create_directories(path, code);
  if (code) return system_error(path, "create the directory", code.value());
  for (const auto& parent : parents) {
    if (Status synced = fsync_directory(parent.string()); !synced) return synced;
  }
  return {};
}

Status check_writable_directory(const std::string& path) {
  const auto refused = [&](const std::string& why) {
    return Error{ErrorCode::invalid, path + ": expected a directory to write to, but " + why};
  };
  std::error_code code;
  std::filesystem::path there = std::filesystem::absolute(path, code);
  if (code) return refused(code.message());
  // ENOTDIR is told of what lies below a file.
  auto type = std::filesystem::status(there, code).type();
  while (type == std::filesystem::file_type::not_found && there.has_relative_path()) {
    there = there.parent_path();
    type = std::filesystem::status(there, code).type();
  }
  if (type == std::filesystem::file_type::none) return refused(code.message());
  if (type != std::filesystem::file_type::directory) return refused(there.string() + " is a file");
  if (::access(there.c_str(), W_OK | X_OK) != 0) {
    return refused("nothing can be made in " + there.string() + ": " +
                   std::generic_category().message(errno));
  }
  return {};
}

Status fsync_file(const std::string& path) {
  const Descriptor file(path, O_RDONLY);
  if (!file.valid()) return system_error(path, "open", errno);
  if (::fsync(file.get()) != 0) return system_error(path, "sync", errno);
  return {};
}

Status fsync_directory(const std::string& path) {
  const Descriptor directory(path, O_RDONLY | O_DIRECTORY);
  if (!directory.valid()) return system_error(path, "open the directory", errno);
  if (::fsync(directory.get()) != 0) return system_error(path, "sync the directory", errno);
  return {};
}

Status rename(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) {
    return system_error(from, "rename it to " + to, errno);
  }
  return {};
}

Status rename_durably(const std::string& from, const std::string& to) {
  if (Status renamed = rename(from, to); !renamed) return renamed;
  return fsync_directory(directory_of(to));
}

Status remove_file(const std::string& path) {
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return system_error(path, "remove", errno);
  return {};
}

Status remove_directory(const std::string& path) {
  std::error_code code;
  std::filesystem::remove_all(path, code);
  if (code) return system_error(path, "remove the directory", code.value());
  return {};
}

bool path_exists(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0;
}

Result<std::uint64_t> file_bytes(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return system_error(path, "look at it", errno);
  return static_cast<std::uint64_t>(status.st_size);
}

Result<std::vector<std::string>> list_files(const std::string& directory) {
  std::error_code code;
  std::filesystem::directory_iterator entries(directory, code);
  if (code) return system_error(directory, "list the directory", code.value());
  std::vector<std::string> names;
  while (entries != std::filesystem::directory_iterator()) {
    std::error_code gone;  // A file may vanish while we look; then it is not there.
    if (entries->is_regular_file(gone)) names.push_back(entries->path().filename().string());
    entries.increment(code);
    if (code) return system_error(directory, "list the directory", code.value());
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::string join_path(std::string_view directory, std::string_view name) {
  std::string path(directory);
  if (!path.empty() && path.back() != '/') path.push_back('/');
  return path.append(name);
}

std::string directory_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

OpenFile::OpenFile(int descriptor, std::string path)
    : descriptor_(descriptor), path_(std::move(path)) {}

OpenFile::~OpenFile() { ::close(descriptor_); }

Result<std::unique_ptr<OpenFile>> OpenFile::open(const std::string& path, int flags,
                                                 const std::string& shown) {
  Descriptor file(path, flags | O_RDWR);
  if (!file.valid()) return system_error(shown, (flags & O_CREAT) != 0 ? "create" : "open", errno);
  return std::unique_ptr<OpenFile>(new OpenFile(file.release(), path));
}

Result<std::unique_ptr<OpenFile>> OpenFile::create_temporary(const std::string& path) {
  const std::string base = path.substr(path.rfind('/') + 1);  // npos + 1 is 0.
  // Two hosts on one store may have the same process ids, so only O_EXCL makes the name ours.
  for (std::uint64_t attempt = 0;; ++attempt) {
    const std::string name =
        ".tmp-" + std::to_string(::getpid()) + "-" + std::to_string(attempt) + "-" + base;
    auto file = open(join_path(directory_of(path), name), O_CREAT | O_EXCL, path);
    if (file || file.error().code != ErrorCode::conflict) return file;
  }
}

Result<std::unique_ptr<OpenFile>> OpenFile::create_new(const std::string& path) {
  return open(path, O_CREAT | O_EXCL, path);
}

Result<std::unique_ptr<OpenFile>> OpenFile::open_existing(const std::string& path) {
  auto file = open(path, 0, path);
  if (!file) return file;
  const auto bytes = file_bytes(path);
  if (!bytes) return bytes.error();
  (*file)->end_ = *bytes;
  return file;
}

Status OpenFile::append(std::string_view bytes) {
  Status written = write_at(end_, std::as_bytes(std::span(bytes.data(), bytes.size())));
  if (written) end_ += bytes.size();
  return written;
}

Status OpenFile::write_at(std::uint64_t offset, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t count =
        ::pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EINVAL && is_direct()) {
      set_caching(Caching::kept);
      continue;
    }
    if (count < 0) return system_error(path_, "write", errno);
    bytes = bytes.subspan(static_cast<std::size_t>(count));
    offset += static_cast<std::uint64_t>(count);
  }
  return {};
}

bool OpenFile::is_direct() const {
  const int flags = ::fcntl(descriptor_, F_GETFL);
  return flags >= 0 && (flags & O_DIRECT) != 0;
}

void OpenFile::set_caching(Caching caching) {
  const int flags = ::fcntl(descriptor_, F_GETFL);
  const int wanted = caching == Caching::bypassed ? flags | O_DIRECT : flags & ~O_DIRECT;
  // A file system that cannot refuses, and the flags stay.
  if (flags >= 0 && wanted != flags) static_cast<void>(::fcntl(descriptor_, F_SETFL, wanted));
}

Status OpenFile::sync() {
  if (::fsync(descriptor_) != 0) return system_error(path_, "sync", errno);
  return {};
}

Result<std::shared_ptr<const MappedFile>> MappedFile::open(const std::string& path) {
  const Descriptor file(path, O_RDONLY);
  if (!file.valid()) return system_error(path, "open", errno);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return system_error(path, "look at it", errno);
  if (!S_ISREG(status.st_mode)) {
    return Error{ErrorCode::invalid, path + ": expected a regular file"};
  }
  const auto size = static_cast<std::size_t>(status.st_size);
  std::span<const std::byte> bytes;
  if (size > 0) {
    void* address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
    if (address == MAP_FAILED) return system_error(path, "map", errno);
    bytes = {static_cast<const std::byte*>(address), size};
  }
  return std::shared_ptr<const MappedFile>(new MappedFile(bytes));
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

Result<std::unique_ptr<FileLock>> FileLock::acquire(const std::string& path) {
  Descriptor file(path, O_RDWR | O_CREAT);
  if (!file.valid()) return system_error(path, "create", errno);
  if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) {
      return Error{ErrorCode::conflict,
                   path + ": another process holds this lock; stop it or use another directory"};
    }
    return system_error(path, "lock", errno);
  }
  return std::unique_ptr<FileLock>(new FileLock(file.release()));
}

FileLock::~FileLock() { ::close(descriptor_); }

}  // namespace ballast

#include "worker/data/file_store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <utility>

namespace ballast {

namespace {

constexpr const char* kPrefix = ".preparing-";

Error system_error(const std::string& path, std::string_view task, int error) {
  const std::string_view advice = error == ENOSPC || error == EDQUOT
                                      ? "free some space, or choose another cache directory"
                                      : "check the directory and its permissions";
  return {ErrorCode::io,
          fmt::format("{}: cannot {}: {}; {}", path, task, std::strerror(error), advice)};
}

class Descriptor {
 public:
  explicit Descriptor(int descriptor) : descriptor_(descriptor) {}
  ~Descriptor() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int get() const { return descriptor_; }
  int release() { return std::exchange(descriptor_, -1); }

 private:
  int descriptor_;
};

Result<Mapping> map(const std::string& path, int descriptor, std::size_t bytes, int protection) {
  if (bytes == 0) return Mapping();
  void* data = ::mmap(nullptr, bytes, protection, MAP_SHARED, descriptor, 0);
  if (data == MAP_FAILED) return system_error(path, "map the file", errno);
  return Mapping(static_cast<std::byte*>(data), bytes);
}

// Whether the directory behind the descriptor is still the one at the path.
bool is_at(const std::string& path, int descriptor) {
  struct stat here {};
  struct stat there {};
  return ::fstat(descriptor, &here) == 0 && ::stat(path.c_str(), &there) == 0 &&
         here.st_ino == there.st_ino && here.st_dev == there.st_dev;
}

// Removes what died processes left: directories that nobody holds locked.
void remove_abandoned(const std::string& parent) {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(parent, ignored)) {
    if (!entry.path().filename().string().starts_with(kPrefix)) continue;
    const Descriptor directory(::open(entry.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (directory.get() >= 0 && ::flock(directory.get(), LOCK_EX | LOCK_NB) == 0) {
      std::filesystem::remove_all(entry.path(), ignored);
    }
  }
}

}  // namespace

Mapping::~Mapping() {
  if (data_ != nullptr) ::munmap(data_, size_);
}

Mapping::Mapping(Mapping&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

Result<Mapping> Mapping::create(const std::string& path, std::size_t bytes) {
  const Descriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (file.get() < 0) return system_error(path, "create the file", errno);
  if (bytes > 0) {
    const int error = ::posix_fallocate(file.get(), 0, static_cast<off_t>(bytes));
    if (error != 0) return system_error(path, fmt::format("reserve {} bytes", bytes), error);
  }
  return map(path, file.get(), bytes, PROT_READ | PROT_WRITE);
}

Result<Mapping> Mapping::open(const std::string& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) return system_error(path, "open the file", errno);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return system_error(path, "open the file", errno);
  return map(path, file.get(), static_cast<std::size_t>(status.st_size), PROT_READ);
}

Result<std::unique_ptr<TemporaryDirectory>> TemporaryDirectory::create(const std::string& parent) {
  std::error_code error;
  std::filesystem::create_directories(parent, error);
  if (error) return system_error(parent, "create the directory", error.value());
  remove_abandoned(parent);
  while (true) {
    std::string path = parent + "/" + kPrefix + "XXXXXX";
    if (::mkdtemp(path.data()) == nullptr) {
      return system_error(parent, "create a directory in it", errno);
    }
    Descriptor directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    // Between the two calls somebody else may have taken it for abandoned.
    if (directory.get() < 0 || ::flock(directory.get(), LOCK_EX | LOCK_NB) != 0 ||
        !is_at(path, directory.get())) {
      continue;
    }
    // mkdtemp is for the owner alone; a cache may be shared.
    ::fchmod(directory.get(), 0755);
    return std::unique_ptr<TemporaryDirectory>(
        new TemporaryDirectory(std::move(path), directory.release()));
  }
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  ::close(descriptor_);
}

Status TemporaryDirectory::publish(const std::string& final_path,
                                   const std::function<bool(const std::string&)>& is_good) {
  ::fsync(descriptor_);
  constexpr int kAttemptsMax = 8;
  for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
    if (::rename(path_.c_str(), final_path.c_str()) == 0) {
      path_.clear();
      const std::string parent = std::filesystem::path(final_path).parent_path().string();
      const Descriptor directory(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
      if (directory.get() >= 0) ::fsync(directory.get());
      return {};
    }
    if (errno != ENOTEMPTY && errno != EEXIST) {
      return system_error(final_path, "rename the finished directory to this", errno);
    }
    if (is_good(final_path)) return {};
    // Moved aside first: whoever has mapped its files keeps them, and nobody sees it half removed.
    auto grave = create(std::filesystem::path(final_path).parent_path().string());
    if (!grave) return grave.error();
    ::rename(final_path.c_str(), (grave->get()->path() + "/damaged").c_str());
  }
  return Error{ErrorCode::conflict,
               fmt::format("{}: other processes keep replacing this directory; run again alone",
                           final_path)};
}

Result<std::span<std::byte>> FileStore::allocate(const std::string& name, std::size_t bytes) {
  auto mapping = Mapping::create(directory_ + "/" + name, bytes);
  if (!mapping) return mapping.error();
  names_.push_back(name);
  mappings_.push_back(*std::move(mapping));
  return mappings_.back().bytes();
}

std::vector<ManifestFile> FileStore::files(std::uint32_t threads) const {
  std::vector<ManifestFile> files;
  for (std::size_t i = 0; i < names_.size(); ++i) {
    const auto bytes = mappings_[i].bytes();
    files.push_back(
        {.name = names_[i], .bytes = bytes.size(), .checksums = checksums_of(bytes, threads)});
  }
  return files;
}

Status write_file(const std::string& path, std::string_view content) {
  const Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (file.get() < 0) return system_error(path, "create the file", errno);
  while (!content.empty()) {
    const ssize_t count = ::write(file.get(), content.data(), content.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return system_error(path, "write the file", errno);
    content.remove_prefix(static_cast<std::size_t>(count));
  }
  if (::fsync(file.get()) != 0) return system_error(path, "write the file", errno);
  return {};
}

}  // namespace ballast

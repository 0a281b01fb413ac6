#include "common/net/keys.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <utility>

namespace ballast {
namespace {

enum class Secrecy { open, secret };

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int number() const { return number_; }

 private:
  const int number_;
};

Error cannot_read(const std::string& path) {
  if (errno == ENOENT) {
    return {ErrorCode::not_found,
            path + ": no such file; expected a key there, as `ballast keys` makes it"};
  }
  return {ErrorCode::io, "cannot read " + path + ": " + std::strerror(errno)};
}

// Group permissions are let pass, unlike ssh does: Kubernetes mounts a secret as root's, readable
// for the group of the pod (fsGroup), and nobody can change that from inside. "Others" have no such
// excuse.
Status check_secrecy(const std::string& path, mode_t mode) {
  if ((mode & (S_IROTH | S_IWOTH)) == 0) return {};
  return Error{ErrorCode::invalid, path +
                                       ": every user of this machine can read or change this "
                                       "secret; protect it (chmod 600 " +
                                       path + "), and make new keys if others saw it"};
}

// The first line of a small file, without the white space around it.
Result<std::string> read_line(const std::string& path, Secrecy secrecy) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat status {};
  if (file.number() < 0 || ::fstat(file.number(), &status) != 0) return cannot_read(path);
  if (secrecy == Secrecy::secret) {
    if (const Status hidden = check_secrecy(path, status.st_mode); !hidden) return hidden.error();
  }
  std::array<char, 256> buffer{};  // Much more than a key has; the rest is not ours to read.
  const ssize_t size = ::read(file.number(), buffer.data(), buffer.size());
  if (size < 0) return cannot_read(path);
  std::string_view text(buffer.data(), static_cast<std::size_t>(size));
  constexpr std::string_view kSpace = " \t\r\n";
  text.remove_prefix(std::min(text.find_first_not_of(kSpace), text.size()));
  text.remove_suffix(text.size() - (text.find_last_not_of(kSpace) + 1));
  return std::string(text);
}

Result<std::string> read_key(const std::string& path, Secrecy secrecy) {
  auto line = read_line(path, secrecy);
  if (!line) return line.error();
  if (key_bytes(*line)) return line;
  return Error{ErrorCode::invalid, path +
                                       ": expected a key, 40 characters of Z85 as `ballast keys` "
                                       "writes them, saw " +
                                       std::to_string(line->size()) + " characters that are none"};
}

std::string path_of(const std::string& directory, KeyRole role, Secrecy secrecy) {
  const char* const ending = secrecy == Secrecy::secret ? ".secret" : ".public";
  return directory + (directory.ends_with('/') ? "" : "/") + name_of(role) + ending;
}

// The public half comes from the secret; the file is only held against it.
Result<KeyPair> load_pair(const std::string& directory, KeyRole role) {
  const std::string secret_path = path_of(directory, role, Secrecy::secret);
  auto secret = read_key(secret_path, Secrecy::secret);
  if (!secret) return secret.error();
  auto known = public_key_of(*secret);
  if (!known) return known.error();
  const std::string public_path = path_of(directory, role, Secrecy::open);
  const auto written = read_key(public_path, Secrecy::open);
  if (!written && written.error().code != ErrorCode::not_found) return written.error();
  if (written && *written != *known) {
    return Error{ErrorCode::invalid, public_path + ": is not the public half of " + secret_path +
                                         "; expected two files of one run of `ballast keys`"};
  }
  return KeyPair{std::move(*known), std::move(*secret)};
}

}  // namespace

std::string name_of(KeyRole role) {
  switch (role) {
    case KeyRole::coordinator:
      return "coordinator";
    case KeyRole::server:
      return "server";
    case KeyRole::worker:
      break;
  }
  return "worker";
}

std::span<const KeyRole> connects_to(KeyRole role) {
  static constexpr KeyRole kTargets[] = {KeyRole::coordinator, KeyRole::server};
  switch (role) {
    case KeyRole::coordinator:
      return {};
    case KeyRole::server:  // Servers keep copies of each other's partitions.
    case KeyRole::worker:
      break;
  }
  return kTargets;
}

std::span<const KeyRole> admits(KeyRole role) {
  static constexpr KeyRole kMembers[] = {KeyRole::server, KeyRole::worker};
  switch (role) {
    case KeyRole::coordinator:
    case KeyRole::server:
      return kMembers;
    case KeyRole::worker:
      break;
  }
  return {};
}

Result<LinkKeys> load_keys(const std::string& directory, KeyRole role) {
  auto own = load_pair(directory, role);
  if (!own) return own.error();
  LinkKeys keys{.role = role, .own = std::move(*own)};
  for (const KeyRole target : connects_to(role)) {
    auto key = read_key(path_of(directory, target, Secrecy::open), Secrecy::open);
    if (!key) return key.error();
    (target == KeyRole::coordinator ? keys.coordinator_key : keys.server_key) = std::move(*key);
  }
  for (const KeyRole guest : admits(role)) {
    auto key = read_key(path_of(directory, guest, Secrecy::open), Secrecy::open);
    if (!key) return key.error();
    keys.admitted_keys.push_back(std::move(*key));
  }
  if (role == KeyRole::coordinator) {  // Its own machine may ask it (`ballast status`).
    keys.coordinator_key = keys.own.public_key;
    keys.admitted_keys.push_back(keys.own.public_key);
  }
  return keys;
}

}  // namespace ballast

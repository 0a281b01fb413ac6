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

// A small file, without the white space around what is in it.
Result<std::string> read_text(const std::string& path, Secrecy secrecy) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat status {};
  if (file.number() < 0 || ::fstat(file.number(), &status) != 0) return cannot_read(path);
  if (secrecy == Secrecy::secret) {
    if (const Status hidden = check_secrecy(path, status.st_mode); !hidden) return hidden.error();
  }
  std::array<char, 1024> buffer{};  // Much more than the keys have; the rest is not ours to read.
  const ssize_t size = ::read(file.number(), buffer.data(), buffer.size());
  if (size < 0) return cannot_read(path);
  std::string_view text(buffer.data(), static_cast<std::size_t>(size));
  constexpr std::string_view kSpace = " \t\r\n";
  text.remove_prefix(std::min(text.find_first_not_of(kSpace), text.size()));
  text.remove_suffix(text.size() - (text.find_last_not_of(kSpace) + 1));
  return std::string(text);
}

Error no_key(const std::string& path, std::string_view seen) {
  return {ErrorCode::invalid, path +
                                  ": expected a key, 40 characters of Z85 as `ballast keys` "
                                  "writes them, saw " +
                                  std::to_string(seen.size()) + " characters that are none"};
}

Result<std::string> read_secret(const std::string& path) {
  auto text = read_text(path, Secrecy::secret);
  if (!text) return text.error();
  if (!key_bytes(*text)) return no_key(path, *text);
  return text;
}

// One or more, a line each.
Result<std::vector<std::string>> read_public_keys(const std::string& path) {
  const auto text = read_text(path, Secrecy::open);
  if (!text) return text.error();
  std::vector<std::string> keys;
  std::string_view rest = *text;
  do {
    const std::size_t end = std::min(rest.find_first_of("\r\n"), rest.size());
    const std::string_view line = rest.substr(0, end);
    if (!key_bytes(line)) return no_key(path, line);
    keys.emplace_back(line);
    rest.remove_prefix(end);
    rest.remove_prefix(std::min(rest.find_first_not_of(" \t\r\n"), rest.size()));
  } while (!rest.empty());
  if (keys.size() > kKeysOfAFileMax) {
    return Error{ErrorCode::invalid,
                 path + ": expected at most " + std::to_string(kKeysOfAFileMax) + " keys, saw " +
                     std::to_string(keys.size()) + "; take away those that nobody uses any more"};
  }
  return keys;
}

std::string path_of(const std::string& directory, KeyRole role, Secrecy secrecy) {
  const char* const ending = secrecy == Secrecy::secret ? ".secret" : ".public";
  return directory + (directory.ends_with('/') ? "" : "/") + name_of(role) + ending;
}

// The public half comes from the secret; the file is only held against it.
Result<KeyPair> load_pair(const std::string& directory, KeyRole role) {
  const std::string secret_path = path_of(directory, role, Secrecy::secret);
  auto secret = read_secret(secret_path);
  if (!secret) return secret.error();
  auto known = public_key_of(*secret);
  if (!known) return known.error();
  const std::string public_path = path_of(directory, role, Secrecy::open);
  const auto written = read_public_keys(public_path);
  if (!written && written.error().code != ErrorCode::not_found) return written.error();
  if (written && std::ranges::find(*written, *known) == written->end()) {
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

namespace {

// With everything but the public keys of others.
Result<LinkKeys> with_public_keys(LinkKeys keys) {
  const KeyRole role = keys.role;
  const std::string& directory = keys.directory;
  for (const KeyRole target : connects_to(role)) {
    auto known = read_public_keys(path_of(directory, target, Secrecy::open));
    if (!known) return known.error();
    (target == KeyRole::coordinator ? keys.coordinator_keys : keys.server_keys) = std::move(*known);
  }
  for (const KeyRole guest : admits(role)) {
    const auto known = read_public_keys(path_of(directory, guest, Secrecy::open));
    if (!known) return known.error();
    keys.admitted_keys.insert(keys.admitted_keys.end(), known->begin(), known->end());
  }
  if (role == KeyRole::coordinator) {  // Its own machine may ask it (`ballast status`).
    keys.coordinator_keys = {keys.own.public_key};
    keys.admitted_keys.push_back(keys.own.public_key);
  }
  return keys;
}

// Of the public keys that the role reads. Whoever writes a file anew gives it another time or, by
// renaming (as Kubernetes changes a mounted Secret), another number.
std::string stamp_of(const std::string& directory, KeyRole role) {
  std::string stamp;
  const auto add = [&](KeyRole other) {
    struct stat status {};
    if (::stat(path_of(directory, other, Secrecy::open).c_str(), &status) == 0) {
      for (const auto number :
           {static_cast<std::int64_t>(status.st_dev), static_cast<std::int64_t>(status.st_ino),
            static_cast<std::int64_t>(status.st_size),
            static_cast<std::int64_t>(status.st_mtim.tv_sec),
            static_cast<std::int64_t>(status.st_mtim.tv_nsec)}) {
        stamp += std::to_string(number) + ' ';
      }
    }
    stamp += ';';
  };
  std::ranges::for_each(connects_to(role), add);
  std::ranges::for_each(admits(role), add);
  return stamp;
}

}  // namespace

Result<LinkKeys> load_keys(const std::string& directory, KeyRole role) {
  auto own = load_pair(directory, role);
  if (!own) return own.error();
  return with_public_keys({.role = role, .own = std::move(*own), .directory = directory});
}

KeyRing::KeyRing(LinkKeys keys) : keys_(std::move(keys)) {
  if (!keys_.directory.empty()) stamp_ = stamp_of(keys_.directory, keys_.role);
}

Result<bool> KeyRing::refresh() {
  if (keys_.directory.empty()) return false;
  std::string stamp = stamp_of(keys_.directory, keys_.role);
  if (stamp == stamp_) return false;
  stamp_ = std::move(stamp);
  auto keys =
      with_public_keys({.role = keys_.role, .own = keys_.own, .directory = keys_.directory});
  if (!keys) return keys.error();
  keys_ = std::move(*keys);
  return true;
}

}  // namespace ballast

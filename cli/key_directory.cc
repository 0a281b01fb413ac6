#include "cli/key_directory.h"

#include <sys/stat.h>

#include <algorithm>

#include "common/storage/files.h"

namespace ballast {
namespace {

constexpr KeyRole kKeyRoles[] = {KeyRole::coordinator, KeyRole::server, KeyRole::worker};

std::string file_of(const std::string& directory, KeyRole role, const char* ending) {
  return join_path(directory, name_of(role) + ending);
}
std::string secret_of(const std::string& directory, KeyRole role) {
  return file_of(directory, role, ".secret");
}
std::string next_secret_of(const std::string& directory, KeyRole role) {
  return file_of(directory, role, ".secret.next");
}
std::string public_of(const std::string& directory, KeyRole role) {
  return file_of(directory, role, ".public");
}

// Readable by its owner alone, from its first byte on.
Status create_secret(const std::string& path, const std::string& key) {
  const mode_t before = umask(0077);
  Status made = create_file_exclusively(path, key + "\n");
  umask(before);
  return made;
}

std::string without_white_space(const std::string& text) {
  constexpr const char* kSpace = " \t\r\n";
  const std::size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string::npos) return "";
  return text.substr(begin, text.find_last_not_of(kSpace) + 1 - begin);
}

// What is in a file of keys; invalid: it is none.
Result<std::string> read_keys(const std::string& path) {
  const auto text = read_file(path);
  if (!text) {
    return Error{text.error().code,
                 text.error().message + "; expected keys there, as `ballast keys` makes them"};
  }
  return without_white_space(*text);
}

// The public half of what is in a secret file.
Result<std::string> public_half_of(const std::string& path) {
  const auto secret = read_keys(path);
  if (!secret) return secret.error();
  if (!key_bytes(*secret)) {
    return Error{ErrorCode::invalid,
                 path + ": expected a key as `ballast keys` writes them, saw none"};
  }
  return public_key_of(*secret);
}

Status write_public_keys(const std::string& path, const std::string& keys) {
  return write_file_atomically(path, keys + "\n");
}

Status make_pair_of(const std::string& directory, KeyRole role) {
  const auto pair = make_key_pair();
  if (!pair) return pair.error();
  const Status kept = create_secret(secret_of(directory, role), pair->secret_key);
  if (!kept) {
    return Error{kept.error().code, kept.error().message +
                                        "; existing keys are never replaced, choose another "
                                        "directory"};
  }
  return create_file_exclusively(public_of(directory, role), pair->public_key + "\n");
}

}  // namespace

std::span<const KeyRole> key_roles() { return kKeyRoles; }

Status make_key_directory(const std::string& directory) {
  if (const Status made = make_directories(directory); !made) return made;
  for (const KeyRole role : kKeyRoles) {
    if (const Status made = make_pair_of(directory, role); !made) return made;
  }
  return {};
}

Status add_next_keys(const std::string& directory) {
  for (const KeyRole role : kKeyRoles) {
    const std::string next = next_secret_of(directory, role);
    const std::string file = public_of(directory, role);
    auto known = read_keys(file);
    if (!known) return known.error();
    if (!path_exists(next)) {
      const auto pair = make_key_pair();
      if (!pair) return pair.error();
      if (const Status made = create_secret(next, pair->secret_key); !made) return made;
    }
    const auto key = public_half_of(next);
    if (!key) return key.error();
    if (known->find(*key) != std::string::npos) continue;
    if (const Status written = write_public_keys(file, *known + "\n" + *key); !written) {
      return written;
    }
  }
  return {};
}

Status switch_keys(const std::string& directory) {
  bool found = false;
  for (const KeyRole role : kKeyRoles) {
    const std::string next = next_secret_of(directory, role);
    if (!path_exists(next)) continue;
    found = true;
    if (const Status moved = rename_durably(next, secret_of(directory, role)); !moved) return moved;
  }
  if (found) return {};
  return Error{ErrorCode::not_found,
               directory + ": expected a ROLE.secret.next, saw none; begin with --add"};
}

Status retire_keys(const std::string& directory) {
  for (const KeyRole role : kKeyRoles) {
    const std::string next = next_secret_of(directory, role);
    if (path_exists(next)) {
      return Error{ErrorCode::conflict,
                   next +
                       ": the next key is not in use yet; first --switch, and start the "
                       "processes of that role with it"};
    }
  }
  for (const KeyRole role : kKeyRoles) {
    const auto key = public_half_of(secret_of(directory, role));
    if (!key) return key.error();
    const Status written = write_public_keys(public_of(directory, role), *key);
    if (!written) return written;
  }
  return {};
}

Result<std::map<KeyRole, RoleKeys>> read_key_directory(const std::string& directory) {
  std::map<KeyRole, RoleKeys> roles;
  for (const KeyRole role : kKeyRoles) {
    auto secret = read_keys(secret_of(directory, role));
    if (!secret) return secret.error();
    auto keys = read_keys(public_of(directory, role));
    if (!keys) return keys.error();
    roles[role] = {std::move(*secret), std::move(*keys)};
  }
  return roles;
}

}  // namespace ballast

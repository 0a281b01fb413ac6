#pragma once

// CURVE keys (CurveZMQ, ZeroMQ RFC 26): what encrypts and authenticates links.
//
// One pair per role: ROLE.secret stays with the processes of that role, ROLE.public goes to those
// that talk to it. Who connects must know the listener's public key, and the listener admits only
// the keys of the roles that have business with it:
//
//                connects to            admits
//   coordinator  itself (status)        server, worker, itself
//   server       coordinator            worker
//   worker       coordinator, server    nobody
//
// Keys change without a stop (docs/security.md): a .public file holds the new key and the old one,
// a line each, while both are in use. Processes that run read the public keys again when the files
// have changed; their own pair is the one that they began with.
//
// Secrets appear in no message and no log.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace ballast {

enum class KeyRole { coordinator, server, worker };
[[nodiscard]] std::string name_of(KeyRole role);
[[nodiscard]] std::span<const KeyRole> connects_to(KeyRole role);
[[nodiscard]] std::span<const KeyRole> admits(KeyRole role);

// Keys are text: 40 characters of Z85 (ZeroMQ RFC 32), as ZeroMQ takes them.
struct KeyPair {
  std::string public_key;
  std::string secret_key;
};

// What one process needs to speak with the others.
struct LinkKeys {
  KeyRole role{};
  KeyPair own;
  // Public keys: of those that it connects to (none: never), in the order in which they are tried,
  // and of those that may connect here.
  std::vector<std::string> coordinator_keys{};
  std::vector<std::string> server_keys{};
  std::vector<std::string> admitted_keys{};
  std::string directory{};  // Where they were read; empty: nowhere, and they never change.
};

inline constexpr std::size_t kKeysOfAFileMax = 8;

// A fresh pair. unsupported: the ZeroMQ at hand was built without CURVE.
[[nodiscard]] Result<KeyPair> make_key_pair();

// Reads what `role` needs from a directory as `ballast keys` writes it: its own secret, the public
// keys of the roles that it talks to, and its own public key if that is there. No other role's
// secret is looked at. Errors name the file and what to do.
[[nodiscard]] Result<LinkKeys> load_keys(const std::string& directory, KeyRole role);

// The keys of a process that runs. One thread.
class KeyRing {
 public:
  // `keys` as load_keys() has just read them.
  explicit KeyRing(LinkKeys keys);

  [[nodiscard]] const LinkKeys& keys() const { return keys_; }
  // Reads the public keys again if the files have changed; true: they were. On an error, which is
  // told once for each change, the keys stay as they are.
  [[nodiscard]] Result<bool> refresh();

 private:
  LinkKeys keys_;
  std::string stamp_;  // Of the files, as far as it tells one state of them from another.
};

// A public key as ZeroMQ shows it to listeners.
using KeyBytes = std::array<std::uint8_t, 32>;
// invalid: it is no key. Says nothing of what was seen, which may be a secret.
[[nodiscard]] Result<KeyBytes> key_bytes(std::string_view key);
// REQUIRES: key_bytes(secret) has a value.
[[nodiscard]] Result<std::string> public_key_of(const std::string& secret);

}  // namespace ballast

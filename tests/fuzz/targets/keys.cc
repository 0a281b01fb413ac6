// The keys of links, as a process finds them in its directory.
//
// Input: u8 role (modulo 3); then the files ROLE.secret, coordinator.public, server.public and
// worker.public, separated by 0x1e.

#include <sys/stat.h>

#include "common/base/check.h"
#include "common/net/keys.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/scratch.h"
#include "tests/fuzz/target.h"

namespace ballast::fuzz {

BALLAST_FUZZ_TARGET(keys, bytes) {
  static const Scratch directory;
  Input input(bytes);
  const auto role = static_cast<KeyRole>(input.byte() % 3);
  const std::string_view secret_text = input.until(kSeparator);
  const std::string secret = directory.put(name_of(role) + ".secret", secret_text);
  BALLAST_CHECK(::chmod(secret.c_str(), 0600) == 0);
  for (const KeyRole other : {KeyRole::coordinator, KeyRole::server, KeyRole::worker}) {
    directory.put(name_of(other) + ".public", input.until(kSeparator));
  }

  const auto keys = load_keys(directory.path(), role);
  if (!keys) {
    // No message may show a secret. A path may happen to look like one.
    std::string message = keys.error().message;
    for (std::size_t at = 0; (at = message.find(directory.path())) != std::string::npos;) {
      message.erase(at, directory.path().size());
    }
    const bool is_secret = key_bytes(secret_text).has_value();
    BALLAST_CHECK(!is_secret || message.find(secret_text) == std::string::npos);
    return Verdict::refused;
  }
  BALLAST_CHECK(key_bytes(keys->own.secret_key).has_value());
  for (const std::string& key : keys->admitted_keys) BALLAST_CHECK(key_bytes(key).has_value());
  return Verdict::accepted;
}

}  // namespace ballast::fuzz
